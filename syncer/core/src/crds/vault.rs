//! The schema of `spec.provider.vault`.

use super::openapi::{Rule, Schema, flag, may, must, object, text, text_map, texts, whole};
use super::shared::{data_key, namespace, object_name, secret_key, service_account};

/// The Vault provider.
pub(super) fn vault() -> Schema {
    object(
        "A key/value engine of Vault, OpenBao or Keyreeve.",
        [
            must("server", text("Base URL of the server, such as https://vault.example.com:8200.")),
            may("path", text("Mount path of the engine; may hold slashes.")),
            may("version", text("Version of the engine.").one_of(&["v1", "v2"]).default("v2")),
            may("namespace", text("Namespace of the server to read from.")),
            may(
                "caBundle",
                text("Certificates, in PEM and then Base64, that must sign the server's. The system's if absent.")
                    .format("byte"),
            ),
            may("caProvider", ca_provider()),
            may("tls", tls()),
            may("readYourWrites", flag("Whether reads wait for what this client wrote; false if absent.")),
            may(
                "forwardInconsistent",
                flag("Whether a server that lags behind forwards to the active one; needs readYourWrites."),
            ),
            may("headers", text_map("Headers that each request gets.")),
            may(
                "checkAndSet",
                object(
                    "Check-and-set for values that are pushed; not used by reads.",
                    [may("required", flag("Whether a push must name the version it replaces."))],
                ),
            ),
            may("auth", auth()),
        ],
    )
    .rules(&[Rule {
        check: "self.version != 'v1' || !has(self.checkAndSet) || !has(self.checkAndSet.required) \
                || !self.checkAndSet.required",
        message: "only version v2 has check-and-set; set version to v2 or remove checkAndSet",
        field: ".checkAndSet",
    }])
}

fn ca_provider() -> Schema {
    object(
        "Where to read the certificates if caBundle is absent.",
        [
            must("type", text("Kind of the object.").one_of(&["Secret", "ConfigMap"])),
            must("name", object_name("Name of the object.")),
            may("key", data_key("Key within its data.")),
            may("namespace", namespace("Its namespace; only in a ClusterSecretStore, and needed there.")),
        ],
    )
}

fn tls() -> Schema {
    object(
        "Client certificate of the connection.",
        [
            may("certSecretRef", secret_key("The certificate; key tls.crt if absent.")),
            may("keySecretRef", secret_key("Its private key; key tls.key if absent.")),
        ],
    )
    .rules(&[Rule {
        check: "has(self.certSecretRef) == has(self.keySecretRef)",
        message: "a certificate needs its key: set both certSecretRef and keySecretRef, or none",
        field: ".keySecretRef",
    }])
}

/// The ways to log in. Several may be set; the controller takes the first in a fixed order.
fn auth() -> Schema {
    object(
        "How to log in. The first that is set counts: tokenSecretRef, appRole, kubernetes, ldap, userPass, \
         jwt, cert, iam, gcp. None of them: requests carry no token.",
        [
            may("namespace", text("Namespace of the server to log in to; that of the provider if absent.")),
            may("tokenSecretRef", secret_key("A token.")),
            may("appRole", app_role()),
            may("kubernetes", kubernetes()),
            may("ldap", password("ldap", "Name and password of LDAP.")),
            may("userPass", password("userpass", "Name and password of the server.")),
            may("jwt", jwt()),
            may("cert", cert()),
            may("iam", iam()),
            may("gcp", gcp()),
        ],
    )
}

fn app_role() -> Schema {
    object(
        "An AppRole.",
        [
            must("path", text("Mount path of the method.").default("approle")),
            may("roleId", text("The role id itself.")),
            may("roleRef", secret_key("The role id, kept in a Secret.")),
            must("secretRef", secret_key("The secret id.")),
        ],
    )
    .rules(&[Rule {
        check: "has(self.roleRef) || (has(self.roleId) && self.roleId != '')",
        message: "an AppRole needs its role id: set roleId or roleRef",
        field: ".roleId",
    }])
}

