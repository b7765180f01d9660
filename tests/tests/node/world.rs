//! What the tests of the driver share: a node with the driver, and a broker that knows both.

use std::ops::Deref;
use std::sync::{OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use anyhow::Result;
use harness::csi::DRIVER_RULES;
use harness::disk::DiskBroker;
use harness::kube::Namespace;
use harness::node::{BUSYBOX, DRIVER, Node};
use harness::target::{Target, built};
use serde_json::{Value, json};

use crate::LIMIT;

/// Whose turn it is: what one test does to the driver must not meet the others.
static TURN: RwLock<()> = RwLock::new(());

/// The world for a test beside others.
pub struct Shared(
    &'static World,
    #[expect(dead_code, reason = "held until the test ends")] RwLockReadGuard<'static, ()>,
);

/// The world for one test.
pub struct Alone(
    &'static World,
    #[expect(dead_code, reason = "held until the test ends")] RwLockWriteGuard<'static, ()>,
);

impl Deref for Shared {
    type Target = World;

    fn deref(&self) -> &World {
        self.0
    }
}

impl Deref for Alone {
    type Target = World;

    fn deref(&self) -> &World {
        self.0
    }
}

/// The node and the broker.
pub struct World {
    pub node: &'static Node,
    broker: DiskBroker,
}

impl World {
    /// The one of this process, used by several tests at a time.
    pub fn shared() -> Shared {
        Shared(Self::one(), TURN.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The same for one test alone.
    pub fn alone() -> Alone {
        Alone(Self::one(), TURN.write().unwrap_or_else(PoisonError::into_inner))
    }

    fn one() -> &'static World {
        static SHARED: OnceLock<Result<World, String>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| World::start().map_err(|error| format!("{error:#}")));
        shared.as_ref().unwrap_or_else(|error| panic!("{error}"))
    }

    fn start() -> Result<World> {
        let node = Node::shared()?;
        // Nothing drops a static: the broker's folder goes with the node's.
        let dir = tempfile::tempdir_in(node.folder())?;
        let data = dir.path().join("data");
        let broker = DiskBroker::start_in(dir, data, &[])?;
        let world = World { node, broker };
        world.must("sys/auth/kubernetes", &json!({"type": "kubernetes"}));
        let config = json!({
            "kubernetes_host": node.url(), "kubernetes_ca_cert": std::fs::read_to_string(node.ca())?,
            "token_reviewer_jwt": node.token(),
        });
        world.must("auth/kubernetes/config", &config);
        world.role(DRIVER, DRIVER_RULES, DRIVER, DRIVER);
        node.install_driver(&built("keyreeve-csi")?, &world.target().url())?;
        Ok(world)
    }

    /// The broker.
    pub fn target(&self) -> &Target {
        &self.broker.target
    }

    fn must(&self, path: &str, body: &Value) {
        self.target().must("POST", path, Some(body)).unwrap();
    }

    /// A role and a policy of this name, for one service account.
    fn role(&self, name: &str, rules: &str, account: &str, namespace: &str) {
        self.must(&format!("sys/policies/acl/{name}"), &json!({"policy": rules}));
        let role = json!({
            "bound_service_account_names": account, "bound_service_account_namespaces": namespace,
            "audience": "keyreeve", "token_policies": [name], "token_ttl": "1h",
        });
        self.must(&format!("auth/kubernetes/role/{name}"), &role);
    }

    /// A namespace with a service account `app`, which may read `secret/NAMESPACE/db` by the role NAMESPACE.
    pub fn namespace(&self) -> Namespace {
        let namespace = self.node.cluster().namespace().unwrap();
        let name = namespace.name();
        namespace.service_account("app").unwrap();
        let rules = format!("path \"secret/data/{name}/db\" {{ capabilities = [\"read\"] }}");
        self.role(name, &rules, "app", name);
        namespace
    }

    /// Writes a version of the namespace's secret.
    pub fn put(&self, namespace: &Namespace, password: &str) {
        let data = json!({"data": {"password": password, "user": "shop"}});
        self.must(&format!("secret/data/{}/db", namespace.name()), &data);
    }

    /// A pod that mounts the namespace's secret at `/s`, with these attributes besides.
    pub fn manifest(&self, namespace: &Namespace, name: &str, attributes: &Value, script: &str) -> Value {
        let mut of_volume =
            json!({"secret": format!("secret/{}/db", namespace.name()), "role": namespace.name()});
        of_volume.as_object_mut().unwrap().extend(attributes.as_object().unwrap().clone());
        json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
            "spec": {
                "hostNetwork": true, "terminationGracePeriodSeconds": 1, "serviceAccountName": "app",
                "automountServiceAccountToken": false,
                "containers": [{
                    "name": "c", "image": BUSYBOX, "imagePullPolicy": "Never", "command": ["sh", "-c", script],
                    "volumeMounts": [{"name": "s", "mountPath": "/s", "readOnly": true}],
                }],
                "volumes": [{"name": "s", "csi": {
                    "driver": "csi.keyreeve.io", "readOnly": true, "volumeAttributes": of_volume,
                }}],
            },
        })
    }

    /// Applies such a pod.
    pub fn pod(&self, namespace: &Namespace, name: &str, attributes: &Value, script: &str) {
        let pod = self.manifest(namespace, name, attributes, script);
        namespace.apply(&pod.to_string()).unwrap();
    }

    /// Waits until a pod runs; its uid.
    pub fn ready(&self, namespace: &Namespace, name: &str) -> String {
        let pod = self.node.pod_ready(namespace.name(), name, LIMIT);
        let pod = pod.unwrap_or_else(|error| panic!("{error:#}\n{}", self.node.driver_log()));
        pod["metadata"]["uid"].as_str().unwrap().to_owned()
    }

    /// Runs a script in a pod and returns what it printed.
    pub fn sh(&self, namespace: &Namespace, pod: &str, script: &str) -> anyhow::Result<String> {
        self.node.exec(namespace.name(), pod, "c", &["sh", "-c", script])
    }

    /// The CSI volumes of a pod that are mounted.
    pub fn mounts(&self, pod_uid: &str) -> Vec<String> {
        let points = self.node.space().mount_points().unwrap();
        points
            .into_iter()
            .filter(|point| point.contains(pod_uid) && point.contains("kubernetes.io~csi"))
            .collect()
    }
}

/// Tries again until `done`; how long that took.
pub fn wait(what: &str, mut done: impl FnMut() -> bool) -> Duration {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < LIMIT, "{what} did not happen\n{}", World::one().node.driver_log());
        std::thread::sleep(Duration::from_millis(50));
    }
    start.elapsed()
}
