//! The conformance suite of the Container Storage Interface against the driver, a real broker behind it; what is skipped is
//! listed with its reason in `sanity/skipped.txt`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use harness::csi::{Driver, Volume};
use harness::sanity::{Outcome, Shim, run};
use harness::target::{Broker, BrokerOptions, Server, fetched};
use serde_json::json;
use tonic::Code;

/// The pod that all volumes are for.
const POD: &str = "0b5cbf4e-5b0c-4a2e-9d3e-3f0a8c1d2e4f";

fn broker() -> Server {
    let broker = Broker::start(&BrokerOptions::default()).unwrap();
    let secret = json!({"data": {"password": "x7-sanity", "user": "app"}});
    broker.must("POST", "secret/data/app/db", Some(&secret)).unwrap();
    broker
}

/// What kubelet says about the volume's pod, and the volume's attributes.
fn context() -> HashMap<String, String> {
    let pairs = [
        ("csi.storage.k8s.io/ephemeral", "true"),
        ("csi.storage.k8s.io/pod.name", "app-1"),
        ("csi.storage.k8s.io/pod.namespace", "shop"),
        ("csi.storage.k8s.io/pod.uid", POD),
        ("csi.storage.k8s.io/serviceAccount.name", "app"),
        ("secret", "secret/app/db"),
    ];
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

/// The cases of the list, each with the reason above it.
fn listed() -> BTreeMap<&'static str, &'static str> {
    let mut reason = "";
    let mut listed = BTreeMap::new();
    for line in
        include_str!("sanity/skipped.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        match line.strip_prefix("  ") {
            None => reason = line,
            Some(name) => assert!(listed.insert(name, reason).is_none(), "{name} is listed twice"),
        }
    }
    listed
}

#[test]
fn the_driver_conforms_and_skips_only_what_is_listed() {
    let suite = fetched("kubernetes.sh").unwrap().join("csi-sanity");
    let volumes = format!("/var/lib/kubelet/pods/{POD}/volumes/kubernetes.io~csi");
    let broker = broker();
    let driver = Driver::start(&broker, &broker.root_token, &["--any-target-name"]).unwrap();
    let (folder, space) = (driver.folder(), driver.space());
    space.run(&["mkdir", "-p", &volumes]).unwrap();
    let _shim = Shim::start(&folder.join("shim.sock"), &folder.join("csi.sock"), context()).unwrap();
    let secrets = folder.join("secrets.yaml");
    let token = json!({"NodePublishVolumeSecret": {"token": broker.root_token}});
    std::fs::write(&secrets, token.to_string()).unwrap();

    let mut command = space.command(suite);
    command.arg(format!("--csi.endpoint=unix://{}", folder.join("shim.sock").display()));
    command.arg(format!("--csi.mountdir={volumes}/data")).arg(format!("--csi.secrets={}", secrets.display()));
    command.arg(format!("--csi.stagingdir={}", folder.join("staging").display()));
    let specs = run(&mut command, &folder.join("report.json")).unwrap();

    let failed: Vec<_> = specs.iter().filter(|spec| matches!(spec.outcome, Outcome::Failed(_))).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    let skipped: BTreeSet<&str> =
        specs.iter().filter(|spec| spec.outcome == Outcome::Skipped).map(|spec| spec.name.as_str()).collect();
    let listed: BTreeSet<&str> = listed().into_keys().collect();
    let new: Vec<_> = skipped.difference(&listed).collect();
    let gone: Vec<_> = listed.difference(&skipped).collect();
    assert!(new.is_empty(), "skipped and not listed with a reason: {new:#?}");
    assert!(gone.is_empty(), "listed and not skipped: {gone:#?}");
    println!("{} cases passed, {} are skipped with a reason", specs.len() - skipped.len(), skipped.len());

    assert_eq!(driver.mounted().unwrap(), Vec::<String>::new(), "still mounted");

    // Only the last element of a target is free.
    let volume = Volume::new(1, "secret/app/db", &broker.root_token);
    let free = volume.target.replace("/mount", "/any-name");
    driver.publish(&Volume { target: free.clone(), ..volume.clone() }).unwrap();
    driver.unpublish(&volume.id, &free).unwrap();
    for (from, to) in [
        ("000000000001", "000000000002"),
        ("kubernetes.io~csi", "kubernetes.io~empty-dir"),
        ("/volumes/", "/volume-subpaths/"),
        ("/var/lib/kubelet", "/var/lib/other"),
        ("/mount", "/mount/below"),
    ] {
        let target = volume.target.replace(from, to);
        let refused = driver.publish(&Volume { target, ..volume.clone() }).unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{from} -> {to}: {refused}");
    }
}
