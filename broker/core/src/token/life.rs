//! How long a token lives: expiry, renewal and the limits on both.

use super::{SYSTEM_MAX_TTL_SECONDS, TokenInfo, TokenRole};
use crate::duration::print_short;
use crate::refusal::Refusal;
use crate::time::Time;

const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// Whether a token has not ended by itself yet.
pub fn is_live(token: &TokenInfo, now: Time) -> bool {
    token.expires.is_none_or(|end| end > now)
}

/// Seconds that a token has left, to the nearest; 0 for one that never ends.
pub fn remaining_seconds(token: &TokenInfo, now: Time) -> u64 {
    token.expires.map_or(0, |end| seconds_between(now, end))
}

fn seconds_between(from: Time, to: Time) -> u64 {
    let nanos = to.0.saturating_sub(from.0).saturating_add(NANOS_PER_SECOND / 2);
    u64::try_from(nanos / NANOS_PER_SECOND).unwrap_or(0)
}

/// A time so many seconds later.
pub(crate) fn after(from: Time, seconds: u64) -> Time {
    from.plus_seconds(i64::try_from(seconds).unwrap_or(i64::MAX))
}

pub(super) fn short(seconds: u64) -> String {
    print_short(i64::try_from(seconds).unwrap_or(i64::MAX))
}

/// The longest life: the explicit limit if it is the tighter one, else the system's.
pub(super) fn max_ttl(explicit: u64) -> u64 {
    if explicit == 0 { SYSTEM_MAX_TTL_SECONDS } else { explicit.min(SYSTEM_MAX_TTL_SECONDS) }
}

/// The smaller of two limits, where 0 is none.
pub(crate) fn tighter(one: u64, other: u64) -> u64 {
    match (one, other) {
        (0, limit) | (limit, 0) => limit,
        (one, other) => one.min(other),
    }
}

pub(super) fn capped(what: &str, asked: u64, most: u64) -> String {
    let (asked, most) = (short(asked), short(most));
    format!(
        "{what} of \"{asked}\" exceeded the effective max_ttl of \"{most}\"; {what} value is capped accordingly"
    )
}

/// Renews a token for `increment` seconds from now, 0 for the seconds it was created with. A periodic token
/// gets its period. No token outlives its explicit limit, and none that is not periodic the system's. A token of a
/// role is renewed by what the role, given as it is now, says of period and limit, and by its own, the tighter of both.
///
/// # Returns
/// The token as renewed, and a warning where it got less than asked for.
///
/// # Errors
/// [`Refusal::Invalid`]: it ended already, is not renewable, is past its limit, or its role is gone.
pub fn plan_renew(
    token: &TokenInfo,
    role: Option<&TokenRole>,
    increment: u64,
    now: Time,
) -> Result<(TokenInfo, Vec<String>), Refusal> {
    if !is_live(token, now) {
        return Err(Refusal::Invalid("token not found".to_owned()));
    }
    if !token.renewable || token.expires.is_none() {
        return Err(Refusal::Invalid("lease is not renewable".to_owned()));
    }
    let (period, explicit) = in_force(token, role)?;
    let periodic = period > 0;
    let asked = match increment {
        _ if periodic => period,
        0 => token.creation_ttl,
        increment => increment,
    };
    let limit = match explicit {
        0 if periodic => None,
        explicit if periodic => Some(after(token.created, explicit)),
        explicit => Some(after(token.created, max_ttl(explicit))),
    };
    let mut end = after(now, asked);
    let mut warnings = Vec::new();
    if let Some(limit) = limit {
        if limit <= now {
            return Err(Refusal::Invalid("past the max TTL, cannot renew".to_owned()));
        }
        if limit < end {
            warnings.push(capped("TTL", asked, seconds_between(now, limit)));
            end = limit;
        }
    }
    let renewed = TokenInfo { expires: Some(end), last_renewal: Some(now), ..token.clone() };
    Ok((renewed, warnings))
}

/// Period and explicit limit of a token in seconds, with those of its role; 0 for none.
fn in_force(token: &TokenInfo, role: Option<&TokenRole>) -> Result<(u64, u64), Refusal> {
    match (&token.role, role) {
        (None, _) => Ok((token.period, token.explicit_max_ttl)),
        (Some(_), Some(role)) => Ok((
            tighter(token.period, role.period.seconds).min(SYSTEM_MAX_TTL_SECONDS),
            tighter(token.explicit_max_ttl, role.explicit_max_ttl.seconds),
        )),
        (Some(name), None) => Err(Refusal::Invalid(format!(
            "original token role {name:?} could not be found, not renewing; write the role again or create a new token"
        ))),
    }
}
