//! The CustomResourceDefinitions of ExternalSecret, SecretStore and ClusterSecretStore.
//!
//! They may be applied over those of External Secrets Operator: the names are the same, v1 is stored, v1beta1 is
//! listed so that objects stored under it stay readable, and no field that v1 has is dropped from a stored object.

mod external_secret;
mod openapi;
mod shared;
mod store;
#[cfg(test)]
mod tests;
mod value;
mod vault;

use openapi::{Schema, may, metadata, object, open, text};
use value::{Value, list, map};

/// The API group of all three.
pub const GROUP: &str = "external-secrets.io";

/// The providers that a store may name. Only [`SUPPORTED_PROVIDER`] works here; the fields of the others are kept as
/// they are, for the controller that serves them.
pub const PROVIDERS: &[&str] = &[
    "akeyless",
    "aws",
    "azurekv",
    "barbican",
    "beyondtrust",
    "beyondtrustworkloadcredentials",
    "bitwardensecretsmanager",
    "chef",
    "cloudrusm",
    "conjur",
    "crd",
    "delinea",
    "doppler",
    "dvls",
    "fake",
    "fortanix",
    "gcpsm",
    "github",
    "gitlab",
    "ibm",
    "infisical",
    "keepersecurity",
    "kubernetes",
    "nebiusmysterybox",
    "ngrok",
    "onboardbase",
    "onepassword",
    "onepasswordSDK",
    "openBao",
    "oracle",
    "ovh",
    "passbolt",
    "passworddepot",
    "previder",
    "pulumi",
    "scaleway",
    "secretserver",
    "senhasegura",
    "vault",
    "volcengine",
    "webhook",
    "yandexcertificatemanager",
    "yandexlockbox",
];

/// The provider that works here.
pub const SUPPORTED_PROVIDER: &str = "vault";

/// One CustomResourceDefinition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crd {
    plural: &'static str,
    document: Value,
}

impl Crd {
    /// Its name, such as `externalsecrets.external-secrets.io`.
    pub fn name(&self) -> String {
        format!("{}.{GROUP}", self.plural)
    }

    /// The name of its file, such as `external-secrets.io_externalsecrets.yaml`.
    pub fn file_name(&self) -> String {
        format!("{GROUP}_{}.yaml", self.plural)
    }

    /// One YAML document without a separator; always the same text.
    pub fn to_yaml(&self) -> String {
        self.document.to_yaml()
    }

    /// One line of JSON; always the same text.
    pub fn to_json(&self) -> String {
        self.document.to_json()
    }
}

/// All of them, in the order of their names.
pub fn all() -> Vec<Crd> {
    vec![
        crd(&CLUSTER_SECRET_STORE, store::spec(), store::status()),
        crd(&EXTERNAL_SECRET, external_secret::spec(), external_secret::status()),
        crd(&SECRET_STORE, store::spec(), store::status()),
    ]
}

/// All of them as one stream of YAML documents, for `kubectl apply -f -`.
pub fn yaml_documents() -> String {
    all().iter().map(|crd| format!("---\n{}", crd.to_yaml())).collect()
}

/// What differs from kind to kind, besides the schema.
struct Names {
    kind: &'static str,
    plural: &'static str,
    singular: &'static str,
    short: &'static str,
    scope: &'static str,
    about: &'static str,
    /// Title, type and path of what `kubectl get` prints.
    columns: &'static [(&'static str, &'static str, &'static str)],
    /// The fields that `--field-selector` may name.
    selectable: &'static [&'static str],
}

const READY_REASON: &str = r#".status.conditions[?(@.type=="Ready")].reason"#;
const READY_STATUS: &str = r#".status.conditions[?(@.type=="Ready")].status"#;

