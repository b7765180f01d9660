//! Functions that use random bytes.

use crate::function::Function;

/// The group.
pub(crate) const TABLE: &[Function] = &[];
