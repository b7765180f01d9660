//! Reads a YAML text with any number of objects; a bad object never hides the others.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use syncer_template::SecretValue;

use crate::existing::ExistingSecret;
use crate::schema::{Finding, Findings, check};
use crate::vault::Store;
use crate::wanted::{StoreKind, Wanted};
use crate::yaml::Node;
use crate::{crd, vault, wanted};

/// Longest text of one file, in bytes.
pub const MAX_FILE_BYTES: usize = 16 * 1024 * 1024;

/// Most documents of one file.
pub const MAX_DOCUMENTS: usize = 10_000;

/// Where an object was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The file's name as the caller gave it.
    pub file: String,
    /// Which document of the file, from 1; empty ones do not count.
    pub document: usize,
    /// The line in the file on which the document begins, from 1.
    pub line: u64,
}

/// Kind, namespace and name of an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectName {
    /// The field `kind`.
    pub kind: String,
    /// The namespace; empty for objects of the cluster.
    pub namespace: String,
    /// The field `metadata.name`.
    pub name: String,
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            write!(f, "{} {}", self.kind, self.name)
        } else {
            write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
        }
    }
}

/// One thing that is wrong in a file, said so that it can be found and mended. Never holds a secret value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ManifestProblem {
    /// The file's name as the caller gave it.
    pub file: String,
    /// Which document of the file, from 1; 0 if it concerns the whole file.
    pub document: usize,
    /// The line in the file, from 1, if known.
    pub line: Option<u64>,
    /// The object, if the document got so far as to say.
    pub object: Option<ObjectName>,
    /// The path of the field, such as `spec.target.template`; empty if it concerns the whole document.
    pub field: String,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for ManifestProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if self.document > 0 {
            write!(f, " (document {})", self.document)?;
        }
        if let Some(object) = &self.object {
            write!(f, ": {object}")?;
        }
        if !self.field.is_empty() {
            write!(f, ": {}", self.field)?;
        }
        write!(f, ": {}", self.message)
    }
}

/// One object and where it was read.
#[derive(Debug)]
pub struct Document {
    /// Where it was read.
    pub origin: Origin,
    /// The object.
    pub object: Object,
}

/// An object of a kind that matters here.
#[derive(Debug)]
pub enum Object {
    /// An ExternalSecret.
    ExternalSecret(Wanted),
    /// A SecretStore or ClusterSecretStore.
    Store(Store),
    /// A Secret that may hold the token of a store, or templates.
    Secret(SourceSecret),
    /// A ConfigMap that may hold templates.
    ConfigMap(SourceSecret),
    /// Any other object; to be reported, not used.
    Ignored(ObjectName),
}

/// A Secret of Kubernetes, or a ConfigMap, that was read from a file.
pub struct SourceSecret {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// `data` decoded, and `stringData`, which wins.
    pub data: BTreeMap<String, SecretValue>,
}

// Names only: a key's name may be shown, its value never.
impl fmt::Debug for SourceSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceSecret")
            .field("namespace", &self.namespace)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Reads all objects of a file, in order. A document with several mistakes gives several problems, one with none
/// gives the object. Objects without `metadata.namespace` are in `default_namespace`.
pub fn read_documents(
    file_name: &str,
    text: &str,
    default_namespace: &str,
) -> Vec<Result<Document, ManifestProblem>> {
    let mut out = Vec::new();
    for result in read_nodes(file_name, text) {
        match result.map(|(origin, node)| (read_document(&origin, &node, default_namespace), origin)) {
            Err(problem) => out.push(Err(problem)),
            Ok((Ok(object), origin)) => out.push(Ok(Document { origin, object })),
            Ok((Err(problems), _)) => out.extend(problems.into_iter().map(Err)),
        }
    }
    out
}

/// Reads all documents of a file as YAML.
fn read_nodes(file_name: &str, text: &str) -> Vec<Result<(Origin, Node), ManifestProblem>> {
    if text.len() > MAX_FILE_BYTES {
        let message = format!("{} bytes, at most {MAX_FILE_BYTES} are read; split the file", text.len());
        return vec![Err(whole_file(file_name, message))];
    }
    let parts = split(text.strip_prefix('\u{feff}').unwrap_or(text));
    if parts.len() > MAX_DOCUMENTS {
        let message = format!("{} documents, at most {MAX_DOCUMENTS} are read; split the file", parts.len());
        return vec![Err(whole_file(file_name, message))];
    }
    let mut out = Vec::with_capacity(parts.len());
    for (at, (line, part)) in parts.into_iter().enumerate() {
        let origin = Origin { file: file_name.to_owned(), document: at + 1, line };
        out.push(match Node::read(part) {
            Ok(node) => Ok((origin, node)),
            Err(error) => {
                let message = format!("not readable as YAML: {}", error.message);
                let line = error.line.unwrap_or(1);
                Err(in_file(&origin, None, Finding { line, field: String::new(), message }))
            }
        });
    }
    out
}

