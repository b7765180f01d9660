//! Holds the Lease: waits for it, renews it, and says when it is lost.

use http::Method;
use syncer_core::cluster::{Lease, LeaseAction, LeaseWatch, format_micro_time, lease_body, read_lease};
use zeroize::Zeroizing;

use super::api::{Api, ApiError, Kind, part};
use super::clock::micros;
use super::config::LeaseConfig;
use crate::clock::Stopwatch;

/// The Lease and what is known of it.
pub struct Leadership {
    api: Api,
    config: LeaseConfig,
    clock: Stopwatch,
    watch: LeaseWatch,
}

impl Leadership {
    /// Nothing is known yet.
    pub fn new(api: Api, config: LeaseConfig, clock: Stopwatch) -> Self {
        Self { api, config, clock, watch: LeaseWatch::default() }
    }

    /// Waits until we hold the Lease.
    pub async fn acquire(&mut self) {
        tracing::info!(lease = self.config.name, "waits to lead");
        loop {
            match self.step().await {
                Ok(true) => {
                    tracing::info!(lease = self.config.name, me = self.config.me, "leads");
                    return;
                }
                Ok(false) => {}
                Err(error) => tracing::debug!("the lease cannot be looked at: {error}"),
            }
            tokio::time::sleep(self.config.times.retry).await;
        }
    }

    /// Renews the Lease; returns when it is lost.
    pub async fn hold(&mut self) {
        loop {
            tokio::time::sleep(self.config.times.retry).await;
            // A server that is silent must not keep us leading.
            let limit = self.config.times.renew_deadline;
            match tokio::time::timeout(limit, self.step()).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => tracing::debug!("the lease is not renewed: {error}"),
                Err(_) => tracing::debug!("the lease is not renewed: no answer in {limit:?}"),
            }
            let now = self.clock.now();
            if self.watch.is_lost(self.config.times, now) || self.watch.is_taken(&self.config.me) {
                tracing::error!(lease = self.config.name, "the lease is lost");
                return;
            }
        }
    }

    /// Gives the Lease up, so that another need not wait.
    pub async fn release(&mut self) {
        let path = self.path();
        let Ok(Some(body)) = self.api.find(&path).await else { return };
        let Some(lease) = read_lease(&body).filter(|lease| lease.holder == self.config.me) else { return };
        let free = Lease { holder: String::new(), duration: std::time::Duration::from_secs(1), ..lease };
        if let Err(error) = self.write(Method::PUT, &path, &free).await {
            tracing::debug!("the lease is not given up: {error}");
        }
    }

    /// Looks once.
    ///
    /// # Returns
    /// Whether we hold it.
    async fn step(&mut self) -> Result<bool, ApiError> {
        // Counted from before the request: the server's answer may be slow.
        let now = self.clock.now();
        let path = self.path();
        let lease = self.api.find(&path).await?.and_then(|body| read_lease(&body));
        let (method, path, lease) =
            match self.watch.look(lease, &self.config.me, self.config.times, (now, micros())) {
                LeaseAction::Wait => return Ok(false),
                LeaseAction::Write(lease) => (Method::PUT, path, lease),
                LeaseAction::Create => {
                    let time = Some(format_micro_time(micros()));
                    let lease = Lease {
                        holder: self.config.me.clone(),
                        duration: self.config.times.duration,
                        acquire_time: time.clone(),
                        renew_time: time,
                        ..Lease::default()
                    };
                    (Method::POST, self.list(), lease)
                }
            };
        match self.write(method, &path, &lease).await {
            Ok(()) => {
                self.watch.renewed(now);
                Ok(true)
            }
            // Somebody was quicker.
            Err(ApiError::Conflict(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn write(&self, method: Method, path: &str, lease: &Lease) -> Result<(), ApiError> {
        let body = lease_body(&self.config.namespace, &self.config.name, lease);
        self.api.call(method, path, Some((Kind::Json, Zeroizing::new(body)))).await.map(drop)
    }

    fn list(&self) -> String {
        format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", part(&self.config.namespace))
    }

    fn path(&self) -> String {
        format!("{}/{}", self.list(), part(&self.config.name))
    }
}
