//! Who is asking: verified facts, apart from what they are granted.

use std::collections::BTreeMap;

/// What a login method verified about a caller. Nothing in it grants anything by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Path of the auth mount that verified it, `token` for the token store.
    pub mount: String,
    /// Issuer of the credential, where it has one.
    pub issuer: Option<String>,
    /// The subject, unique below its issuer.
    pub subject: String,
    /// Groups as the issuer names them.
    pub groups: Vec<String>,
    /// Kubernetes namespace.
    pub namespace: Option<String>,
    /// Kubernetes service account.
    pub service_account: Option<String>,
    /// UID of the Kubernetes service account.
    pub uid: Option<String>,
    /// Further claims that policies may name.
    pub claims: BTreeMap<String, String>,
}

/// What a caller may do: the names of policies, frozen at login, evaluated live.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grant {
    /// Policy names, sorted, lower-case.
    pub policies: Vec<String>,
}

impl Grant {
    /// Whether everything is allowed.
    pub fn is_root(&self) -> bool {
        self.policies.iter().any(|p| p == "root")
    }
}
