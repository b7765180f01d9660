//! What `deploy/kustomize/csi-mount` installs, against a server that checks it strictly.

use harness::node::Node;
use serde_json::json;

#[test]
fn what_is_installed_is_valid_and_says_so_to_a_strict_server() {
    let node = Node::shared().unwrap();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/kustomize/csi-mount");
    let namespace = json!({"metadata": {"name": "keyreeve-csi"}});
    node.must("POST", "/api/v1/namespaces", Some(&namespace)).unwrap();
    let said = node.kubectl(&["apply", "-k", folder, "--dry-run=server", "--validate=strict"]).unwrap();
    for object in ["daemonset.apps/keyreeve-csi", "csidriver.storage.k8s.io/csi.keyreeve.io"] {
        assert!(said.contains(&format!("{object} created (server dry run)")), "{said}");
    }
}
