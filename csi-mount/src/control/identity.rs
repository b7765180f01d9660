//! A token of the broker: logged in when it is needed, renewed while it is used, and revoked with its last user.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use broker_client::{CallError, Client, Login, Session, Token, TokenInfo};
use csi_mount_core::refresh::{Failure, Millis, backoff};
use tokio::sync::watch;

use super::credential::{Credential, IdentityKey, Way};
use super::held::{Held, Lease};
use super::trouble::Trouble;
use crate::clock;

/// How long a revocation may take to be told after the first request that it made fail.
const GRACE: Duration = Duration::from_millis(500);
/// The longest wait until a token's end is looked at again.
const LOOK: Millis = 60_000;
#[derive(Debug)]
struct State {
    credential: Credential,
    held: Option<Held>,
    /// The token that was revoked, or an empty mark for a login: nothing is read with this identity any more.
    ended: Option<Option<Token>>,
    serial: u64,
    renew_failures: u32,
}

/// Somebody the broker knows. All clones of the `Arc` share one token.
#[derive(Debug)]
pub struct Identity {
    client: Client,
    /// Whose token it is.
    pub key: IdentityKey,
    /// Who it is, for messages.
    pub name: String,
    state: Mutex<State>,
    one_login: tokio::sync::Mutex<()>,
    rights: watch::Sender<u64>,
    tokens: watch::Sender<u64>,
}

/// Moves a number that somebody waits for.
fn move_on(number: &watch::Sender<u64>) {
    number.send_modify(|number| *number = number.wrapping_add(1));
}

impl Identity {
    /// An identity that has not logged in yet, or that goes on with a token from before.
    pub fn new(client: Client, key: IdentityKey, name: String, credential: Credential) -> Arc<Self> {
        let state = State { credential, held: None, ended: None, serial: 0, renew_failures: 0 };
        let one_login = tokio::sync::Mutex::new(());
        let (rights, tokens) = (watch::Sender::new(0), watch::Sender::new(0));
        let identity = Self { client, key, name, state: Mutex::new(state), one_login, rights, tokens };
        let identity = Arc::new(identity);
        tokio::spawn(keep(Arc::downgrade(&identity)));
        identity
    }

    /// Goes on with a token of a former process, whose accessor and rest of life are asked for when it is used.
    pub fn go_on(&self, token: Token, ends: Option<u64>) {
        let session = self.client.with_token(token.clone());
        self.state(|state| {
            state.serial += 1;
            let ours = state.credential.is_login();
            let (accessor, policies) = (String::new(), Vec::new());
            let serial = state.serial;
            // It is looked up at once.
            let renew_at = Some(clock::now());
            state.held = Some(Held { token, ends, session, accessor, policies, renew_at, serial, ours });
        });
        move_on(&self.tokens);
    }

    fn state<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What it may do is other than it was.
    fn tell(&self) {
        move_on(&self.tokens);
        move_on(&self.rights);
    }

    /// A number that moves when its token has come to an end, or when there may be one again.
    pub fn rights(&self) -> watch::Receiver<u64> {
        self.rights.subscribe()
    }

    /// A number that moves whenever its token, or what is known of it, is another.
    pub fn tokens(&self) -> watch::Receiver<u64> {
        self.tokens.subscribe()
    }

    /// The token now, if there is one.
    pub fn held(&self) -> Option<Held> {
        self.state(|state| state.held.clone())
    }

    /// Whether the token was revoked: nothing is read with this identity any more.
    pub fn is_ended(&self) -> bool {
        self.state(|state| state.ended.is_some())
    }

    /// Ends it, as after a revocation that a former process was told of.
    pub fn end(&self) {
        self.state(|state| {
            state.ended = Some(state.held.take().map(|held| held.token));
        });
        self.tell();
    }

    /// Takes a newer proof of the same identity.
    pub fn refresh(&self, credential: Credential) {
        let without_token = self.state(|state| {
            state.credential = credential;
            state.held.is_none() && state.ended.is_none()
        });
        if without_token {
            self.tell();
        }
    }

