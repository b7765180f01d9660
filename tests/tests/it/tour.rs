//! The tour of real clients: what they get from our broker is, field by field, what they get from the real server.

use harness::target::{Broker, BrokerOptions, OpenBao};
use harness::tour::{Client, OnPurpose, Outcome, differences, on_purpose, run, unexpected};

const CLIENTS: [Client; 3] = [Client::Bao, Client::Hvac, Client::Vaultrs];

/// Two fresh servers of the same kind agree in every field: nothing volatile is left in the answers.
#[test]
fn tour_of_openbao_is_repeatable() {
    for client in CLIENTS {
        let one = run(client, &OpenBao::start().unwrap()).unwrap();
        let other = run(client, &OpenBao::start().unwrap()).unwrap();
        let found = differences(client, &one, &other);
        assert!(found.is_empty(), "{}", found.iter().map(|d| format!("{d}\n")).collect::<String>());
        let unsupported = one.iter().filter(|answer| answer.outcome == Outcome::Unsupported).count();
        println!("{client:?}: {} operations, {unsupported} of them not in this client", one.len());
        assert!(unsupported * 4 < one.len(), "{client:?} left out {unsupported} operations");
    }
}

/// A difference is found where there is one.
#[test]
fn tour_finds_a_changed_field() {
    let server = OpenBao::start().unwrap();
    let one = run(Client::Vaultrs, &server).unwrap();
    let mut other = one.clone();
    other[0].answer["version"] = 2.into();
    other[2].outcome = Outcome::Failed;
    let found = differences(Client::Vaultrs, &one, &other);
    let places: Vec<&str> = found.iter().map(|difference| difference.place.as_str()).collect();
    assert_eq!(places, ["/answer/version", "/outcome"]);
    let list = r#"[{"id": "D-1", "client": "vaultrs", "operation": "*", "place": "/answer/version", "ours": 2},
        {"id": "D-2", "client": "vaultrs", "operation": "*", "place": "/outcome", "ours": "Unsupported"},
        {"id": "D-3", "client": "bao", "operation": "*", "place": "/outcome", "ours": "Unsupported"}]"#;
    let list: Vec<OnPurpose> = serde_json::from_str(list).unwrap();
    let wrong = unexpected(Client::Vaultrs, &found, &list);
    assert_eq!(wrong.len(), 2, "{wrong:?}");
    assert!(wrong[0].contains("/outcome") && wrong[1].starts_with("D-2"), "{wrong:?}");
}

/// Our broker: fails with a clear message as long as its binary is not built.
mod broker {
    use super::*;

    fn check(client: Client) {
        let real = run(client, &OpenBao::start().unwrap()).unwrap();
        let ours = run(client, &Broker::start(&BrokerOptions::default()).unwrap()).unwrap();
        let wrong = unexpected(client, &differences(client, &real, &ours), &on_purpose().unwrap());
        assert!(wrong.is_empty(), "OpenBao and the broker differ:\n{}", wrong.join("\n"));
    }

    #[test]
    fn tour_of_the_broker_with_bao() {
        check(Client::Bao);
    }

    #[test]
    fn tour_of_the_broker_with_hvac() {
        check(Client::Hvac);
    }

    #[test]
    fn tour_of_the_broker_with_vaultrs() {
        check(Client::Vaultrs);
    }
}
