//! The secrets that a node shows, each read once for all volumes of one identity, and read again when it may have changed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use broker_client::{Client, SecretText};
use csi_mount_core::decide::{Known, Mark};
use csi_mount_core::refresh::{Failure, MIN_GAP, Millis, next_read, part};
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;

use super::credential::{Credential, IdentityKey};
use super::identity::Identity;
use super::trouble::Trouble;
use crate::clock;
use crate::config::SecretRef;

/// The longest random wait between a change and the read of it, in milliseconds; it spreads the nodes of a cluster.
const SPREAD: Millis = 100;

/// A secret as it was read.
#[derive(Debug)]
pub struct Reading {
    /// Its keys and values as a JSON object.
    pub data: SecretText,
    /// Which state of it this is.
    pub mark: Mark,
}

/// What is known of a secret.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// How often it was read, or tried to be.
    pub reads: u64,
    /// The newest state that was read; it stays here while there is trouble.
    pub reading: Option<Arc<Reading>>,
    /// Why the last read failed, and since when reads fail.
    pub trouble: Option<(Trouble, Millis)>,
}

impl Status {
    /// The same for deciding.
    pub fn known(&self) -> Known<'_> {
        Known {
            read: self.reading.as_ref().map(|reading| &reading.mark),
            trouble: self.trouble.as_ref().map(|(trouble, since)| (trouble.failure, *since)),
        }
    }
}

/// A secret that is followed for as long as this is there.
#[derive(Debug)]
pub struct Source {
    shared: Arc<Shared>,
    task: AbortHandle,
}

#[derive(Debug)]
struct Shared {
    identity: Arc<Identity>,
    secret: SecretRef,
    status: watch::Sender<Status>,
    wake: Notify,
    rhythm: Arc<Rhythm>,
}

/// How often is read without a change.
#[derive(Debug)]
struct Rhythm {
    interval: Millis,
    /// Whether changes are told.
    followed: AtomicBool,
}

/// All secrets of this process and who reads them.
#[derive(Debug)]
pub struct Secrets {
    client: Client,
    rhythm: Arc<Rhythm>,
    identities: Mutex<Vec<Weak<Identity>>>,
    sources: Mutex<Vec<Weak<Source>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Secrets {
    /// No secrets yet. `interval` is the time between two reads while changes cannot be followed.
    pub fn new(client: Client, interval: Duration) -> Self {
        let interval = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX);
        let rhythm = Arc::new(Rhythm { interval, followed: AtomicBool::new(false) });
        Self { client, rhythm, identities: Mutex::default(), sources: Mutex::default() }
    }

    /// The identity of a key, made with this credential if there is none; a newer credential is taken over.
    ///
    /// One whose token was revoked is not found any more: who comes anew logs in anew.
    pub fn identity(&self, key: IdentityKey, name: &str, credential: Credential) -> Arc<Identity> {
        let mut known = lock(&self.identities);
        known.retain(|identity| identity.strong_count() > 0);
        let found =
            known.iter().filter_map(Weak::upgrade).find(|found| found.key.is(&key) && !found.is_ended());
        if let Some(found) = found {
            found.refresh(credential);
            return found;
        }
        let identity = Identity::new(self.client.clone(), key, name.to_owned(), credential);
        known.push(Arc::downgrade(&identity));
        identity
    }

    /// An identity whose token was revoked, as a former process was told: nothing is read with it any more.
    pub fn ended(&self, key: IdentityKey, name: &str, credential: Credential) -> Arc<Identity> {
        // In no list: whoever comes anew with the same key logs in anew.
        let identity = Identity::new(self.client.clone(), key, name.to_owned(), credential);
        identity.end();
        identity
    }

