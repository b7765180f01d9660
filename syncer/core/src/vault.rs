//! A store with the `vault` provider: where its server is, who may read, and which path a key means.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use url::Url;

use crate::fetch::FetchRequest;
use crate::manifest::ObjectName;
use crate::schema::Findings;
use crate::wanted::{StoreKind, check_name};
use crate::yaml::Node;

/// Longest key or mount path, in bytes.
const MAX_PATH: usize = 1024;

const PEM_BEGIN: &str = "-----BEGIN CERTIFICATE-----";

/// A SecretStore or ClusterSecretStore, understood in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// Its kind.
    pub kind: StoreKind,
    /// Its namespace; `None` for a ClusterSecretStore.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// Namespaces that may use it; `None` means all.
    pub allowed: Option<BTreeSet<String>>,
    /// The provider.
    pub vault: VaultStore,
}

/// `spec.provider.vault`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaultStore {
    /// Address of the server, `http` or `https`, without a slash at the end.
    pub server: String,
    /// Mount of the KV engine; may have several segments. `None`: each key begins with its mount.
    pub path: Option<String>,
    /// Version of the KV engine.
    pub version: KvVersion,
    /// Namespace header (`X-Vault-Namespace`).
    pub namespace: Option<String>,
    /// Where the token is.
    pub token_ref: SecretKeyRef,
    /// Certificates (PEM) to trust instead of the system's.
    pub ca_bundle: Option<String>,
}

/// Version of the KV engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KvVersion {
    /// Without versions.
    V1,
    /// With versions and `data/` in its paths.
    V2,
}

/// A key of a Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretKeyRef {
    /// Namespace of the Secret. `None`: the ExternalSecret's (ClusterSecretStore) or the store's (SecretStore).
    pub namespace: Option<String>,
    /// Name of the Secret.
    pub name: String,
    /// The key in it.
    pub key: String,
}

/// One read of the KV engine.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KvPath {
    /// The mount, as far as it is known: for KV v1 without a store path the first segment of the key.
    pub mount: String,
    /// The secret's path in the mount.
    pub path: String,
    /// Version of the KV engine.
    pub kv: KvVersion,
    /// The secret's version; `None` is the newest.
    pub version: Option<u64>,
}

/// A key that names no secret.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PathError {
    /// The key is empty.
    #[error("the key is empty; give the path of a secret")]
    Empty,
    /// Longer than 1024 bytes.
    #[error("the key has {0} bytes, at most {MAX_PATH} are allowed; shorten it")]
    TooLong(usize),
    /// Segments `.` and `..` would lead out of the mount.
    #[error("the key must not have the segments '.' or '..'; write the path in full")]
    Dots,
    /// Slashes that a server would read over, so that another secret might be meant.
    #[error("the key must not begin or end with '/' or have '//'; write the path without them")]
    Slashes,
    /// A control character.
    #[error("the key has a control character; remove it")]
    Control,
    /// The store has no `path` and the key no mount.
    #[error("the key has no mount; set spec.provider.vault.path in the store or write MOUNT/PATH")]
    NoMount,
}

/// Whether a key can name a secret at all.
pub(crate) fn check_key_path(key: &str) -> Result<(), PathError> {
    if key.is_empty() {
        return Err(PathError::Empty);
    }
    if key.len() > MAX_PATH {
        return Err(PathError::TooLong(key.len()));
    }
    if key.split('/').any(|segment| matches!(segment, "." | "..")) {
        return Err(PathError::Dots);
    }
    if key.starts_with('/') || key.ends_with('/') || key.contains("//") {
        return Err(PathError::Slashes);
    }
    if key.chars().any(char::is_control) {
        return Err(PathError::Control);
    }
    Ok(())
}

impl VaultStore {
    /// Which path of the server a request means.
    ///
    /// With a store path, that prefix and then `data/` (KV v2) are taken off the key once each. Without one, the
    /// mount of KV v2 ends before the first `/data/`, else after the first segment.
    ///
    /// # Errors
    /// [`PathError`] if the key names no secret.
    pub fn read_path(&self, request: &FetchRequest) -> Result<KvPath, PathError> {
        kv_path(self.path.as_deref(), self.version, request)
    }

    /// The full URL of a read, percent-encoded, with `?version=` where one is asked for.
    pub fn url(&self, path: &KvPath) -> String {
        let mut out = format!("{}/v1/", self.server);
        percent_encode(&path.api_path(), &mut out);
        if let (KvVersion::V2, Some(version)) = (path.kv, path.version) {
            // Writing to a String cannot fail.
            let _ = write!(out, "?version={version}");
        }
        out
    }
}

/// The path that a request means at a store with this mount and version.
pub(crate) fn kv_path(
    store_path: Option<&str>,
    kv: KvVersion,
    request: &FetchRequest,
) -> Result<KvPath, PathError> {
    let key = request.key.as_str();
    check_key_path(key)?;
    let (mount, path) = match store_path {
        Some(mount) => {
            let rest = key.strip_prefix(mount).and_then(|rest| rest.strip_prefix('/'));
            let path = match rest {
                Some(rest) if kv == KvVersion::V2 => rest.strip_prefix("data/").unwrap_or(rest),
                Some(rest) => rest,
                None => key,
            };
            (mount, path)
        }
        None => match (kv, key.split_once("/data/")) {
            (KvVersion::V2, Some(parts)) => parts,
            _ => key.split_once('/').ok_or(PathError::NoMount)?,
        },
    };
    if path.is_empty() {
        return Err(PathError::Empty);
    }
    if mount.is_empty() {
        return Err(PathError::NoMount);
    }
    Ok(KvPath { mount: mount.to_owned(), path: path.to_owned(), kv, version: request.version })
}

