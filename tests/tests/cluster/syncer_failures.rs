//! Failures of stores and servers, all at once in one namespace: Secrets stay as they are, the failure is told, the objects
//! beside are served, and everything recovers by itself.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use harness::kube::syncer::store_spec;
use harness::lying::{Liar, Lie, certificate};
use harness::target::Kind;
use serde_json::{Value, json};

use crate::syncer_world::{Held, World, is_ready};

/// How long the slowest failure may take to be told: a server that does not answer.
const SLOWEST: Duration = Duration::from_secs(90);

/// One object with a store and a server of its own.
struct Bed<'a> {
    world: &'a World,
    name: &'static str,
    liar: Liar,
    folder: tempfile::TempDir,
}

/// A failure: how it is made and ended, and what is told, as a pattern for the end of the event.
struct Case {
    name: &'static str,
    /// What to do when all is lost at the provider; a failure is no loss.
    deletion: &'static str,
    tls: bool,
    harm: fn(&mut Bed<'_>),
    mend: fn(&mut Bed<'_>),
    event: &'static str,
}

/// The object could not be read, for whatever reason.
const UNREADABLE: &str = "cannot read secret data from Vault: .+";

const CASES: [Case; 12] = [
    Case {
        name: "store-removed",
        deletion: "Retain",
        tls: false,
        harm: remove_store,
        mend: make_store,
        event: "could not get SecretStore \"store-removed\", SecretStore.external-secrets.io \"store-removed\" not found",
    },
    Case { name: "stopped", deletion: "Delete", tls: false, harm: stop, mend: resume, event: UNREADABLE },
    Case {
        name: "token-revoked",
        deletion: "Retain",
        tls: false,
        harm: revoke,
        mend: new_token,
        event: "cannot read secret data from Vault: Error making API request.\n\nURL: GET http://[0-9.:]+/v1/secret/data/\
                f/token-revoked\nCode: 403. Errors:\n\n\\* permission denied.*",
    },
    Case {
        name: "no-url",
        deletion: "Retain",
        tls: false,
        harm: |bed| bed.server("none"),
        mend: |bed| bed.server(&bed.liar.url()),
        event: "SecretStore \"no-url\" is not ready",
    },
    Case {
        name: "wrong-ca",
        deletion: "Retain",
        tls: true,
        harm: |bed| bed.ca("wrong"),
        mend: |bed| bed.ca("right"),
        event: "SecretStore \"wrong-ca\" is not ready",
    },
    Case {
        name: "status-403",
        deletion: "Delete",
        tls: false,
        harm: |bed| bed.liar.tell(Lie::Status(403)),
        mend: |bed| bed.liar.tell(Lie::None),
        event: "cannot read secret data from Vault: Error making API request.\n\nURL: GET http://[0-9.:]+/v1/secret/data/\
                f/status-403\nCode: 403. Errors:\n\n\\* permission denied",
    },
    Case {
        name: "status-500",
        deletion: "Delete",
        tls: false,
        harm: |bed| bed.liar.tell(Lie::Status(500)),
        mend: |bed| bed.liar.tell(Lie::None),
        event: "cannot read secret data from Vault: .*500.*",
    },
    Case {
        name: "status-503",
        deletion: "Delete",
        tls: false,
        harm: |bed| bed.liar.tell(Lie::Status(503)),
        mend: |bed| bed.liar.tell(Lie::None),
        event: UNREADABLE,
    },
    Case {
        name: "page-404",
        deletion: "Delete",
        tls: false,
        harm: |bed| bed.liar.tell(Lie::Page404),
        mend: |bed| bed.liar.tell(Lie::None),
        event: UNREADABLE,
    },
    Case {
        name: "empty-object",
        deletion: "Delete",
        tls: false,
        harm: |bed| bed.liar.tell(Lie::Empty),
        mend: |bed| bed.liar.tell(Lie::None),
        event: UNREADABLE,
    },
    Case {
        name: "cut-json",
        deletion: "Delete",
        tls: false,
        harm: |bed| bed.liar.tell(Lie::Cut),
        mend: |bed| bed.liar.tell(Lie::None),
        event: UNREADABLE,
    },
    // Last, since it takes the longest to be told.
    Case {
        name: "hang",
        deletion: "Delete",
        tls: false,
        harm: |bed| bed.liar.tell(Lie::Hang(Duration::from_secs(60))),
        mend: |bed| bed.liar.tell(Lie::None),
        event: UNREADABLE,
    },
];

fn remove_store(bed: &mut Bed<'_>) {
    bed.world.delete(&bed.store_path());
}

fn make_store(bed: &mut Bed<'_>) {
    bed.world.create("SecretStore", bed.name, &store_spec(&bed.liar.url(), &bed.token_name()));
}

fn stop(bed: &mut Bed<'_>) {
    bed.liar.stop();
}

fn resume(bed: &mut Bed<'_>) {
    bed.liar.resume().unwrap();
}

fn revoke(bed: &mut Bed<'_>) {
    let secret = bed.world.namespace.get_json(&format!("secrets/{}", bed.token_name())).unwrap();
    let token = STANDARD.decode(secret["data"]["token"].as_str().unwrap()).unwrap();
    let body = json!({"token": String::from_utf8(token).unwrap()});
    let answer = bed.world.server.call("POST", "auth/token/revoke", Some(&body)).unwrap();
    assert!(answer.status < 300, "{}", answer.text());
}

fn new_token(bed: &mut Bed<'_>) {
    bed.token();
}

impl Bed<'_> {
    fn start<'a>(world: &'a World, case: &Case) -> Bed<'a> {
        let folder = tempfile::tempdir().unwrap();
        let behind = &world.server.addr;
        let liar = if case.tls {
            certificate(folder.path(), "right").unwrap();
            certificate(folder.path(), "wrong").unwrap();
            Liar::start_tls(behind, folder.path(), "right").unwrap()
        } else {
            Liar::start(behind).unwrap()
        };
        let bed = Bed { world, name: case.name, liar, folder };
        bed.token();
        world.write(&bed.key(), case.name);
        let mut spec = store_spec(&bed.liar.url(), &bed.token_name());
        if case.tls {
            spec["provider"]["vault"]["caBundle"] = bed.bundle("right");
        }
        world.create("SecretStore", bed.name, &spec);
        let target = json!({"deletionPolicy": case.deletion});
        world.external_secret(bed.name, (bed.name, &bed.key()), "1s", &target);
        bed
    }

    fn key(&self) -> String {
        format!("f/{}", self.name)
    }

    fn token_name(&self) -> String {
        format!("tok-{}", self.name)
    }

    fn store_path(&self) -> String {
        self.world.path(&format!("secretstores/{}", self.name))
    }

    fn object_path(&self) -> String {
        self.world.path(&format!("externalsecrets/{}", self.name))
    }

    /// Puts a fresh token that may do all into the store's Secret.
    fn token(&self) {
        let request = json!({"policies": ["root"]});
        let made = self.world.server.must("POST", "auth/token/create", Some(&request)).unwrap();
        self.world.token_secret(&self.token_name(), made["auth"]["client_token"].as_str().unwrap());
    }

    fn patch_store(&self, vault: &Value) {
        let patch = json!({"spec": {"provider": {"vault": vault}}});
        self.world.cluster.must("PATCH", &self.store_path(), Some(&patch)).unwrap();
    }

    fn server(&self, address: &str) {
        self.patch_store(&json!({"server": address}));
    }

    fn bundle(&self, name: &str) -> Value {
        json!(STANDARD.encode(std::fs::read(self.folder.path().join(format!("{name}.crt"))).unwrap()))
    }

    fn ca(&self, name: &str) {
        self.patch_store(&json!({"caBundle": self.bundle(name)}));
    }

    /// Waits until the failure is told as the field tells it.
    fn wait_told(&self, case: &Case) {
        let wanted = |object: &Value| is_ready(object, "False");
        let found = self.world.cluster.wait_for(&self.object_path(), SLOWEST, |answer| wanted(&answer.body));
        let object = found.unwrap_or_else(|error| panic!("{}: {error:#}", case.name)).body;
        let condition = &object["status"]["conditions"][0];
        let told = (&condition["reason"], &condition["message"]);
        let text = (&json!("SecretSyncedError"), &json!("could not get secret data from provider"));
        assert_eq!(told, text, "{}", case.name);
        let prefix = format!(
            r"^Warning UpdateFailed external-secrets: error processing spec.data\[0\] \(key: {}\), err: ",
            self.key()
        );
        self.world.wait_event(self.name, &format!("{prefix}{}$", case.event));
    }
}

