//! Capabilities: the words a policy grants, and a small set of them.

use std::fmt;

/// One thing a policy can allow (or, with [`Capability::Deny`], forbid) on a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Capability {
    /// Write where nothing is yet.
    Create,
    /// Remove.
    Delete,
    /// Forbid everything; absorbs all others in the same pattern.
    Deny,
    /// List the keys directly below.
    List,
    /// Change parts of what is there.
    Patch,
    /// Read.
    Read,
    /// List the keys below, recursively.
    Scan,
    /// Use a sudo-protected path, besides the operation's own capability.
    Sudo,
    /// Write over what is there, and every operation that is not one of the others.
    Update,
}

impl Capability {
    /// All capabilities, in alphabetical order of their names.
    pub const ALL: [Self; 9] = [
        Self::Create,
        Self::Delete,
        Self::Deny,
        Self::List,
        Self::Patch,
        Self::Read,
        Self::Scan,
        Self::Sudo,
        Self::Update,
    ];

    /// The word that a policy uses, in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Delete => "delete",
            Self::Deny => "deny",
            Self::List => "list",
            Self::Patch => "patch",
            Self::Read => "read",
            Self::Scan => "scan",
            Self::Sudo => "sudo",
            Self::Update => "update",
        }
    }

    /// The capability with exactly this name (lower case only), if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|capability| capability.name() == name)
    }

    const fn bit(self) -> u16 {
        1 << (self as u16)
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of capabilities. A set that holds `deny` holds nothing else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Capabilities(u16);

impl Capabilities {
    /// Nothing granted. Prints as `deny`, as an empty answer does in Vault.
    pub const NONE: Self = Self(0);
    /// Explicitly denied.
    pub const DENY: Self = Self(Capability::Deny.bit());
    /// What the root token has, as far as sets of capabilities go: all but `deny`.
    pub const EVERYTHING: Self = Self(0b1_1111_1111 & !Capability::Deny.bit());

    /// What the legacy `policy = "…"` shorthand stands for: `deny`, `read`, `write` or `sudo`.
    #[must_use]
    pub fn from_legacy(word: &str) -> Option<Self> {
        use Capability::{Create, Delete, List, Read, Sudo, Update};
        let write = [Create, Read, Update, Delete, List];
        match word {
            "deny" => Some(Self::DENY),
            "read" => Some([Read, List].into_iter().collect()),
            "write" => Some(write.into_iter().collect()),
            "sudo" => Some(write.into_iter().chain([Sudo]).collect()),
            _ => None,
        }
    }

    /// Both sets together; `deny` on either side leaves only `deny`.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        let both = self.0 | other.0;
        if both & Self::DENY.0 != 0 { Self::DENY } else { Self(both) }
    }

    /// This set and one more capability; `deny` leaves only `deny`.
    #[must_use]
    pub const fn with(self, capability: Capability) -> Self {
        self.union(Self(capability.bit()))
    }

    /// Whether the set holds this capability.
    #[must_use]
    pub const fn contains(self, capability: Capability) -> bool {
        self.0 & capability.bit() != 0
    }

    /// Whether the set holds nothing at all, not even `deny`.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether the set grants anything: it is neither empty nor `deny`.
    #[must_use]
    pub const fn grants_anything(self) -> bool {
        self.0 & !Self::DENY.0 != 0
    }

    /// The names in alphabetical order; `["deny"]` for an empty set, as `sys/capabilities` answers.
    #[must_use]
    pub fn names(self) -> Vec<&'static str> {
        if !self.grants_anything() {
            return vec![Capability::Deny.name()];
        }
        Capability::ALL.into_iter().filter(|c| self.contains(*c)).map(Capability::name).collect()
    }
}

impl FromIterator<Capability> for Capabilities {
    fn from_iter<I: IntoIterator<Item = Capability>>(items: I) -> Self {
        items.into_iter().fold(Self::NONE, Self::with)
    }
}

impl fmt::Display for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_found_again() {
        let names: Vec<_> = Capability::ALL.iter().map(|c| c.name()).collect();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        assert_eq!(names, sorted);
        for capability in Capability::ALL {
            assert_eq!(Capability::from_name(capability.name()), Some(capability));
        }
        for unknown in ["READ", "Read", " read", "", "subscribe", "recover", "root"] {
            assert_eq!(Capability::from_name(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn everything_is_every_capability_but_deny() {
        let expected = Capability::ALL.into_iter().filter(|c| *c != Capability::Deny);
        assert_eq!(Capabilities::EVERYTHING, expected.collect());
    }

    #[test]
    fn deny_absorbs() {
        use Capability::{Deny, Read, Update};
        let check = |items: &[Capability], printed: &str| {
            let set: Capabilities = items.iter().copied().collect();
            assert_eq!(set.to_string(), printed, "{items:?}");
        };
        check(&[], "deny");
        check(&[Deny], "deny");
        check(&[Deny, Read], "deny");
        check(&[Read, Deny], "deny");
        check(&[Update, Read, Read], "read, update");
        assert!(Capabilities::NONE.is_empty() && !Capabilities::DENY.is_empty());
        assert!(!Capabilities::DENY.contains(Read) && !Capabilities::DENY.grants_anything());
    }

    #[test]
    fn legacy_words() {
        let check = |word, printed: Option<&str>| {
            assert_eq!(Capabilities::from_legacy(word).map(|c| c.to_string()).as_deref(), printed);
        };
        check("deny", Some("deny"));
        check("read", Some("list, read"));
        check("write", Some("create, delete, list, read, update"));
        check("sudo", Some("create, delete, list, read, sudo, update"));
        check("WRITE", None);
    }
}
