//! Tells the broker's audit log which version was written into which Secret.

use std::time::Duration;

use broker_client::retry::{Backoff, is_worth_repeating};
use broker_client::{CallError, Delivery, MAX_DELIVERIES, Session};
use tokio::sync::mpsc;

use crate::clock;
use crate::metrics::Metrics;

/// Records that wait; more are dropped, and the broker sees the gap in the numbers.
const WAITING: usize = 4096;
/// How often a batch is tried.
const ATTEMPTS: u32 = 8;
const BACKOFF: Backoff = Backoff { first: Duration::from_millis(500), most: Duration::from_secs(10) };

/// Where records of one session go. When the last one is dropped, what waits is sent and the task ends.
#[derive(Clone)]
pub struct Outbox {
    sender: mpsc::Sender<(u64, Delivery)>,
    metrics: Metrics,
}

/// The numbering of a session's records.
pub struct Numbering {
    outbox: Outbox,
    next: u64,
}

/// Starts the task that sends the records of one session, as the stream `name`.
pub fn start(session: Session, name: String, metrics: Metrics) -> (Numbering, tokio::task::JoinHandle<()>) {
    let (sender, receiver) = mpsc::channel(WAITING);
    let task = tokio::spawn(send_all(session, name, receiver, metrics.clone()));
    (Numbering { outbox: Outbox { sender, metrics }, next: 1 }, task)
}

impl Numbering {
    /// Puts a record on its way. Never waits.
    pub fn push(&mut self, delivery: Delivery) {
        let number = self.next;
        self.next += 1;
        if self.outbox.sender.try_send((number, delivery)).is_err() {
            self.outbox.metrics.deliveries("dropped", 1);
        }
    }
}

async fn send_all(
    session: Session,
    name: String,
    mut receiver: mpsc::Receiver<(u64, Delivery)>,
    metrics: Metrics,
) {
    let mut said = false;
    let mut batch = Vec::with_capacity(MAX_DELIVERIES);
    while receiver.recv_many(&mut batch, MAX_DELIVERIES).await > 0 {
        for (first, records) in runs(std::mem::take(&mut batch)) {
            let count = records.len() as u64;
            let result = match send(&session, &name, first, &records).await {
                Ok(()) => "recorded",
                Err(error) => {
                    if !std::mem::replace(&mut said, true) {
                        let server = session.client().address();
                        tracing::info!(%server, "deliveries are not recorded by the server: {error}");
                    }
                    "refused"
                }
            };
            metrics.deliveries(result, count);
        }
    }
}

/// Splits a batch where numbers are missing.
fn runs(batch: Vec<(u64, Delivery)>) -> Vec<(u64, Vec<Delivery>)> {
    let mut runs: Vec<(u64, Vec<Delivery>)> = Vec::new();
    for (number, delivery) in batch {
        match runs.last_mut() {
            Some((first, run)) if *first + run.len() as u64 == number => run.push(delivery),
            _ => runs.push((number, vec![delivery])),
        }
    }
    runs
}

async fn send(session: &Session, name: &str, first: u64, records: &[Delivery]) -> Result<(), CallError> {
    let mut attempt = 0;
    loop {
        match session.send_records(name, first, records).await {
            // An attempt whose answer was lost has recorded them.
            Err(CallError::Refused { status: 400, .. }) if attempt > 0 => return Ok(()),
            Err(error) if is_worth_repeating(&error) && attempt + 1 < ATTEMPTS => {
                tokio::time::sleep(BACKOFF.delay(attempt, clock::jitter())).await;
                attempt += 1;
            }
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use broker_client::DeliveryKind;

    fn check(numbers: &[u64], wanted: &[(u64, usize)]) {
        let record = |number: &u64| {
            let text = number.to_string();
            let (object, target, path) = (text.clone(), text.clone(), text);
            (*number, Delivery { kind: DeliveryKind::Delivery, object, target, path, version: None })
        };
        let got = runs(numbers.iter().map(record).collect());
        let got: Vec<(u64, usize)> = got.iter().map(|(first, run)| (*first, run.len())).collect();
        assert_eq!(got, wanted);
    }

    #[test]
    fn numbers_that_are_missing_part_a_batch() {
        check(&[], &[]);
        check(&[7], &[(7, 1)]);
        check(&[1, 2, 3], &[(1, 3)]);
        check(&[1, 3, 4, 9], &[(1, 1), (3, 2), (9, 1)]);
    }
}
