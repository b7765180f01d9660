//! Functions on URLs.

use crate::function::Function;

/// The group.
pub(crate) const TABLE: &[Function] = &[];
