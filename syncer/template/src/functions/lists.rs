//! Functions on slices.

use crate::function::Function;

/// The group.
pub(crate) const TABLE: &[Function] = &[];