fn kubernetes() -> Schema {
    object(
        "A token of a service account. The controller's own if neither serviceAccountRef nor secretRef is set.",
        [
            must("mountPath", text("Mount path of the method.").default("kubernetes")),
            must("role", text("Role of the method to log in as.")),
            may("serviceAccountRef", service_account("Service account to ask a token for.")),
            may("secretRef", secret_key("A token kept in a Secret; key token if absent.")),
        ],
    )
}

fn password(path: &str, about: &str) -> Schema {
    object(
        about,
        [
            must("path", text("Mount path of the method.").default(path)),
            must("username", text("Name of the user.")),
            may("secretRef", secret_key("The password.")),
        ],
    )
}

fn jwt() -> Schema {
    let account = object(
        "A token of a service account, asked for when it is needed.",
        [
            must("serviceAccountRef", service_account("The service account.")),
            may(
                "audiences",
                texts("Deprecated, use serviceAccountRef. Audiences of the token; vault if absent."),
            ),
            may("expirationSeconds", whole("Deprecated. Seconds that the token is valid; 600 if absent.")),
        ],
    );
    object(
        "A JSON Web Token.",
        [
            must("path", text("Mount path of the method.").default("jwt")),
            may("role", text("Role of the method; the method's own default if absent.")),
            may("secretRef", secret_key("A token kept in a Secret.")),
            may("kubernetesServiceAccountToken", account),
        ],
    )
    .rules(&[Rule {
        check: "has(self.secretRef) || has(self.kubernetesServiceAccountToken)",
        message: "a login needs a token: set secretRef or kubernetesServiceAccountToken",
        field: ".secretRef",
    }])
}

fn cert() -> Schema {
    object(
        "A client certificate.",
        [
            may("path", text("Mount path of the method.").default("cert")),
            may("vaultRole", text("Role of the method; any that matches if absent.")),
            may("clientCert", secret_key("The certificate.")),
            may("secretRef", secret_key("Its private key.")),
        ],
    )
}

fn iam() -> Schema {
    let keys = object(
        "Keys of AWS kept in Secrets.",
        [
            may("accessKeyIDSecretRef", secret_key("Id of the access key.")),
            may("secretAccessKeySecretRef", secret_key("The secret access key.")),
            may("sessionTokenSecretRef", secret_key("Session token; needed with temporary keys.")),
        ],
    );
    let account = object(
        "A service account that AWS trusts.",
        [may("serviceAccountRef", service_account("The service account."))],
    );
    object(
        "An identity of AWS. That of the controller's pod if neither secretRef nor jwt is set.",
        [
            may("path", text("Mount path of the method; aws if absent.")),
            may("region", text("Region of AWS.")),
            may("role", text("ARN of a role of AWS to assume before the login.")),
            must("vaultRole", text("Role of the method to log in as.")),
            may("externalID", text("External id for the role of AWS.")),
            may("vaultAwsIamServerID", text("Server id that the signed request must name.")),
            may("secretRef", keys),
            may("jwt", account),
        ],
    )
}

fn gcp() -> Schema {
    let key = object(
        "A key of Google Cloud kept in a Secret.",
        [may("secretAccessKeySecretRef", secret_key("Key of a service account of Google Cloud, as JSON."))],
    );
    let workload = object(
        "A service account of the cluster that Google Cloud trusts.",
        [
            must("serviceAccountRef", service_account("The service account.")),
            may("clusterLocation", text("Location of the cluster; found out if absent.")),
            may("clusterName", text("Name of the cluster; found out if absent.")),
            may("clusterProjectID", text("Project of the cluster; found out if absent.")),
        ],
    );
    object(
        "An identity of Google Cloud. The default credentials if no other is set.",
        [
            may("path", text("Mount path of the method.").default("gcp")),
            must("role", text("Role of the method to log in as.")),
            may("projectID", text("Project of Google Cloud.")),
            may("location", text("Location within Google Cloud.")),
            may("secretRef", key),
            may("workloadIdentity", workload),
            may("serviceAccountRef", service_account("Service account to act as.")),
        ],
    )
}
