//! The syncer: keeps Secrets as ExternalSecrets declare them.
