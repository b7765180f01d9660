//! The broker: Vault's HTTP API over an encrypted embedded store with a durable audit log.
//!
//! [`run::start`] builds it, [`http`] has the routes on one screen, [`flow`] is the one road of a request.

pub mod app;
pub mod backend;
pub mod clock;
pub mod config;
pub mod files;
pub mod first_start;
pub mod flow;
pub mod http;
pub mod ids;
pub mod keys;
pub mod kv;
pub mod metrics;
pub mod ops;
pub mod policy_store;
pub mod reviewer;
pub mod run;
pub mod say;
pub mod serve;
pub mod store;
pub mod sweep;
pub mod telemetry;
pub mod tls;
