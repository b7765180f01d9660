//! The broker's decisions: paths, commands, KV rules, tokens and audit records, pure.
