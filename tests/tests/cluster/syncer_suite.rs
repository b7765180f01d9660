//! One list of steps for our syncer with each of the servers behind: what a user of ExternalSecrets lives by.

use harness::target::{Kind, Target};
use serde_json::json;

use crate::syncer_world::{World, is_ready};

/// What the broker's policy for the syncer's own token says: hear of changes, and tell what was delivered.
const OWN_POLICY: &str = "path \"sys/keyreeve/changes\" { capabilities = [\"read\"] }\n\
    path \"sys/keyreeve/records\" { capabilities = [\"update\"] }\n\
    path \"secret/metadata/*\" { capabilities = [\"read\"] }\n";

/// A namespace with the syncer on one of the servers, and how often its objects ask by themselves.
struct Suite {
    world: World,
    interval: &'static str,
}

type Step = (&'static str, fn(&Suite));

const STEPS: [Step; 8] = [
    ("an ExternalSecret becomes a Secret", created),
    ("a changed value changes the Secret", changed),
    ("an edited Secret is repaired", edited),
    ("a deleted Secret is made again", deleted),
    ("a value that is deleted at the provider stays or goes as the policy says", deleted_at_the_provider),
    ("a token that ends in a newline is good", newline),
    ("a wrong token is told, and a right one later is taken", wrong_token),
    ("a deleted ExternalSecret takes its Secret along", collected),
];

fn run(suite: &mut Suite) {
    for (name, step) in STEPS {
        println!("{:?}: {name}", suite.world.server.kind);
        step(suite);
        suite.world.still_runs();
    }
}

#[test]
fn syncer_with_hashicorp_vault() {
    run(&mut Suite { world: World::start(Kind::HashiVault, &[]), interval: "1s" });
}

#[test]
fn syncer_with_openbao() {
    run(&mut Suite { world: World::start(Kind::OpenBao, &[]), interval: "1s" });
}

#[test]
fn syncer_with_broker() {
    let server = crate::syncer_world::server(Kind::Broker);
    let file = server.dir.path().join("syncer-token");
    std::fs::write(&file, own_token(&server)).unwrap();
    let arguments = ["--broker-token-file", file.to_str().unwrap()];
    // Nothing asks by itself within an hour: what changes was told by the broker.
    let mut suite = Suite { world: World::on(server, &arguments), interval: "1h" };
    run(&mut suite);
    let found = suite.world.server.must("GET", "sys/keyreeve/audit?kind=delivery&limit=1000", None).unwrap();
    let records = found["data"]["items"].as_array().unwrap();
    let object = format!("ExternalSecret {}/app", suite.world.namespace.name());
    assert!(records.iter().any(|record| record.to_string().contains(&object)), "{object}: {records:#?}");
}

/// A token for the syncer itself, which reads no values.
fn own_token(broker: &Target) -> String {
    broker.must("PUT", "sys/policies/acl/syncer", Some(&json!({"policy": OWN_POLICY}))).unwrap_or_default();
    let request = json!({"policies": ["syncer"], "no_default_policy": true});
    let made = broker.must("POST", "auth/token/create", Some(&request)).unwrap();
    made["auth"]["client_token"].as_str().unwrap().to_owned()
}

fn created(suite: &Suite) {
    let world = &suite.world;
    world.write("suite/app", "one");
    world.store("vault", "tok");
    let store = world.wait_ready("secretstores/vault", "True");
    assert_eq!(store["status"]["capabilities"], "ReadWrite", "{store}");
    world.external_secret("app", ("vault", "suite/app"), suite.interval, &json!({}));
    world.wait_value("app", "one");
    let object = world.wait_ready("externalsecrets/app", "True");
    assert_eq!(object["status"]["binding"]["name"], "app");
    world.wait_event("app", "^Normal Created external-secrets: secret created$");
}

fn changed(suite: &Suite) {
    let world = &suite.world;
    let before = world.held("app").unwrap();
    world.write("suite/app", "two");
    let after = world.wait_value("app", "two");
    assert_ne!(before.resource_version, after.resource_version);
    world.wait_event("app", "^Normal Updated external-secrets: secret updated$");
}

fn edited(suite: &Suite) {
    let world = &suite.world;
    let path = world.namespace.path("secrets/app");
    let edit = json!({"stringData": {"value": "edited", "more": "x"}});
    world.cluster.must("PATCH", &path, Some(&edit)).unwrap();
    world.wait_value("app", "two");
    let secret = world.cluster.get_json(&path).unwrap();
    assert_eq!(secret["data"].as_object().unwrap().len(), 1, "what was added is gone: {}", secret["data"]);
}

fn deleted(suite: &Suite) {
    let world = &suite.world;
    let path = world.namespace.path("secrets/app");
    let old = world.cluster.get_json(&path).unwrap()["metadata"]["uid"].clone();
    world.cluster.must("DELETE", &path, None).unwrap();
    world.wait_value("app", "two");
    assert_ne!(world.cluster.get_json(&path).unwrap()["metadata"]["uid"], old);
}

fn deleted_at_the_provider(suite: &Suite) {
    let world = &suite.world;
    for policy in ["Retain", "Delete"] {
        let (name, key) = (format!("del-{}", policy.to_lowercase()), format!("suite/del-{policy}"));
        world.write(&key, "x");
        world.external_secret(&name, ("vault", &key), suite.interval, &json!({"deletionPolicy": policy}));
        world.wait_value(&name, "x");
        world.wait_ready(&format!("externalsecrets/{name}"), "True");
        world.server.call("DELETE", &format!("secret/data/{key}"), None).unwrap();
    }
    world.wait_ready("externalsecrets/del-retain", "False");
    assert_eq!(world.held("del-retain").unwrap().value, "x");
    world.wait_event("del-retain", "^Warning UpdateFailed .*err: Secret does not exist$");
    world.cluster.wait_gone(&world.namespace.path("secrets/del-delete"), crate::LIMIT).unwrap();
    world.wait_event("del-delete", "^Normal Deleted .*: secret deleted due to DeletionPolicy=Delete$");
    let object = world.cluster.get_json(&world.path("externalsecrets/del-delete")).unwrap();
    assert!(is_ready(&object, "True"), "{object}");
}

fn newline(suite: &Suite) {
    let world = &suite.world;
    world.write("suite/newline", "n");
    world.token_secret("tok-newline", &format!("{}\n", world.server.root_token));
    world.store("newline", "tok-newline");
    world.external_secret("newline", ("newline", "suite/newline"), suite.interval, &json!({}));
    world.wait_value("newline", "n");
    world.wait_ready("secretstores/newline", "True");
    world.wait_ready("externalsecrets/newline", "True");
}

fn wrong_token(suite: &Suite) {
    let world = &suite.world;
    world.write("suite/wrong", "w");
    world.token_secret("tok-wrong", "not-a-token");
    world.store("wrong", "tok-wrong");
    world.external_secret("wrong", ("wrong", "suite/wrong"), suite.interval, &json!({}));
    let store = world.wait_ready("secretstores/wrong", "False");
    let condition = &store["status"]["conditions"][0];
    assert_eq!(
        (&condition["reason"], &condition["message"]),
        (&json!("InvalidProviderConfig"), &json!("unable to validate store"))
    );
    world.wait_event(
        "wrong",
        "^Warning InvalidProviderConfig secret-store: invalid vault credentials: Error making API request.\n\n\
         URL: GET http://[0-9.:]+/v1/auth/token/lookup-self\nCode: 403. Errors:\n\n\\* permission denied",
    );
    world.wait_ready("externalsecrets/wrong", "False");
    world.wait_event("wrong", "^Warning UpdateFailed .*, err: SecretStore \"wrong\" is not ready$");
    assert_eq!(world.held("wrong"), None);
    world.token_secret("tok-wrong", &world.server.root_token);
    world.wait_value("wrong", "w");
    world.wait_ready("secretstores/wrong", "True");
    world.wait_ready("externalsecrets/wrong", "True");
}

fn collected(suite: &Suite) {
    let world = &suite.world;
    world.delete(&world.path("externalsecrets/app"));
    world.cluster.wait_gone(&world.namespace.path("secrets/app"), crate::LIMIT).unwrap();
    world.delete(&world.path("externalsecrets/del-retain"));
    world.cluster.wait_gone(&world.namespace.path("secrets/del-retain"), crate::LIMIT).unwrap();
    // What belongs to others stays.
    assert!(world.held("newline").is_some());
}
