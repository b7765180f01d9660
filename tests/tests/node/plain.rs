//! The node by itself: a pod of another user gets its token and its folder, and leaves no mount when it goes.

use harness::node::{BUSYBOX, Node};
use serde_json::json;

use crate::LIMIT;

#[test]
fn a_pod_without_the_driver_comes_and_goes() {
    let node = Node::shared().unwrap();
    let namespace = node.cluster().namespace().unwrap();
    let token =
        json!({"serviceAccountToken": {"path": "t", "audience": "keyreeve", "expirationSeconds": 600}});
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "plain"},
        "spec": {
            "hostNetwork": true, "terminationGracePeriodSeconds": 1,
            "securityContext": {"runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 2345, "runAsNonRoot": true},
            "containers": [{
                "name": "c", "image": BUSYBOX, "imagePullPolicy": "Never", "command": ["sleep", "1000000"],
                "volumeMounts": [{"name": "token", "mountPath": "/token"}, {"name": "memory", "mountPath": "/memory"}],
            }],
            "volumes": [
                {"name": "token", "projected": {"sources": [token]}},
                {"name": "memory", "emptyDir": {"medium": "Memory"}},
            ],
        },
    });
    namespace.apply(&pod.to_string()).unwrap();
    let found = node.pod_ready(namespace.name(), "plain", LIMIT).unwrap();
    let uid = found["metadata"]["uid"].as_str().unwrap().to_owned();
    let mounts = || {
        let points = node.space().mount_points().unwrap();
        points.into_iter().filter(|point| point.contains(&uid)).count()
    };
    assert!(mounts() >= 2, "the pod has a volume in memory and one with a token");
    let list = ["stat", "-L", "-c", "%A %u:%g", "/token/t", "/memory"];
    assert_eq!(
        node.exec(namespace.name(), "plain", "c", &list).unwrap(),
        "-rw-r----- 1000:2345\ndrwxrwsrwt 0:2345\n"
    );
    namespace.kubectl(&["delete", "pod", "plain", "--wait"]).unwrap();
    assert_eq!(mounts(), 0, "{:?}", node.space().mount_points());
}