    /// Follows a secret with an identity; shared with whoever follows the same.
    pub fn source(&self, identity: &Arc<Identity>, secret: &SecretRef) -> Arc<Source> {
        let mut sources = lock(&self.sources);
        sources.retain(|source| source.strong_count() > 0);
        let same = |source: &Arc<Source>| {
            source.shared.secret == *secret && Arc::ptr_eq(&source.shared.identity, identity)
        };
        if let Some(found) = sources.iter().filter_map(Weak::upgrade).find(same) {
            return found;
        }
        let shared = Arc::new(Shared {
            identity: Arc::clone(identity),
            secret: secret.clone(),
            status: watch::Sender::new(Status::default()),
            wake: Notify::new(),
            rhythm: Arc::clone(&self.rhythm),
        });
        let task = tokio::spawn(Arc::clone(&shared).follow()).abort_handle();
        let source = Arc::new(Source { shared, task });
        sources.push(Arc::downgrade(&source));
        source
    }

    fn all(&self) -> Vec<Arc<Shared>> {
        let sources = lock(&self.sources);
        sources
            .iter()
            .filter_map(|source| source.upgrade().map(|source| Arc::clone(&source.shared)))
            .collect()
    }

    /// Reads again what a mount, and a path in it if one is named, is about.
    pub fn changed(&self, mount: &str, path: Option<&str>) {
        for shared in self.all() {
            let secret = &shared.secret;
            if secret.mount == mount.trim_end_matches('/') && path.is_none_or(|path| secret.path == path) {
                shared.wake.notify_one();
            }
        }
    }

    /// Reads everything again.
    pub fn all_changed(&self) {
        self.all().iter().for_each(|shared| shared.wake.notify_one());
    }

    /// Says whether changes are told. When they are not, secrets are read at their interval.
    pub fn followed(&self, followed: bool) {
        if self.rhythm.followed.swap(followed, Ordering::Relaxed) && !followed {
            // What comes next is timed anew, and a broker that is away is noticed.
            self.all_changed();
        }
    }

    /// The token of this accessor was revoked.
    pub fn revoked(&self, accessor: &str) {
        let known: Vec<_> = lock(&self.identities).iter().filter_map(Weak::upgrade).collect();
        let mut seen: Vec<_> = self.all().iter().map(|shared| Arc::clone(&shared.identity)).collect();
        seen.extend(known);
        for identity in seen {
            identity.revoked(accessor);
        }
    }

    /// A policy was changed: asks what each token that may have it may still read, and reads again where that is news.
    pub async fn policy_changed(&self, name: &str) {
        let mut asked: Vec<(Arc<Identity>, Vec<Arc<Shared>>)> = Vec::new();
        for shared in self.all().into_iter().filter(|shared| shared.identity.has_policy(name)) {
            match asked.iter_mut().find(|(identity, _)| Arc::ptr_eq(identity, &shared.identity)) {
                Some((_, all)) => all.push(shared),
                None => asked.push((Arc::clone(&shared.identity), vec![shared])),
            }
        }
        for (identity, shared) in asked {
            ask(&identity, &shared).await;
        }
    }
}

/// Reads again those secrets for which the right to read them is other than it was.
async fn ask(identity: &Identity, shared: &[Arc<Shared>]) {
    let paths: Vec<String> = shared.iter().map(|shared| shared.secret.api_path()).collect();
    let answer = match identity.session().await {
        Ok((session, _)) => session.capabilities_self(&paths).await.ok(),
        Err(_) => None,
    };
    for (shared, path) in shared.iter().zip(&paths) {
        // Where no answer helps, reading does.
        let may = answer.as_ref().and_then(|answer| answer.get(path)).map(|capabilities| {
            capabilities.iter().any(|capability| matches!(capability.as_str(), "read" | "root"))
        });
        let could = shared.status.borrow().trouble.is_none();
        if may != Some(could) {
            shared.wake.notify_one();
        }
    }
}

impl SecretRef {
    /// The path that it is read at, such as `secret/data/app/db`.
    pub fn api_path(&self) -> String {
        format!("{}/data/{}", self.mount, self.path)
    }
}

