//! What a failed connection means, read off the chain of causes.

use std::error::Error;
use std::io;

use crate::error::{CallError, Outage};

/// The error for a request that got no whole answer.
pub(crate) fn of_reqwest(error: reqwest::Error) -> CallError {
    of_reqwest_ref(&error.without_url())
}

/// The same for an error that somebody else holds; the URL is named by the caller's own text, not here.
pub(crate) fn of_reqwest_ref(error: &reqwest::Error) -> CallError {
    let outage = if error.is_timeout() {
        Outage::Timeout
    } else if is_tls(error) {
        Outage::Tls
    } else if error.is_connect() {
        Outage::Connect
    } else {
        Outage::Broken
    };
    CallError::Unavailable { outage, what: chain(error) }
}

/// The error for a time-out of our own.
pub(crate) fn timeout(seconds: u64) -> CallError {
    CallError::Unavailable { outage: Outage::Timeout, what: format!("no answer in {seconds} s") }
}

/// The texts of an error and its causes.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut texts = vec![error.to_string()];
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if texts.last() != Some(&text) {
            texts.push(text);
        }
        next = cause.source();
    }
    texts.join(": ")
}

fn is_tls(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(cause) = next {
        if cause.is::<rustls::Error>() {
            return true;
        }
        // An I/O error does not name what it wraps as its source, only the source of that.
        let wrapped = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = wrapped.map(|e| -> &(dyn Error + 'static) { e }).or_else(|| cause.source());
    }
    false
}
