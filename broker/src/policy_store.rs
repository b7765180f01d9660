//! The policies in force: built in, from a folder, and written over the API; compiled once, asked for every request.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use broker_core::policy::{decode_policy, policy_key, policy_name_of};
use broker_core::row::{RowKey, Table};
use policies::{Policy, PolicyProblem, PolicySet, PolicySource};
use tokio::sync::watch;

use crate::store::{ReadError, Snapshot};

/// The most merged sets that are kept; one set serves all tokens with the same policies.
const MAX_SETS: usize = 1024;
/// The longest wait for policies to be in force.
const SETTLE: Duration = Duration::from_secs(1);
/// The largest policy file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// A policy with its text.
pub struct Entry {
    /// The compiled policy.
    pub policy: Arc<Policy>,
    /// The text as written.
    pub text: String,
}

/// The policies at one moment.
#[derive(Default)]
pub struct Policies {
    entries: BTreeMap<String, Arc<Entry>>,
    sets: Mutex<HashMap<Vec<String>, Arc<PolicySet>>>,
}

impl Policies {
    /// One policy by its lower-case name.
    pub fn get(&self, name: &str) -> Option<&Arc<Entry>> {
        self.entries.get(name)
    }

    /// All names, sorted, `root` among them.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.entries.keys().cloned().collect();
        names.push("root".to_owned());
        names.sort();
        names
    }

    /// The merged set of a token's policies; a name without a policy grants nothing.
    pub fn set(&self, names: &[String]) -> Arc<PolicySet> {
        let mut sets = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(set) = sets.get(names) {
            return Arc::clone(set);
        }
        let set = if names.iter().any(|n| n == "root") {
            PolicySet::root()
        } else {
            PolicySet::new(names.iter().filter_map(|n| self.entries.get(n)).map(|e| Arc::clone(&e.policy)))
        };
        let set = Arc::new(set);
        if sets.len() >= MAX_SETS {
            sets.clear();
        }
        sets.insert(names.to_vec(), Arc::clone(&set));
        set
    }

    fn with(&self, change: impl FnOnce(&mut BTreeMap<String, Arc<Entry>>)) -> Self {
        let mut entries = self.entries.clone();
        change(&mut entries);
        Self { entries, sets: Mutex::default() }
    }
}

/// The policies, replaced as a whole when one changes.
pub struct PolicyStore {
    now: ArcSwap<Policies>,
    change: Mutex<()>,
    /// Changes that are decided and not in force yet.
    under_way: watch::Sender<usize>,
}

/// A change that is under way until this is dropped.
pub struct UnderWay(watch::Sender<usize>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.send_modify(|changes| *changes = changes.saturating_sub(1));
    }
}

/// Something in the policy folder that cannot be used; the other files still are.
#[derive(Debug)]
pub struct FolderProblem {
    /// The file.
    pub file: String,
    /// What is wrong.
    pub message: String,
}

impl PolicyStore {
    /// Loads the built-in policies, then the written ones, then the folder's, each replacing one of the same name.
    ///
    /// # Errors
    /// When the store or the folder cannot be read at all; single bad policies are listed, and grant nothing.
    pub fn load(snapshot: &Snapshot, folder: Option<&Path>) -> Result<(Self, Vec<FolderProblem>), LoadError> {
        let mut entries = BTreeMap::new();
        let mut problems = Vec::new();
        insert(&mut entries, compile(policies::DEFAULT, policies::DEFAULT_TEXT, PolicySource::BuiltIn));
        for segment in snapshot.children(&RowKey::new(Table::Policy, ""), None, usize::MAX)? {
            let name = policy_name_of(&segment);
            let Some(row) = snapshot.get(&policy_key(&name))? else { continue };
            let text = decode_policy(row.expose()).ok_or(ReadError::Damaged("policy"))?;
            let result = compile(&name, &text, PolicySource::Api);
            problems.extend(insert(&mut entries, result).map(|m| FolderProblem { file: name, message: m }));
        }
        if let Some(folder) = folder {
            problems.extend(load_folder(&mut entries, folder)?);
        }
        let policies = Policies { entries, sets: Mutex::default() };
        let (now, under_way) = (ArcSwap::from_pointee(policies), watch::Sender::new(0));
        Ok((Self { now, change: Mutex::new(()), under_way }, problems))
    }

