//! Functions on strings.

use crate::function::Function;

/// The group.
pub(crate) const TABLE: &[Function] = &[];
