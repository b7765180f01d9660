//! Who may do what to which path: Vault's policy language, pure.