    /// A session to work with, and its number. Logs in where there is none.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn session(&self) -> Result<(Session, u64), Trouble> {
        if let Some(usable) = self.usable()? {
            return Ok(usable);
        }
        let _one = self.one_login.lock().await;
        match self.usable()? {
            Some(usable) => Ok(usable),
            None => self.log_in().await,
        }
    }

    fn usable(&self) -> Result<Option<(Session, u64)>, Trouble> {
        self.state(|state| {
            let file = state.credential.token_in_file()?;
            let other = |token: &Token| file.as_ref().is_some_and(|now| now.expose() != token.expose());
            if state.ended.as_ref().is_some_and(|ended| ended.as_ref().is_some_and(other)) {
                state.ended = None;
            }
            if state.ended.is_some() {
                return Err(Trouble::new(
                    Failure::Denied,
                    format!("the token of {} was revoked or has expired", self.name),
                ));
            }
            let held = state.held.as_ref().filter(|held| !other(&held.token) && !held.is_over());
            Ok(held.map(|held| (held.session.clone(), held.serial)))
        })
    }

    async fn log_in(&self) -> Result<(Session, u64), Trouble> {
        let way = self.state(|state| state.credential.way())?;
        match way {
            Way::Token(token) => {
                let session = self.client.with_token(token.clone());
                let held = match session.lookup_self().await {
                    Ok(info) => Held::looked_up(token, session, &info),
                    // It may not look itself up, or is none: reading tells.
                    Err(CallError::Denied { .. }) => Held::unknown(token, session),
                    Err(error) => return Err(Trouble::from(error).during(&self.name)),
                };
                Ok(self.hold(held))
            }
            Way::Login { mount, role, jwt } => {
                let login = self.client.login_kubernetes(&mount, &role, &jwt).await;
                let login = login.map_err(|error| {
                    let what = format!("the login of {} at auth/{mount} with the role {role}", self.name);
                    Trouble::from(error).during(&what)
                })?;
                let session = self.client.with_token(login.token.clone());
                Ok(self.hold(Held::logged_in(&login, session)))
            }
        }
    }

    fn hold(&self, mut held: Held) -> (Session, u64) {
        let (old, given) = self.state(|state| {
            state.serial += 1;
            state.renew_failures = 0;
            held.serial = state.serial;
            let given = (held.session.clone(), held.serial);
            (state.held.replace(held), given)
        });
        if let Some(old) = old {
            give_back(old);
        }
        move_on(&self.tokens);
        given
    }

    /// The broker denied something to the token of this number.
    ///
    /// # Returns
    /// Whether there is, or can be, another token that is worth a try.
    pub async fn denied(&self, serial: u64) -> bool {
        let Some(held) = self.held() else { return !self.is_ended() };
        if held.serial != serial {
            return true;
        }
        match held.session.lookup_self().await {
            Ok(info) => {
                // It lives: its policies do not allow it.
                self.learn(serial, &info);
                return false;
            }
            Err(CallError::Denied { .. }) => {}
            Err(_) => return false,
        }
        // A revocation is told by the change stream too, and means more than a token that has lapsed.
        tokio::time::sleep(GRACE).await;
        self.state(|state| {
            let same = state.held.as_ref().is_some_and(|held| held.serial == serial);
            let by_login = state.credential.is_login();
            if same && by_login {
                state.held = None;
            }
            state.ended.is_none() && (by_login || !same)
        })
    }

    fn learn(&self, serial: u64, info: &TokenInfo) {
        self.state(|state| {
            if let Some(held) = state.held.as_mut().filter(|held| held.serial == serial) {
                held.accessor.clone_from(&info.accessor);
                held.policies.clone_from(&info.policies);
            }
        });
    }

    /// A token was revoked.
    ///
    /// # Returns
    /// Whether it was this one's.
    pub fn revoked(&self, accessor: &str) -> bool {
        let was = self.state(|state| {
            let same = state.held.as_ref().is_some_and(|held| held.accessor == accessor);
            if same {
                let held = state.held.take();
                // The driver itself logs in again; everybody else stays out.
                if !matches!(state.credential, Credential::ServiceAccountFile { .. }) {
                    state.ended = Some(held.map(|held| held.token));
                }
            }
            same
        });
        if was {
            tracing::warn!(identity = self.name, "its token was revoked");
            self.tell();
        }
        was
    }

    /// Whether a policy of this name may concern it.
    pub fn has_policy(&self, name: &str) -> bool {
        self.held()
            .is_some_and(|held| held.policies.is_empty() || held.policies.iter().any(|policy| policy == name))
    }

    fn next_look(&self) -> Millis {
        let now = clock::now();
        let at = self.state(|state| {
            let held = state.held.as_ref()?;
            let ends = held.ends.map(|ends| now.saturating_add(ends.saturating_sub(clock::unix_millis())));
            [held.renew_at, ends].into_iter().flatten().min()
        });
        at.unwrap_or(u64::MAX).min(now.saturating_add(LOOK))
    }

    async fn look(&self) {
        let Some(held) = self.held() else { return };
        if held.is_over() {
            // Whoever uses it finds out, and logs in again where that is possible.
            tracing::info!(identity = self.name, "its token has expired");
            let by_login = self.by_login();
            self.state(|state| {
                let over = state.held.take();
                if !by_login {
                    state.ended = Some(over.map(|held| held.token));
                }
            });
            return self.tell();
        }
        if held.renew_at.is_none_or(|at| at > clock::now()) {
            return;
        }
        if held.accessor.is_empty() {
            return self.look_up(&held).await;
        }
        match held.session.renew_self(None).await {
            Ok(login) => self.renewed(&held, &login),
            Err(CallError::Denied { .. }) if !self.denied(held.serial).await => self.renew_later(&held, None),
            Err(CallError::Denied { .. }) => self.tell(),
            Err(CallError::Refused { .. }) => {
                // It cannot be renewed: whoever can logs in again in good time.
                let again = self.by_login();
                self.renew_later(&held, Some(again));
                if again {
                    self.log_in_again().await;
                }
            }
            Err(error) => {
                tracing::warn!(identity = self.name, %error, "its token cannot be renewed");
                self.renew_later(&held, None);
            }
        }
    }

    /// Asks for what a token of a former process is.
    async fn look_up(&self, before: &Held) {
        match before.session.lookup_self().await {
            Ok(info) => {
                let known = Held::looked_up(before.token.clone(), before.session.clone(), &info);
                self.state(|state| {
                    if let Some(held) = state.held.as_mut().filter(|held| held.serial == before.serial) {
                        *held = Held { serial: held.serial, ours: held.ours, ..known };
                    }
                });
            }
            Err(CallError::Denied { .. }) => {
                self.renew_later(before, Some(false));
                self.tell();
            }
            Err(_) => self.renew_later(before, None),
        }
    }

    fn by_login(&self) -> bool {
        self.state(|state| state.credential.is_login())
    }

    async fn log_in_again(&self) {
        let _one = self.one_login.lock().await;
        if let Err(error) = self.log_in().await {
            tracing::warn!(identity = self.name, %error, "it cannot log in again before its token ends");
        }
    }

    fn renewed(&self, before: &Held, login: &Login) {
        let lease = Lease::of(login.lease);
        self.state(|state| {
            state.renew_failures = 0;
            if let Some(held) = state.held.as_mut().filter(|held| held.serial == before.serial) {
                held.ends = lease.ends;
                held.renew_at = lease.renew_at;
                held.accessor.clone_from(&login.accessor);
                held.policies.clone_from(&login.policies);
            }
        });
        move_on(&self.tokens);
    }

    /// Another try after a while; `again` is for a token that is never renewed.
    fn renew_later(&self, before: &Held, again: Option<bool>) {
        self.state(|state| {
            let wait = backoff(state.renew_failures, clock::jitter());
            state.renew_failures = state.renew_failures.saturating_add(1);
            if let Some(held) = state.held.as_mut().filter(|held| held.serial == before.serial) {
                held.renew_at = again.is_none().then(|| clock::now().saturating_add(wait));
            }
        });
    }
}

impl Drop for Identity {
    fn drop(&mut self) {
        if let Some(held) = self.state(|state| state.held.take()) {
            give_back(held);
        }
    }
}

/// Revokes a token that a login of ours made; it would end by itself, only later.
fn give_back(held: Held) {
    if !held.ours {
        return;
    }
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(async move {
            if let Err(error) = held.session.revoke_self().await {
                tracing::debug!(%error, "a token that is not used any more was not revoked");
            }
        });
    }
}

/// Looks after the token for as long as anybody uses the identity.
async fn keep(identity: Weak<Identity>) {
    loop {
        let Some((mut changed, at)) = identity.upgrade().map(|me| (me.tokens(), me.next_look())) else {
            return;
        };
        tokio::select! {
            () = tokio::time::sleep(clock::remaining(at)) => {}
            changed = changed.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return,
            },
        }
        let Some(me) = identity.upgrade() else { return };
        me.look().await;
    }
}
