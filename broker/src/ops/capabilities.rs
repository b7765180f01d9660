//! What a token may do on paths: the same answer that enforcement gives.

use broker_core::json::{Json, field};
use broker_core::route::TokenRef;
use broker_core::wire::{quote, string_list};
use policies::{PolicySet, RequestPath};
use std::sync::Arc;

use crate::flow::Context;
use crate::http::error::Failure;
use crate::http::reply::Answer;
use crate::ops::{doubled, token};

/// Answers `sys/capabilities` and its two sisters.
pub fn ask(context: &Context<'_>, whose: TokenRef) -> Result<Answer, Failure> {
    let paths = paths(&context.request.body)?;
    let set = set_of(context, whose)?;
    let mut members: Vec<String> = Vec::new();
    for path in &paths {
        members.push(format!("{}:{}", quote(path), string_list(&names(&set, path))));
    }
    if let [only] = paths.as_slice()
        && only != "capabilities"
    {
        members.insert(0, format!("\"capabilities\":{}", string_list(&names(&set, only))));
    }
    Ok(doubled(context, format!("{{{}}}", members.join(","))))
}

fn paths(body: &Json) -> Result<Vec<String>, Failure> {
    let given = body.get("paths").or_else(|| body.get("path")).filter(|v| !v.is_null());
    let mut paths = match given {
        Some(value) => field::list("paths", value).map_err(|e| Failure::bad_request(e.to_string()))?,
        None => Vec::new(),
    };
    paths.dedup();
    if paths.is_empty() { Err(Failure::bad_request("paths must be supplied")) } else { Ok(paths) }
}

fn set_of(context: &Context<'_>, whose: TokenRef) -> Result<Arc<PolicySet>, Failure> {
    if whose == TokenRef::Own {
        return Ok(Arc::clone(&context.caller.set));
    }
    let found = token::named(context, whose)?;
    let token = found.ok_or_else(|| {
        let word = if whose == TokenRef::Accessor { "accessor" } else { "token" };
        Failure::bad_request(format!("invalid {word}"))
    })?;
    Ok(context.app.policies.now().set(&token.policies))
}

/// A path that is not canonical is refused by enforcement, so it grants nothing here either.
fn names(set: &PolicySet, path: &str) -> Vec<String> {
    let asked = path.strip_prefix('/').unwrap_or(path);
    if set.is_root() {
        return vec!["root".to_owned()];
    }
    if RequestPath::from_canonical(asked).is_err() {
        return vec!["deny".to_owned()];
    }
    set.capabilities(asked).names().into_iter().map(str::to_owned).collect()
}
