//! The syncer on its own: a folder of manifests in, a folder of Secrets out, until a signal ends it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use broker_client::ChangeKind;
use broker_client::retry::Backoff;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::clock::{self, Stopwatch};
use crate::config::Config;
use crate::deliveries::{self, Numbering};
use crate::fetch::{Fetcher, Line, Round};
use crate::files::{self, FileError, Stamp};
use crate::follow::{Heard, follow};
use crate::job::{Job, Outcome, serve};
use crate::metrics::Metrics;
use crate::schedule::{Mode, Schedule};
use crate::status::{Board, FILE, State};

mod reload;

/// How often the folder of manifests is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// Waits after failures of an object.
const BACKOFF: Backoff = Backoff { first: Duration::from_secs(1), most: Duration::from_secs(300) };
/// How long records that wait are sent at the end.
const FLUSH: Duration = Duration::from_secs(3);
/// Events that wait for the engine.
const WAITING: usize = 1024;

/// Why the syncer could not start; the variant is the step.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The folders.
    #[error(transparent)]
    Files(#[from] FileError),
    /// Signals.
    #[error("signals cannot be received: {0}")]
    Signals(std::io::Error),
    /// The metrics.
    #[error("cannot listen on {address} for metrics: {source}")]
    Metrics {
        /// The address.
        address: SocketAddr,
        /// The cause.
        source: std::io::Error,
    },
}

/// Runs until SIGTERM or SIGINT, or with `--once` until every object was served once.
///
/// # Returns
/// Whether every object was served; always true without `--once`.
///
/// # Errors
/// The step of the start that failed.
pub async fn run(config: Config) -> Result<bool, RunError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(RunError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(RunError::Signals)?;
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    run_until(config, stop).await
}

/// The same until `stop` ends.
///
/// # Errors
/// See [`run`].
pub async fn run_until(config: Config, stop: impl Future<Output = ()>) -> Result<bool, RunError> {
    let _lock = files::take_folder(&config.out)?;
    files::manifests(&config.manifests)?;
    let metrics = Metrics::default();
    if let Some(address) = config.metrics_listen {
        serve_metrics(address, metrics.clone()).await?;
    }
    let (heard_in, heard) = mpsc::channel(WAITING);
    let (done_in, done) = mpsc::channel(WAITING);
    let once = config.once;
    let mut engine = Engine::new(config, metrics, heard_in, done_in);
    engine.reload();
    if once {
        engine.run_once(done, stop).await;
    } else {
        engine.run(heard, done, stop).await;
    }
    Ok(engine.close().await || !once)
}

/// Another end of a session: who follows its changes, and who sends its records.
struct Peer {
    follower: Option<JoinHandle<()>>,
    numbering: Numbering,
    sender: JoinHandle<()>,
}

struct Engine {
    config: Config,
    out: Arc<Path>,
    fetcher: Fetcher,
    metrics: Metrics,
    watch: Stopwatch,
    run_id: i64,
    jobs: BTreeMap<String, Arc<Job>>,
    peers: BTreeMap<u64, Peer>,
    schedule: Schedule,
    board: Board,
    /// The files as they were last read.
    seen: Vec<Stamp>,
    heard: mpsc::Sender<(u64, Heard)>,
    done: mpsc::Sender<(String, Outcome)>,
}

impl Engine {
    fn new(
        config: Config,
        metrics: Metrics,
        heard: mpsc::Sender<(u64, Heard)>,
        done: mpsc::Sender<(String, Outcome)>,
    ) -> Self {
        Self {
            out: Arc::from(config.out.as_path()),
            schedule: Schedule::new(config.interval),
            config,
            fetcher: Fetcher::new("keyreeve-syncer"),
            metrics,
            watch: Stopwatch::start(),
            run_id: clock::run_id(),
            jobs: BTreeMap::new(),
            peers: BTreeMap::new(),
            board: Board::default(),
            seen: Vec::new(),
            heard,
            done,
        }
    }

