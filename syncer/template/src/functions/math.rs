//! Functions on numbers.

use crate::function::Function;

/// The group.
pub(crate) const TABLE: &[Function] = &[];
