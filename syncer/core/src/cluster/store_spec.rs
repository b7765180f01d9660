//! The `spec` of a store in a cluster: where its server is, who logs in how, and who may use it.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::Value;

use super::observe::{Meta, document, node, problems};
use crate::crd::METADATA;
use crate::fetch::FetchRequest;
use crate::manifest::ObjectName;
use crate::schema::Shape::{Choice, Ignored, List, NotYet, Object, Text, TextMap, TextOrNumber};
use crate::schema::{Findings, Shape, check, may, must};
use crate::vault::{KvPath, KvVersion, PathError, SecretKeyRef, check_key_path, check_server, kv_path, pem};
use crate::wanted::check_name;
use crate::yaml::Node;

/// Most conditions, and most names, regular expressions and requirements of each.
const MAX_CONDITIONS: usize = 100;
/// Largest compiled regular expression, in bytes.
const MAX_REGEX: usize = 64 * 1024;

/// `spec.provider.vault`, understood in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreSpec {
    /// Address of the server, `http` or `https`, without a slash at the end.
    pub server: String,
    /// Mount of the KV engine. `None`: each key begins with its mount.
    pub path: Option<String>,
    /// Version of the KV engine.
    pub version: KvVersion,
    /// Namespace header of the server.
    pub namespace: Option<String>,
    /// Certificates to trust instead of the system's.
    pub ca: CaSource,
    /// How to log in.
    pub auth: Auth,
}

/// Where the certificates to trust are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaSource {
    /// The system's.
    System,
    /// In the store, PEM.
    Bundle(String),
    /// In a key of a ConfigMap.
    ConfigMap(SecretKeyRef),
    /// In a key of a Secret.
    Secret(SecretKeyRef),
}

/// How to log in. References without a namespace are looked up where [`StoreSpec::is_referent`] says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    /// A token in a Secret.
    Token(SecretKeyRef),
    /// A JWT of a service account.
    Kubernetes {
        /// Path of the auth method.
        mount: String,
        /// Role to log in as.
        role: String,
        /// Where the JWT comes from.
        jwt: JwtSource,
    },
}

/// Where a JWT comes from; never the syncer's own token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JwtSource {
    /// It is asked for at the API.
    ServiceAccount {
        /// Namespace of the service account, if named.
        namespace: Option<String>,
        /// Its name.
        name: String,
        /// Audiences of the token; none means the server's own.
        audiences: Vec<String>,
    },
    /// It is in a Secret.
    Secret(SecretKeyRef),
}

/// `spec.conditions` of a ClusterSecretStore: which namespaces may use it. Any one suffices.
#[derive(Clone, Debug, Default)]
pub struct Conditions(Vec<Condition>);

#[derive(Clone, Debug, Default)]
struct Condition {
    names: Vec<String>,
    regexes: Vec<Regex>,
    selector: Option<Selector>,
}

#[derive(Clone, Debug, Default)]
struct Selector {
    labels: BTreeMap<String, String>,
    /// Key, operator and values.
    expressions: Vec<(String, String, Vec<String>)>,
}

impl StoreSpec {
    /// Which path of the server a request means.
    ///
    /// # Errors
    /// [`PathError`] if the key names no secret.
    pub fn read_path(&self, request: &FetchRequest) -> Result<KvPath, PathError> {
        kv_path(self.path.as_deref(), self.version, request)
    }

    /// Whether what it refers to is looked up in the ExternalSecret's namespace, for a store of the whole cluster:
    /// then each namespace has an identity of its own, and the store alone cannot be validated.
    pub fn is_referent(&self) -> bool {
        match &self.auth {
            Auth::Token(key) | Auth::Kubernetes { jwt: JwtSource::Secret(key), .. } => {
                key.namespace.is_none()
            }
            Auth::Kubernetes { jwt: JwtSource::ServiceAccount { namespace, .. }, .. } => namespace.is_none(),
        }
    }
}

impl Conditions {
    /// Whether a namespace may use the store. `labels` are the namespace's; they are only asked for by
    /// [`Conditions::needs_labels`].
    pub fn allow(&self, namespace: &str, labels: &BTreeMap<String, String>) -> bool {
        self.0.is_empty() || self.0.iter().any(|condition| condition.allows(namespace, labels))
    }

