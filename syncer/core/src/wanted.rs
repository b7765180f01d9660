//! What one ExternalSecret asks for.

use std::collections::BTreeMap;
use std::time::Duration;

use syncer_template::decode::DecodingStrategy;
use syncer_template::keys::{ConversionStrategy, check_key};

use crate::duration::parse_duration;
use crate::fetch::FetchRequest;
use crate::manifest::{ObjectName, Origin};
use crate::schema::Findings;
use crate::template::{self, SourceRef, TemplateSpec};
use crate::vault::check_key_path;
use crate::yaml::Node;

/// Most entries of `data` and `dataFrom` together.
pub const MAX_ENTRIES: usize = 1000;

/// The interval if `refreshInterval` is absent.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(3600);

/// One ExternalSecret, understood in full: there is no field in its manifest that is not honoured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Where it was read.
    pub origin: Origin,
    /// Its namespace, which is also the Secret's.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its labels; the Secret gets them too.
    pub labels: BTreeMap<String, String>,
    /// Its annotations; the Secret gets them too.
    pub annotations: BTreeMap<String, String>,
    /// The store to read from. `None` only if there are no entries.
    pub store: Option<StoreRef>,
    /// The Secret to write.
    pub target: Target,
    /// When to read again.
    pub refresh: RefreshPolicy,
    /// What to read, in the order in which later keys win: `dataFrom`, then `data`.
    pub entries: Vec<Entry>,
}

/// Kind of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StoreKind {
    /// In the ExternalSecret's namespace.
    SecretStore,
    /// For all namespaces.
    ClusterSecretStore,
}

impl StoreKind {
    /// The kind as manifests write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SecretStore => "SecretStore",
            Self::ClusterSecretStore => "ClusterSecretStore",
        }
    }
}

/// `spec.secretStoreRef`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreRef {
    /// The store's kind.
    pub kind: StoreKind,
    /// The store's name.
    pub name: String,
}

/// `spec.target`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Name of the Secret.
    pub name: String,
    /// Who owns the Secret and what of it is replaced.
    pub creation: CreationPolicy,
    /// What happens when the provider has nothing any more.
    pub deletion: DeletionPolicy,
    /// Whether the Secret, once written, must not change.
    pub immutable: bool,
    /// How the Secret is made from the values; `None` takes them as they are.
    pub template: Option<TemplateSpec>,
}

/// `spec.target.creationPolicy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreationPolicy {
    /// Create or replace, and mark it as ours.
    Owner,
    /// Create or replace, without owning it.
    Orphan,
    /// Only add keys to a Secret that is there.
    Merge,
    /// Create it, or add keys to the one that is there.
    CreateOrMerge,
    /// Never write.
    None,
}

/// `spec.target.deletionPolicy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeletionPolicy {
    /// Remove the Secret when nothing is left at the provider.
    Delete,
    /// Remove only the keys that are gone at the provider.
    Merge,
    /// Keep the Secret as it is.
    Retain,
}

/// `spec.refreshPolicy` with `spec.refreshInterval`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshPolicy {
    /// Every `interval`; only once if it is zero.
    Periodic {
        /// Time between two reads.
        interval: Duration,
    },
    /// Whenever the ExternalSecret changes.
    OnChange,
    /// Only until the first success.
    CreatedOnce,
}

/// What is known of the last success, for [`RefreshPolicy::is_due`].
#[derive(Clone, Copy, Debug)]
pub struct LastSync {
    /// Time since then.
    pub age: Duration,
    /// Whether the ExternalSecret (generation, labels, annotations) changed since.
    pub changed: bool,
}

impl RefreshPolicy {
    /// Whether the provider must be asked; `last` is `None` before the first success.
    pub fn is_due(self, last: Option<LastSync>) -> bool {
        let Some(last) = last else { return true };
        match self {
            Self::CreatedOnce => false,
            Self::OnChange => last.changed,
            // An interval of zero means once: then not even a change of the object counts.
            Self::Periodic { interval } => !interval.is_zero() && (last.changed || last.age >= interval),
        }
    }
}

/// One entry of `data` or `dataFrom`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// `data[index]`: one value under one key.
    Key {
        /// Position in `spec.data`.
        index: usize,
        /// The key in the Secret.
        secret_key: String,
        /// What to read.
        remote: RemoteRef,
    },
    /// `dataFrom[index].extract`: every top-level key.
    Extract {
        /// Position in `spec.dataFrom`.
        index: usize,
        /// What to read.
        remote: RemoteRef,
    },
}

