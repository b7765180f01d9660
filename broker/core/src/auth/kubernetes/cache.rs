//! Positive reviews, kept for seconds: a controller that logs in at each round asks the API server once.

use std::collections::BTreeMap;

use ring::digest::{Context, SHA256};

use super::{KubernetesConfig, KubernetesRole, Review};
use crate::time::Time;

/// How long a review counts, in seconds; never beyond the end of the token.
pub const CACHE_SECONDS: i64 = 10;
/// The most reviews that are kept; further ones are not.
pub const MAX_CACHED: usize = 1_000;

/// Names a review: a hash over method, settings, role and token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReviewKey([u8; 32]);

/// The key of a review: it counts for this method, API server, role, audience and token only.
pub fn review_key(
    mount_id: &str,
    config: &KubernetesConfig,
    role: &KubernetesRole,
    unverified_jwt: &str,
) -> ReviewKey {
    let mut hash = Context::new(&SHA256);
    let parts = [mount_id, &config.host, &config.ca_cert, &role.name, &role.audience, unverified_jwt];
    for part in parts {
        // With its length, so that no two lists of parts come to the same bytes.
        hash.update(&(part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let mut key = [0; 32];
    key.copy_from_slice(hash.finish().as_ref());
    ReviewKey(key)
}

struct Kept {
    from: Time,
    until: Time,
    review: Review,
}

/// Positive reviews by their key.
#[derive(Default)]
pub struct ReviewCache(BTreeMap<ReviewKey, Kept>);

impl ReviewCache {
    /// A review that still counts.
    pub fn get(&self, key: &ReviewKey, now: Time) -> Option<&Review> {
        // A clock that was set back makes it none.
        self.0.get(key).filter(|kept| kept.from <= now && now < kept.until).map(|kept| &kept.review)
    }

    /// Keeps a review of a token that ends at `unverified_expiry`, in seconds since 1970, if it says so.
    pub fn put(&mut self, key: ReviewKey, review: Review, now: Time, unverified_expiry: Option<i64>) {
        self.0.retain(|_, kept| now < kept.until);
        let latest = now.plus_seconds(CACHE_SECONDS);
        let until = unverified_expiry.map_or(latest, |end| latest.min(Time::from_seconds(end)));
        if until > now && self.0.len() < MAX_CACHED {
            self.0.insert(key, Kept { from: now, until, review });
        }
    }
}