    /// Whether the labels of namespaces matter.
    pub fn needs_labels(&self) -> bool {
        self.0.iter().any(|condition| condition.selector.is_some())
    }
}

impl Condition {
    fn allows(&self, namespace: &str, labels: &BTreeMap<String, String>) -> bool {
        self.names.iter().any(|name| name == namespace)
            || self.regexes.iter().any(|regex| regex.is_match(namespace))
            || self.selector.as_ref().is_some_and(|selector| selector.selects(labels))
    }
}

impl Selector {
    fn selects(&self, labels: &BTreeMap<String, String>) -> bool {
        let expression = |(key, operator, values): &(String, String, Vec<String>)| {
            let value = labels.get(key);
            match operator.as_str() {
                "In" => value.is_some_and(|value| values.contains(value)),
                "NotIn" => value.is_none_or(|value| !values.contains(value)),
                "Exists" => value.is_some(),
                "DoesNotExist" => value.is_none(),
                _ => false,
            }
        };
        self.labels.iter().all(|(key, value)| labels.get(key) == Some(value))
            && self.expressions.iter().all(expression)
    }
}

/// A reference to a key of a Secret; the key has a default where the field has one.
const KEY: Shape = Object(&[must("name", Text), may("key", Text), may("namespace", Text)]);

const SERVICE_ACCOUNT: Shape =
    Object(&[must("name", Text), may("namespace", Text), may("audiences", List(&Text))]);

const KUBERNETES: Shape = Object(&[
    may("mountPath", Text),
    must("role", Text),
    may("serviceAccountRef", SERVICE_ACCOUNT),
    may("secretRef", KEY),
]);

const AUTH: Shape = Object(&[
    may("tokenSecretRef", KEY),
    may("kubernetes", KUBERNETES),
    may("namespace", NotYet),
    may("appRole", NotYet),
    may("ldap", NotYet),
    may("userPass", NotYet),
    may("jwt", NotYet),
    may("cert", NotYet),
    may("iam", NotYet),
    may("gcp", NotYet),
]);

const CA_PROVIDER: Shape = Object(&[
    must("type", Choice(&["Secret", "ConfigMap"])),
    must("name", Text),
    may("key", Text),
    may("namespace", Text),
]);

const VAULT: Shape = Object(&[
    must("server", Text),
    may("path", Text),
    may("version", Choice(&["v1", "v2"])),
    may("namespace", Text),
    may("caBundle", Text),
    may("caProvider", CA_PROVIDER),
    must("auth", AUTH),
    may("tls", NotYet),
    may("headers", NotYet),
    may("readYourWrites", NotYet),
    may("forwardInconsistent", NotYet),
    // Only for writing, which is not done from here.
    may("checkAndSet", Ignored),
]);

const REQUIREMENT: Shape = Object(&[
    must("key", Text),
    must("operator", Choice(&["In", "NotIn", "Exists", "DoesNotExist"])),
    may("values", List(&Text)),
]);

const CONDITION: Shape = Object(&[
    may("namespaces", List(&Text)),
    may("namespaceRegexes", List(&Text)),
    may(
        "namespaceSelector",
        Object(&[may("matchLabels", TextMap), may("matchExpressions", List(&REQUIREMENT))]),
    ),
]);

const STORE: Shape = Object(&[
    must("apiVersion", Text),
    must("kind", Text),
    must("metadata", METADATA),
    must(
        "spec",
        Object(&[
            may("controller", Text),
            must("provider", Object(&[must("vault", VAULT)])),
            may("retrySettings", NotYet),
            may("refreshInterval", TextOrNumber),
            may("conditions", List(&CONDITION)),
        ]),
    ),
]);