fn whole_file(file_name: &str, message: String) -> ManifestProblem {
    let (file, field) = (file_name.to_owned(), String::new());
    ManifestProblem { file, document: 0, line: None, object: None, field, message }
}

/// A finding in a document as a problem of its file.
fn in_file(origin: &Origin, object: Option<ObjectName>, finding: Finding) -> ManifestProblem {
    ManifestProblem {
        file: origin.file.clone(),
        document: origin.document,
        line: Some(origin.line + finding.line.saturating_sub(1)),
        object: object.filter(|object| !object.kind.is_empty() && !object.name.is_empty()),
        field: finding.field,
        message: finding.message,
    }
}

/// Splits at the lines that separate documents: first line and text of each that is not empty.
fn split(text: &str) -> Vec<(u64, &str)> {
    let mut parts = Vec::new();
    let (mut first, mut start, mut at) = (1, 0, 0);
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        let marker = |rest: &str| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']);
        if line.strip_prefix("---").is_some_and(marker) {
            parts.push((first, text.get(start..at).unwrap_or_default()));
            // What stands behind the marker belongs to the document.
            (first, start) = (number, at + 3);
        } else if line.trim_end() == "..." {
            parts.push((first, text.get(start..at).unwrap_or_default()));
            (first, start) = (number + 1, at + line.len());
        }
        at += line.len();
    }
    parts.push((first, text.get(start..).unwrap_or_default()));
    parts.retain(|(_, text)| text.lines().any(is_content));
    parts
}

fn is_content(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with(['#', '%'])
}

fn read_document(
    origin: &Origin,
    node: &Node,
    default_namespace: &str,
) -> Result<Object, Vec<ManifestProblem>> {
    let mut findings = Findings::default();
    let name = object_name(node, default_namespace);
    match read_object(node, &name, origin, &mut findings) {
        Some(object) if findings.0.is_empty() => Ok(object),
        _ => {
            Err(findings.0.into_iter().map(|finding| in_file(origin, Some(name.clone()), finding)).collect())
        }
    }
}

fn object_name(node: &Node, default_namespace: &str) -> ObjectName {
    let kind = node.get_text("kind").unwrap_or_default();
    let meta = |field| node.at(&["metadata"]).and_then(|meta| meta.get_text(field));
    let namespace =
        meta("namespace").unwrap_or(if kind == "ClusterSecretStore" { "" } else { default_namespace });
    ObjectName {
        kind: kind.to_owned(),
        namespace: namespace.to_owned(),
        name: meta("name").unwrap_or_default().to_owned(),
    }
}

