//! Sessions at the servers of stores: always with the store's own login, one for each identity, renewed and shared.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use broker_client::{
    Address, CallError, Client, Login, Options, Outage, ReadError, SecretText, Session, Token, Trust,
};
use futures::StreamExt;
use syncer_core::cluster::{
    Auth, CaSource, ClusterStore, JwtSource, StoreSpec, read_source_secret, vault_refusal,
};
use syncer_core::{
    FetchFailure, FetchRequest, Fetched, Fetches, KvPath, KvVersion, SecretKeyRef, SecretValue, Wanted,
};
use tokio::sync::Semaphore;

use super::api::Api;
use super::credentials::{self, Missing};
use super::flights::Flights;
use super::metrics::Metrics;
use crate::clock::Stopwatch;

/// Reads at the same time over one session.
const AT_ONCE: usize = 8;
/// The longest wait for an answer of a store's server.
const TIMEOUT: Duration = Duration::from_secs(10);
/// After so long a token is read from its Secret again.
const TOKEN_AGE: Duration = Duration::from_secs(60);
/// After a denial no new login is tried for so long.
const DENIED_AGE: Duration = Duration::from_secs(60);
/// After an outage the server is not asked for so long.
const PAUSE: Duration = Duration::from_secs(5);

/// Why there is no session.
#[derive(Clone, Debug)]
pub enum NoSession {
    /// What it needs in the cluster is not there.
    NoClient(String),
    /// The server refused the login or cannot be reached.
    Refused(String),
}

impl NoSession {
    /// The text for people.
    pub fn text(&self) -> &str {
        match self {
            Self::NoClient(text) | Self::Refused(text) => text,
        }
    }
}

/// Who reads: a store in one of its forms, and the namespace in which its references are looked up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Identity {
    uid: String,
    generation: u64,
    namespace: String,
}

/// One identity's session.
struct Line {
    id: u64,
    permits: Semaphore,
    live: tokio::sync::Mutex<Option<Live>>,
    /// Until when the server is not asked, and why.
    down: Mutex<Option<(Duration, String)>>,
}

struct Live {
    session: Session,
    ca: Option<String>,
    since: Duration,
    /// After this it is renewed or made anew.
    until: Duration,
    /// After this the token is dead.
    dead: Duration,
    renewable: bool,
    /// Whether we logged in and so shall log out.
    owned: bool,
}

/// All sessions.
pub struct Provider {
    api: Api,
    watch: Stopwatch,
    metrics: Metrics,
    flights: Flights,
    lines: Mutex<(u64, BTreeMap<Identity, Arc<Line>>)>,
}

impl Provider {
    /// No sessions yet.
    pub fn new(api: Api, watch: Stopwatch, metrics: Metrics) -> Self {
        Self { api, watch, metrics, flights: Flights::default(), lines: Mutex::default() }
    }

    /// Reads everything that an ExternalSecret asks for; `asked` is when it asked.
    ///
    /// # Returns
    /// The answers, and which path each request meant.
    pub async fn fetch(
        &self,
        (store, spec): (&ClusterStore, &StoreSpec),
        wanted: &Wanted,
        asked: Duration,
    ) -> (Fetches, Vec<(FetchRequest, KvPath)>) {
        let line = self.line(store, spec, &wanted.namespace);
        let place = Place { line: &line, spec, namespace: &wanted.namespace };
        let reads = wanted.requests().into_iter().map(|request| self.one(place, request, asked));
        let mut reads = futures::stream::iter(reads).buffered(AT_ONCE);
        let (mut fetches, mut paths) = (Fetches::new(), Vec::new());
        while let Some((request, path, result)) = reads.next().await {
            paths.extend(path.map(|path| (request.clone(), path)));
            fetches.insert(request, result);
        }
        (fetches, paths)
    }

    async fn one(
        &self,
        place: Place<'_>,
        request: FetchRequest,
        asked: Duration,
    ) -> (FetchRequest, Option<KvPath>, Result<Fetched, FetchFailure>) {
        let path = match place.spec.read_path(&request) {
            Ok(path) => path,
            Err(error) => return (request, None, Err(FetchFailure { message: error.to_string() })),
        };
        let read = self.read(place, &path);
        let result = self.flights.get((place.line.id, path.clone()), asked, self.watch.now(), read).await;
        (request, Some(path), result)
    }

