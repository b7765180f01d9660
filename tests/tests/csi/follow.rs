//! A volume follows its secret by push, and is refused when its token, a policy, or the secret says so.

use std::fs::File;
use std::os::unix::fs::FileExt;

use harness::csi::{Driver, Volume};
use harness::disk::DiskBroker;
use harness::lying::{Liar, Lie};
use harness::target::Target;
use serde_json::json;

use crate::world::World;

/// The time after which a volume's files are too old, in the test of that.
const MAX_STALE: &str = "1s";

fn read(file: &std::path::Path) -> String {
    std::fs::read_to_string(file).unwrap_or_else(|error| error.to_string())
}

#[test]
fn a_volume_shows_each_version_as_it_is_written_and_leaves_nothing() {
    let world = World::start();
    world.put("db", "first");
    let token = world.token("app");
    let (volume, file) = world.publish(1, "db", &token);
    assert_eq!(read(&file), "first");
    let open = File::open(&file).unwrap();
    for value in ["second", "third"] {
        world.put("db", value);
        let took = world.wait("the change", || read(&file) == value);
        println!("{value} was in the file after {took:?}");
    }
    let mut bytes = [0; 5];
    open.read_exact_at(&mut bytes, 0).unwrap();
    assert_eq!(&bytes, b"first", "an open file keeps its generation");
    assert_eq!(world.driver.stats(&volume).unwrap()[0], 9, "bytes of both keys");
    world.wait("the records of the opens", || {
        let found = world.broker.target.must("GET", "sys/keyreeve/audit?kind=file.open", None).unwrap();
        let text = found.to_string();
        ["shop/app-1", "service account app", "file ", "password", "secret/data/app/db"]
            .iter()
            .all(|part| text.contains(part))
    });
    drop(open);
    for _ in 0..2 {
        world.driver.unpublish(&volume.id, &volume.target).unwrap();
        assert_eq!(world.driver.mounted().unwrap(), Vec::<String>::new());
        assert!(!world.driver.path(&volume.target).exists(), "the target's folder is gone");
    }
}

#[test]
fn access_ends_when_the_broker_says_so_through_open_files_too() {
    let world = World::start();
    let delete = |path: &str| world.broker.target.must("DELETE", path, None).unwrap();
    type End<'a> = (&'a str, &'a dyn Fn(&str));
    let ends: [End<'_>; 5] = [
        ("expired", &|_| ()),
        ("revoked", &|token| world.must("auth/token/revoke", &json!({"token": token}))),
        ("policy", &|_| {
            let nothing = "path \"secret/data/other\" { capabilities = [\"read\"] }";
            world.must("sys/policies/acl/policy", &json!({"policy": nothing}));
        }),
        ("deleted", &|_| drop(delete("secret/data/app/deleted"))),
        ("destroyed", &|_| world.must("secret/destroy/app/destroyed", &json!({"versions": [1]}))),
    ];
    for (number, (name, end)) in ends.into_iter().enumerate() {
        world.put(name, "hunter2");
        let token = if name == "expired" { world.short_token(name) } else { world.token(name) };
        let (_, file) = world.publish(number, name, &token);
        let open = File::open(&file).unwrap();
        end(&token);
        let refused = |result: std::io::Result<usize>| {
            result.is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied)
        };
        let took = world.wait(name, || refused(open.read_at(&mut [0; 8], 0)));
        assert!(refused(File::open(&file).map(|_| 0)), "{name}: a new open");
        println!("{name}: refused after {took:?}");
    }
}

#[test]
fn a_volume_that_may_keep_its_files_keeps_them() {
    let world = World::start();
    world.put("db", "first");
    let token = world.token("app");
    let volume = Volume::new(1, "secret/app/db", &token).with("onRevoke", "keep");
    world.driver.publish(&volume).unwrap();
    world.must("auth/token/revoke", &json!({"token": token}));
    world.wait("the trouble", || world.driver.metric("keyreeve_csi_volumes_stale").unwrap() > 0.0);
    assert_eq!(read(&world.file(&volume)), "first");
}

#[test]
fn the_last_value_stays_while_the_broker_is_away_and_only_so_long_as_the_volume_says() {
    let broker = DiskBroker::start(&[]).unwrap();
    let liar = Liar::start(&broker.target.addr).unwrap();
    let behind = Target { addr: liar.addr().to_owned(), ..broker.target.clone() };
    let root = &broker.target.root_token;
    let driver = Driver::start(&behind, root, &["--interval", "1"]).unwrap();
    broker.target.must("POST", "secret/data/app/db", Some(&json!({"data": {"password": "first"}}))).unwrap();
    let world = World { driver, broker };
    let for_ever = Volume::new(1, "secret/app/db", &world.token("app"));
    let bounded = Volume::new(2, "secret/app/db", &world.token("app")).with("maxStale", MAX_STALE);
    for volume in [&for_ever, &bounded] {
        world.driver.publish(volume).unwrap();
    }
    liar.tell(Lie::Status(503));
    let refused = |volume: &Volume| std::fs::read(world.file(volume)).is_err();
    world.wait("the end of patience", || refused(&bounded));
    assert_eq!(read(&world.file(&for_ever)), "first");
    liar.tell(Lie::None);
    world.wait("the broker's return", || read(&world.file(&bounded)) == "first");
}

#[test]
fn a_broker_is_trusted_by_its_certificate_only() {
    let broker = DiskBroker::start(&["--tls"]).unwrap();
    let address = format!("--broker-address=https://{}", broker.target.addr);
    let authority = broker.data().join("tls.crt");
    let mut put = std::process::Command::new(harness::target::built("keyreeve").unwrap());
    put.args(["kv", "put", "secret/app/db", "password=first"]).env_clear();
    put.env("VAULT_ADDR", format!("https://{}", broker.target.addr)).env("VAULT_CACERT", &authority);
    let put = put.env("VAULT_TOKEN", &broker.target.root_token).output().unwrap();
    assert!(put.status.success(), "{}", String::from_utf8_lossy(&put.stderr));
    let root = broker.target.root_token.clone();
    let volume = Volume::new(1, "secret/app/db", &root);
    for (trusted, works) in [(true, true), (false, false)] {
        let ca = format!("--broker-ca={}", authority.display());
        let arguments: Vec<&str> = if trusted { vec![&address, &ca] } else { vec![&address] };
        let driver = Driver::start(&broker.target, &root, &arguments).unwrap();
        let published = driver.publish(&volume);
        assert_eq!(published.is_ok(), works, "{published:?}");
        if let Err(status) = published {
            assert!(status.message().to_lowercase().contains("certificate"), "{status}");
        }
    }
}
