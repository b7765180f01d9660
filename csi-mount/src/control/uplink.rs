//! Records of opens on their way to the broker, sent with the driver's own login.

use std::sync::Arc;

use broker_client::retry::is_worth_repeating;
use broker_client::{CallError, Delivery, DeliveryKind};

use super::identity::Identity;
use crate::clock;
use crate::metrics::Metrics;
use crate::records::{Batch, ReportError, Sink};

/// Sends with one identity, under one name.
#[derive(Debug)]
pub struct Uplink {
    identity: Arc<Identity>,
    /// Names the stream of records of this process.
    sender: String,
    metrics: Metrics,
}

impl Uplink {
    /// A stream of records that begins now.
    pub fn new(identity: Arc<Identity>, metrics: Metrics) -> Self {
        Self { identity, sender: format!("csi-{}", clock::unix_millis()), metrics }
    }

    async fn send(&self, batch: &Batch) -> Result<(), ReportError> {
        let deliver = |record: &crate::records::Record| Delivery {
            kind: DeliveryKind::FileOpen,
            object: record.object.clone(),
            target: record.target.clone(),
            path: record.path.clone(),
            version: (record.version > 0).then_some(record.version),
        };
        let records: Vec<Delivery> = batch.records.iter().map(deliver).collect();
        let session = self.identity.session().await;
        let (session, serial) = session.map_err(|trouble| ReportError::Away(trouble.to_string()))?;
        match session.send_records(&self.sender, batch.first, &records).await {
            Ok(_) => Ok(()),
            Err(CallError::NotFound | CallError::Refused { status: 404 | 405, .. }) => {
                Err(ReportError::Unsupported)
            }
            // Another token may be allowed to: what was opened is not forgotten.
            Err(error @ CallError::Denied { .. }) => {
                self.identity.denied(serial).await;
                Err(ReportError::Away(error.to_string()))
            }
            Err(error) if is_worth_repeating(&error) => Err(ReportError::Away(error.to_string())),
            Err(error) => Err(ReportError::Refused(error.to_string())),
        }
    }
}

impl Sink for Uplink {
    async fn report(&self, batch: &Batch) -> Result<(), ReportError> {
        let sent = self.send(batch).await;
        let outcome = match &sent {
            Ok(()) => "sent",
            Err(ReportError::Away(_)) => "repeated",
            Err(ReportError::Refused(_) | ReportError::Unsupported) => "refused",
        };
        self.metrics.records(outcome, u64::try_from(batch.records.len()).unwrap_or(u64::MAX));
        sent
    }
}
