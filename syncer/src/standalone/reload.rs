//! Reads the folder of manifests again and tells the schedule what is new.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use syncer_core::{Catalog, RefreshPolicy, SecretValue, Sources, VaultStore, Wanted};

use super::Engine;
use crate::fetch::{Line, Tokens};
use crate::files::{self, Stamp};
use crate::job::{Job, is_served};
use crate::render::{ManifestFile, bad, load, object_name};
use crate::schedule::Subject;
use crate::status::State;

/// The object under which the folder itself is reported.
const FOLDER: &str = "the folder of manifests";

impl Engine {
    /// Reads everything if any file changed since it was read.
    pub(super) fn reload_if_changed(&mut self) {
        if self.look().is_none_or(|now| now != self.seen) {
            self.reload();
        }
    }

    /// The manifests and token files as they are now; `None` if the folder cannot be listed.
    fn look(&self) -> Option<Vec<Stamp>> {
        let mut stamps = files::manifests(&self.config.manifests).ok()?;
        stamps.extend(self.config.token_files.values().map(|path| files::stamp(path)));
        Some(stamps)
    }

    /// Reads everything. What cannot be read or understood is reported and leaves its Secret as it is.
    pub(super) fn reload(&mut self) {
        // Looked at before it is read: what changes meanwhile is read again.
        let seen = self.look();
        let stamps = match files::manifests(&self.config.manifests) {
            Ok(stamps) => stamps,
            Err(error) => return self.report(FOLDER, invalid(&error.to_string())),
        };
        let mut there = BTreeSet::new();
        let (texts, tokens) = (self.read_manifests(&stamps, &mut there), self.read_tokens(&mut there));
        let loaded = load(&texts, &self.config.namespace);
        for name in &loaded.ignored {
            tracing::debug!(object = %name, "another kind of object, not used");
        }
        for result in bad(&loaded) {
            let message = result.outcome.err().unwrap_or_default().join("; ");
            self.report(&result.object, invalid(&message));
            there.insert(result.object);
        }
        for wanted in loaded.wanted {
            let name = object_name(&wanted);
            let place = self.place(&loaded.catalog, &wanted, &tokens);
            if there.insert(name.clone()) {
                let sources = loaded.catalog.sources(&wanted);
                self.take(name, (wanted, sources), place);
            }
        }
        self.drop_others(&there);
        self.seen = seen.unwrap_or_default();
    }

    fn read_manifests(&mut self, stamps: &[Stamp], there: &mut BTreeSet<String>) -> Vec<ManifestFile> {
        let mut texts = Vec::new();
        for stamp in stamps {
            let name = stamp.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            match files::read_text(&stamp.path) {
                Ok(text) => texts.push(ManifestFile { name, text }),
                Err(error) => {
                    self.report(&name, invalid(&error.to_string()));
                    there.insert(name);
                }
            }
        }
        texts
    }

    fn read_tokens(&mut self, there: &mut BTreeSet<String>) -> Tokens {
        let mut tokens = Tokens::default();
        for (name, path) in self.config.token_files.clone() {
            match files::read_text(&path) {
                Ok(text) => {
                    tokens.by_secret.insert(name, SecretValue::from(text));
                }
                Err(error) => {
                    let object = format!("token file {name}");
                    self.report(&object, invalid(&error.to_string()));
                    there.insert(object);
                }
            }
        }
        tokens
    }

    /// Where an object is read.
    fn place(
        &self,
        catalog: &Catalog,
        wanted: &Wanted,
        tokens: &Tokens,
    ) -> Result<Option<(VaultStore, Line)>, String> {
        if wanted.entries.is_empty() {
            return Ok(None);
        }
        let store = catalog.store(wanted).map_err(|e| e.to_string())?;
        let token = tokens.find(catalog, store, wanted).map_err(|e| e.to_string())?;
        let line = self.fetcher.line(&store.vault, &token).map_err(|e| e.to_string())?;
        Ok(Some((store.vault.clone(), line)))
    }

