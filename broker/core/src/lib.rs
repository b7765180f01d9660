//! The broker's decisions, pure: what a request asks for, what a command changes, what the audit log says.
//!
//! Start with [`command::apply`]: it decides every write over rows that its adapter loads. [`token`] and [`kv2`]
//! hold the rules that Vault's users know; [`record`] is the audit record; [`ledger`] the proofs that a value may leave.

pub mod auth;
pub mod authorize;
pub mod change;
pub mod command;
pub mod duration;
mod glob;
pub mod identity;
pub mod json;
pub mod kv1;
pub mod kv2;
pub mod ledger;
mod load;
pub mod mount;
pub mod policy;
pub mod reason;
pub mod record;
pub mod refusal;
pub mod route;
pub mod row;
pub mod secret;
pub mod sender;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod time;
pub mod token;
pub mod tree;
pub mod wire;
