//! The schema of ExternalSecret v1.

use super::openapi::{Field, Rule, Schema, array, flag, may, must, object, text, text_map, texts};
use super::shared::{conditions, data_key, object_name, store_ref};
use super::value::map;

/// The kinds of generators that a `generatorRef` may name.
const GENERATORS: [&str; 18] = [
    "ACRAccessToken",
    "BeyondtrustWorkloadCredentialsDynamicSecret",
    "CloudsmithAccessToken",
    "ClusterGenerator",
    "ECRAuthorizationToken",
    "Fake",
    "GCRAccessToken",
    "GithubAccessToken",
    "GitlabDeployToken",
    "Grafana",
    "MFA",
    "Password",
    "QuayAccessToken",
    "SSHKey",
    "STSSessionToken",
    "UUID",
    "VaultDynamicSecret",
    "Webhook",
];

/// When a window of `syncWindows` opens: a word, a period, or five fields of cron.
const SCHEDULE: &str =
    r"^(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|@every \S.*|\S+( \S+){4})$";

/// `spec`.
pub(super) fn spec() -> Schema {
    let target =
        target().default(map([("creationPolicy", "Owner".into()), ("deletionPolicy", "Retain".into())]));
    object(
        "Which values to read, from where and how often, and the object to write them to.",
        [
            may("secretStoreRef", store_ref("The store for all entries that name none of their own.")),
            may(
                "refreshPolicy",
                text(
                    "CreatedOnce: read until the target exists. Periodic: read each refreshInterval. \
                      OnChange: read when this object changes. Periodic if absent.",
                )
                .one_of(&["CreatedOnce", "Periodic", "OnChange"]),
            ),
            may(
                "refreshInterval",
                text("Time between two reads, as a duration of Go such as 90s or 1h30m; zero reads once.")
                    .default("1h0m0s"),
            ),
            may("syncWindows", sync_windows()),
            may("target", target),
            may("data", array("Single values, each with the key that it gets.", data())),
            may(
                "dataFrom",
                array("Sets of values that bring their own keys; a later entry wins.", data_from()),
            ),
        ],
    )
}

/// `status`.
pub(super) fn status() -> Schema {
    let binding = object(
        "The written Secret, for workloads bound by servicebinding.io.",
        [may("name", text("Name of the Secret.").default(""))],
    )
    .atomic();
    object(
        "What the controller did last.",
        [
            may("refreshTime", text("When the last successful run began.").format("date-time").nullable()),
            may(
                "syncedResourceVersion",
                text("Generation and fingerprint of this object at the last successful run."),
            ),
            may("conditions", conditions(text("Ready or Deleted.").one_of(&["Ready", "Deleted"]))),
            may("binding", binding),
        ],
    )
}

fn sync_windows() -> Schema {
    let window = object(
        "One window.",
        [
            must(
                "schedule",
                text("When it opens, in UTC: five fields of cron, a word such as @daily, or @every 2h.")
                    .pattern(SCHEDULE),
            ),
            must("duration", text("How long it stays open, as a duration of Go.")),
        ],
    );
    object(
        "Times in which periodic reads may or may not run.",
        [
            must(
                "kind",
                text("allow: read within the windows only. deny: read outside of them only.")
                    .one_of(&["allow", "deny"]),
            ),
            must("windows", array("The windows.", window).at_least(1)),
        ],
    )
}

fn target() -> Schema {
    object(
        "The object to write.",
        [
            may("name", object_name("Name of the target; the name of this object if absent.")),
            may(
                "creationPolicy",
                text(
                    "Owner: make the target and own it. Orphan: make it without owning it. Merge: only \
                      write into one that exists. None: write nothing. CreateOrMerge: make it or merge.",
                )
                .one_of(&["Owner", "Orphan", "Merge", "None", "CreateOrMerge"])
                .default("Owner"),
            ),
            may(
                "deletionPolicy",
                text(
                    "When all values are gone from the provider. Delete: delete the target. Merge: remove \
                      its keys. Retain: keep it and report an error.",
                )
                .one_of(&["Delete", "Merge", "Retain"])
                .default("Retain"),
            ),
            may("immutable", flag("Whether the written Secret is immutable; false if absent.")),
            may(
                "manifest",
                object(
                    "Write an object of another kind than Secret.",
                    [
                        must("apiVersion", text("Its group and version, such as v1 or example.com/v1.")),
                        must("kind", text("Its kind.")),
                    ],
                ),
            ),
            may("template", template()),
        ],
    )
    .rules(&[
        Rule {
            check: "self.deletionPolicy != 'Delete' || self.creationPolicy in ['Owner', 'Orphan']",
            message: "Delete needs creationPolicy Owner or Orphan; choose Retain, or another creationPolicy",
            field: ".deletionPolicy",
        },
        Rule {
            check: "self.deletionPolicy != 'Merge' || self.creationPolicy != 'None'",
            message: "Merge needs a target, which creationPolicy None has not; choose Retain",
            field: ".deletionPolicy",
        },
    ])
}

fn template() -> Schema {
    object(
        "How the target is made from the values.",
        [
            may("type", text("Type of the Secret, such as kubernetes.io/tls; Opaque if absent.")),
            may("engineVersion", text("Version of the template language.").one_of(&["v2"]).default("v2")),
            may(
                "mergePolicy",
                text("Replace: the target holds what templates give. Merge: it holds the values too.")
                    .one_of(&["Replace", "Merge"])
                    .default("Replace"),
            ),
            may(
                "metadata",
                object(
                    "Metadata of the target.",
                    [
                        may("annotations", text_map("Annotations; the values are templates.")),
                        may("labels", text_map("Labels; the values are templates.")),
                        may("finalizers", texts("Finalizers, as they are.")),
                    ],
                ),
            ),
            may("data", text_map("Template of each key.")),
            may("templateFrom", array("More templates; a later entry wins.", template_from())),
        ],
    )
}