/// Reads the `spec` of a store: its provider and its conditions, or everything that is wrong or has no support.
pub(super) fn read(
    api_version: &str,
    kind: &str,
    meta: &Meta,
    spec: &Value,
) -> Result<(StoreSpec, Conditions), Vec<String>> {
    let providers = spec.get("provider").and_then(Value::as_object);
    if let Some((other, _)) = providers.and_then(|them| them.iter().find(|(name, _)| *name != "vault")) {
        return Err(vec![format!("spec.provider.{other}: not supported by this controller, only vault is")]);
    }
    let name =
        ObjectName { kind: kind.to_owned(), namespace: meta.namespace.clone(), name: meta.name.clone() };
    let document = document(api_version, &name, meta, node(spec));
    let mut findings = Findings::default();
    check(&document, &STORE, "", "not supported yet; the store was not used", &mut findings);
    let mut read = None;
    if findings.0.is_empty() {
        let own = (kind == "SecretStore").then_some(meta.namespace.as_str());
        read = read_spec(&document, own, &mut findings);
    }
    read.filter(|_| findings.0.is_empty()).ok_or_else(|| problems(&findings))
}

fn read_spec(document: &Node, own: Option<&str>, findings: &mut Findings) -> Option<(StoreSpec, Conditions)> {
    const AT: &str = "spec.provider.vault";
    let vault = document.at(&["spec", "provider", "vault"])?;
    let server = check_server(vault.get_text("server").unwrap_or_default());
    if let Err(message) = server {
        findings.add(1, format!("{AT}.server"), message);
    }
    let path = vault.get_text("path").map(|path| path.trim_matches('/'));
    if let Some(Err(error)) = path.map(check_key_path) {
        findings.add(1, format!("{AT}.path"), error.to_string().replace("the key", "the mount path"));
    }
    let namespace = vault.get_text("namespace");
    if namespace.is_some_and(|name| name.bytes().any(|byte| !(0x21..0x7f).contains(&byte))) {
        findings.add(1, format!("{AT}.namespace"), "not a namespace of the server; use printable ASCII only");
    }
    let ca = read_ca(vault, own, findings);
    let auth = read_auth(vault.get("auth")?, own, findings);
    let conditions = if own.is_none() { read_conditions(document, findings) } else { Conditions::default() };
    let spec = StoreSpec {
        server: server.ok()?,
        path: path.map(str::to_owned),
        version: if vault.get_text("version") == Some("v1") { KvVersion::V1 } else { KvVersion::V2 },
        namespace: namespace.map(str::to_owned),
        ca,
        auth: auth?,
    };
    Some((spec, conditions))
}

fn read_ca(vault: &Node, own: Option<&str>, findings: &mut Findings) -> CaSource {
    const AT: &str = "spec.provider.vault";
    if let Some(bundle) = vault.get_text("caBundle") {
        if let Some(pem) = pem(bundle) {
            return CaSource::Bundle(pem);
        }
        findings.add(1, format!("{AT}.caBundle"), "not Base64 of certificates in PEM form");
        return CaSource::System;
    }
    let Some(provider) = vault.get("caProvider") else { return CaSource::System };
    let at = format!("{AT}.caProvider");
    let key = read_key(provider, &at, "ca.crt", own, findings);
    if own.is_none() && key.namespace.is_none() {
        findings.add(1, format!("{at}.namespace"), "required for a ClusterSecretStore; name the namespace");
    }
    match provider.get_text("type") {
        Some("Secret") => CaSource::Secret(key),
        _ => CaSource::ConfigMap(key),
    }
}