impl Entry {
    /// What to read.
    pub fn remote(&self) -> &RemoteRef {
        match self {
            Self::Key { remote, .. } | Self::Extract { remote, .. } => remote,
        }
    }

    /// The entry as error messages name it, such as `spec.data[0] (key: app/db)`.
    pub fn place(&self) -> String {
        match self {
            Self::Key { index, remote, .. } => format!("spec.data[{index}] (key: {})", remote.key),
            Self::Extract { index, .. } => format!("spec.dataFrom[{index}].extract"),
        }
    }
}

/// `remoteRef` or `extract`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteRef {
    /// Path of the secret at the provider.
    pub key: String,
    /// Which part of the secret: a top-level key, else a gjson path. `None` is all of it.
    pub property: Option<String>,
    /// Which version of the secret; `None` is the newest.
    pub version: Option<u64>,
    /// How names of keys are made legal; without effect for `data`.
    pub conversion: ConversionStrategy,
    /// How values are decoded.
    pub decoding: DecodingStrategy,
    /// What to do about bytes that are zero.
    pub null_bytes: NullBytePolicy,
}

/// `nullBytePolicy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NullBytePolicy {
    /// Keep them.
    Ignore,
    /// Refuse the value.
    Fail,
}

impl Wanted {
    /// What must be read from the store, each secret and version once, in order of first use.
    pub fn requests(&self) -> Vec<FetchRequest> {
        let mut out: Vec<FetchRequest> = Vec::new();
        for entry in &self.entries {
            let request = FetchRequest::from(entry.remote());
            if !out.contains(&request) {
                out.push(request);
            }
        }
        out
    }
}

impl Target {
    /// The objects that hold its templates.
    pub fn sources(&self) -> Vec<SourceRef> {
        self.template.as_ref().map(TemplateSpec::sources).unwrap_or_default()
    }
}

/// Reads a node that has the shape of an ExternalSecret. `None` always comes with a finding.
pub(crate) fn read(
    node: &Node,
    name: &ObjectName,
    origin: &Origin,
    findings: &mut Findings,
) -> Option<Wanted> {
    let spec = node.get("spec")?;
    let target = read_target(spec, &name.name, findings);
    let refresh = read_refresh(spec, findings);
    let entries = read_entries(spec, findings);
    let store = spec.get("secretStoreRef").map(|store| {
        check_name(
            store.get_text("name").unwrap_or_default(),
            Some(store),
            "spec.secretStoreRef.name",
            findings,
        );
        StoreRef {
            kind: match store.get_text("kind") {
                Some("ClusterSecretStore") => StoreKind::ClusterSecretStore,
                _ => StoreKind::SecretStore,
            },
            name: store.get_text("name").unwrap_or_default().to_owned(),
        }
    });
    if store.is_none() && !entries.is_empty() {
        findings.add(
            spec.line,
            "spec.secretStoreRef",
            "required field is missing; name the store to read from",
        );
    }
    let metadata = node.get("metadata")?;
    findings.0.is_empty().then(|| Wanted {
        origin: origin.clone(),
        namespace: name.namespace.clone(),
        name: name.name.clone(),
        labels: text_map(metadata.get("labels")),
        annotations: text_map(metadata.get("annotations")),
        store,
        target,
        refresh,
        entries,
    })
}

pub(crate) fn text_map(node: Option<&Node>) -> BTreeMap<String, String> {
    node.map(Node::fields)
        .unwrap_or_default()
        .iter()
        .map(|(key, value)| (key.clone(), value.text().unwrap_or_default().to_owned()))
        .collect()
}

fn read_target(spec: &Node, own_name: &str, findings: &mut Findings) -> Target {
    let target = spec.get("target");
    let text = |field| target.and_then(|target| target.get_text(field));
    let name = text("name").unwrap_or(own_name);
    check_name(name, target, "spec.target.name", findings);
    Target {
        name: name.to_owned(),
        creation: match text("creationPolicy") {
            Some("Orphan") => CreationPolicy::Orphan,
            Some("Merge") => CreationPolicy::Merge,
            Some("CreateOrMerge") => CreationPolicy::CreateOrMerge,
            Some("None") => CreationPolicy::None,
            _ => CreationPolicy::Owner,
        },
        deletion: match text("deletionPolicy") {
            Some("Delete") => DeletionPolicy::Delete,
            Some("Merge") => DeletionPolicy::Merge,
            _ => DeletionPolicy::Retain,
        },
        immutable: target.is_some_and(|target| target.is_set("immutable")),
        template: target.and_then(|target| target.get("template")).map(|node| template::read(node, findings)),
    }
}

