//! Recorded answers of real servers as tests: the runners, what they compare, and how they report.

pub mod acl;
pub mod captures;
pub mod differences;
pub mod eso;
mod eso_compare;
mod eso_kinds;
mod eso_setup;
pub mod gjson;
pub mod hcl;
pub mod http_scenarios;
pub mod jwt;
pub mod not_built;
pub mod report;
pub mod template;
mod template_rows;

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;

use differences::Differences;
use not_built::NotBuilt;

/// A folder of recordings and what belongs to it.
#[derive(Debug)]
pub struct Recordings {
    folder: PathBuf,
    /// The files are ours, not ones that `GOLDEN_DIR` names.
    pub own: bool,
    /// Where our broker answers otherwise on purpose.
    pub differences: Differences,
    /// What our broker does not have yet.
    pub not_built: NotBuilt,
}

impl Recordings {
    /// The folder that `GOLDEN_DIR` names, or `tests/golden`. Differences and unbuilt routes are read from that folder
    /// if they are there, otherwise from ours.
    ///
    /// # Errors
    /// A list cannot be read or is not in its format.
    pub fn open() -> Result<Recordings> {
        let ours = crate::folder().join("golden");
        let given = std::env::var_os("GOLDEN_DIR").map(PathBuf::from);
        let own = given.is_none();
        let folder = given.unwrap_or_else(|| ours.clone());
        let list = |name: &str| {
            let path =
                Some(folder.join(name)).filter(|path| path.is_file()).unwrap_or_else(|| ours.join(name));
            std::fs::read_to_string(&path).with_context(|| path.display().to_string())
        };
        let differences = Differences::parse(&list("differences.json")?)?;
        let not_built = NotBuilt::parse(&list("not-built.txt")?)?;
        Ok(Recordings { folder, own, differences, not_built })
    }

    /// One file of recordings; none if `GOLDEN_DIR` names a folder without it.
    ///
    /// # Errors
    /// The file cannot be read or has another shape.
    pub fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let path = self.folder.join(name);
        if !self.own && !path.exists() {
            return Ok(None);
        }
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        Ok(Some(serde_json::from_str(&text).with_context(|| path.display().to_string())?))
    }
}

/// How one step or row went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The answer is the recorded one.
    Passed,
    /// It is not; each difference.
    Failed(Vec<String>),
    /// It was not tried; why.
    LeftOut(String),
}

impl Verdict {
    /// Passed without differences, failed with them.
    pub fn of(differences: Vec<String>) -> Verdict {
        if differences.is_empty() { Verdict::Passed } else { Verdict::Failed(differences) }
    }
}
