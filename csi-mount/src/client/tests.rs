//! What an answer of the broker means for the mount.

use std::time::Duration;

use broker_client::{KvMetadata, Outage};

use super::*;

#[test]
fn errors_mean_what_they_say_about_the_secret() {
    let status = |status| CallError::Refused { status, errors: Vec::new() };
    let away = |outage| CallError::Unavailable { outage, what: String::new() };
    for (error, expected) in [
        (CallError::Denied { errors: Vec::new() }, Failure::Denied),
        (CallError::NotFound, Failure::Absent),
        (CallError::Sealed, Failure::Away),
        (CallError::RateLimited { retry_after: None }, Failure::Away),
        (away(Outage::Connect), Failure::Away),
        (away(Outage::Status(500)), Failure::Away),
        (CallError::Lying { status: 404, what: "" }, Failure::Away),
        (away(Outage::Tls), Failure::Unusable),
        (status(400), Failure::Unusable),
        (CallError::Redirect { status: 307, to: String::new() }, Failure::Unusable),
    ] {
        let text = format!("{error:?}");
        assert_eq!(of_read(ReadError::Call(error)).failure, expected, "{text}");
    }
    assert_eq!(of_read(ReadError::NotFound).failure, Failure::Absent);
    assert_eq!(of_read(ReadError::Deleted(KvMetadata::default())).failure, Failure::Absent);
}

#[test]
fn only_changes_that_may_matter_wake_the_mount() {
    let secret = SecretRef { mount: "secret".to_owned(), path: "app/db".to_owned(), version: None };
    let kv2 = |mount: &str, path: &str| ChangeKind::Kv2 {
        mount: mount.to_owned(),
        path: path.to_owned(),
        version: 2,
        action: "write".to_owned(),
    };
    let kv1 = ChangeKind::Kv1 { mount: "secret".into(), path: "app/db".into(), action: "write".into() };
    for (change, expected) in [
        (kv2("secret", "app/db"), true),
        (kv2("secret", "app"), false),
        (kv2("other", "app/db"), false),
        (kv1, false),
        (ChangeKind::MountChanged { mount: "secret".to_owned() }, true),
        (ChangeKind::MountChanged { mount: "other".to_owned() }, false),
        (ChangeKind::TokenRevoked { accessor: String::new() }, true),
        (ChangeKind::PolicyChanged { name: String::new() }, true),
        (ChangeKind::Unknown, true),
    ] {
        assert_eq!(concerns(&secret, &change), expected, "{change:?}");
    }
}

#[test]
fn a_token_without_an_end_is_not_one_that_ends_now() {
    let info = |seconds, ends: bool| TokenInfo {
        accessor: String::new(),
        display_name: String::new(),
        policies: Vec::new(),
        ttl: Duration::from_secs(seconds),
        expire_time: ends.then(|| "2026-01-01T00:00:00Z".to_owned()),
        renewable: true,
    };
    for (seconds, ends, expected) in [(0, false, 0), (0, true, 1), (7, true, 7_000)] {
        assert_eq!(lease_of(&info(seconds, ends)), Lease { ttl: expected, renewable: true });
    }
}