/// A new value of the object beside the failing ones arrives as fast as ever.
fn good_is_served(world: &World, value: &str) {
    let start = Instant::now();
    world.write("f/good", value);
    world.wait_value("good", value);
    let took = start.elapsed();
    assert!(took < Duration::from_secs(10), "the object beside took {took:?}");
}

fn run(kind: Kind) {
    let mut world = World::start(kind, &["--store-requeue-interval", "1h"]);
    world.write("f/good", "good-0");
    world.store("good", "tok");
    world.external_secret("good", ("good", "f/good"), "1s", &json!({}));
    let mut beds: Vec<(Bed<'_>, &Case)> = CASES.iter().map(|case| (Bed::start(&world, case), case)).collect();
    let before: Vec<Held> = CASES.iter().map(|case| world.wait_value(case.name, case.name)).collect();
    for case in &CASES {
        world.wait_ready(&format!("externalsecrets/{}", case.name), "True");
    }
    world.wait_value("good", "good-0");
    let unchanged = |when: &str| {
        for (case, before) in CASES.iter().zip(&before) {
            assert_eq!(world.held(case.name).as_ref(), Some(before), "{}: {when}", case.name);
        }
    };
    for (bed, case) in &mut beds {
        (case.harm)(bed);
    }
    good_is_served(&world, "good-1");
    for (at, (bed, case)) in beds.iter().enumerate() {
        if at + 1 == CASES.len() {
            good_is_served(&world, "good-2");
        }
        bed.wait_told(case);
    }
    unchanged("while it failed");
    for (bed, case) in &mut beds {
        (case.mend)(bed);
    }
    for case in &CASES {
        world.wait_ready(&format!("externalsecrets/{}", case.name), "True");
    }
    unchanged("after it had failed");
    good_is_served(&world, "good-3");
    for case in &CASES {
        world.write(&format!("f/{}", case.name), "next");
    }
    for case in &CASES {
        world.wait_value(case.name, "next");
    }
    drop(beds);
    world.still_runs();
}

#[test]
fn failures_with_hashicorp_vault() {
    run(Kind::HashiVault);
}

#[test]
fn failures_with_openbao() {
    run(Kind::OpenBao);
}

#[test]
fn failures_with_broker() {
    run(Kind::Broker);
}
