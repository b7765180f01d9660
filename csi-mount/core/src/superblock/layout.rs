//! The names in a volume's folder, as Kubernetes' own volumes have them: links through `..data` into a folder per generation.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::ino::{Place, hash};
use super::plan::Step;
use crate::ids::{Generation, Slot};
use crate::image::{Image, NodeKind};

/// The link that leads to the generation that is shown.
pub(super) const DATA: &str = "..data";
/// Its name before it takes the place of the one before.
pub(super) const DATA_TMP: &str = "..data_tmp";

/// The folder of a generation: the time of its change, and its number where Kubernetes has digits by chance.
pub(super) fn folder_name(generation: Generation, image: &Image) -> String {
    let seconds = i64::try_from(image.stamp().modified).unwrap_or_default();
    let time = Timestamp::from_second(seconds).unwrap_or_default();
    format!("..{}.{:010}", time.strftime("%Y_%m_%d_%H_%M_%S"), generation.get())
}

/// The first segments of an image's paths.
pub(super) fn tops(image: &Image) -> BTreeSet<String> {
    let Some(NodeKind::Folder(children)) = image.node(0).map(|node| &node.kind) else {
        return BTreeSet::new();
    };
    children.iter().filter_map(|child| image.node(*child)).map(|node| node.name.clone()).collect()
}

/// What is in a volume's folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Layout {
    /// Folders of generations.
    pub(super) folders: BTreeMap<String, Generation>,
    /// Where `..data` leads.
    pub(super) data: Option<Generation>,
    /// Where `..data_tmp` leads.
    pub(super) data_tmp: Option<Generation>,
    /// The links that users see, by the number of their names.
    pub(super) links: BTreeMap<u64, String>,
    /// Paths that are gone from the generation that is on its way out.
    pub(super) removed: BTreeSet<String>,
}

impl Layout {
    /// As a generation looks when it is shown and nothing is under way.
    pub(super) fn of(generation: Generation, image: &Image) -> Self {
        let links = tops(image).into_iter().map(|name| (hash(&name), name)).collect();
        Self {
            folders: BTreeMap::from([(folder_name(generation, image), generation)]),
            data: Some(generation),
            data_tmp: None,
            links,
            removed: BTreeSet::new(),
        }
    }

    /// After one more step of the change to a generation.
    pub(super) fn apply(&mut self, step: &Step, to: Generation) {
        match step {
            Step::MakeFolder(name) => {
                self.folders.insert(name.clone(), to);
            }
            Step::Link { name, .. } if name == DATA_TMP => self.data_tmp = Some(to),
            Step::Link { name, .. } => {
                self.links.insert(hash(name), name.clone());
            }
            Step::Rename { .. } => self.data = self.data_tmp.take(),
            Step::Unlink(path) => {
                if !path.contains('/') {
                    self.links.remove(&hash(path));
                }
                self.removed.insert(path.clone());
            }
            Step::RemoveFolder(path) => {
                self.folders.remove(path);
                self.removed.insert(path.clone());
            }
        }
    }

    /// What has a name.
    pub(super) fn get(&self, slot: Slot, name: &str) -> Option<Place> {
        let number = hash(name);
        match name {
            DATA => self.data.map(|generation| Place::Data(slot, generation)),
            DATA_TMP => self.data_tmp.map(|generation| Place::Data(slot, generation)),
            _ if self.links.get(&number).is_some_and(|link| link == name) => Some(Place::Link(slot, number)),
            _ => self.folders.get(name).map(|generation| Place::Node(slot, *generation, 0)),
        }
    }

    /// All of it.
    pub(super) fn all(&self, slot: Slot) -> Vec<(String, Place)> {
        let folders = self.folders.keys().map(String::as_str);
        let links = self.links.values().map(String::as_str);
        let names = folders.chain([DATA, DATA_TMP]).chain(links);
        names.filter_map(|name| Some((name.to_owned(), self.get(slot, name)?))).collect()
    }
}