    /// Reads one secret. Absent is only what the store itself calls absent.
    async fn read(&self, place: Place<'_>, path: &KvPath) -> Result<Fetched, FetchFailure> {
        let fail = |message: String| FetchFailure { message };
        let line = place.line;
        let _permit = line.permits.acquire().await;
        if let Some(why) = line.is_down(self.watch.now()) {
            return Err(fail(why));
        }
        let mut again = true;
        loop {
            let session = self.session_of(place).await.map_err(|error| fail(error.text().to_owned()))?;
            let read = match path.kv {
                KvVersion::V1 => session.read_kv1(&path.mount, &path.path).await,
                KvVersion::V2 => session.read_kv2(&path.mount, &path.path, path.version).await,
            };
            self.metrics.provider_call("ReadSecretData", !matches!(read, Err(ReadError::Call(_))));
            match read {
                Ok(read) => {
                    line.up();
                    let version = read.version();
                    let secret = Some(SecretValue::from(read.data.expose()));
                    return Ok(Fetched { secret, version });
                }
                Err(ReadError::NotFound) => {
                    line.up();
                    return Ok(Fetched { secret: None, version: None });
                }
                Err(ReadError::Deleted(metadata)) => {
                    line.up();
                    return Ok(Fetched { secret: None, version: Some(metadata.version) });
                }
                Err(ReadError::Call(CallError::Denied { .. }))
                    if std::mem::take(&mut again) && line.drop_old(self.watch.now()).await => {}
                Err(ReadError::Call(error)) => {
                    line.note(&error, self.watch.now());
                    let url = url(&place.spec.server, path);
                    return Err(fail(worded("cannot read secret data from Vault", &url, &error)));
                }
            }
        }
    }

    /// Whether the store's server knows who we are; what is not known now is read from the cluster anew.
    ///
    /// # Errors
    /// [`NoSession`] with what the server or the cluster said.
    pub async fn validate(&self, store: &ClusterStore, spec: &StoreSpec) -> Result<(), NoSession> {
        let line = self.line(store, spec, &store.meta.namespace);
        let place = Place { line: &line, spec, namespace: &store.meta.namespace };
        if matches!(spec.auth, Auth::Token(_))
            && let Some(live) = line.live.lock().await.as_mut()
        {
            live.until = Duration::ZERO;
        }
        let session = self.session_of(place).await?;
        let found = session.lookup_self().await;
        self.metrics.provider_call("LookupSelf", found.is_ok());
        match found {
            Ok(_) => {
                line.up();
                Ok(())
            }
            Err(error) => {
                *line.live.lock().await = None;
                line.note(&error, self.watch.now());
                let url = format!("{}/v1/auth/token/lookup-self", spec.server);
                Err(NoSession::Refused(worded("invalid vault credentials", &url, &error)))
            }
        }
    }

    /// A client for the server of a store, without a login.
    ///
    /// # Errors
    /// [`NoSession`].
    pub async fn client(&self, spec: &StoreSpec, namespace: &str) -> Result<Client, NoSession> {
        let ca = self.ca(spec, namespace).await?;
        client(spec, ca)
    }

    /// Drops the sessions of a store, except those of one generation, and logs out where we logged in.
    pub async fn forget(&self, uid: &str, except: Option<u64>) {
        let gone: Vec<Arc<Line>> = {
            let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
            let old = |identity: &Identity| identity.uid == uid && Some(identity.generation) != except;
            let keys: Vec<Identity> = lines.1.keys().filter(|it| old(it)).cloned().collect();
            keys.iter().filter_map(|key| lines.1.remove(key)).collect()
        };
        log_out(gone).await;
    }

    /// Logs out everywhere.
    pub async fn close(&self) {
        let all = std::mem::take(&mut self.lines.lock().unwrap_or_else(PoisonError::into_inner).1);
        log_out(all.into_values().collect()).await;
    }

