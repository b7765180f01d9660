//! The broker: Vault's HTTP API over an encrypted embedded store with a durable audit log.
