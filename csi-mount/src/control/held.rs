//! A token that an identity has: how long it lives, and when it is renewed.

use std::time::Duration;

use broker_client::{Login, Session, Token, TokenInfo};
use csi_mount_core::refresh::Millis;

use crate::clock;

/// The shortest time until a token is renewed.
const MIN_RENEWAL: Millis = 1_000;

/// A token of the broker and what is known about it. Its `Debug` shows nothing of the token.
#[derive(Clone, Debug)]
pub struct Held {
    /// The token.
    pub token: Token,
    /// When it ends, in milliseconds since 1970; `None` for never or not known.
    pub ends: Option<u64>,
    pub(super) session: Session,
    pub(super) accessor: String,
    pub(super) policies: Vec<String>,
    pub(super) renew_at: Option<Millis>,
    /// Counts the tokens of an identity.
    pub(super) serial: u64,
    /// Whether it was made by a login of ours, which ends with us.
    pub(super) ours: bool,
}

/// How long a token lives, and when it is renewed.
pub(super) struct Lease {
    pub(super) ends: Option<u64>,
    pub(super) renew_at: Option<Millis>,
}

impl Lease {
    /// `ttl` zero is for ever.
    pub(super) fn of(ttl: Duration) -> Self {
        let ttl = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
        if ttl == 0 {
            return Self { ends: None, renew_at: None };
        }
        // Renewed, or logged in again, when two thirds of its life are over.
        let wait = (ttl / 3).saturating_mul(2).max(MIN_RENEWAL);
        Self {
            ends: Some(clock::unix_millis().saturating_add(ttl)),
            renew_at: Some(clock::now().saturating_add(wait)),
        }
    }
}

impl Held {
    pub(super) fn is_over(&self) -> bool {
        self.ends.is_some_and(|ends| ends <= clock::unix_millis())
    }

    /// The token of a login of ours.
    pub(super) fn logged_in(login: &Login, session: Session) -> Self {
        let lease = Lease::of(login.lease);
        Self {
            token: login.token.clone(),
            ends: lease.ends,
            session,
            accessor: login.accessor.clone(),
            policies: login.policies.clone(),
            renew_at: lease.renew_at,
            serial: 0,
            ours: true,
        }
    }

    /// A token of somebody else, as the broker knows it.
    pub(super) fn looked_up(token: Token, session: Session, info: &TokenInfo) -> Self {
        // A token that ends right now is not one that never ends.
        let ttl =
            info.expire_time.as_ref().map_or(Duration::ZERO, |_| info.ttl.max(Duration::from_millis(1)));
        let lease = Lease::of(ttl);
        Self {
            token,
            ends: lease.ends,
            session,
            accessor: info.accessor.clone(),
            policies: info.policies.clone(),
            renew_at: lease.renew_at.filter(|_| info.renewable),
            serial: 0,
            ours: false,
        }
    }

    /// A token that nothing is known of.
    pub(super) fn unknown(token: Token, session: Session) -> Self {
        let (accessor, policies) = (String::new(), Vec::new());
        Self { token, ends: None, session, accessor, policies, renew_at: None, serial: 0, ours: false }
    }
}