    /// Drops answers that nobody may use any more; `idle`: nobody waits at all.
    pub fn tidy(&self, idle: bool) {
        if idle { self.flights.clear() } else { self.flights.expire(self.watch.now()) }
    }

    fn line(&self, store: &ClusterStore, spec: &StoreSpec, namespace: &str) -> Arc<Line> {
        let namespace = if spec.is_referent() { namespace } else { "" };
        let identity = Identity {
            uid: store.meta.uid.clone(),
            generation: store.meta.generation,
            namespace: namespace.to_owned(),
        };
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let (number, lines) = &mut *lines;
        let line = lines.entry(identity).or_insert_with(|| {
            *number += 1;
            Arc::new(Line {
                id: *number,
                permits: Semaphore::new(AT_ONCE),
                live: tokio::sync::Mutex::new(None),
                down: Mutex::new(None),
            })
        });
        Arc::clone(line)
    }

    /// The session of an identity: as it is, renewed, or logged in anew; one at a time.
    async fn session_of(&self, place: Place<'_>) -> Result<Session, NoSession> {
        let mut live = place.line.live.lock().await;
        let now = self.watch.now();
        if let Some(known) = live.as_ref().filter(|known| now < known.until) {
            return Ok(known.session.clone());
        }
        if let Some(known) = live.as_mut().filter(|known| known.renewable && now < known.dead) {
            let renewed = known.session.renew_self(None).await;
            self.metrics.provider_call("RenewSelf", renewed.is_ok());
            if let Ok(login) = renewed {
                known.lives(&login, now);
                return Ok(known.session.clone());
            }
        }
        let old = live.take();
        let new = match self.log_in(place, old.as_ref(), now).await {
            Ok(new) => new,
            Err(error) => {
                // A login that still works is better than none.
                *live = old.filter(|old| old.owned && now < old.dead);
                return live.as_ref().map(|known| known.session.clone()).ok_or(error);
            }
        };
        let session = new.session.clone();
        *live = Some(new);
        Ok(session)
    }

    async fn log_in(&self, place: Place<'_>, old: Option<&Live>, now: Duration) -> Result<Live, NoSession> {
        let ca = self.ca(place.spec, place.namespace).await?;
        // The same certificates keep the same connections.
        let client = match old.filter(|old| old.ca == ca) {
            Some(old) => old.session.client().clone(),
            None => client(place.spec, ca.clone())?,
        };
        match &place.spec.auth {
            Auth::Token(key) => {
                let value = self.secret_key(key, place.namespace).await?;
                let token =
                    Token::parse(value.expose()).map_err(|error| NoSession::NoClient(error.to_string()))?;
                let session = client.with_token(token);
                let (until, dead) = (now + TOKEN_AGE, now + TOKEN_AGE);
                Ok(Live { session, ca, since: now, until, dead, renewable: false, owned: false })
            }
            Auth::Kubernetes { mount, role, jwt } => {
                let jwt = self.jwt(jwt, place.namespace).await?;
                let login = client.login_kubernetes(mount, role, &jwt).await;
                self.metrics.provider_call("Login", login.is_ok());
                let login = login.map_err(|error| {
                    place.line.note(&error, now);
                    let url = format!("{}/v1/auth/{mount}/login", place.spec.server);
                    NoSession::Refused(worded("cannot log in to Vault with Kubernetes auth", &url, &error))
                })?;
                let session = client.with_token(login.token.clone());
                let mut live =
                    Live { session, ca, since: now, until: now, dead: now, renewable: false, owned: true };
                live.lives(&login, now);
                Ok(live)
            }
        }
    }

    async fn ca(&self, spec: &StoreSpec, namespace: &str) -> Result<Option<String>, NoSession> {
        let found = match &spec.ca {
            CaSource::System => return Ok(None),
            CaSource::Bundle(pem) => return Ok(Some(pem.clone())),
            CaSource::Secret(key) => {
                let value = self.secret_key(key, namespace).await?;
                String::from_utf8(value.expose().to_vec()).ok()
            }
            CaSource::ConfigMap(key) => {
                let namespace = key.namespace.as_deref().unwrap_or(namespace);
                let found = credentials::config_map(&self.api, namespace, &key.name, &key.key).await;
                Some(found.map_err(no_client)?)
            }
        };
        let text = || NoSession::NoClient("the certificates of caProvider are not text".to_owned());
        found.map(Some).ok_or_else(text)
    }

