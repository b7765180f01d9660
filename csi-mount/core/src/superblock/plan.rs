//! The steps from one generation to the next, in the order in which Kubernetes' own volumes change.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::layout::{DATA, DATA_TMP, folder_name, tops};
use crate::ids::Generation;
use crate::image::{Image, NodeKind};

/// The most bytes of a plan.
pub const MAX_PLAN_BYTES: usize = 16 << 20;

/// One step of the mutator; names and paths are below the volume's folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// mkdir: the folder of the new generation, with all that is in it.
    MakeFolder(String),
    /// symlink.
    Link {
        /// The new name.
        name: String,
        /// Where it leads.
        to: String,
    },
    /// rename, over what has the name.
    Rename {
        /// The name it has.
        from: String,
        /// The name it gets.
        to: String,
    },
    /// unlink.
    Unlink(String),
    /// rmdir.
    RemoveFolder(String),
}

/// Why bytes are no plan.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("no plan of a change, at byte {column}")]
pub struct PlanError {
    /// Where, from 1.
    pub column: usize,
}

/// The bytes of a plan.
///
/// # Errors
/// [`PlanError`]; it cannot happen for names that are text.
pub fn encode(steps: &[Step]) -> Result<Vec<u8>, PlanError> {
    serde_json::to_vec(steps).map_err(|error| PlanError { column: error.column() })
}

/// The plan of bytes.
///
/// # Errors
/// [`PlanError`].
pub fn decode(bytes: &[u8]) -> Result<Vec<Step>, PlanError> {
    serde_json::from_slice(bytes).map_err(|error| PlanError { column: error.column() })
}

/// The steps from what is shown to another generation.
pub(super) fn steps(from: (Generation, &Image), to: (Generation, &Image)) -> Vec<Step> {
    let (old, new) = (folder_name(from.0, from.1), folder_name(to.0, to.1));
    let (old_tops, new_tops) = (tops(from.1), tops(to.1));
    let mut steps = vec![
        Step::MakeFolder(new.clone()),
        Step::Link { name: DATA_TMP.to_owned(), to: new },
        Step::Rename { from: DATA_TMP.to_owned(), to: DATA.to_owned() },
    ];
    let link = |name: &String| Step::Link { name: name.clone(), to: format!("{DATA}/{name}") };
    steps.extend(new_tops.difference(&old_tops).map(link));
    steps.extend(old_tops.difference(&new_tops).cloned().map(Step::Unlink));
    // From the innermost outwards: an image has each folder before what is in it.
    for (index, node) in from.1.nodes().iter().enumerate().rev() {
        let Some(index) = u16::try_from(index).ok().filter(|index| *index != 0) else { continue };
        let path = format!("{old}/{}", from.1.path(index));
        steps.push(match node.kind {
            NodeKind::Folder(_) => Step::RemoveFolder(path),
            NodeKind::File { .. } => Step::Unlink(path),
        });
    }
    steps.push(Step::RemoveFolder(old));
    steps
}
