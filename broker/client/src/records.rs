//! Delivery records: what was written where with which version, sent to the broker's audit log.

use serde::Serialize;

use crate::error::CallError;
use crate::session::{Method, Session};

/// The most records of one batch; the broker takes no more.
pub const MAX_DELIVERIES: usize = 64;

/// Path that takes records.
const PATH: &str = "sys/keyreeve/records";

/// What a record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum DeliveryKind {
    /// Values were written into a Secret or a folder.
    #[serde(rename = "delivery")]
    Delivery,
    /// A mounted file was opened.
    #[serde(rename = "file.open")]
    FileOpen,
}

/// One record. Names and versions only; each text has 1 to 1024 printable bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Delivery {
    /// What it is about.
    pub kind: DeliveryKind,
    /// What asked for it, such as `ExternalSecret shop/db`.
    pub object: String,
    /// Where it went, such as `Secret shop/db`.
    pub target: String,
    /// Where it was read, such as `secret/data/shop/db`.
    pub path: String,
    /// The version that was read; `None` where there are no versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

#[derive(Serialize)]
struct Batch<'a> {
    sender: &'a str,
    first: u64,
    records: &'a [Delivery],
}

impl Session {
    /// Sends records to the broker's audit log, 1 to 64 at a time. `sender` names the stream of records, and they are
    /// numbered from `first` on, beginning with 1; a number that is left out becomes a gap in the log.
    ///
    /// # Errors
    /// [`CallError`]; `Refused` with status 400 also for numbers that were recorded before.
    pub async fn send_records(
        &self,
        sender: &str,
        first: u64,
        records: &[Delivery],
    ) -> Result<(), CallError> {
        let batch = Batch { sender, first, records };
        let problem = "cannot carry these records: they are no JSON";
        let body =
            serde_json::to_string(&batch).map_err(|_| CallError::Path { path: PATH.to_owned(), problem })?;
        self.call(Method::Post, PATH, &[], Some(&body)).await.map(drop)
    }
}