fn read_refresh(spec: &Node, findings: &mut Findings) -> RefreshPolicy {
    let interval = match spec
        .get("refreshInterval")
        .map(|node| (node.line, parse_duration(node.text().unwrap_or_default())))
    {
        None => DEFAULT_INTERVAL,
        Some((_, Ok(interval))) => interval,
        Some((line, Err(error))) => {
            findings.add(line, "spec.refreshInterval", error.to_string());
            DEFAULT_INTERVAL
        }
    };
    match spec.get_text("refreshPolicy") {
        Some("OnChange") => RefreshPolicy::OnChange,
        Some("CreatedOnce") => RefreshPolicy::CreatedOnce,
        _ => RefreshPolicy::Periodic { interval },
    }
}

fn read_entries(spec: &Node, findings: &mut Findings) -> Vec<Entry> {
    let data = spec.get("data").map(Node::list).unwrap_or_default();
    let from = spec.get("dataFrom").map(Node::list).unwrap_or_default();
    if data.len() + from.len() > MAX_ENTRIES {
        let message = format!(
            "{} entries with dataFrom, at most {MAX_ENTRIES}; split the object",
            data.len() + from.len()
        );
        findings.add(spec.line, "spec.data", message);
        return Vec::new();
    }
    let mut out = Vec::with_capacity(data.len() + from.len());
    for (index, item) in from.iter().enumerate() {
        let path = format!("spec.dataFrom[{index}]");
        match item.get("extract") {
            Some(extract) => {
                let remote = read_remote(extract, &format!("{path}.extract"), findings);
                out.push(Entry::Extract { index, remote });
            }
            None => findings.add(item.line, path, "has no source; set extract"),
        }
    }
    for (index, item) in data.iter().enumerate() {
        let path = format!("spec.data[{index}]");
        let secret_key = item.get("secretKey").and_then(Node::text).unwrap_or_default();
        if let Err(error) = check_key(secret_key) {
            findings.add(item.line, format!("{path}.secretKey"), error.to_string());
        }
        if let Some(remote) = item.get("remoteRef") {
            let remote = read_remote(remote, &format!("{path}.remoteRef"), findings);
            out.push(Entry::Key { index, secret_key: secret_key.to_owned(), remote });
        }
    }
    out
}

fn read_remote(node: &Node, path: &str, findings: &mut Findings) -> RemoteRef {
    let text = |field| node.get_text(field);
    let key = text("key").unwrap_or_default();
    if let Err(error) = check_key_path(key) {
        findings.add(node.line, format!("{path}.key"), error.to_string());
    }
    let version = text("version").map(str::parse::<u64>);
    if let Some(Err(_)) = version {
        findings.add(
            node.line,
            format!("{path}.version"),
            "not a version of the KV store; write a whole number such as \"3\"",
        );
    }
    if text("metadataPolicy") == Some("Fetch") {
        let message = "Fetch is not supported yet; the Secret was not written";
        findings.add(node.line, format!("{path}.metadataPolicy"), message);
    }
    RemoteRef {
        key: key.to_owned(),
        property: text("property").map(str::to_owned),
        version: version.and_then(Result::ok).filter(|version| *version > 0),
        conversion: text("conversionStrategy").and_then(ConversionStrategy::from_name).unwrap_or_default(),
        decoding: text("decodingStrategy").and_then(DecodingStrategy::from_name).unwrap_or_default(),
        null_bytes: match text("nullBytePolicy") {
            Some("Fail") => NullBytePolicy::Fail,
            _ => NullBytePolicy::Ignore,
        },
    }
}

/// Checks the name of an object: what Kubernetes calls a DNS-1123 subdomain.
pub(crate) fn check_name(name: &str, node: Option<&Node>, field: &str, findings: &mut Findings) {
    let label = |label: &str| {
        let ends =
            |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        ends(label.bytes().next())
            && ends(label.bytes().last())
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    if name.len() > 253 || !name.split('.').all(label) {
        let message = "not a name of Kubernetes: at most 253 lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit";
        findings.add(node.map_or(1, |node| node.line), field, message);
    }
}

#[cfg(test)]
pub(crate) mod tests;