/// Reads one object. `None` always comes with a finding.
fn read_object(node: &Node, name: &ObjectName, origin: &Origin, findings: &mut Findings) -> Option<Object> {
    let api = node.get_text("apiVersion").unwrap_or_default();
    if api.is_empty() || name.kind.is_empty() {
        let field = if api.is_empty() { "apiVersion" } else { "kind" };
        findings.add(node.line, field, "required field is missing; is this an object of Kubernetes?");
        return None;
    }
    let ours = matches!(api, "external-secrets.io/v1" | "external-secrets.io/v1beta1");
    let (shape, not_yet) = match (ours, name.kind.as_str()) {
        (true, "ExternalSecret") => (&crd::EXTERNAL_SECRET, "not supported yet; the Secret was not written"),
        (true, "SecretStore" | "ClusterSecretStore") => {
            (&crd::STORE, "not supported yet; the store was not used")
        }
        (false, "Secret") if api == "v1" => (&crd::SECRET, "not supported yet"),
        (false, "ConfigMap") if api == "v1" => (&crd::CONFIG_MAP, "not supported yet"),
        (false, "ExternalSecret" | "SecretStore" | "ClusterSecretStore")
            if api.starts_with("external-secrets.io/") =>
        {
            let message = "unsupported version; use external-secrets.io/v1 or external-secrets.io/v1beta1";
            findings.add(node.line, "apiVersion", message);
            return None;
        }
        _ => return Some(Object::Ignored(name.clone())),
    };
    check(node, shape, "", not_yet, findings);
    if let Some(namespace) = node.at(&["metadata", "namespace"]) {
        wanted::check_name(&name.namespace, Some(namespace), "metadata.namespace", findings);
    }
    if !name.name.is_empty() {
        wanted::check_name(&name.name, node.at(&["metadata", "name"]), "metadata.name", findings);
    }
    if !findings.0.is_empty() {
        return None;
    }
    match name.kind.as_str() {
        "ExternalSecret" => wanted::read(node, name, origin, findings).map(Object::ExternalSecret),
        "SecretStore" => vault::read(node, StoreKind::SecretStore, name, findings).map(Object::Store),
        "ClusterSecretStore" => {
            vault::read(node, StoreKind::ClusterSecretStore, name, findings).map(Object::Store)
        }
        "ConfigMap" => {
            let texts = wanted::text_map(node.get("data")).into_iter();
            let data = texts.map(|(key, text)| (key, SecretValue::from(text.as_str()))).collect();
            let (namespace, name) = (name.namespace.clone(), name.name.clone());
            Some(Object::ConfigMap(SourceSecret { namespace, name, data }))
        }
        _ => read_secret(node, name, findings).map(Object::Secret),
    }
}

/// Reads the one Secret of a file as a target.
pub(crate) fn read_target(file_name: &str, text: &str) -> Result<ExistingSecret, Vec<ManifestProblem>> {
    let mut documents = Vec::new();
    let mut problems = Vec::new();
    for result in read_nodes(file_name, text) {
        match result {
            Ok(document) => documents.push(document),
            Err(problem) => problems.push(problem),
        }
    }
    let [(origin, node)] = documents.as_slice() else {
        if problems.is_empty() {
            problems.push(whole_file(
                file_name,
                format!("{} objects where one Secret is expected", documents.len()),
            ));
        }
        return Err(problems);
    };
    let name = object_name(node, "");
    let mut findings = Findings::default();
    if node.get_text("apiVersion") != Some("v1") || name.kind != "Secret" {
        findings.add(node.line, "kind", "not a Secret; move the file away");
    } else {
        check(node, &crd::SECRET, "", "not supported yet", &mut findings);
    }
    let secret = read_secret(node, &name, &mut findings);
    if let (Some(secret), true) = (secret, findings.0.is_empty()) {
        let map = |field: &str| wanted::text_map(node.at(&["metadata", field]));
        return Ok(ExistingSecret {
            secret_type: node.get_text("type").unwrap_or_default().to_owned(),
            labels: map("labels"),
            annotations: map("annotations"),
            data: secret.data,
            finalizers: node
                .at(&["metadata", "finalizers"])
                .map(Node::list)
                .unwrap_or_default()
                .iter()
                .filter_map(Node::text)
                .map(str::to_owned)
                .collect(),
            immutable: node.is_set("immutable"),
            ..ExistingSecret::default()
        });
    }
    Err(findings.0.into_iter().map(|finding| in_file(origin, Some(name.clone()), finding)).collect())
}

fn read_secret(node: &Node, name: &ObjectName, findings: &mut Findings) -> Option<SourceSecret> {
    let mut data = BTreeMap::new();
    for (key, value) in node.get("data").map(Node::fields).unwrap_or_default() {
        // Line breaks inside are allowed, as in Kubernetes.
        let text: zeroize::Zeroizing<String> =
            zeroize::Zeroizing::new(value.text().unwrap_or_default().split_ascii_whitespace().collect());
        match STANDARD.decode(text.as_bytes()) {
            Ok(bytes) => _ = data.insert(key.clone(), SecretValue::new(bytes)),
            Err(_) => {
                findings.add(value.line, format!("data.{key}"), "not Base64; use stringData for plain text")
            }
        }
    }
    for (key, value) in node.get("stringData").map(Node::fields).unwrap_or_default() {
        data.insert(key.clone(), SecretValue::from(value.text().unwrap_or_default()));
    }
    findings.0.is_empty().then(|| SourceSecret {
        namespace: name.namespace.clone(),
        name: name.name.clone(),
        data,
    })
}

#[cfg(test)]
mod tests;
