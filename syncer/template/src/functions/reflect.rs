//! Functions on types and kinds.

use crate::function::Function;

/// The group.
pub(crate) const TABLE: &[Function] = &[];
