//! Functions on keys, certificates, PKCS#12, JWK and passwords.

use crate::function::Function;

/// The group.
pub(crate) const TABLE: &[Function] = &[];
