//! The schema of SecretStore and ClusterSecretStore v1.

use super::PROVIDERS;
use super::openapi::{Schema, array, may, must, object, open, text, text_or_whole, texts, whole32};
use super::shared::{conditions, label_selector, namespace};
use super::vault::vault;

/// `spec`.
pub(super) fn spec() -> Schema {
    object(
        "Where values are read from, and how to log in there.",
        [
            may(
                "controller",
                text("Class of the controller that serves this store; any if absent or empty."),
            ),
            must("provider", provider()),
            may(
                "retrySettings",
                object(
                    "How a failed request to the provider is repeated.",
                    [
                        may("maxRetries", whole32("Most repetitions.")),
                        may("retryInterval", text("Time between two of them, as a duration of Go.")),
                    ],
                ),
            ),
            may(
                "refreshInterval",
                text_or_whole(
                    "Time between two checks of this store: seconds, or a duration of Go. The controller's \
                     default if absent or 0.",
                ),
            ),
            may(
                "conditions",
                array("Who may use a ClusterSecretStore: all, or who one entry admits.", condition()),
            ),
        ],
    )
}

/// `status`.
pub(super) fn status() -> Schema {
    object(
        "What the controller found.",
        [
            may("conditions", conditions(text("Ready."))),
            may("capabilities", text("ReadOnly, WriteOnly or ReadWrite.")),
        ],
    )
}

fn provider() -> Schema {
    let fields = PROVIDERS.iter().map(|name| {
        let schema = match *name {
            "vault" => vault(),
            _ => open("Not supported by this controller; kept as it is."),
        };
        may(name, schema)
    });
    object("The provider: exactly one.", fields).exactly_one()
}

fn condition() -> Schema {
    let names = namespace("Name of a namespace.");
    object(
        "Namespaces, by any of the fields.",
        [
            may("namespaceSelector", label_selector("By labels of the namespace.")),
            may("namespaces", array("By name.", names)),
            may("namespaceRegexes", texts("By expressions of RE2 over the name.")),
        ],
    )
}