    async fn secret_key(&self, key: &SecretKeyRef, namespace: &str) -> Result<SecretValue, NoSession> {
        let namespace = key.namespace.as_deref().unwrap_or(namespace);
        let body = credentials::secret(&self.api, namespace, &key.name).await.map_err(no_client)?;
        let mut values = read_source_secret(&body).map_err(|error| NoSession::NoClient(error.to_string()))?;
        values
            .remove(&key.key)
            .ok_or_else(|| NoSession::NoClient(format!("cannot find secret data for key: {:?}", key.key)))
    }

    async fn jwt(&self, jwt: &JwtSource, own: &str) -> Result<SecretText, NoSession> {
        match jwt {
            JwtSource::ServiceAccount { namespace, name, audiences } => {
                let namespace = namespace.as_deref().unwrap_or(own);
                credentials::token(&self.api, namespace, name, audiences).await.map_err(no_client)
            }
            JwtSource::Secret(key) => {
                let value = self.secret_key(key, own).await?;
                let text = std::str::from_utf8(value.expose().trim_ascii());
                let text = text.map_err(|_| NoSession::NoClient("the token is not text".to_owned()))?;
                Ok(SecretText::new(text.to_owned()))
            }
        }
    }
}

/// Where a read happens.
#[derive(Clone, Copy)]
struct Place<'a> {
    line: &'a Line,
    spec: &'a StoreSpec,
    /// Where references without a namespace are looked up.
    namespace: &'a str,
}

impl Live {
    fn lives(&mut self, login: &Login, now: Duration) {
        let lease = if login.lease.is_zero() { Duration::from_secs(3600) } else { login.lease };
        self.until = now + lease * 2 / 3;
        self.dead = now + lease;
        self.renewable = login.renewable && !login.lease.is_zero();
    }
}

impl Line {
    /// Why the server is not asked now, if so. After an outage one caller tries; the others wait for what comes of it.
    fn is_down(&self, now: Duration) -> Option<String> {
        let mut down = self.down.lock().unwrap_or_else(PoisonError::into_inner);
        let (until, why) = down.as_mut()?;
        if now < *until {
            return Some(why.clone());
        }
        *until = now + TIMEOUT + PAUSE;
        None
    }

