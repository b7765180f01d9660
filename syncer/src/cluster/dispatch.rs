//! Takes work from a queue and runs so much of it at a time; ends gracefully.

use std::sync::Arc;
use std::time::Duration;

use syncer_core::cluster::{Outcome, Queue, Taken};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::metrics::Controller;
use super::state::{Shared, State};
use crate::clock;

/// How long runs that have begun may go on at the end.
const FINISH: Duration = Duration::from_secs(20);
/// The longest sleep; only to be safe.
const LONGEST: Duration = Duration::from_secs(600);

/// Which queue.
pub struct Line<K> {
    /// What it is called in metrics.
    pub controller: Controller,
    /// Where it is.
    pub queue: fn(&mut State) -> &mut Queue<K>,
    /// Most runs at a time.
    pub limit: usize,
}

// A derive would ask the same of the keys.
impl<K> Clone for Line<K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for Line<K> {}

/// Runs work until `stop`, then waits for what has begun.
pub async fn dispatch<K, F>(
    shared: Arc<Shared>,
    line: Line<K>,
    work: fn(Arc<Shared>, Taken<K>) -> F,
    stop: CancellationToken,
) where
    K: Ord + Clone + Send + Sync + 'static,
    F: Future<Output = Outcome> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    while !stop.is_cancelled() {
        let woken = shared.wake.notified();
        tokio::pin!(woken);
        // From here on no wake-up is missed.
        woken.as_mut().enable();
        while let Some(taken) = next(&shared, line, tasks.len()) {
            tasks.spawn(run(Arc::clone(&shared), line, work, taken));
        }
        let wait = wait(&shared, line, tasks.len());
        tokio::select! {
            () = stop.cancelled() => {}
            () = woken => {}
            Some(_) = tasks.join_next(), if !tasks.is_empty() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
    let rest = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(FINISH, rest).await.is_err() {
        tracing::warn!("some objects could not be served to their end in time");
    }
}

fn next<K: Ord + Clone>(shared: &Shared, line: Line<K>, running: usize) -> Option<Taken<K>> {
    let now = shared.watch.now();
    let mut state = shared.state();
    if state.missing > 0 || running >= line.limit {
        return None;
    }
    (line.queue)(&mut state).take(now)
}

/// How long to sleep if nothing happens.
fn wait<K: Ord + Clone>(shared: &Shared, line: Line<K>, running: usize) -> Duration {
    let now = shared.watch.now();
    let mut state = shared.state();
    let ready = state.missing == 0 && running < line.limit;
    let queue = (line.queue)(&mut state);
    let next = queue.next(now).filter(|_| ready).map(|at| at.saturating_sub(now));
    let (waiting, running) = (queue.waiting(), queue.running());
    drop(state);
    shared.metrics.queue(line.controller, waiting, running);
    if line.controller == Controller::ExternalSecret {
        shared.provider.tidy(waiting + running == 0);
    }
    next.unwrap_or(LONGEST).min(LONGEST)
}

async fn run<K, F>(shared: Arc<Shared>, line: Line<K>, work: fn(Arc<Shared>, Taken<K>) -> F, taken: Taken<K>)
where
    K: Ord + Clone + Send + Sync + 'static,
    F: Future<Output = Outcome> + Send + 'static,
{
    let key = taken.key.clone();
    // A fault in one run must not leave its key running for ever.
    let outcome = tokio::spawn(work(Arc::clone(&shared), taken)).await;
    let outcome = outcome.unwrap_or_else(|_| Outcome::Failed { random: clock::jitter() });
    let now = shared.watch.now();
    (line.queue)(&mut shared.state()).done(&key, outcome, now);
}