fn template_from() -> Schema {
    object(
        "Where templates come from and what they fill.",
        [
            may("configMap", template_source("A ConfigMap of the same namespace.")),
            may("secret", template_source("A Secret of the same namespace.")),
            may("literal", text("The text of a template that gives keys and values as YAML.")),
            may(
                "target",
                text("What to fill: Data, Annotations or Labels; a path within another kind than Secret.")
                    .default("Data"),
            ),
            may(
                "valuesDecodingStrategy",
                decoding("How each value that the templates give is decoded; None if absent."),
            ),
        ],
    )
}

fn template_source(about: &str) -> Schema {
    let item = object(
        "One template.",
        [
            must("key", data_key("Key whose value is the template.")),
            may(
                "templateAs",
                text("Values: the template gives the value of this key. KeysAndValues: it gives a map as YAML.")
                    .one_of(&["Values", "KeysAndValues"])
                    .default("Values"),
            ),
        ],
    );
    object(
        about,
        [
            must("name", object_name("Name of the object.")),
            must("items", array("The keys to use as templates.", item)),
        ],
    )
}

fn data() -> Schema {
    let source = object("Where this value comes from instead.", sources()).exactly_one();
    object(
        "One value and its key.",
        [
            must("secretKey", data_key("Key in the target.")),
            must("remoteRef", remote_ref("The value at the provider.")),
            may("sourceRef", source),
        ],
    )
}

fn data_from() -> Schema {
    let find = object(
        "All secrets whose name or tags match.",
        [
            may("path", text("Only secrets below this path.")),
            may(
                "name",
                object(
                    "By name.",
                    [may("regexp", text("Expression of RE2 that matches anywhere in the name."))],
                ),
            ),
            may("tags", text_map("Tags that a secret must all have with these values.")),
            may("conversionStrategy", conversion()),
            may("decodingStrategy", decoding("How each value is decoded; None if absent.")),
            may("nullBytePolicy", null_bytes()),
        ],
    );
    let source = object("Where these values come from instead.", sources()).exactly_one();
    object(
        "One set of values: extract, find, or a generator.",
        [
            may("extract", remote_ref("All keys of one secret at the provider.")),
            may("find", find),
            may("rewrite", array("Changes to the keys, one after the other.", rewrite())),
            may("sourceRef", source),
        ],
    )
    .any_of(&["extract", "find", "sourceRef"])
}

fn rewrite() -> Schema {
    let expression = object(
        "Replace within each key.",
        [
            must("source", text("Expression of RE2.")),
            must("target", text("Replacement; $1 is the first group.")),
        ],
    );
    let transform = object(
        "Make each key by a template.",
        [must("template", text("Template in which .value is the key."))],
    );
    let merge = object(
        "Put the maps that the values are into one.",
        [
            may("into", text("Key of the result; needed by strategy JSON, unused by Extract.").default("")),
            may("priority", texts("Keys whose maps win, the strongest last.")),
            may(
                "priorityPolicy",
                text("What a missing key of priority does. Strict: an error. IgnoreNotFound: nothing.")
                    .one_of(&["Strict", "IgnoreNotFound"])
                    .default("Strict"),
            ),
            may(
                "conflictPolicy",
                text("What a key in two maps does. Error: an error. Ignore: the later map wins.")
                    .one_of(&["Error", "Ignore"])
                    .default("Error"),
            ),
            may(
                "strategy",
                text("Extract: the merged keys become keys. JSON: they become one value, at into.")
                    .one_of(&["Extract", "JSON"])
                    .default("Extract"),
            ),
        ],
    );
    object("One change.", [may("regexp", expression), may("transform", transform), may("merge", merge)])
        .exactly_one()
}

fn remote_ref(about: &str) -> Schema {
    object(
        about,
        [
            must("key", text("Name or path of the secret at the provider.")),
            may("property", text("Key within the secret, or a path of gjson; all of it if absent.")),
            may("version", text("Version of the secret; the newest if absent.")),
            may(
                "metadataPolicy",
                text("Fetch: read the secret's metadata instead of its value. None if absent.")
                    .one_of(&["None", "Fetch"]),
            ),
            may("conversionStrategy", conversion()),
            may("decodingStrategy", decoding("How the value is decoded; None if absent.")),
            may("nullBytePolicy", null_bytes()),
        ],
    )
}

fn conversion() -> Schema {
    text("How characters that no key may have are replaced. Default: by _. Unicode: by _Ucode_. Default if absent.")
        .one_of(&["Default", "Unicode"])
}

fn decoding(about: &str) -> Schema {
    text(about).one_of(&["Auto", "Base64", "Base64URL", "None"])
}

fn null_bytes() -> Schema {
    text("What a value with a NUL byte does. Ignore: it is written. Fail: an error. Ignore if absent.")
        .one_of(&["Ignore", "Fail"])
}

/// The fields of `sourceRef`.
fn sources() -> [Field; 2] {
    let generator = object(
        "A generator of values; only under dataFrom.",
        [
            may(
                "apiVersion",
                text("Group and version of the generator.")
                    .default("generators.external-secrets.io/v1alpha1"),
            ),
            must("kind", text("Kind of the generator.").one_of(&GENERATORS)),
            must("name", object_name("Name of the generator.")),
        ],
    );
    [may("storeRef", store_ref("Another store.")), may("generatorRef", generator)]
}
