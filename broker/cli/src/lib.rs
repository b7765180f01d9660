//! The command keyreeve: status, kv, policy, token, audit and render at a terminal.
