//! One volume: its images, what it shows, and how far a change is.

use std::collections::BTreeMap;

use super::ino::Place;
use super::layout::{self, Layout};
use super::plan::{self, Step};
use super::{Asked, FsError};
use crate::ids::{Generation, Slot};
use crate::image::{Image, NodeKind};
use crate::wire::{Owner, VolumeStats};

/// Bits of a number of the steps page that count steps; the others are the generation's lowest.
const STEP_BITS: u32 = 16;

#[derive(Debug)]
struct Held {
    image: Image,
    handles: u64,
    /// Whether an earlier server may have opened files of it.
    inherited: bool,
}

#[derive(Debug)]
struct Swap {
    to: Generation,
    steps: Vec<Step>,
    /// Steps that are done.
    done: usize,
}

/// A volume.
#[derive(Debug)]
pub(super) struct Volume {
    pub(super) owner: Owner,
    pub(super) folder_mode: u16,
    pub(super) revoked: bool,
    images: BTreeMap<Generation, Held>,
    shown: Option<Generation>,
    swap: Option<Swap>,
    layout: Layout,
}

/// What the steps page tells: the lowest bits of the generation on its way in, and how many steps are done.
fn page(to: Generation, done: usize) -> u32 {
    let done = u32::try_from(done).unwrap_or(u32::MAX).min((1 << STEP_BITS) - 1);
    (to.get() << STEP_BITS) | done
}

impl Volume {
    pub(super) fn new(owner: Owner, folder_mode: u16, revoked: bool) -> Self {
        Self {
            owner,
            folder_mode,
            revoked,
            images: BTreeMap::new(),
            shown: None,
            swap: None,
            layout: Layout::default(),
        }
    }

    pub(super) fn load(&mut self, generation: Generation, image: Image, inherited: bool) {
        self.images.entry(generation).or_insert(Held { image, handles: 0, inherited });
    }

    pub(super) fn image(&self, generation: Generation) -> Result<&Image, FsError> {
        self.images.get(&generation).map(|held| &held.image).ok_or(FsError::NotFound)
    }

    pub(super) fn show(&mut self, generation: Generation) -> Result<(), FsError> {
        if self.swap.is_some() {
            return Err(FsError::State);
        }
        let layout = Layout::of(generation, self.image(generation).map_err(|_| FsError::State)?);
        self.layout = layout;
        self.shown = Some(generation);
        Ok(())
    }

    pub(super) fn begin_swap(&mut self, to: Generation, step: u32) -> Result<(Vec<Step>, u16), FsError> {
        let from = self.shown.filter(|shown| *shown != to).ok_or(FsError::State)?;
        if self.swap.as_ref().is_some_and(|swap| swap.to != to) {
            return Err(FsError::State);
        }
        let steps = plan::steps((from, self.image(from)?), (to, self.image(to)?));
        let done = (0..=steps.len()).find(|done| page(to, *done) == step).unwrap_or(0);
        if self.swap.is_none() {
            let mut layout = Layout::of(from, self.image(from)?);
            steps.iter().take(done).for_each(|step| layout.apply(step, to));
            self.layout = layout;
            self.swap = Some(Swap { to, steps: steps.clone(), done });
        }
        Ok((steps, u16::try_from(done).unwrap_or(0)))
    }

    pub(super) fn end_swap(&mut self) -> Result<(), FsError> {
        let Some(swap) = &self.swap else { return Err(FsError::State) };
        if swap.done < swap.steps.len() {
            return Err(FsError::State);
        }
        let to = swap.to;
        self.swap = None;
        self.show(to)
    }

    /// Gives how many descriptors are let go with it.
    pub(super) fn unload(&mut self, generation: Generation) -> Result<u64, FsError> {
        if self.is_needed(generation) {
            return Err(FsError::State);
        }
        Ok(self.images.remove(&generation).map_or(0, |held| held.handles))
    }

    fn is_needed(&self, generation: Generation) -> bool {
        self.shown == Some(generation) || self.swap.as_ref().is_some_and(|swap| swap.to == generation)
    }

    /// Lets the generations before the one shown go that nobody reads. Whoever still has such an inode, and opens it only now,
    /// is sent by the kernel to what is shown.
    pub(super) fn take_unused(&mut self) -> Vec<Generation> {
        let unused = self.unused();
        self.images.retain(|generation, _| !unused.contains(generation));
        unused
    }

    fn unused(&self) -> Vec<Generation> {
        let idle = |(generation, held): (&Generation, &Held)| {
            let old = self.shown.is_some_and(|shown| *generation < shown);
            (old && held.handles == 0 && !held.inherited && !self.is_needed(*generation))
                .then_some(*generation)
        };
        self.images.iter().filter_map(idle).collect()
    }

