//! The tour of real clients.
