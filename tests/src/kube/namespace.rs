//! A namespace of one test, with its service accounts and their tokens.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::Access;

/// How long the controllers may take to give a new namespace its default service account.
const LIMIT: Duration = Duration::from_secs(30);

/// Seconds for which a service account's token is good.
const TOKEN_SECONDS: u64 = 3600;

/// A namespace that is deleted, without waiting for it, when this is dropped.
#[derive(Debug)]
pub struct Namespace {
    admin: Access,
    name: String,
}

impl Namespace {
    /// Creates the namespace and waits for its default service account.
    ///
    /// # Errors
    /// The API server refuses, or no service account appears within 30 seconds.
    pub(super) fn create(admin: &Access, name: &str) -> Result<Namespace> {
        let body = json!({"metadata": {"name": name}});
        admin.must("POST", "/api/v1/namespaces", Some(&body))?;
        let namespace = Namespace { admin: admin.clone(), name: name.into() };
        admin.wait_for(&namespace.path("serviceaccounts/default"), LIMIT, |answer| answer.status == 200)?;
        Ok(namespace)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The path of core objects in it: of `secrets/a`, `/api/v1/namespaces/NAME/secrets/a`.
    pub fn path(&self, rest: &str) -> String {
        format!("/api/v1/namespaces/{}/{rest}", self.name)
    }

    /// Runs kubectl as admin in this namespace.
    ///
    /// # Errors
    /// See [`Access::kubectl`].
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        self.admin.kubectl(&[&["--namespace", &self.name], arguments].concat())
    }

    /// Applies manifests as admin in this namespace.
    ///
    /// # Errors
    /// See [`Access::apply`].
    pub fn apply(&self, manifests: &str) -> Result<String> {
        self.admin.kubectl_with(&["--namespace", &self.name, "apply", "-f", "-"], manifests)
    }

    /// The core object or list at `rest` of this namespace, such as `secrets/a`.
    ///
    /// # Errors
    /// See [`Access::get_json`].
    pub fn get_json(&self, rest: &str) -> Result<Value> {
        self.admin.get_json(&self.path(rest))
    }

    /// Makes a service account without rights.
    ///
    /// # Errors
    /// The API server refuses.
    pub fn service_account(&self, name: &str) -> Result<()> {
        let body = json!({"metadata": {"name": name}});
        self.admin.must("POST", &self.path("serviceaccounts"), Some(&body)).map(|_| ())
    }

    /// A token of a service account for these audiences, good for an hour; without audiences it is for the API server.
    ///
    /// # Errors
    /// There is no such service account.
    pub fn token(&self, service_account: &str, audiences: &[&str]) -> Result<String> {
        let body = json!({"spec": {"audiences": audiences, "expirationSeconds": TOKEN_SECONDS}});
        let path = self.path(&format!("serviceaccounts/{service_account}/token"));
        let answer = self.admin.must("POST", &path, Some(&body))?;
        Ok(answer["status"]["token"].as_str().context("the answer has no token")?.to_owned())
    }

    /// Access to the API server as a service account of this namespace.
    ///
    /// # Errors
    /// There is no such service account, or its kubeconfig cannot be written.
    pub fn access_for(&self, service_account: &str) -> Result<Access> {
        let token = self.token(service_account, &[])?;
        self.admin.with_token(&format!("{}.{service_account}", self.name), &token)
    }

    /// The file of a kubeconfig with a fresh token of a service account of this namespace.
    ///
    /// # Errors
    /// See [`Namespace::access_for`].
    pub fn kubeconfig_for(&self, service_account: &str) -> Result<PathBuf> {
        Ok(self.access_for(service_account)?.kubeconfig().to_owned())
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // A cluster that is gone has no namespaces left.
        let _ = self.admin.api("DELETE", &format!("/api/v1/namespaces/{}", self.name), None);
    }
}