    /// Takes an object in, or notes that it changed.
    fn take(
        &mut self,
        name: String,
        (wanted, sources): (Wanted, Sources),
        place: Result<Option<(VaultStore, Line)>, String>,
    ) {
        let store = match place {
            Ok(store) => store,
            Err(message) => {
                self.forget(&name);
                return self.report(&name, State::new(false, "SecretSyncedError", &message));
            }
        };
        if let Some((_, line)) = &store {
            self.meet(line);
        }
        let job = Job { wanted, store, sources, templates: self.config.templates.clone() };
        if self.jobs.get(&name).is_some_and(|old| is_same(old, &job)) {
            return;
        }
        let once = match job.wanted.refresh {
            RefreshPolicy::CreatedOnce => true,
            RefreshPolicy::Periodic { interval } => interval.is_zero(),
            RefreshPolicy::OnChange => false,
        };
        let served = once && is_served(&job.wanted, &self.out);
        if served {
            let message = "the Secret was written before, and the refresh policy asks for it once";
            self.report(&name, State::new(true, "SecretSynced", message));
        }
        let subject = Subject {
            refresh: job.wanted.refresh,
            line: job.store.as_ref().map(|(_, line)| line.id),
            keys: keys(&job),
            served,
        };
        self.schedule.put(&name, subject, self.watch.now());
        self.jobs.insert(name, Arc::new(job));
    }

    fn forget(&mut self, name: &str) {
        self.jobs.remove(name);
        self.schedule.remove(name);
    }

    /// Forgets what is not in the manifests any more. Secrets that were written stay.
    fn drop_others(&mut self, there: &BTreeSet<String>) {
        let gone: Vec<String> = self.jobs.keys().filter(|name| !there.contains(*name)).cloned().collect();
        for name in gone {
            tracing::info!(object = name, "is in no manifest any more; its Secret stays");
            self.forget(&name);
        }
        self.board.keep(|name| there.contains(name));
        let used: BTreeSet<u64> =
            self.jobs.values().filter_map(|job| Some(job.store.as_ref()?.1.id)).collect();
        let unused: Vec<u64> = self.peers.keys().filter(|line| !used.contains(line)).copied().collect();
        unused.into_iter().for_each(|line| self.leave(line));
        self.fetcher.keep(|line| used.contains(&line));
    }
}

fn invalid(message: &str) -> State {
    State::new(false, "InvalidManifest", message)
}

/// Whether a job is the same but for its place in the file.
fn is_same(old: &Job, new: &Job) -> bool {
    let mut wanted = new.wanted.clone();
    wanted.origin = old.wanted.origin.clone();
    let place = |job: &Job| job.store.as_ref().map(|(store, line)| (store.clone(), line.id));
    wanted == old.wanted && place(old) == place(new) && same_sources(&old.sources, &new.sources)
}

/// Whether the templates in other objects are the same.
fn same_sources(old: &Sources, new: &Sources) -> bool {
    let bytes = |values: &BTreeMap<String, SecretValue>, other: &BTreeMap<String, SecretValue>| {
        let pairs = values.iter().zip(other);
        values.len() == other.len()
            && pairs.into_iter().all(|(one, two)| one.0 == two.0 && one.1.expose() == two.1.expose())
    };
    old.len() == new.len()
        && old.iter().zip(new).all(|(old, new)| {
            old.0 == new.0
                && match (old.1, new.1) {
                    (Ok(one), Ok(two)) => bytes(one, two),
                    (Err(one), Err(two)) => one == two,
                    _ => false,
                }
        })
}

/// What an object reads, as `MOUNT/PATH`, as changes name it.
fn keys(job: &Job) -> BTreeSet<String> {
    let Some((store, _)) = &job.store else { return BTreeSet::new() };
    let paths = job.wanted.requests().into_iter().filter_map(|request| store.read_path(&request).ok());
    paths.map(|path| format!("{}/{}", path.mount, path.path)).collect()
}
