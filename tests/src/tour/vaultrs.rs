//! The tour with vaultrs.

use std::collections::HashMap;
use std::sync::Once;

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::{Value, json};
use vaultrs::api::AuthInfo;
use vaultrs::api::kv2::requests::{SetSecretMetadataRequest, SetSecretRequestOptions};
use vaultrs::api::token::requests::CreateTokenRequest;
use vaultrs::client::{VaultClient, VaultClientSettingsBuilder};
use vaultrs::error::ClientError;
use vaultrs::{kv2, sys, token};

use super::{Answer, Operation, Outcome, Tokens};
use crate::target::Target;

const MOUNT: &str = "secret";

/// Runs all operations.
///
/// # Errors
/// The client cannot be made.
pub fn run(target: &Target, operations: &[Operation]) -> Result<Vec<Answer>> {
    static PROVIDER: Once = Once::new();
    // A second provider is refused, and the first one does as well.
    PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut tokens = Tokens::new(target);
        let mut answers = Vec::with_capacity(operations.len());
        for operation in operations {
            let client = client(target, &tokens.of(operation))?;
            let about = operation.token.as_ref().map(|name| tokens.named(name)).unwrap_or_default();
            let (outcome, answer) = match apply(&client, operation, &about).await {
                Ok(Some(answer)) => (Outcome::Done, answer),
                Ok(None) => (Outcome::Unsupported, Value::Null),
                Err(error) => (Outcome::Failed, complaint(&error)),
            };
            tokens.save(operation, answer.get("client_token").and_then(Value::as_str));
            answers.push(Answer { name: operation.name.clone(), outcome, answer });
        }
        Ok(answers)
    })
}

fn client(target: &Target, token: &str) -> Result<VaultClient> {
    let settings = VaultClientSettingsBuilder::default().address(target.url()).token(token).build()?;
    VaultClient::new(settings).context("vaultrs")
}

fn complaint(error: &ClientError) -> Value {
    match error {
        ClientError::APIError { code, errors } => json!({ "code": code, "errors": errors }),
        other => json!({ "error": other.to_string() }),
    }
}

/// What the client gives out as JSON; none for what it does not have.
async fn apply(
    client: &VaultClient,
    operation: &Operation,
    about: &str,
) -> Result<Option<Value>, ClientError> {
    match operation.what.split_once('-') {
        Some(("kv", what)) => apply_kv(client, operation, what).await,
        Some(("policy", what)) => apply_policy(client, operation, what).await,
        Some(("token", what)) => apply_token(client, operation, what, about).await,
        _ => Ok(None),
    }
}

async fn apply_kv(
    client: &VaultClient,
    operation: &Operation,
    what: &str,
) -> Result<Option<Value>, ClientError> {
    let path = operation.path.as_str();
    let versions = || operation.versions.clone();
    match what {
        "put" => match operation.cas {
            Some(cas) => {
                let options = SetSecretRequestOptions { cas };
                shown(kv2::set_with_options(client, MOUNT, path, &operation.data, options).await)
            }
            None => shown(kv2::set(client, MOUNT, path, &operation.data).await),
        },
        "get" => match operation.version {
            Some(version) => shown(kv2::read_version::<Value>(client, MOUNT, path, version).await),
            None => shown(kv2::read::<Value>(client, MOUNT, path).await),
        },
        "list" => shown(kv2::list(client, MOUNT, path).await),
        "delete" => shown(kv2::delete_latest(client, MOUNT, path).await),
        "delete-versions" => shown(kv2::delete_versions(client, MOUNT, path, versions()).await),
        "undelete" => shown(kv2::undelete_versions(client, MOUNT, path, versions()).await),
        "destroy" => shown(kv2::destroy_versions(client, MOUNT, path, versions()).await),
        "metadata-get" => shown(kv2::read_metadata(client, MOUNT, path).await),
        "metadata-put" => {
            let mut fields = SetSecretMetadataRequest::builder();
            fields.max_versions(operation.max_versions.unwrap_or_default());
            fields.cas_required(operation.cas_required.unwrap_or_default());
            fields.custom_metadata(operation.custom_metadata.clone().into_iter().collect::<HashMap<_, _>>());
            shown(kv2::set_metadata(client, MOUNT, path, Some(&mut fields)).await)
        }
        "metadata-delete" => shown(kv2::delete_metadata(client, MOUNT, path).await),
        _ => Ok(None),
    }
}

async fn apply_policy(
    client: &VaultClient,
    operation: &Operation,
    what: &str,
) -> Result<Option<Value>, ClientError> {
    let name = operation.policy.as_str();
    match what {
        "write" => shown(sys::policy::set(client, name, &operation.rules).await),
        "read" => shown(sys::policy::read(client, name).await),
        "list" => shown(sys::policy::list(client).await),
        "delete" => shown(sys::policy::delete(client, name).await),
        _ => Ok(None),
    }
}

async fn apply_token(
    client: &VaultClient,
    operation: &Operation,
    what: &str,
    about: &str,
) -> Result<Option<Value>, ClientError> {
    let increment = Some(operation.increment.as_str());
    match what {
        "create" => {
            let mut fields = CreateTokenRequest::builder();
            fields.policies(operation.policies.clone()).ttl(operation.ttl.clone());
            fields.no_default_policy(operation.no_default_policy);
            fields.meta(operation.meta.clone().into_iter().collect::<HashMap<_, _>>());
            if let Some(name) = &operation.display_name {
                fields.display_name(name.clone());
            }
            shown(token::new(client, Some(&mut fields)).await.map(login))
        }
        "lookup" => shown(token::lookup(client, about).await),
        "lookup-self" => shown(token::lookup_self(client).await),
        "renew" => shown(token::renew(client, about, increment).await.map(login)),
        "renew-self" => shown(token::renew_self(client, increment).await.map(login)),
        "revoke" => shown(token::revoke(client, about).await),
        "revoke-self" => shown(token::revoke_self(client).await),
        _ => Ok(None),
    }
}

/// The fields of a login, which vaultrs itself does not turn into JSON.
fn login(auth: AuthInfo) -> Value {
    json!({
        "client_token": auth.client_token,
        "accessor": auth.accessor,
        "policies": auth.policies,
        "token_policies": auth.token_policies,
        "metadata": auth.metadata,
        "lease_duration": auth.lease_duration,
        "renewable": auth.renewable,
        "entity_id": auth.entity_id,
        "orphan": auth.orphan,
    })
}

fn shown<T: Serialize>(result: Result<T, ClientError>) -> Result<Option<Value>, ClientError> {
    let value = result?;
    serde_json::to_value(value).map(Some).map_err(|source| ClientError::JsonParseError { source })
}
