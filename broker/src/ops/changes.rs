//! The change stream: names and versions of what changed, never values, each subscriber seeing what its policies let it read.

use std::sync::Arc;
use std::time::Duration;

use broker_core::change::encode;
use broker_core::command::Change;
use broker_core::token::TokenInfo;
use policies::{Capability, PolicySet, RequestPath};

use crate::app::App;
use crate::clock;
use crate::flow::Context;
use crate::http::error::Failure;
use crate::http::reply::{Answer, Payload};
use crate::http::stream::{Outlet, outlet};
use crate::ops::token;
use crate::store::ChangesError;

/// Revisions that are read at a time.
const CHUNK: usize = 256;
/// How often a quiet stream says that it lives and looks whether its token still does.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Who may read this path sees every token that is revoked.
const ALL_TOKENS: &str = "sys/keyreeve/changes/tokens";

/// Opens the stream after a revision: the one of `Last-Event-ID`, of `after`, or the newest.
///
/// # Errors
/// 400 for a revision that is none, 410 when the changes behind it are not kept any more.
pub fn follow(context: &Context<'_>) -> Result<Answer, Failure> {
    let head = context.app.ledger.head().revision;
    let given =
        context.request.last_event_id.as_deref().or(context.request.query.get("after").map(String::as_str));
    let after = match given.map(str::parse::<u64>) {
        None => head,
        Some(Ok(revision)) if revision <= head => revision,
        Some(Ok(_)) => return Err(gone(head)),
        Some(Err(_)) => return Err(Failure::bad_request("'after' and Last-Event-ID must be a revision")),
    };
    match context.app.ledger.changes(after, 1) {
        Ok(_) => {}
        Err(ChangesError::Gone { .. }) => return Err(gone(head)),
        Err(ChangesError::Read(error)) => return Err(crate::ops::store_failed(error)),
    }
    let (outlet, body) = outlet();
    let subscriber = Subscriber { app: Arc::clone(context.app), token: context.caller.token.clone() };
    tokio::spawn(subscriber.run(after, outlet));
    Ok(Answer { status: 200, body: Payload::Stream("text/event-stream", body) })
}

fn gone(head: u64) -> Failure {
    Failure::gone(format!(
        "the changes after this revision are not kept any more; list again what you follow, then go on with after={head}"
    ))
}

/// One reader of the stream, with the token it came with.
struct Subscriber {
    app: Arc<App>,
    token: TokenInfo,
}

impl Subscriber {
    async fn run(self, after: u64, mut outlet: Outlet) {
        let mut heads = self.app.ledger.watch();
        let mut cursor = after;
        if !outlet.send(format!("id: {cursor}\nevent: ready\ndata: {{\"revision\":{cursor}}}\n\n")).await {
            return;
        }
        loop {
            let head = heads.borrow_and_update().revision;
            while cursor < head {
                match self.batch(cursor, head) {
                    Batch::Some { text, next, policies } => {
                        // Whoever asks what it may do now is to get the answer of the new policies.
                        if policies {
                            self.app.policies.settled().await;
                        }
                        if !text.is_empty() && !outlet.send(text).await {
                            return outlet.finish(ending("lagged", cursor));
                        }
                        cursor = next;
                    }
                    Batch::Gone => return outlet.finish(ending("gone", head)),
                    Batch::Failed => return,
                }
            }
            if !self.is_alive() {
                return outlet.finish(ending("token-ended", cursor));
            }
            let alive = tokio::select! {
                changed = heads.changed() => changed.is_ok(),
                () = tokio::time::sleep(HEARTBEAT) => outlet.send(format!("id: {cursor}\n: alive\n\n")).await,
                () = self.app.drain.cancelled() => false,
                () = outlet.closed() => false,
            };
            if !alive {
                return outlet.finish(ending("end", cursor));
            }
        }
    }

    /// The next changes that this subscriber may see. Policies are asked anew each time: they may have changed.
    fn batch(&self, cursor: u64, head: u64) -> Batch {
        let changes = match self.app.ledger.changes(cursor, CHUNK) {
            Ok(changes) => changes,
            Err(ChangesError::Gone { .. }) => return Batch::Gone,
            Err(ChangesError::Read(error)) => {
                tracing::error!(%error, "the change stream cannot be read");
                return Batch::Failed;
            }
        };
        let set = self.app.policies.now().set(&self.token.policies);
        let visible: Vec<(u64, Change)> =
            changes.iter().filter(|(_, change)| self.may_see(&set, change)).cloned().collect();
        let mut text = String::new();
        for (at, (revision, change)) in visible.iter().enumerate() {
            // The id moves on with the last change of a revision only, so that a cut between two loses none.
            let last = visible.get(at + 1).is_none_or(|(next, _)| next != revision);
            if last {
                text.push_str(&format!("id: {revision}\n"));
            }
            let line = String::from_utf8(encode(change)).unwrap_or_default();
            text.push_str(&format!("event: change\ndata: {}\n\n", with_revision(&line, *revision)));
        }
        let next = if changes.len() < CHUNK { head } else { changes.last().map_or(head, |(r, _)| *r) };
        let policies = visible.iter().any(|(_, change)| matches!(change, Change::PolicyChanged { .. }));
        Batch::Some { text, next, policies }
    }

    fn may_see(&self, set: &PolicySet, change: &Change) -> bool {
        let may = |capability, path: String| {
            RequestPath::from_canonical(&path)
                .is_ok_and(|path| set.decide(&path, capability, false).is_allowed())
        };
        match change {
            Change::Kv2 { mount, path, .. } => {
                may(Capability::Read, format!("{mount}/metadata/{path}"))
                    || may(Capability::Read, format!("{mount}/data/{path}"))
            }
            Change::Kv1 { mount, path, .. } => {
                let folder =
                    path.rsplit_once('/').map_or(format!("{mount}/"), |(f, _)| format!("{mount}/{f}/"));
                may(Capability::Read, format!("{mount}/{path}")) || may(Capability::List, folder)
            }
            Change::TokenRevoked { accessor } => {
                *accessor == self.token.accessor || may(Capability::Read, ALL_TOKENS.to_owned())
            }
            Change::PolicyChanged { name } => {
                self.token.policies.contains(name)
                    || may(Capability::Read, format!("sys/policies/acl/{name}"))
            }
            Change::MountChanged { mount } => set.is_root() || set.any_below(&format!("{mount}/")),
        }
    }

    fn is_alive(&self) -> bool {
        match token::by_id(&self.app, &self.token.id) {
            Ok(Some(token)) => token::lives(&self.app, &token, clock::now()).unwrap_or(false),
            Ok(None) | Err(_) => false,
        }
    }
}

enum Batch {
    /// Lines to send, the revision to go on behind, and whether a policy is among what changed.
    Some {
        text: String,
        next: u64,
        policies: bool,
    },
    Gone,
    Failed,
}

fn ending(event: &str, revision: u64) -> String {
    format!("event: {event}\ndata: {{\"revision\":{revision}}}\n\n")
}

/// A change's JSON with its revision in front.
fn with_revision(line: &str, revision: u64) -> String {
    let members = line.strip_prefix('{').unwrap_or(line);
    format!("{{\"revision\":{revision},{members}")
}