    async fn run(
        &mut self,
        mut heard: mpsc::Receiver<(u64, Heard)>,
        mut done: mpsc::Receiver<(String, Outcome)>,
        stop: impl Future<Output = ()>,
    ) {
        tokio::pin!(stop);
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            self.start_due();
            if !self.schedule.is_running() {
                self.write_status();
            }
            let wait = self.schedule.next().map_or(LOOK, |due| due.saturating_sub(self.watch.now()));
            tokio::select! {
                () = &mut stop => return,
                Some((line, heard)) = heard.recv() => self.hear(line, heard),
                Some((name, outcome)) = done.recv() => self.settle(&name, outcome),
                _ = look.tick() => {
                    self.reload_if_changed();
                    self.write_status();
                }
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    async fn run_once(
        &mut self,
        mut done: mpsc::Receiver<(String, Outcome)>,
        stop: impl Future<Output = ()>,
    ) {
        tokio::pin!(stop);
        self.start_due();
        while self.schedule.is_running() {
            tokio::select! {
                () = &mut stop => {
                    self.report("keyreeve-syncer", State::new(false, "Stopped", "a signal ended the run"));
                    return;
                }
                Some((name, outcome)) = done.recv() => self.settle(&name, outcome),
            }
        }
    }

    /// Starts to serve what is due. What starts together shares its requests.
    fn start_due(&mut self) {
        let round = Arc::new(Round::default());
        for name in self.schedule.take_due(self.watch.now()) {
            let Some(job) = self.jobs.get(&name) else { continue };
            let (job, round, out) = (Arc::clone(job), Arc::clone(&round), Arc::clone(&self.out));
            let done = self.done.clone();
            tokio::spawn(async move {
                let outcome = serve(job, round, out).await;
                // Nobody waits for it any more when the syncer ends.
                let _ended = done.send((name, outcome)).await;
            });
        }
    }

    /// Takes in what came of serving an object.
    fn settle(&mut self, name: &str, outcome: Outcome) {
        let wait = |failures| BACKOFF.delay(failures, clock::jitter());
        self.schedule.done(name, outcome.state.ready, self.watch.now(), wait);
        self.metrics.sync(outcome.result);
        let Some(job) = self.jobs.get(name) else { return };
        let line = job.store.as_ref().map(|(_, line)| line.id);
        if let Some(peer) = line.and_then(|line| self.peers.get_mut(&line)) {
            outcome.deliveries.into_iter().for_each(|delivery| peer.numbering.push(delivery));
        }
        self.report(name, outcome.state);
    }

    /// Sets an object's state, and logs it if it is news.
    fn report(&mut self, name: &str, state: State) {
        if self.board.set(name, state.clone(), clock::time) {
            let State { ready, reason, message, versions, .. } = state;
            if ready {
                tracing::info!(object = name, reason, ?versions, "{message}");
            } else {
                tracing::warn!(object = name, reason, "{message}");
            }
        }
        self.metrics.objects(self.board.count());
    }

    fn hear(&mut self, line: u64, heard: Heard) {
        let now = self.watch.now();
        match heard {
            Heard::Told { list } => self.schedule.hear(line, Mode::Told, list, now),
            Heard::Silent => self.schedule.hear(line, Mode::Polled, false, now),
            Heard::Change(kind) => {
                self.metrics.change();
                self.change(line, &kind, now);
            }
        }
    }

    fn change(&mut self, line: u64, kind: &ChangeKind, now: Duration) {
        match kind {
            ChangeKind::Kv2 { mount, path, .. } | ChangeKind::Kv1 { mount, path, .. } => {
                let changed = format!("{mount}/{path}");
                self.schedule.change(line, |key| key == changed, now);
            }
            ChangeKind::MountChanged { mount } => {
                let below = format!("{mount}/");
                self.schedule.change(line, |key| key.starts_with(&below), now);
            }
            // It may now be allowed to read what was denied.
            ChangeKind::PolicyChanged { .. } => self.schedule.retry(line, now),
            ChangeKind::TokenRevoked { .. } | ChangeKind::Unknown => {}
        }
    }

    /// Sets a session up that was not used before.
    fn meet(&mut self, line: &Line) {
        if self.peers.contains_key(&line.id) {
            return;
        }
        let name = format!("syncer-{}-{}", self.run_id, line.id);
        let (numbering, sender) = deliveries::start(line.session.clone(), name, self.metrics.clone());
        let follower = if self.config.once {
            self.schedule.hear(line.id, Mode::Polled, false, self.watch.now());
            None
        } else {
            let (session, heard) = (line.session.clone(), self.heard.clone());
            Some(tokio::spawn(follow(line.id, session, self.config.interval, heard)))
        };
        self.peers.insert(line.id, Peer { follower, numbering, sender });
    }

    /// Leaves a session that nobody uses any more. Its records are still sent.
    fn leave(&mut self, line: u64) {
        if let Some(peer) = self.peers.remove(&line) {
            peer.follower.inspect(|task| task.abort());
        }
        self.schedule.forget(line);
    }

    fn write_status(&mut self) {
        if !self.board.is_dirty() {
            return;
        }
        let text = self.board.text();
        if let Err(error) = files::write_whole(&self.out, FILE, &text) {
            tracing::error!("the status is not written: {error}");
        }
    }

    /// Sends the records that wait and writes the last status.
    ///
    /// # Returns
    /// Whether every object is ready.
    async fn close(mut self) -> bool {
        let mut senders = Vec::new();
        for peer in std::mem::take(&mut self.peers).into_values() {
            peer.follower.inspect(|task| task.abort());
            senders.push(peer.sender);
        }
        let flush = futures::future::join_all(senders);
        if tokio::time::timeout(FLUSH, flush).await.is_err() {
            tracing::warn!("some delivery records could not be sent in time");
        }
        self.write_status();
        self.board.count().1 == 0
    }
}

/// `/metrics` and `/healthz` on a loopback address.
async fn serve_metrics(address: SocketAddr, metrics: Metrics) -> Result<(), RunError> {
    let failed = |source| RunError::Metrics { address, source };
    let listener = tokio::net::TcpListener::bind(address).await.map_err(failed)?;
    let text = move || async move { metrics.text() };
    let routes = axum::Router::new()
        .route("/metrics", axum::routing::get(text))
        .route("/healthz", axum::routing::get(|| async { "ok\n" }));
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, routes).await {
            tracing::error!("metrics are not served any more: {error}");
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests;
