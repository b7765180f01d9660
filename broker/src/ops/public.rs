//! What is answered without a token: health, seal status, whether it is initialised, leadership.

use broker_core::wire::quote;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

use crate::app::{API_VERSION, App};
use crate::clock;
use crate::http::error::Failure;
use crate::http::reply::Answer;
use crate::http::request::go_bool;

/// The health of the broker; the status can be chosen by query parameters, as with Vault.
pub fn health(app: &App, query: &BTreeMap<String, String>) -> Answer {
    for (name, value) in query {
        let wrong = match name.as_str() {
            "activecode"
            | "standbycode"
            | "sealedcode"
            | "uninitcode"
            | "drsecondarycode"
            | "performancestandbycode" => value.parse::<u16>().map_or(true, |n| !(100..600).contains(&n)),
            "standbyok" | "perfstandbyok" => go_bool(value).is_none() && !value.is_empty(),
            _ => false,
        };
        if wrong {
            return Answer::failure(&Failure::bad_flag(), "");
        }
    }
    let code = query.get("activecode").and_then(|v| v.parse().ok()).unwrap_or(200);
    let text = format!(
        "{{\"initialized\":true,\"sealed\":false,\"standby\":false,\"performance_standby\":false,\"replication_performance_mode\":\"disabled\",\"replication_dr_mode\":\"disabled\",\"server_time_utc\":{},\"version\":{},\"cluster_name\":{},\"cluster_id\":{}}}\n",
        clock::now().seconds(),
        quote(API_VERSION),
        quote(&cluster_name(app)),
        quote(&app.cluster_id)
    );
    let mut answer = Answer::json(Zeroizing::new(text));
    answer.status = code;
    answer
}

/// The name other tools show for this broker.
fn cluster_name(app: &App) -> String {
    format!("keyreeve-{}", app.cluster_id.get(..8).unwrap_or_default())
}

/// The seal: the broker opens it by itself with its seal file.
pub fn seal_status(app: &App) -> Answer {
    Answer::json(Zeroizing::new(format!(
        "{{\"type\":\"static\",\"initialized\":true,\"sealed\":false,\"t\":1,\"n\":1,\"progress\":0,\"nonce\":\"\",\"version\":{},\"build_date\":\"\",\"migration\":false,\"cluster_name\":{},\"cluster_id\":{},\"recovery_seal\":false,\"storage_type\":{}}}\n",
        quote(API_VERSION),
        quote(&cluster_name(app)),
        quote(&app.cluster_id),
        quote(app.storage_type)
    )))
}

/// It is initialised from its first start on.
pub fn init() -> Answer {
    Answer::json(Zeroizing::new("{\"initialized\":true}\n".to_owned()))
}

/// One broker, no leader.
pub fn leader() -> Answer {
    Answer::json(Zeroizing::new("{\"ha_enabled\":false}\n".to_owned()))
}
