//! Functions on regular expressions.

use crate::function::Function;

/// The group.
pub(crate) const TABLE: &[Function] = &[];