    pub(super) fn opened(&mut self, generation: Generation) {
        if let Some(held) = self.images.get_mut(&generation) {
            held.handles = held.handles.saturating_add(1);
        }
    }

    /// Whether this server gave descriptors of a generation that are open.
    pub(super) fn has_handles(&self, generation: Generation) -> bool {
        self.images.get(&generation).is_some_and(|held| held.handles > 0)
    }

    pub(super) fn closed(&mut self, generation: Generation) {
        if let Some(held) = self.images.get_mut(&generation) {
            held.handles = held.handles.saturating_sub(1);
        }
    }

    pub(super) fn handles(&self) -> u64 {
        self.images.values().map(|held| held.handles).sum()
    }

    pub(super) fn stats(&self) -> VolumeStats {
        let shown = self.shown.and_then(|shown| self.images.get(&shown)).map(|held| &held.image);
        VolumeStats {
            files: shown.map_or(0, |image| image.files() as u64),
            bytes: shown.map_or(0, |image| image.content_bytes() as u64),
            inodes: shown
                .map_or(0, |image| image.nodes().len() as u64 + 1 + layout::tops(image).len() as u64),
            generations: u32::try_from(self.images.len()).unwrap_or(u32::MAX),
            handles: self.handles(),
        }
    }

    pub(super) fn modified(&self) -> u64 {
        let data = self.layout.data.and_then(|generation| self.images.get(&generation));
        data.map_or(0, |held| held.image.stamp().modified)
    }

    pub(super) fn link(&self, hash: u64) -> Option<&str> {
        self.layout.links.get(&hash).map(String::as_str)
    }

    pub(super) fn at_top(&self, slot: Slot, name: &str) -> Option<Place> {
        self.layout.get(slot, name)
    }

    pub(super) fn top(&self, slot: Slot) -> Vec<(String, Place)> {
        self.layout.all(slot)
    }

    /// All files of all generations.
    pub(super) fn files(&self) -> impl Iterator<Item = (Generation, u16)> + '_ {
        self.images.iter().flat_map(|(generation, held)| {
            let files = held.image.nodes().iter().enumerate();
            let files = files.filter(|(_, node)| matches!(node.kind, NodeKind::File { .. }));
            files.filter_map(|(index, _)| Some((*generation, u16::try_from(index).ok()?)))
        })
    }

    fn path(&self, generation: Generation, index: u16) -> Option<String> {
        let image = &self.images.get(&generation)?.image;
        let folder = layout::folder_name(generation, image);
        Some(if index == 0 { folder } else { format!("{folder}/{}", image.path(index)) })
    }

    pub(super) fn is_removed(&self, generation: Generation, index: u16) -> bool {
        !self.layout.removed.is_empty()
            && self.path(generation, index).is_some_and(|path| self.layout.removed.contains(&path))
    }

    /// Does the step that is asked for, if it is the next one or was done before.
    pub(super) fn change(
        &mut self,
        slot: Slot,
        below: Option<(Generation, u16)>,
        asked: &Asked<'_>,
    ) -> Result<(u32, Option<Place>), FsError> {
        let prefix = match below {
            None => String::new(),
            Some((generation, index)) => format!("{}/", self.path(generation, index).ok_or(FsError::Stale)?),
        };
        let full = |name: &str| format!("{prefix}{name}");
        let step = match *asked {
            Asked::MakeFolder(name) => Step::MakeFolder(full(name)),
            Asked::Link { name, to } => Step::Link { name: full(name), to: to.to_owned() },
            Asked::Rename { from, to } => Step::Rename { from: full(from), to: full(to) },
            Asked::Unlink(name) => Step::Unlink(full(name)),
            Asked::RemoveFolder(name) => Step::RemoveFolder(full(name)),
        };
        let swap = self.swap.as_mut().ok_or(FsError::ReadOnly)?;
        let number = swap.steps.iter().position(|planned| *planned == step).ok_or(FsError::ReadOnly)?;
        if number > swap.done {
            return Err(FsError::ReadOnly);
        }
        if number == swap.done {
            swap.done = number + 1;
            self.layout.apply(&step, swap.to);
        }
        let made = match &step {
            // A new mutator begins anew, and what it makes may have been renamed since: it is there, under its new name.
            Step::MakeFolder(name) | Step::Link { name, .. } => {
                Some(self.layout.get(slot, name).ok_or(FsError::Exists)?)
            }
            _ => None,
        };
        Ok((page(swap.to, swap.done), made))
    }
}
