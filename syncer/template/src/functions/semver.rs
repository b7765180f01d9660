//! Functions on semantic versions.

use crate::function::Function;

/// The group.
pub(crate) const TABLE: &[Function] = &[];
