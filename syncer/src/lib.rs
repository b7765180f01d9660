//! The syncer: keeps Secrets as ExternalSecrets declare them.
//!
//! [`standalone::run`] follows a folder of manifests and writes a folder of Secrets; [`render::render_files`] does it
//! once, in memory; [`cluster::run`] serves an API server. What a manifest means and which Secret follows is decided
//! in `syncer-core`.

pub mod clock;
pub mod cluster;
pub mod config;
pub mod deliveries;
pub mod fetch;
pub mod files;
pub mod follow;
pub mod job;
pub mod metrics;
pub mod render;
pub mod say;
pub mod schedule;
pub mod standalone;
pub mod status;
pub mod telemetry;
pub mod templates;