impl Source {
    /// What is known of the secret, now and whenever it changes.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.shared.status.subscribe()
    }

    /// The newest state of the secret, read anew unless it is known that there is no newer one. Waits for a broker that is
    /// away until `until`.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn newest(&self, until: Millis) -> Result<Arc<Reading>, Trouble> {
        let mut status = self.status();
        let before = status.borrow_and_update().clone();
        let followed = self.shared.rhythm.followed.load(Ordering::Relaxed);
        if let (Some(reading), None, true) = (&before.reading, &before.trouble, followed) {
            return Ok(Arc::clone(reading));
        }
        if before.reads > 0 {
            self.shared.wake.notify_one();
        }
        loop {
            let now = status.borrow_and_update().clone();
            match (now.reading, now.trouble) {
                _ if now.reads == before.reads => {}
                (Some(reading), None) => return Ok(reading),
                (_, Some((trouble, _))) if trouble.failure != Failure::Away => return Err(trouble),
                _ => {}
            }
            let changed = tokio::time::timeout(clock::remaining(until), status.changed()).await;
            if !matches!(changed, Ok(Ok(()))) {
                let now = status.borrow().clone();
                let trouble = now.trouble.map(|(trouble, _)| trouble);
                return match (now.reading, trouble) {
                    // What others of this identity are shown too.
                    (Some(reading), _) => Ok(reading),
                    (None, Some(trouble)) => Err(trouble),
                    (None, None) => Err(Trouble::new(Failure::Away, "the broker has not answered yet")),
                };
            }
        }
    }

    /// Who reads it.
    pub fn identity(&self) -> &Arc<Identity> {
        &self.shared.identity
    }

    /// Which secret it is.
    pub fn secret(&self) -> &SecretRef {
        &self.shared.secret
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    async fn follow(self: Arc<Self>) {
        let mut rights = self.identity.rights();
        let mut failures = 0;
        loop {
            rights.borrow_and_update();
            let read = self.read().await;
            failures = if read.is_ok() { 0 } else { failures + 1 };
            self.note(read);
            let wait = self.wait(failures);
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(wait)) => {}
                () = self.wake.notified() => spread(SPREAD).await,
                changed = rights.changed() => if changed.is_err() { return },
            }
        }
    }

    /// Time until the next read.
    fn wait(&self, failures: u32) -> Millis {
        let told = self.rhythm.followed.load(Ordering::Relaxed);
        next_read(self.rhythm.interval, told, failures, clock::jitter())
    }

    /// Reads the secret, with a new token where the first one turns out to be no good.
    async fn read(&self) -> Result<Reading, Trouble> {
        let (session, serial) = self.identity.session().await?;
        let trouble = match self.read_with(&session).await {
            Err(trouble) if trouble.failure == Failure::Denied => trouble,
            read => return read,
        };
        if !self.identity.denied(serial).await {
            return Err(trouble);
        }
        let (session, _) = self.identity.session().await?;
        self.read_with(&session).await
    }

    async fn read_with(&self, session: &broker_client::Session) -> Result<Reading, Trouble> {
        let SecretRef { mount, path, version } = &self.secret;
        let what = || format!("reading {}", self.secret.api_path());
        let read = session.read_kv2(mount, path, *version).await;
        let read = read.map_err(|error| Trouble::from(error).during(&what()))?;
        let metadata = read.metadata.unwrap_or_default();
        let mark = Mark { version: metadata.version, created: metadata.created_time };
        Ok(Reading { data: read.data, mark })
    }

    fn note(&self, read: Result<Reading, Trouble>) {
        self.status.send_modify(|status| {
            status.reads = status.reads.saturating_add(1);
            match read {
                Ok(reading) => {
                    status.trouble = None;
                    if status.reading.as_ref().is_none_or(|known| known.mark != reading.mark) {
                        status.reading = Some(Arc::new(reading));
                    }
                }
                Err(trouble) => {
                    let since = status.trouble.as_ref().map_or_else(clock::now, |(_, since)| *since);
                    status.trouble = Some((trouble, since));
                }
            }
        });
    }
}

/// Waits a random part of a time, at least as long as changes are gathered.
async fn spread(most: Millis) {
    tokio::time::sleep(Duration::from_millis(part(most, clock::jitter()).max(MIN_GAP))).await;
}
