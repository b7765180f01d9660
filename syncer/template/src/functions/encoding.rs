//! Functions on base64, base32 and hexadecimal texts.

use crate::function::Function;

/// The group.
pub(crate) const TABLE: &[Function] = &[];
