//! HashiCorp Vault, beside OpenBao the other server whose API the broker speaks.

use harness::target::{HashiVault, Kind};
use serde_json::json;

#[test]
fn it_keeps_versions_of_a_secret() {
    let vault = HashiVault::start().unwrap();
    assert_eq!(vault.kind, Kind::HashiVault);
    assert_eq!(vault.must("GET", "sys/health", None).unwrap()["version"], "1.13.1");
    for (value, version) in [("one", 1), ("two", 2)] {
        let written = vault.must("POST", "secret/data/app", Some(&json!({"data": {"key": value}}))).unwrap();
        assert_eq!(written["data"]["version"], version);
    }
    for (path, value) in [("secret/data/app", "two"), ("secret/data/app?version=1", "one")] {
        assert_eq!(vault.must("GET", path, None).unwrap()["data"]["data"], json!({"key": value}), "{path}");
    }
    vault.must("DELETE", "secret/data/app", None).unwrap();
    let gone = vault.call("GET", "secret/data/app", None).unwrap();
    assert_eq!(gone.status, 404);
    assert_eq!(gone.json().unwrap()["data"]["metadata"]["version"], 2);
    assert_eq!(vault.call_as("nobody", "GET", "secret/data/app", None).unwrap().status, 403);
}
