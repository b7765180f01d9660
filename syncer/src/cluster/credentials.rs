//! What a store refers to in the cluster: Secrets, ConfigMaps and tokens of service accounts.

use std::collections::BTreeMap;

use broker_client::SecretText;
use http::Method;
use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

use super::api::{Api, ApiError, Kind, part};

/// How long a token that is asked for lives, in seconds; no server gives less.
const TOKEN_SECONDS: u32 = 600;

/// What is not there or may not be read.
#[derive(Debug, thiserror::Error)]
pub enum Missing {
    /// A Secret.
    #[error("cannot get Kubernetes secret {name:?} from namespace {namespace:?}: {cause}")]
    Secret {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// Why.
        cause: ApiError,
    },
    /// A ConfigMap.
    #[error("cannot get Kubernetes configmap {name:?} from namespace {namespace:?}: {cause}")]
    ConfigMap {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// Why.
        cause: ApiError,
    },
    /// A key of a ConfigMap.
    #[error("cannot find key {key:?} in the configmap {namespace}/{name}")]
    Key {
        /// The ConfigMap's namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// The key.
        key: String,
    },
    /// A token of a service account.
    #[error("cannot request a token for the service account {namespace}/{name}: {cause}")]
    Token {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// Why.
        cause: ApiError,
    },
}

/// A Secret as bytes of the API.
///
/// # Errors
/// [`Missing::Secret`].
pub async fn secret(api: &Api, namespace: &str, name: &str) -> Result<Zeroizing<Vec<u8>>, Missing> {
    let path = format!("/api/v1/namespaces/{}/secrets/{}", part(namespace), part(name));
    api.get(&path).await.map_err(|cause| Missing::Secret {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        cause,
    })
}

/// The text under a key of a ConfigMap.
///
/// # Errors
/// [`Missing::ConfigMap`] or [`Missing::Key`].
pub async fn config_map(api: &Api, namespace: &str, name: &str, key: &str) -> Result<String, Missing> {
    #[derive(Deserialize)]
    struct Wire {
        #[serde(default)]
        data: BTreeMap<String, String>,
    }
    let own = || (namespace.to_owned(), name.to_owned());
    let path = format!("/api/v1/namespaces/{}/configmaps/{}", part(namespace), part(name));
    let body = api.get(&path).await.map_err(|cause| {
        let (namespace, name) = own();
        Missing::ConfigMap { namespace, name, cause }
    })?;
    let found = serde_json::from_slice::<Wire>(&body).ok().and_then(|mut wire| wire.data.remove(key));
    found.ok_or_else(|| {
        let (namespace, name) = own();
        Missing::Key { namespace, name, key: key.to_owned() }
    })
}

/// A fresh token of a service account for these audiences; none means the server's own.
///
/// # Errors
/// [`Missing::Token`].
pub async fn token(
    api: &Api,
    namespace: &str,
    name: &str,
    audiences: &[String],
) -> Result<SecretText, Missing> {
    #[derive(Deserialize)]
    struct Wire {
        status: Status,
    }
    #[derive(Deserialize)]
    struct Status {
        token: String,
    }
    let path = format!("/api/v1/namespaces/{}/serviceaccounts/{}/token", part(namespace), part(name));
    let body = json!({
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": { "audiences": audiences, "expirationSeconds": TOKEN_SECONDS },
    });
    let body = Some((Kind::Json, Zeroizing::new(body.to_string())));
    let fail = |cause| Missing::Token { namespace: namespace.to_owned(), name: name.to_owned(), cause };
    let answer = api.call(Method::POST, &path, body).await.map_err(fail)?;
    let none = || ApiError::Unavailable("the answer holds no token".to_owned());
    let wire = serde_json::from_slice::<Wire>(&answer).map_err(|_| fail(none()))?;
    Ok(SecretText::new(wire.status.token))
}
