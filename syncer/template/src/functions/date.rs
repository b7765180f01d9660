//! Functions on time.

use crate::function::Function;

/// The group.
pub(crate) const TABLE: &[Function] = &[];
