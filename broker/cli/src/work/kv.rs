//! `kv`: asks for the mount first, then does what the command says.

use broker_core::json::Json;

use super::Session;
use crate::arguments::{KvCommand, PatchMethod};
use crate::pairs::{self, Origin};
use crate::plan::kv::{Mount, mount, needed, plan, preflight, rewritten, target};
use crate::problem::Problem;
use crate::request::{Method, Request};
use crate::{input, out, show};

/// Said once when a value was typed on the command line.
const VISIBLE: &str = "Note: other users of this machine can see values on a command line while the command runs, and the shell keeps them; \
                       key=- reads a value from stdin, key=@FILE from a file.";

/// Carries a `kv` command out.
pub(super) async fn run(command: &KvCommand, session: &Session<'_>) -> Result<(), Problem> {
    let data = data(command)?;
    let (named, path) = target(command);
    let request = preflight(named, path)?;
    let answer = session.server.send(&request).await.map_err(|problem| with_need(problem, command))?;
    let mount = mount(&data_of(answer.body.expose())?)?;
    let job = plan(command, &mount, data.as_ref())?;
    match (command, data) {
        (KvCommand::Patch { method: PatchMethod::Rw, cas, field, .. }, Some(changes)) => {
            let read = session.server.send(&Request::new(Method::Get, job.request.path.clone())).await?;
            let job = rewritten(&job.request.path, &data_of(read.body.expose())?, *cas, &changes)?;
            session.perform(&job.only(field.clone())).await
        }
        _ => explained(session.perform(&job).await, named.is_none(), path, &mount),
    }
}

/// What the secret is to hold, where the command says so.
fn data(command: &KvCommand) -> Result<Option<Json>, Problem> {
    let (KvCommand::Put { data, .. } | KvCommand::Patch { data, .. }) = command else { return Ok(None) };
    let read = |origin: Origin<'_>| match origin {
        Origin::Stdin => input::stdin(),
        Origin::File(path) => input::file(path.as_ref()),
    };
    let (data, visible) = pairs::object(&data.data, read)?;
    if visible {
        out::note(VISIBLE);
    }
    Ok(Some(data))
}

/// The member `data` of an answer.
fn data_of(body: &str) -> Result<Json, Problem> {
    Ok(show::parsed(body)?.get("data").cloned().unwrap_or_default())
}

/// Adds what the command needs to a refusal to name its mount.
fn with_need(problem: Problem, command: &KvCommand) -> Problem {
    match (problem, needed(command)) {
        (Problem::Refused(text), Some(needed)) => Problem::Refused(format!("{text}\n{needed}")),
        (other, _) => other,
    }
}

/// Adds a hint to "nothing there" when the path was written as the API has it.
fn explained(done: Result<(), Problem>, whole: bool, path: &str, mount: &Mount) -> Result<(), Problem> {
    let inner = path.trim_matches('/').strip_prefix(mount.path.as_str()).filter(|_| whole).unwrap_or(path);
    let part = inner.trim_start_matches('/').split_once('/').map(|(part, _)| part);
    match done {
        Err(Problem::NotFound(text)) if mount.versioned && matches!(part, Some("data" | "metadata")) => {
            let part = part.unwrap_or_default();
            Err(Problem::NotFound(format!("{text}\nLeave {part:?} out of the path: kv adds it by itself.")))
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_as_in_the_api_is_explained() {
        let check = |whole, path: &str, versioned, hinted: bool| {
            let mount = Mount { path: "secret".to_owned(), versioned };
            let done = explained(Err(Problem::NotFound("nothing".to_owned())), whole, path, &mount);
            assert_eq!(done.unwrap_err().to_string().contains("Leave \"data\" out"), hinted, "{path}");
        };
        check(true, "secret/data/app", true, true);
        check(true, "/secret/data/app", true, true);
        check(false, "data/app", true, true);
        check(true, "secret/app", true, false);
        check(true, "secret/data", true, false);
        check(true, "secret/data/app", false, false);
    }
}
