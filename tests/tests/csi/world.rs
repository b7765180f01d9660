//! What the tests of the driver share: a broker with secrets, tokens for volumes, and the driver.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use harness::csi::{DRIVER_RULES, Driver, Volume};
use harness::disk::DiskBroker;
use harness::target::Target;
use serde_json::json;

/// How long something may take.
pub const LIMIT: Duration = Duration::from_secs(20);

/// A broker and a driver.
pub struct World {
    pub driver: Driver,
    pub broker: DiskBroker,
}

impl World {
    /// Both, with `--interval 86400`: what changes is told by push or not at all.
    pub fn start() -> World {
        World::with(&["--interval", "86400"])
    }

    /// Both, the driver with these arguments.
    pub fn with(arguments: &[&str]) -> World {
        let broker = DiskBroker::start(&[]).unwrap();
        let token = token(&broker.target, "driver", DRIVER_RULES);
        let driver = Driver::start(&broker.target, &token, arguments).unwrap();
        let world = World { driver, broker };
        world.wait("the change stream", || {
            world.driver.metric("keyreeve_csi_changes_followed").unwrap() > 0.0
        });
        world
    }

    /// Writes a version of `secret/app/NAME`.
    pub fn put(&self, name: &str, password: &str) {
        let data = json!({"data": {"password": password, "user": "shop"}});
        self.must(&format!("secret/data/app/{name}"), &data);
    }

    /// A request that must go well.
    pub fn must(&self, path: &str, body: &serde_json::Value) {
        self.broker.target.must("POST", path, Some(body)).unwrap();
    }

    /// A token with a policy of its own, which may read `secret/app/*`.
    pub fn token(&self, policy: &str) -> String {
        token(&self.broker.target, policy, READ)
    }

    /// The same, for three seconds.
    pub fn short_token(&self, policy: &str) -> String {
        self.must(&format!("sys/policies/acl/{policy}"), &json!({"policy": READ}));
        let wanted = json!({"policies": [policy], "ttl": "3s", "renewable": false});
        let made = self.broker.target.must("POST", "auth/token/create", Some(&wanted)).unwrap();
        made["auth"]["client_token"].as_str().unwrap().to_owned()
    }

    /// Publishes the volume of this number, which shows `secret/app/NAME`; its file `password`.
    pub fn publish(&self, number: usize, name: &str, token: &str) -> (Volume, PathBuf) {
        let volume = Volume::new(number, &format!("secret/app/{name}"), token);
        self.driver.publish(&volume).unwrap();
        let file = self.file(&volume);
        (volume, file)
    }

    /// The file `password` of a volume.
    pub fn file(&self, volume: &Volume) -> PathBuf {
        self.driver.path(&volume.target).join("password")
    }

    /// Waits until something is so; how long that took.
    pub fn wait(&self, what: &str, mut done: impl FnMut() -> bool) -> Duration {
        let start = Instant::now();
        while !done() {
            assert!(start.elapsed() < LIMIT, "{what} did not happen\n{}", self.driver.log());
            std::thread::sleep(Duration::from_millis(1));
        }
        start.elapsed()
    }
}

/// The rights of a volume's token.
pub const READ: &str = "path \"secret/data/app/*\" { capabilities = [\"read\"] }";

fn token(target: &Target, policy: &str, rules: &str) -> String {
    target.must("POST", &format!("sys/policies/acl/{policy}"), Some(&json!({"policy": rules}))).unwrap();
    let made = target.must("POST", "auth/token/create", Some(&json!({"policies": [policy]}))).unwrap();
    made["auth"]["client_token"].as_str().unwrap().to_owned()
}
