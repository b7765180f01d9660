//! Functions on maps.

use crate::function::Function;

/// The group.
pub(crate) const TABLE: &[Function] = &[];