    /// Says that a change comes, before it is durable. What comes of it is in force when the answer is dropped.
    pub fn change_comes(&self) -> UnderWay {
        self.under_way.send_modify(|changes| *changes = changes.saturating_add(1));
        UnderWay(self.under_way.clone())
    }

    /// Waits until every change that is durable is in force too, but not longer than [`SETTLE`].
    pub async fn settled(&self) {
        let mut under_way = self.under_way.subscribe();
        let none = async { under_way.wait_for(|changes| *changes == 0).await.is_ok() };
        if tokio::time::timeout(SETTLE, none).await.is_err() {
            tracing::debug!(
                "policies change all the time; nobody waits any longer for all of them to be in force"
            );
        }
    }

    /// The policies now.
    pub fn now(&self) -> Arc<Policies> {
        self.now.load_full()
    }

    /// Puts a written policy in force.
    pub fn put(&self, policy: Policy, text: String) {
        let _one_at_a_time = self.change.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = Arc::new(Entry { policy: Arc::new(policy), text });
        let next = self.now().with(|entries| {
            entries.insert(entry.policy.name.clone(), entry);
        });
        self.now.store(Arc::new(next));
    }

    /// Takes a policy out of force.
    pub fn remove(&self, name: &str) {
        let _one_at_a_time = self.change.lock().unwrap_or_else(PoisonError::into_inner);
        let next = self.now().with(|entries| {
            entries.remove(name);
        });
        self.now.store(Arc::new(next));
    }

    /// Replaces everything, after the folder was read again.
    pub fn replace(&self, other: &Self) {
        let _one_at_a_time = self.change.lock().unwrap_or_else(PoisonError::into_inner);
        self.now.store(other.now());
    }
}

/// Why the policies could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The store could not be read.
    #[error("the policies in the store cannot be read")]
    Store(#[from] ReadError),
    /// The folder could not be read.
    #[error("the policy folder {folder} cannot be read; check that it exists and its permissions")]
    Folder {
        /// The folder.
        folder: String,
        /// The cause.
        source: std::io::Error,
    },
}

/// Compiles a policy's text.
///
/// # Errors
/// Every problem in it.
pub fn compile(name: &str, text: &str, source: PolicySource) -> Result<Entry, Vec<PolicyProblem>> {
    let policy = policies::compile(name, text, source)?;
    Ok(Entry { policy: Arc::new(policy), text: text.to_owned() })
}

fn insert(
    entries: &mut BTreeMap<String, Arc<Entry>>,
    result: Result<Entry, Vec<PolicyProblem>>,
) -> Option<String> {
    match result {
        Ok(entry) => {
            entries.insert(entry.policy.name.clone(), Arc::new(entry));
            None
        }
        Err(problems) => {
            let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
            Some(texts.join("; "))
        }
    }
}

fn load_folder(
    entries: &mut BTreeMap<String, Arc<Entry>>,
    folder: &Path,
) -> Result<Vec<FolderProblem>, LoadError> {
    let failed = |source| LoadError::Folder { folder: folder.display().to_string(), source };
    let mut problems = Vec::new();
    let mut files: Vec<_> =
        std::fs::read_dir(folder).map_err(failed)?.collect::<Result<_, _>>().map_err(failed)?;
    files.sort_by_key(std::fs::DirEntry::file_name);
    for file in files {
        let path = file.path();
        let kind = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
        if !matches!(kind, "hcl" | "json") {
            continue;
        }
        if let Err(message) = load_file(entries, &path) {
            problems.push(FolderProblem { file: path.display().to_string(), message });
        }
    }
    Ok(problems)
}

fn load_file(entries: &mut BTreeMap<String, Arc<Entry>>, path: &Path) -> Result<(), String> {
    let name = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default().to_lowercase();
    let size = std::fs::metadata(path).map_err(|e| e.to_string())?.len();
    if size > MAX_FILE_BYTES {
        return Err(format!("larger than {MAX_FILE_BYTES} bytes; split the policy"));
    }
    let text = std::fs::read_to_string(path).map_err(|e| e.to_string())?;
    let source = PolicySource::File { path: path.display().to_string() };
    // A file that does not compile must not leave an older text of the same name in force.
    entries.remove(&name);
    insert(entries, compile(&name, &text, source)).map_or(Ok(()), Err)
}
