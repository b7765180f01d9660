//! The policies that every broker has.

/// Name of the policy that allows everything. It has no text, cannot be written or deleted, and stands for
/// [`crate::PolicySet::root`].
pub const ROOT: &str = "root";

/// Name of the policy that tokens get unless they ask not to; it may be changed but not deleted.
pub const DEFAULT: &str = "default";

/// The text that `default` begins with.
// The two `identity/entity` paths that Vault has here are left out: they need identity templates, and the
// broker refuses those.
pub const DEFAULT_TEXT: &str = r#"# What a token may do about itself. Change it as you like; it cannot be deleted.

# Look up, renew and give back oneself.
path "auth/token/lookup-self" {
  capabilities = ["read"]
}
path "auth/token/renew-self" {
  capabilities = ["update"]
}
path "auth/token/revoke-self" {
  capabilities = ["update"]
}

# Ask what one may do.
path "sys/capabilities-self" {
  capabilities = ["update"]
}
path "sys/internal/ui/resultant-acl" {
  capabilities = ["read"]
}

# Leases that one holds: their ids are the proof.
path "sys/leases/lookup" {
  capabilities = ["update"]
}
path "sys/leases/renew" {
  capabilities = ["update"]
}
path "sys/renew" {
  capabilities = ["update"]
}

# The token's own storage.
path "cubbyhole/*" {
  capabilities = ["create", "read", "update", "delete", "list"]
}

# Response wrapping.
path "sys/wrapping/wrap" {
  capabilities = ["update"]
}
path "sys/wrapping/lookup" {
  capabilities = ["update"]
}
path "sys/wrapping/unwrap" {
  capabilities = ["update"]
}

# Hashes.
path "sys/tools/hash" {
  capabilities = ["update"]
}
path "sys/tools/hash/*" {
  capabilities = ["update"]
}

# Sign in to other applications with the broker.
path "identity/oidc/provider/+/authorize" {
  capabilities = ["read", "update"]
}
"#;

/// Name of the policy of wrapping tokens; it is not shown in lists.
pub const RESPONSE_WRAPPING: &str = "response-wrapping";

/// The text of `response-wrapping`.
pub const RESPONSE_WRAPPING_TEXT: &str = r#"# What the holder of a wrapping token may do: take out the answer, once.
path "cubbyhole/response" {
  capabilities = ["create", "read"]
}
path "sys/wrapping/unwrap" {
  capabilities = ["update"]
}
path "auth/token/revoke-self" {
  capabilities = ["update"]
}
"#;
