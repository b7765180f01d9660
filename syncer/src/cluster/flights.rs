//! One read for many objects: who asked before a read began may have its answer; errors end with their read.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use syncer_core::{FetchFailure, Fetched, KvPath};
use tokio::sync::OnceCell;

/// Answers that are kept at the same time, while objects wait that asked before they were read.
const MOST: usize = 256;
/// The longest time that an answer is kept.
const KEPT: Duration = Duration::from_secs(30);

/// Which read: the identity that reads, and what. The identity stands for store, generation and namespace.
type Key = (u64, KvPath);
type Cell = Arc<OnceCell<Result<Fetched, FetchFailure>>>;

struct Flight {
    began: Duration,
    cell: Cell,
}

/// All reads under way, and a few that ended just now.
#[derive(Default)]
pub struct Flights(Mutex<HashMap<Key, Flight>>);

impl Flights {
    /// The answer of a read that began after `asked`, or of a new one. A caller that goes away stops nobody else.
    pub async fn get(
        &self,
        key: Key,
        asked: Duration,
        now: Duration,
        read: impl Future<Output = Result<Fetched, FetchFailure>>,
    ) -> Result<Fetched, FetchFailure> {
        let cell = self.join(key, asked, now);
        cell.get_or_init(|| read).await.clone()
    }

    fn join(&self, key: Key, asked: Duration, now: Duration) -> Cell {
        let mut flights = self.lock();
        if let Some(flight) = flights.get(&key)
            && asked <= flight.began
            && now.saturating_sub(flight.began) < KEPT
            && !matches!(flight.cell.get(), Some(Err(_)))
        {
            return Arc::clone(&flight.cell);
        }
        if flights.len() >= MOST {
            flights.retain(|_, flight| flight.cell.get().is_none());
        }
        let cell = Cell::default();
        flights.insert(key, Flight { began: now, cell: Arc::clone(&cell) });
        cell
    }

    /// Drops all answers; nobody waits any more who asked before they were read.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// Drops answers that are too old to be used.
    pub fn expire(&self, now: Duration) {
        self.lock().retain(|_, flight| now.saturating_sub(flight.began) < KEPT);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Flight>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use syncer_core::KvVersion;

    use super::*;

    fn key(line: u64, path: &str) -> Key {
        (line, KvPath { mount: "secret".into(), path: path.into(), kv: KvVersion::V2, version: None })
    }

    async fn answer(reads: &AtomicU64, good: bool) -> Result<Fetched, FetchFailure> {
        let read = reads.fetch_add(1, Ordering::Relaxed);
        tokio::task::yield_now().await;
        if good {
            Ok(Fetched { secret: None, version: Some(read) })
        } else {
            Err(FetchFailure { message: read.to_string() })
        }
    }

    #[tokio::test]
    async fn many_that_ask_together_are_one_read() {
        let (flights, reads) = (Flights::default(), AtomicU64::new(0));
        let ask = |_| flights.get(key(1, "a"), Duration::ZERO, Duration::from_secs(1), answer(&reads, true));
        let answers = futures::future::join_all((0..1000).map(ask)).await;
        assert!(answers.iter().all(|answer| answer.as_ref().is_ok_and(|it| it.version == Some(0))));
        assert_eq!(reads.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn an_answer_is_only_for_who_asked_before_it_was_read() {
        let (flights, reads) = (Flights::default(), AtomicU64::new(0));
        let at = Duration::from_secs;
        let mut got = Vec::new();
        for (line, path, asked, now) in [
            (1, "a", 0, 1),  // the first read, which begins at 1
            (1, "a", 1, 2),  // asked not after that
            (1, "a", 2, 3),  // asked after it: the second read
            (2, "a", 0, 3),  // another identity: the third
            (1, "b", 0, 3),  // another path: the fourth
            (1, "a", 0, 40), // too old: the fifth
        ] {
            let answer = flights.get(key(line, path), at(asked), at(now), answer(&reads, true)).await;
            got.push(answer.unwrap().version.unwrap());
        }
        assert_eq!(got, [0, 0, 1, 2, 3, 4]);
    }

    #[tokio::test]
    async fn errors_are_not_kept() {
        let (flights, reads) = (Flights::default(), AtomicU64::new(0));
        let ask =
            |good| flights.get(key(1, "a"), Duration::ZERO, Duration::from_secs(1), answer(&reads, good));
        let (one, two) = tokio::join!(ask(false), ask(true));
        assert!(one.is_err() && two.is_err(), "one flight, one answer");
        assert!(ask(true).await.is_ok());
    }

    #[tokio::test]
    async fn one_that_goes_away_stops_nobody() {
        let (flights, reads) = (Flights::default(), AtomicU64::new(0));
        let ask = || flights.get(key(1, "a"), Duration::ZERO, Duration::from_secs(1), answer(&reads, true));
        let mut first = Box::pin(ask());
        assert!(futures::poll!(first.as_mut()).is_pending());
        let second = ask();
        drop(first);
        assert!(second.await.is_ok());
    }

    #[tokio::test]
    async fn answers_are_bounded() {
        let (flights, reads) = (Flights::default(), AtomicU64::new(0));
        for number in 0..2000 {
            let path = key(1, &number.to_string());
            let _answer =
                flights.get(path, Duration::ZERO, Duration::from_secs(1), answer(&reads, true)).await;
            assert!(flights.lock().len() <= MOST);
        }
        flights.clear();
        assert!(flights.lock().is_empty());
    }
}
