//! Moving a mount over HTTP, and the status of the moves of this run.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};

use broker_core::command::Command;
use broker_core::mount::{MountCommand, MoveRequest};
use broker_core::wire::{Envelope, quote};

use crate::flow::{Context, Note, Plan};
use crate::http::error::Failure;
use crate::http::reply::Answer;
use crate::ops::{data, store_failed, unknown_fields};

/// The moves whose status can be asked for; the oldest is forgotten first.
const MAX_MOVES: usize = 100;

/// What clients are told with a move, since other servers only queue it.
const DONE: &str = "The mount has been moved; the log names the returned migration_id";

struct Move {
    id: String,
    request: MoveRequest,
}

/// The moves of this run, the newest last.
#[derive(Default)]
pub struct Moves(VecDeque<Move>);

impl Moves {
    fn add(&mut self, done: Move) {
        while self.0.len() >= MAX_MOVES {
            self.0.pop_front();
        }
        self.0.push_back(done);
    }

    fn get(&self, id: &str) -> Option<&MoveRequest> {
        self.0.iter().find(|m| m.id == id).map(|m| &m.request)
    }
}

/// Moves a mount to another path, with everything in it.
pub fn remount(context: &Context<'_>) -> Result<Plan, Failure> {
    let body = &context.request.body;
    let request = MoveRequest::parse(body).map_err(|r| Failure::from(&r))?;
    let mut warnings = vec![DONE.to_owned()];
    warnings.extend(unknown_fields(body, &["from", "to"]));
    let app = Arc::clone(context.app);
    let (id, request_id) = (app.random_uuid(), context.request_id());
    let command = MountCommand::Move { from: request.from.clone(), to: request.to.clone() };
    Ok(Plan::write(Command::Mount(command), Note::default(), move |_| {
        app.reload_mounts().map_err(store_failed)?;
        tracing::info!(migration_id = id, from = request.from, to = request.to, "a mount was moved");
        let data = format!("{{\"migration_id\":{}}}", quote(&id));
        app.moves.lock().unwrap_or_else(PoisonError::into_inner).add(Move { id, request });
        let envelope = Envelope { warnings, doubled: true, ..Envelope::data(data) };
        Ok(Answer::json(envelope.to_text(&request_id)))
    }))
}

/// The status of a move: done, as every move is that has an id; 404 for an id that is not known.
pub fn status(context: &Context<'_>, id: &str) -> Result<Answer, Failure> {
    let moves = context.app.moves.lock().unwrap_or_else(PoisonError::into_inner);
    let request = moves.get(id).ok_or_else(Failure::not_found)?;
    let text = format!(
        "{{\"migration_id\":{},\"migration_info\":{{\"source_mount\":{},\"status\":\"success\",\"target_mount\":{}}}}}",
        quote(id),
        quote(&format!("{}/", request.from)),
        quote(&format!("{}/", request.to))
    );
    Ok(data(context, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_move_is_forgotten() {
        let mut moves = Moves::default();
        for i in 0..=MAX_MOVES {
            let request = MoveRequest { from: format!("a{i}"), to: "b".to_owned() };
            moves.add(Move { id: i.to_string(), request });
        }
        assert!(moves.get("0").is_none() && moves.0.len() == MAX_MOVES);
        assert_eq!(moves.get("100").map(|m| m.from.as_str()), Some("a100"));
    }
}
