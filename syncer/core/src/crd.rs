//! The shapes of the objects that are read: every field that the field's CRDs have, with or without support here.

use crate::crds;
use crate::schema::Shape::{Choice, Flag, Ignored, List, NotYet, Object, Text, TextMap, TextOrNumber};
use crate::schema::{Field, Shape, may, must};

/// `metadata` of every object; what a server adds is read over.
pub(crate) const METADATA: Shape = Object(&[
    must("name", Text),
    may("namespace", Text),
    may("labels", TextMap),
    may("annotations", TextMap),
    may("generateName", Ignored),
    may("creationTimestamp", Ignored),
    may("deletionGracePeriodSeconds", Ignored),
    may("deletionTimestamp", Ignored),
    may("finalizers", Ignored),
    may("generation", Ignored),
    may("managedFields", Ignored),
    may("ownerReferences", Ignored),
    may("resourceVersion", Ignored),
    may("selfLink", Ignored),
    may("uid", Ignored),
]);

const DECODING: Shape = Choice(&["Auto", "Base64", "Base64URL", "None"]);

/// `remoteRef` and `extract`.
const REMOTE_REF: Shape = Object(&[
    must("key", Text),
    may("property", Text),
    may("version", Text),
    may("metadataPolicy", Choice(&["None", "Fetch"])),
    may("conversionStrategy", Choice(&["Default", "Unicode"])),
    may("decodingStrategy", DECODING),
    may("nullBytePolicy", Choice(&["Ignore", "Fail"])),
]);

const STORE_REF: Shape =
    Object(&[must("name", Text), may("kind", Choice(&["SecretStore", "ClusterSecretStore"]))]);

const TEMPLATE_SOURCE: Shape = Object(&[
    must("name", Text),
    must(
        "items",
        List(&Object(&[must("key", Text), may("templateAs", Choice(&["Values", "KeysAndValues"]))])),
    ),
]);

const TEMPLATE_FROM: Shape = Object(&[
    may("configMap", TEMPLATE_SOURCE),
    may("secret", TEMPLATE_SOURCE),
    may("literal", Text),
    may("target", Text),
    may("valuesDecodingStrategy", DECODING),
]);

const TEMPLATE: Shape = Object(&[
    may("type", Text),
    may("engineVersion", Choice(&["v2"])),
    may("mergePolicy", Choice(&["Replace", "Merge"])),
    may(
        "metadata",
        Object(&[may("labels", TextMap), may("annotations", TextMap), may("finalizers", List(&Text))]),
    ),
    may("data", TextMap),
    may("templateFrom", List(&TEMPLATE_FROM)),
]);

const TARGET: Shape = Object(&[
    may("name", Text),
    may("creationPolicy", Choice(&["Owner", "Orphan", "Merge", "None", "CreateOrMerge"])),
    may("deletionPolicy", Choice(&["Delete", "Merge", "Retain"])),
    may("immutable", Flag),
    may("manifest", NotYet),
    may("template", TEMPLATE),
]);

const DATA: Shape =
    Object(&[must("secretKey", Text), must("remoteRef", REMOTE_REF), may("sourceRef", NotYet)]);

const DATA_FROM: Shape = Object(&[
    may("extract", REMOTE_REF),
    may("find", NotYet),
    may("rewrite", NotYet),
    may("sourceRef", NotYet),
]);

/// An ExternalSecret.
pub(crate) const EXTERNAL_SECRET: Shape = Object(&[
    must("apiVersion", Text),
    must("kind", Text),
    must("metadata", METADATA),
    must(
        "spec",
        Object(&[
            may("secretStoreRef", STORE_REF),
            may("refreshPolicy", Choice(&["CreatedOnce", "Periodic", "OnChange"])),
            may("refreshInterval", Text),
            may("syncWindows", NotYet),
            may("target", TARGET),
            may("data", List(&DATA)),
            may("dataFrom", List(&DATA_FROM)),
        ]),
    ),
    may("status", Ignored),
]);

/// A reference to a key of a Secret.
const SECRET_KEY: Shape = Object(&[must("name", Text), must("key", Text), may("namespace", Text)]);

const VAULT_AUTH: Shape = Object(&[
    may("tokenSecretRef", SECRET_KEY),
    may("namespace", NotYet),
    may("appRole", NotYet),
    may("kubernetes", NotYet),
    may("ldap", NotYet),
    may("userPass", NotYet),
    may("jwt", NotYet),
    may("cert", NotYet),
    may("iam", NotYet),
    may("gcp", NotYet),
]);

const VAULT: Shape = Object(&[
    must("server", Text),
    may("path", Text),
    may("version", Choice(&["v1", "v2"])),
    may("namespace", Text),
    may("caBundle", Text),
    may("auth", VAULT_AUTH),
    may("caProvider", NotYet),
    may("tls", NotYet),
    may("headers", NotYet),
    may("readYourWrites", NotYet),
    may("forwardInconsistent", NotYet),
    // Only for writing, which is not done from here.
    may("checkAndSet", Ignored),
]);

/// Every provider of the CRD; all but the supported one stop their store.
#[expect(clippy::indexing_slicing, reason = "runs in the compiler, which checks the bounds")]
const PROVIDERS: [Field; crds::PROVIDERS.len()] = {
    let mut fields = [may(crds::SUPPORTED_PROVIDER, VAULT); crds::PROVIDERS.len()];
    let mut at = 0;
    while at < fields.len() {
        if !matches!(crds::PROVIDERS[at].as_bytes(), b"vault") {
            fields[at] = may(crds::PROVIDERS[at], NotYet);
        }
        at += 1;
    }
    fields
};

const PROVIDER: Shape = Object(&PROVIDERS);

/// One entry of `spec.conditions` of a ClusterSecretStore.
const CONDITION: Shape = Object(&[
    may("namespaces", List(&Text)),
    may("namespaceSelector", NotYet),
    may("namespaceRegexes", NotYet),
]);

/// A SecretStore or ClusterSecretStore.
pub(crate) const STORE: Shape = Object(&[
    must("apiVersion", Text),
    must("kind", Text),
    must("metadata", METADATA),
    must(
        "spec",
        Object(&[
            may("controller", Text),
            must("provider", PROVIDER),
            may("retrySettings", NotYet),
            // How often a controller validates the store again; nothing to do with reading from it.
            may("refreshInterval", TextOrNumber),
            may("conditions", List(&CONDITION)),
        ]),
    ),
    may("status", Ignored),
]);

/// A ConfigMap, read for the templates in it.
pub(crate) const CONFIG_MAP: Shape = Object(&[
    must("apiVersion", Text),
    must("kind", Text),
    must("metadata", METADATA),
    may("data", TextMap),
    may("binaryData", Ignored),
    may("immutable", Flag),
]);

/// A Secret of Kubernetes, read for the tokens of stores and the templates in it.
pub(crate) const SECRET: Shape = Object(&[
    must("apiVersion", Text),
    must("kind", Text),
    must("metadata", METADATA),
    may("data", TextMap),
    may("stringData", TextMap),
    may("type", Text),
    may("immutable", Flag),
]);
