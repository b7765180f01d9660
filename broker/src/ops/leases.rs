//! Leases over HTTP: the broker issues none, and says so in the words that clients of leases know.

use broker_core::route::LeaseOp;

use crate::flow::Context;
use crate::http::error::Failure;
use crate::http::reply::Answer;
use crate::ops::required_text;

/// Answers `sys/leases/…`: nothing is found, and revoking what is not there is done at once.
///
/// # Errors
/// 400 where no lease is named or it would have to be there; 404 for a list.
pub fn answer(context: &Context<'_>, op: &LeaseOp) -> Result<Answer, Failure> {
    let named = |in_path: &Option<String>| match in_path {
        Some(_) => Ok(()),
        None => required_text(&context.request.body, "lease_id", "lease_id must be specified").map(drop),
    };
    match op {
        LeaseOp::Lookup => {
            named(&None)?;
            Err(Failure::bad_request("invalid lease"))
        }
        LeaseOp::List => Err(Failure::not_found()),
        LeaseOp::Renew { id } => {
            named(id)?;
            Err(Failure::bad_request("lease not found"))
        }
        LeaseOp::Revoke { id } => {
            named(id)?;
            Ok(Answer::no_content())
        }
    }
}