    /// The server has answered.
    fn up(&self) {
        *self.down.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// After an outage the server gets a pause, however many objects read from it; any other answer ends the outage.
    fn note(&self, error: &CallError, now: Duration) {
        let outage = match error {
            CallError::Sealed | CallError::RateLimited { .. } => true,
            CallError::Unavailable { outage, .. } => !matches!(outage, Outage::Status(400..=500)),
            _ => false,
        };
        let mut down = self.down.lock().unwrap_or_else(PoisonError::into_inner);
        *down = outage.then(|| (now + PAUSE, format!("cannot read secret data from Vault: {error}")));
    }

    /// Drops a login that was denied, unless it is so new that another would be no better.
    async fn drop_old(&self, now: Duration) -> bool {
        let mut live = self.live.lock().await;
        let old = live.as_ref().is_some_and(|known| {
            let least = if known.owned { DENIED_AGE } else { Duration::from_secs(2) };
            now.saturating_sub(known.since) > least
        });
        if old {
            *live = None;
        }
        old
    }
}

async fn log_out(lines: Vec<Arc<Line>>) {
    for line in lines {
        let live = line.live.lock().await.take();
        if let Some(live) = live.filter(|live| live.owned) {
            // A server that cannot be reached lets the login end by itself.
            let _ended = tokio::time::timeout(Duration::from_secs(2), live.session.revoke_self()).await;
        }
    }
}

fn no_client(missing: Missing) -> NoSession {
    NoSession::NoClient(missing.to_string())
}

fn client(spec: &StoreSpec, ca: Option<String>) -> Result<Client, NoSession> {
    let address = Address::parse(&spec.server).map_err(|error| NoSession::NoClient(error.to_string()))?;
    let mut options = Options::new(address);
    options.namespace.clone_from(&spec.namespace);
    options.via = Some("keyreeve-syncer".to_owned());
    options.timeout = TIMEOUT;
    if let Some(pem) = ca {
        options.trust = Trust::Pem(pem.into_bytes());
    }
    Client::new(options).map_err(|error| NoSession::NoClient(error.to_string()))
}

fn url(server: &str, path: &KvPath) -> String {
    let version = path.version.filter(|_| path.kv == KvVersion::V2);
    let version = version.map(|version| format!("?version={version}")).unwrap_or_default();
    format!("{server}/v1/{}{version}", path.api_path())
}

/// A failure as Vault's own client words it, where the server gave the words.
fn worded(what: &str, url: &str, error: &CallError) -> String {
    let method = if url.ends_with("/login") { "PUT" } else { "GET" };
    match error {
        CallError::Denied { errors } => vault_refusal(what, method, url, 403, errors),
        CallError::Refused { status, errors } => vault_refusal(what, method, url, *status, errors),
        CallError::Unavailable { outage: Outage::Connect, what: why }
            if why.contains("Connection refused") =>
        {
            let host = url.split('/').nth(2).unwrap_or_default();
            format!("{what}: {} {url:?}: dial tcp {host}: connect: connection refused", capitalized(method))
        }
        other => format!("{what}: {} {url:?}: {other}", capitalized(method)),
    }
}

/// `GET` as `Get`.
fn capitalized(method: &str) -> String {
    let mut letters = method.chars();
    letters.next().into_iter().chain(letters.map(|letter| letter.to_ascii_lowercase())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(error: &CallError, wanted: &str) {
        assert_eq!(worded("bad", "http://127.0.0.1:1/v1/a", error), wanted);
    }

    #[test]
    fn failures_are_worded_as_people_know_them() {
        let errors = vec!["permission denied".to_owned()];
        check(
            &CallError::Denied { errors: errors.clone() },
            "bad: Error making API request.\n\nURL: GET http://127.0.0.1:1/v1/a\nCode: 403. Errors:\n\n* permission denied",
        );
        check(
            &CallError::Refused { status: 400, errors },
            "bad: Error making API request.\n\nURL: GET http://127.0.0.1:1/v1/a\nCode: 400. Errors:\n\n* permission denied",
        );
        let refused =
            "client error (Connect): tcp connect error: Connection refused (os error 111)".to_owned();
        check(
            &CallError::Unavailable { outage: Outage::Connect, what: refused },
            "bad: Get \"http://127.0.0.1:1/v1/a\": dial tcp 127.0.0.1:1: connect: connection refused",
        );
        check(&CallError::Sealed, "bad: Get \"http://127.0.0.1:1/v1/a\": the server is sealed; unseal it");
    }

    #[test]
    fn after_an_outage_one_caller_tries_at_a_time() {
        let line = Line {
            id: 1,
            permits: Semaphore::new(1),
            live: tokio::sync::Mutex::new(None),
            down: Mutex::new(None),
        };
        let at = Duration::from_secs;
        assert!(line.is_down(at(0)).is_none());
        line.note(&CallError::Sealed, at(0));
        assert!(line.is_down(at(4)).is_some());
        assert!(line.is_down(at(5)).is_none(), "one tries");
        assert!(line.is_down(at(6)).is_some(), "and only one");
        line.note(&CallError::Sealed, at(7));
        assert!(line.is_down(at(11)).is_some());
        assert!(line.is_down(at(12)).is_none());
        line.up();
        assert!(line.is_down(at(12)).is_none());
        // A caller that never came back does not close the way for ever.
        line.note(&CallError::Sealed, at(20));
        assert!(line.is_down(at(25)).is_none());
        assert!(line.is_down(at(41)).is_none());
        // A denial is an answer.
        line.note(&CallError::Denied { errors: Vec::new() }, at(42));
        assert!(line.is_down(at(42)).is_none());
    }
}
