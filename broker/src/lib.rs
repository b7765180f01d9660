//! The broker: Vault's HTTP API over an encrypted embedded store with a durable audit log.

pub mod keys;
pub mod store;
