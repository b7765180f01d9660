//! The client of a Vault, an OpenBao or the broker that every other component uses.
