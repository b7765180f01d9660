//! The embedded KV backend: reads from snapshots, writes as commands.

mod read;
mod write;

use std::sync::Arc;

use broker_core::authorize::Authorized;
use broker_core::kv1;
use broker_core::kv2::{self, Existence};
use broker_core::route::{Kv2Part, KvOp, Verb};
use broker_core::row::RowKey;

use crate::app::App;
use crate::flow::{Context, Plan};
use crate::http::error::Failure;
use crate::ops::store_failed;

/// The broker's own store behind a KV mount.
pub struct Embedded {
    app: Arc<App>,
}

impl Embedded {
    /// Over the broker's ledger.
    pub const fn new(app: Arc<App>) -> Self {
        Self { app }
    }

    /// Whether the key has a value (version 1) or metadata (version 2).
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn existence(&self, op: &KvOp) -> Result<Existence, Failure> {
        let found =
            self.app.ledger.snapshot().and_then(|s| s.get(&presence_key(op))).map_err(store_failed)?;
        Ok(if found.is_some() { Existence::Present } else { Existence::Absent })
    }

    /// Reads what was asked for, or decides on the write.
    ///
    /// # Errors
    /// The answer to give instead.
    pub fn plan(
        &self,
        context: &Context<'_>,
        allowed: &Authorized<KvOp>,
        existence: Existence,
    ) -> Result<Plan, Failure> {
        let op = allowed.op();
        match (op.part, op.verb) {
            (Some(Kv2Part::Detailed), _) => read::list_detailed(context, allowed),
            (_, Verb::List | Verb::Scan) => read::list(context, allowed),
            (None, Verb::Read) => read::kv1(context, allowed),
            (Some(Kv2Part::Data), Verb::Read) => read::data(context, allowed),
            (Some(Kv2Part::Metadata), Verb::Read) => read::metadata(context, allowed),
            (Some(Kv2Part::Config), Verb::Read) => read::config(context, allowed),
            (None, _) => write::kv1(context, allowed, existence),
            (Some(part), _) => write::kv2(context, allowed, part, existence),
        }
    }
}

fn presence_key(op: &KvOp) -> RowKey {
    match op.part {
        None => kv1::value_key(&op.mount.id, &op.path),
        Some(_) => kv2::meta_key(&op.mount.id, &op.path),
    }
}
