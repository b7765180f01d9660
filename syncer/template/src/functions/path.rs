//! Functions on slash-separated paths.

use crate::function::Function;

/// The group.
pub(crate) const TABLE: &[Function] = &[];
