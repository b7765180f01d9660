//! Schemas that several fields share: names, references, conditions.

use super::openapi::{Schema, array, may, must, object, text, text_map, texts};

/// A name of most kinds of objects: labels of DNS with dots between them.
const SUBDOMAIN: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
/// The name of a namespace: one label of DNS.
const LABEL: &str = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";
/// A key within the data of a Secret or ConfigMap.
const DATA_KEY: &str = "^[-._a-zA-Z0-9]+$";

/// The name of an object.
pub(super) fn object_name(about: &str) -> Schema {
    text(about).length(1, 253).pattern(SUBDOMAIN)
}

/// The name of a namespace.
pub(super) fn namespace(about: &str) -> Schema {
    text(about).length(1, 63).pattern(LABEL)
}

/// A key of a Secret or ConfigMap.
pub(super) fn data_key(about: &str) -> Schema {
    text(about).length(1, 253).pattern(DATA_KEY)
}

/// A key of a Secret; the namespace counts in a ClusterSecretStore only.
pub(super) fn secret_key(about: &str) -> Schema {
    object(
        about,
        [
            may("name", object_name("Name of the Secret.")),
            may("key", data_key("Key within the data of the Secret.")),
            may("namespace", namespace("Namespace of the Secret; only in a ClusterSecretStore.")),
        ],
    )
}

/// A service account whose token the controller asks for.
pub(super) fn service_account(about: &str) -> Schema {
    object(
        about,
        [
            must("name", object_name("Name of the ServiceAccount.")),
            may("namespace", namespace("Namespace of the ServiceAccount; only in a ClusterSecretStore.")),
            may("audiences", texts("Audiences that the token is asked for, besides those of the provider.")),
        ],
    )
}

/// Which store to read from.
pub(super) fn store_ref(about: &str) -> Schema {
    object(
        about,
        [
            may("name", object_name("Name of the store.")),
            may(
                "kind",
                text("Kind of the store; SecretStore if absent.")
                    .one_of(&["SecretStore", "ClusterSecretStore"]),
            ),
        ],
    )
}

/// A selector over labels, as Kubernetes has it everywhere.
pub(super) fn label_selector(about: &str) -> Schema {
    let expression = object(
        "One condition on a label.",
        [
            must("key", text("Key of the label.")),
            must("operator", text("One of In, NotIn, Exists, DoesNotExist.")),
            may("values", texts("Values for In and NotIn.").whole_list()),
        ],
    );
    object(
        about,
        [
            may("matchLabels", text_map("Labels that must all be there with these values.")),
            may("matchExpressions", array("Conditions that must all hold.", expression).whole_list()),
        ],
    )
    .atomic()
}

/// `status.conditions`; `kind` is the schema of their type.
pub(super) fn conditions(kind: Schema) -> Schema {
    let condition = object(
        "The state of one aspect.",
        [
            must("type", kind),
            must("status", text("True, False or Unknown.")),
            may("reason", text("The cause as one word for programs.")),
            may("message", text("The cause in words for people.")),
            may("lastTransitionTime", text("When status changed last.").format("date-time")),
        ],
    );
    array("What the controller found at its last run.", condition)
}
