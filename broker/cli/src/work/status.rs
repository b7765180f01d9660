//! `status`: the seal's state, as exit code too.

use broker_core::json::Json;

use crate::arguments::Format;
use crate::config::Settings;
use crate::out;
use crate::problem::Problem;
use crate::request::{Method, Request};
use crate::server::Server;
use crate::show::{self, json_text, yaml};

/// Exit codes of `status`.
const UNSEALED: u8 = 0;
const FAILED: u8 = 1;
const SEALED: u8 = 2;

/// Prints the seal's state.
///
/// # Returns
/// 0 unsealed, 2 sealed, 1 where the server does not tell.
pub(super) async fn status(settings: &Settings) -> Result<u8, Problem> {
    match shown(settings).await {
        Ok((text, sealed)) => out::print(&text).map(|()| if sealed { SEALED } else { UNSEALED }),
        Err(problem) => {
            out::note(&problem.to_string());
            Ok(FAILED)
        }
    }
}

async fn shown(settings: &Settings) -> Result<(String, bool), Problem> {
    let server = Server::new(settings, None)?;
    let answer = server.send(&Request::new(Method::Get, "sys/seal-status")).await?;
    let seal = show::parsed(answer.body.expose())?;
    let sealed = match seal.get("sealed") {
        Some(Json::Bool(sealed)) => *sealed,
        _ => {
            return Err(Problem::Unreachable(format!(
                "{} does not say whether it is sealed; is it a Vault?",
                settings.address
            )));
        }
    };
    let text = match settings.format {
        Format::Json => json_text::indent(answer.body.expose()).to_string(),
        Format::Yaml => yaml::document(&seal).to_string(),
        Format::Table => {
            // A server that does not say who leads is shown without it.
            let leader = server.send(&Request::new(Method::Get, "sys/leader")).await.ok();
            let leader = leader.and_then(|answer| show::parsed(answer.body.expose()).ok());
            show::status(&seal, leader.as_ref())
        }
    };
    Ok((text, sealed))
}