impl KvPath {
    /// The path behind `/v1/`, not percent-encoded.
    pub fn api_path(&self) -> String {
        match self.kv {
            KvVersion::V1 => format!("{}/{}", self.mount, self.path),
            KvVersion::V2 => format!("{}/data/{}", self.mount, self.path),
        }
    }
}

pub(crate) fn percent_encode(path: &str, out: &mut String) {
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/') {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

/// Reads a node that has the shape of a store. `None` always comes with a finding.
pub(crate) fn read(
    node: &Node,
    kind: StoreKind,
    name: &ObjectName,
    findings: &mut Findings,
) -> Option<Store> {
    let spec = node.get("spec")?;
    if let Some(class) = spec.get_text("controller") {
        let message = format!("belongs to the controller class {class:?}; the store was not used");
        findings.add(spec.line, "spec.controller", message);
    }
    let namespace = (kind == StoreKind::SecretStore).then(|| name.namespace.clone());
    let Some(vault) = spec.at(&["provider", "vault"]) else {
        findings.add(spec.line, "spec.provider", "has no provider; set vault");
        return None;
    };
    let vault = read_vault(vault, namespace.as_deref(), findings);
    let allowed = if kind == StoreKind::ClusterSecretStore { read_conditions(spec, findings) } else { None };
    findings.0.is_empty().then_some(())?;
    Some(Store { kind, namespace, name: name.name.clone(), allowed, vault: vault? })
}

fn read_conditions(spec: &Node, findings: &mut Findings) -> Option<BTreeSet<String>> {
    let conditions = spec.get("conditions").map(Node::list).filter(|list| !list.is_empty())?;
    let mut allowed = BTreeSet::new();
    for (at, condition) in conditions.iter().enumerate() {
        let names = condition.get("namespaces").map(Node::list).unwrap_or_default();
        if names.is_empty() {
            findings.add(condition.line, format!("spec.conditions[{at}]"), "allows nothing; set namespaces");
        }
        allowed.extend(names.iter().filter_map(Node::text).map(str::to_owned));
    }
    Some(allowed)
}

fn read_vault(vault: &Node, store_namespace: Option<&str>, findings: &mut Findings) -> Option<VaultStore> {
    const AT: &str = "spec.provider.vault";
    let server = check_server(vault.get_text("server").unwrap_or_default());
    if let Err(message) = server {
        findings.add(
            vault.get("server").map_or(vault.line, |node| node.line),
            format!("{AT}.server"),
            message,
        );
    }
    let path = vault.get_text("path").map(|path| path.trim_matches('/'));
    if let Some(Err(error)) = path.map(check_key_path) {
        findings.add(
            vault.line,
            format!("{AT}.path"),
            error.to_string().replace("the key", "the mount path"),
        );
    }
    let ca_bundle = vault.get_text("caBundle").map(pem);
    if let Some(None) = ca_bundle {
        findings.add(vault.line, format!("{AT}.caBundle"), "not Base64 of certificates in PEM form");
    }
    let namespace = vault.get_text("namespace");
    if namespace.is_some_and(|name| name.bytes().any(|byte| !(0x21..0x7f).contains(&byte))) {
        findings.add(
            vault.line,
            format!("{AT}.namespace"),
            "not a namespace of the server; use printable ASCII only",
        );
    }
    let Some(token) = vault.at(&["auth", "tokenSecretRef"]) else {
        findings.add(vault.line, format!("{AT}.auth"), "has no method that is supported; set tokenSecretRef");
        return None;
    };
    let token_ref = read_token_ref(token, store_namespace, findings);
    Some(VaultStore {
        server: server.ok()?,
        path: path.map(str::to_owned),
        version: if vault.get_text("version") == Some("v1") { KvVersion::V1 } else { KvVersion::V2 },
        namespace: namespace.map(str::to_owned),
        token_ref,
        ca_bundle: ca_bundle.flatten(),
    })
}

fn read_token_ref(token: &Node, store_namespace: Option<&str>, findings: &mut Findings) -> SecretKeyRef {
    let at = "spec.provider.vault.auth.tokenSecretRef";
    let text = |field| token.get_text(field).unwrap_or_default().to_owned();
    check_name(&text("name"), Some(token), &format!("{at}.name"), findings);
    if text("key").is_empty() {
        findings.add(
            token.line,
            format!("{at}.key"),
            "is empty; name the key of the Secret that holds the token",
        );
    }
    let namespace = token.get_text("namespace").map(str::to_owned);
    if let (Some(own), Some(other)) = (store_namespace, &namespace)
        && own != other
    {
        let message = "a SecretStore reads Secrets of its own namespace only; remove the field or use a ClusterSecretStore";
        findings.add(token.line, format!("{at}.namespace"), message);
    }
    SecretKeyRef { namespace, name: text("name"), key: text("key") }
}

/// The address in the form in which requests are built on it.
pub(crate) fn check_server(text: &str) -> Result<String, &'static str> {
    let url = Url::parse(text).map_err(|_| "not a URL; write it like https://vault.example:8200")?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("not a URL with http or https; write it like https://vault.example:8200");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a user or password; remove them");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must not have a query or fragment; write it like https://vault.example:8200");
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// Certificates in PEM form, of Base64 or of Base64 twice.
pub(crate) fn pem(text: &str) -> Option<String> {
    let decode = |text: &str| {
        let text: String = text.split_ascii_whitespace().collect();
        String::from_utf8(STANDARD.decode(text).ok()?).ok()
    };
    let once = decode(text)?;
    if once.contains(PEM_BEGIN) {
        return Some(once);
    }
    decode(&once).filter(|twice| twice.contains(PEM_BEGIN))
}

#[cfg(test)]
mod tests;
