//! Removes tokens that ended by their time or with their auth method, so that their rows and children do not stay.

use std::sync::Arc;
use std::time::Duration;

use broker_core::command::Command;
use broker_core::ledger::Submission;
use broker_core::record::Kind;
use broker_core::row::{RowKey, Table};
use broker_core::token::{TokenCommand, TokenInfo};

use crate::app::App;
use crate::clock;
use crate::first_start::own_record;
use crate::ops::token::{by_id, stands};

/// How often tokens are looked through. A token that ended is refused at once; only its rows stay until then.
const INTERVAL: Duration = Duration::from_secs(60);

/// Runs until it is aborted.
pub async fn run(app: Arc<App>) {
    loop {
        tokio::time::sleep(INTERVAL).await;
        for token in ended(&app) {
            let mut draft = own_record(&app, Kind::TokenExpire, &token.path);
            draft.object.path.clone_from(&token.path);
            draft.actor = Some(broker_core::record::Actor {
                facts: token.facts.clone(),
                name: token.display_name.clone(),
                accessor: token.accessor.clone(),
                token: crate::ops::short_hash(&token.id),
                policies: token.policies.clone(),
            });
            let command = Command::Token(TokenCommand::Revoke { id: token.id, orphan_children: false });
            if let Err(error) = app.ledger.commit(Submission::write(command, draft)).await {
                tracing::warn!(%error, "ended tokens cannot be removed; the next round tries again");
                break;
            }
        }
    }
}

fn ended(app: &App) -> Vec<TokenInfo> {
    let now = clock::now();
    let ids = match app
        .ledger
        .snapshot()
        .and_then(|s| s.children(&RowKey::new(Table::Token, ""), None, usize::MAX))
    {
        Ok(ids) => ids,
        Err(error) => {
            tracing::warn!(%error, "tokens cannot be looked through");
            return Vec::new();
        }
    };
    let tokens = ids.iter().filter_map(|id| by_id(app, id).ok().flatten());
    tokens.filter(|token| !stands(app, token, now)).collect()
}
