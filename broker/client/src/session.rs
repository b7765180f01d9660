//! A session: a client with a token. Every request but logins and the token's own goes through [`Session::call`].

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use url::Url;

use crate::answer::{Answer, Head, judge};
use crate::body;
use crate::client::Client;
use crate::error::{CallError, ReadError};
use crate::kv::{self, KvRead};
use crate::outage;
use crate::path::encode;
use crate::token::Token;

/// What a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Read.
    Get,
    /// List what is below a path.
    List,
    /// Create or update.
    Post,
    /// Create or update.
    Put,
    /// Merge a JSON merge patch.
    Patch,
    /// Delete.
    Delete,
}

/// A client with a token. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Session {
    pub(crate) client: Client,
    pub(crate) token: Option<Arc<Token>>,
}

impl Session {
    pub(crate) fn new(client: Client, token: Option<Token>) -> Self {
        Self { client, token: token.map(Arc::new) }
    }

    /// The client behind it.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Calls a path below `v1/`, such as `secret/data/app/db`, not percent-encoded. `body` is JSON.
    ///
    /// A 404 is an answer where it carries data (a deleted version of KV version 2), else an error.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&str>,
    ) -> Result<Answer, CallError> {
        let url = self.url(path, query, method == Method::List)?;
        let mut request = self.request(method, url).header(ACCEPT, "application/json");
        if let Some(body) = body {
            let kind =
                if method == Method::Patch { "application/merge-patch+json" } else { "application/json" };
            request = request.header(CONTENT_TYPE, kind).body(body.to_owned());
        }
        self.in_time(async {
            let response = request.send().await.map_err(outage::of_reqwest)?;
            let head = Head::of(&response);
            judge(&head, body::read(response).await?)
        })
        .await
    }

    /// Reads a secret of KV version 2; `version` `None` is the newest. `mount` and `path` are not percent-encoded.
    ///
    /// # Errors
    /// [`ReadError`]: "not found" and "deleted" only when the store itself says so.
    pub async fn read_kv2(&self, mount: &str, path: &str, version: Option<u64>) -> Result<KvRead, ReadError> {
        let version = version.map(|v| v.to_string());
        let query: Vec<(&str, &str)> = version.iter().map(|v| ("version", v.as_str())).collect();
        kv::read2(&self.call(Method::Get, &format!("{mount}/data/{path}"), &query, None).await?)
    }

    /// Reads a secret of KV version 1.
    ///
    /// # Errors
    /// [`ReadError`]: "not found" only when the store itself says so.
    pub async fn read_kv1(&self, mount: &str, path: &str) -> Result<KvRead, ReadError> {
        kv::read1(&self.call(Method::Get, &format!("{mount}/{path}"), &[], None).await?)
    }

    /// Sends a request whose answer is a stream, and waits for its head.
    pub(crate) async fn open(
        &self,
        path: &str,
        query: &[(&str, &str)],
        headers: &[(&'static str, &str)],
    ) -> Result<reqwest::Response, CallError> {
        let mut request = self.request(Method::Get, self.url(path, query, false)?);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.in_time(async { request.send().await.map_err(outage::of_reqwest) }).await
    }

    /// The longest wait for an answer applies.
    pub(crate) async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, CallError>>,
    ) -> Result<T, CallError> {
        let limit: Duration = self.client.options.timeout;
        tokio::time::timeout(limit, work).await.unwrap_or_else(|_| Err(outage::timeout(limit.as_secs())))
    }

    fn url(&self, path: &str, query: &[(&str, &str)], list: bool) -> Result<Url, CallError> {
        let mut url = self.client.options.address.origin().clone();
        url.set_path(&format!("{}/{}", self.client.options.address.root(), encode(path)?));
        if list || !query.is_empty() {
            let mut pairs = url.query_pairs_mut();
            if list {
                pairs.append_pair("list", "true");
            }
            pairs.extend_pairs(query);
        }
        Ok(url)
    }

    fn request(&self, method: Method, url: Url) -> reqwest::RequestBuilder {
        let method = match method {
            Method::Get | Method::List => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Patch => reqwest::Method::PATCH,
            Method::Delete => reqwest::Method::DELETE,
        };
        let request = self.client.http.request(method, url).header("x-vault-request", "true");
        let token = self.token.as_ref().and_then(|t| HeaderValue::from_str(t.expose()).ok());
        match token {
            Some(mut token) => {
                token.set_sensitive(true);
                request.header("x-vault-token", token)
            }
            None => request,
        }
    }
}