const EXTERNAL_SECRET: Names = Names {
    kind: "ExternalSecret",
    plural: "externalsecrets",
    singular: "externalsecret",
    short: "es",
    scope: "Namespaced",
    about: "Values of a provider that become a Secret of this namespace.",
    columns: &[
        ("StoreType", "string", ".spec.secretStoreRef.kind"),
        ("Store", "string", ".spec.secretStoreRef.name"),
        ("Refresh Interval", "string", ".spec.refreshInterval"),
        ("Status", "string", READY_REASON),
        ("Ready", "string", READY_STATUS),
        ("Last Sync", "date", ".status.refreshTime"),
    ],
    selectable: &[
        ".spec.secretStoreRef.name",
        ".spec.secretStoreRef.kind",
        ".spec.target.name",
        ".spec.refreshInterval",
    ],
};

const STORE_COLUMNS: &[(&str, &str, &str)] = &[
    ("AGE", "date", ".metadata.creationTimestamp"),
    ("Status", "string", READY_REASON),
    ("Capabilities", "string", ".status.capabilities"),
    ("Ready", "string", READY_STATUS),
];

const SECRET_STORE: Names = Names {
    kind: "SecretStore",
    plural: "secretstores",
    singular: "secretstore",
    short: "ss",
    scope: "Namespaced",
    about: "A provider that ExternalSecrets of this namespace read from.",
    columns: STORE_COLUMNS,
    selectable: &[],
};

const CLUSTER_SECRET_STORE: Names = Names {
    kind: "ClusterSecretStore",
    plural: "clustersecretstores",
    singular: "clustersecretstore",
    short: "css",
    scope: "Cluster",
    about: "A provider that ExternalSecrets of many namespaces read from.",
    columns: STORE_COLUMNS,
    selectable: &[],
};

fn crd(names: &Names, spec: Schema, status: Schema) -> Crd {
    let old = open("Not served; kept as it is.");
    let versions = [
        version(names, "v1", root(names.about, spec, status)),
        version(names, "v1beta1", root(names.about, old.clone(), old)),
    ];
    let document = map([
        ("apiVersion", "apiextensions.k8s.io/v1".into()),
        ("kind", "CustomResourceDefinition".into()),
        (
            "metadata",
            map([
                ("name", format!("{}.{GROUP}", names.plural).into()),
                ("labels", map([("external-secrets.io/component", "controller".into())])),
            ]),
        ),
        (
            "spec",
            map([
                ("group", GROUP.into()),
                (
                    "names",
                    map([
                        ("kind", names.kind.into()),
                        ("listKind", format!("{}List", names.kind).into()),
                        ("plural", names.plural.into()),
                        ("singular", names.singular.into()),
                        ("shortNames", list([names.short])),
                        ("categories", list(["external-secrets"])),
                    ]),
                ),
                ("scope", names.scope.into()),
                ("versions", list(versions)),
            ]),
        ),
    ]);
    Crd { plural: names.plural, document }
}

/// A version: v1 is served and stored, any other is only listed.
fn version(names: &Names, version: &str, schema: Schema) -> Value {
    let current = version == "v1";
    let columns = names.columns.iter().map(|(title, kind, path)| {
        map([("name", (*title).into()), ("type", (*kind).into()), ("jsonPath", (*path).into())])
    });
    let mut fields = vec![
        ("name", version.into()),
        ("served", current.into()),
        ("storage", current.into()),
        ("additionalPrinterColumns", list(columns)),
        ("schema", map([("openAPIV3Schema", schema.into_value())])),
        ("subresources", map([("status", map([]))])),
    ];
    if !current {
        fields.push(("deprecated", true.into()));
    }
    if current && !names.selectable.is_empty() {
        let paths = names.selectable.iter().map(|path| map([("jsonPath", (*path).into())]));
        fields.push(("selectableFields", list(paths)));
    }
    Value::Map(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn root(about: &str, spec: Schema, status: Schema) -> Schema {
    object(
        about,
        [
            may("apiVersion", text("Group and version of this object.")),
            may("kind", text("Kind of this object.")),
            may("metadata", metadata()),
            may("spec", spec),
            may("status", status),
        ],
    )
}
