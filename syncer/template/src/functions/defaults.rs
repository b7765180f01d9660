//! Functions on defaults, truth, JSON and YAML.

use crate::function::Function;

/// The group.
pub(crate) const TABLE: &[Function] = &[];
