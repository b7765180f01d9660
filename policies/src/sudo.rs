//! The paths that need `sudo` besides the operation's own capability.

use crate::capability::Capability;

/// Whole paths; a list of one of them counts as well.
const PATHS: [&str; 13] = [
    "auth/token/accessors",
    "auth/token/revoke-orphan",
    "sys/audit",
    "sys/config/cors",
    "sys/config/ui/headers",
    "sys/leases",
    "sys/leases/count",
    "sys/leases/tidy",
    "sys/raw",
    "sys/remount",
    "sys/rotate",
    "sys/seal",
    "sys/step-down",
];

/// Everything below these.
const BELOW: [&str; 12] = [
    "auth/token/accessors/",
    "sys/audit/",
    "sys/auth/",
    "sys/config/auditing/",
    "sys/config/ui/headers/",
    "sys/internal/inspect/",
    "sys/leases/lookup/",
    "sys/leases/revoke-force/",
    "sys/leases/revoke-prefix/",
    "sys/plugins/catalog/",
    "sys/raw/",
    "sys/rotate/",
];

/// Whether a request needs `sudo`. The path is canonical, so a list ends in `/`. Engines may protect paths
/// of their own (for example the deletion of a CA); those depend on the mount and are not known here.
#[must_use]
pub fn is_sudo_protected(path: &str, capability: Capability) -> bool {
    let bare = path.strip_suffix('/').unwrap_or(path);
    // Reading the table of login methods is open; every single method is not, not even to readers.
    if bare == "sys/auth" {
        return !matches!(capability, Capability::Read | Capability::List);
    }
    PATHS.contains(&bare) || BELOW.iter().any(|prefix| path.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Capability::{Create, Delete, List, Read, Update};

    #[test]
    fn protected_and_open_paths() {
        let check = |path: &str, capability, expected| {
            assert_eq!(is_sudo_protected(path, capability), expected, "{capability} {path}");
        };
        for (path, capability) in [
            ("auth/token/accessors", Read),
            ("auth/token/accessors/", List),
            ("auth/token/revoke-orphan", Update),
            ("sys/audit", Read),
            ("sys/audit/file", Delete),
            ("sys/auth", Update),
            ("sys/auth/userpass", Read),
            ("sys/auth/userpass/tune", Read),
            ("sys/config/auditing/request-headers/x", Update),
            ("sys/config/cors", Read),
            ("sys/config/ui/headers/", List),
            ("sys/config/ui/headers/x", Update),
            ("sys/internal/inspect/router/root", Read),
            ("sys/leases", Read),
            ("sys/leases/count", Read),
            ("sys/leases/lookup/", List),
            ("sys/leases/lookup/auth/userpass/", List),
            ("sys/leases/revoke-force/a", Update),
            ("sys/leases/revoke-prefix/a", Update),
            ("sys/leases/tidy", Update),
            ("sys/plugins/catalog/secret/kv", Read),
            ("sys/raw", List),
            ("sys/raw/core/x", Read),
            ("sys/remount", Update),
            ("sys/rotate", Update),
            ("sys/rotate/keyring", Update),
            ("sys/rotate/root/init", Update),
            ("sys/seal", Update),
            ("sys/step-down", Update),
        ] {
            check(path, capability, true);
        }
        for (path, capability) in [
            ("sys/auth", Read),
            ("sys/auth/", List),
            ("sys/audit-hash/file", Update),
            ("sys/auditx", Read),
            ("auth/token/create-orphan", Update),
            ("auth/token/create", Update),
            ("auth/token/accessorsx", Read),
            ("sys/leases/lookup", Update),
            ("sys/leases/renew", Update),
            ("sys/mounts/kv", Create),
            ("sys/policies/acl/a", Update),
            ("sys/seal-status", Read),
            ("sys/plugins/catalog", Read),
            ("sys/keyreeve/audit", Read),
            ("secret/sys/audit", Read),
            ("", Read),
        ] {
            check(path, capability, false);
        }
    }
}