/// The first method in the order in which the methods win.
fn read_auth(auth: &Node, own: Option<&str>, findings: &mut Findings) -> Option<Auth> {
    const AT: &str = "spec.provider.vault.auth";
    if let Some(token) = auth.get("tokenSecretRef") {
        let key = read_key(token, &format!("{AT}.tokenSecretRef"), "", own, findings);
        return Some(Auth::Token(key));
    }
    let Some(kubernetes) = auth.get("kubernetes") else {
        findings.add(1, AT, "has no method that is supported; set tokenSecretRef or kubernetes");
        return None;
    };
    let mount = kubernetes.get_text("mountPath").unwrap_or("kubernetes").trim_matches('/');
    if let Err(error) = check_key_path(mount) {
        findings.add(
            1,
            format!("{AT}.kubernetes.mountPath"),
            error.to_string().replace("the key", "the path"),
        );
    }
    let jwt = if let Some(account) = kubernetes.get("serviceAccountRef") {
        let at = format!("{AT}.kubernetes.serviceAccountRef");
        let key = read_key(account, &at, "-", own, findings);
        let audiences = account.get("audiences").map(Node::list).unwrap_or_default();
        let audiences = audiences.iter().filter_map(Node::text).map(str::to_owned).collect();
        JwtSource::ServiceAccount { namespace: key.namespace, name: key.name, audiences }
    } else if let Some(secret) = kubernetes.get("secretRef") {
        JwtSource::Secret(read_key(secret, &format!("{AT}.kubernetes.secretRef"), "token", own, findings))
    } else {
        let message = "without serviceAccountRef or secretRef the syncer's own rights would be used; set one";
        findings.add(1, format!("{AT}.kubernetes"), message);
        return None;
    };
    let role = kubernetes.get_text("role").unwrap_or_default().to_owned();
    Some(Auth::Kubernetes { mount: mount.to_owned(), role, jwt })
}

fn read_key(
    node: &Node,
    at: &str,
    default_key: &str,
    own: Option<&str>,
    findings: &mut Findings,
) -> SecretKeyRef {
    let name = node.get_text("name").unwrap_or_default();
    check_name(name, Some(node), &format!("{at}.name"), findings);
    let key = node.get_text("key").unwrap_or(default_key);
    if key.is_empty() {
        findings.add(1, format!("{at}.key"), "is empty; name the key of the Secret");
    }
    let namespace = node.get_text("namespace");
    if let Some(namespace) = namespace {
        check_name(namespace, Some(node), &format!("{at}.namespace"), findings);
    }
    if let (Some(own), Some(other)) = (own, namespace)
        && own != other
    {
        let message = "a SecretStore uses objects of its own namespace only; remove the field or use a ClusterSecretStore";
        findings.add(1, format!("{at}.namespace"), message);
    }
    // What belongs to a store of one namespace is in that namespace.
    let namespace = namespace.or(own).map(str::to_owned);
    SecretKeyRef { namespace, name: name.to_owned(), key: key.to_owned() }
}

fn read_conditions(document: &Node, findings: &mut Findings) -> Conditions {
    let list = document.at(&["spec", "conditions"]).map(Node::list).unwrap_or_default();
    if list.len() > MAX_CONDITIONS {
        findings.add(1, "spec.conditions", format!("{} entries, at most {MAX_CONDITIONS}", list.len()));
        return Conditions::default();
    }
    let mut out = Vec::with_capacity(list.len());
    for (at, condition) in list.iter().enumerate() {
        let texts = |field: &str| -> Vec<String> {
            let list = condition.get(field).map(Node::list).unwrap_or_default();
            list.iter().filter_map(Node::text).take(MAX_CONDITIONS).map(str::to_owned).collect()
        };
        let mut regexes = Vec::new();
        for (number, text) in texts("namespaceRegexes").iter().enumerate() {
            match regex::RegexBuilder::new(text).size_limit(MAX_REGEX).build() {
                Ok(regex) => regexes.push(regex),
                Err(_) => {
                    let field = format!("spec.conditions[{at}].namespaceRegexes[{number}]");
                    findings.add(1, field, "not a regular expression that can be used; correct it");
                }
            }
        }
        let selector = condition.get("namespaceSelector").map(read_selector);
        out.push(Condition { names: texts("namespaces"), regexes, selector });
    }
    Conditions(out)
}

fn read_selector(node: &Node) -> Selector {
    let expression = |node: &Node| {
        let text = |field| node.get_text(field).unwrap_or_default().to_owned();
        let values = node.get("values").map(Node::list).unwrap_or_default();
        let values = values.iter().filter_map(Node::text).map(str::to_owned).collect();
        (text("key"), text("operator"), values)
    };
    let expressions = node.get("matchExpressions").map(Node::list).unwrap_or_default();
    Selector {
        labels: crate::wanted::text_map(node.get("matchLabels")),
        expressions: expressions.iter().take(MAX_CONDITIONS).map(expression).collect(),
    }
}
