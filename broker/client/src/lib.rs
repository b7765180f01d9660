//! The client of a Vault, an OpenBao or the broker that every other component uses.
//!
//! [`Client::new`] checks the options, [`Client::with_token`] gives a [`Session`], and a session reads secrets
//! ([`Session::read_kv2`]), calls any path ([`Session::call`]) and follows changes ([`Session::changes`]).
//!
//! Only this crate uses vaultrs, and only for logins and the own token. Its log lines name paths: programs must keep
//! them off with the directives of [`QUIET`].

mod address;
mod answer;
mod audit;
mod body;
mod capabilities;
mod changes;
mod client;
mod error;
mod kv;
mod outage;
mod path;
mod records;
pub mod retry;
mod secret;
mod session;
mod sse;
mod stream;
mod token;
mod vault;

pub use address::{Address, AddressError};
pub use answer::Answer;
pub use audit::{AuditFormat, AuditLine, AuditStream};
pub use changes::{Change, ChangeEvent, ChangeKind, ChangeStream, ChangesError};
pub use client::{Client, Options, OptionsError, Trust};
pub use error::{CallError, Outage, ReadError};
pub use kv::{KvMetadata, KvRead};
pub use records::{Delivery, DeliveryKind, MAX_DELIVERIES};
pub use secret::SecretText;
pub use session::{Method, Session};
pub use sse::{SseError, SseEvent, SseParser};
pub use stream::StreamError;
pub use token::{Token, TokenError};
pub use vault::{Login, TokenInfo};

/// Directives for a log filter that keep the libraries quiet that would name paths of secrets, or repeat each error.
pub const QUIET: &str =
    "vaultrs=off,rustify=off,reqwest=off,hyper=off,hyper_util=off,h2=off,rustls_platform_verifier=off";

#[cfg(test)]
mod tests;
