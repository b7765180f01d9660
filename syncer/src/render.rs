//! Manifests to Secrets, once and in memory: what the syncer does, without its folders.

use std::collections::BTreeSet;

use syncer_core::{
    Catalog, Document, Fetches, ManifestProblem, Object, ObjectName, RenderedSecret, Wanted, read_documents,
    render,
};
use zeroize::Zeroizing;

use crate::fetch::{Fetcher, Round, Tokens};
use crate::templates::Templates;

/// A file with manifests. It may hold the Secret with a store's token.
pub struct ManifestFile {
    /// Its name, for messages.
    pub name: String,
    /// Its text.
    pub text: Zeroizing<String>,
}

/// What files hold.
pub struct Loaded {
    /// Stores and the Secrets with their tokens.
    pub catalog: Catalog,
    /// ExternalSecrets to serve, in the order of the files.
    pub wanted: Vec<Wanted>,
    /// What cannot be understood; the other objects are served.
    pub problems: Vec<ManifestProblem>,
    /// Objects of other kinds.
    pub ignored: Vec<ObjectName>,
}

/// What became of one ExternalSecret, or of a document that is none.
pub struct ObjectResult {
    /// The object, such as `ExternalSecret shop/db`; the place in the file where it did not get so far.
    pub object: String,
    /// The Secret, or everything that is wrong. Messages hold no value.
    pub outcome: Result<RenderedSecret, Vec<String>>,
}

/// Reads files. Objects without a namespace are in `namespace`.
pub fn load(files: &[ManifestFile], namespace: &str) -> Loaded {
    let (mut documents, mut problems, mut ignored) = (Vec::new(), Vec::new(), Vec::new());
    for file in files {
        for result in read_documents(&file.name, &file.text, namespace) {
            match result {
                Ok(Document { object: Object::Ignored(name), .. }) => ignored.push(name),
                Ok(document) => documents.push(document),
                Err(problem) => problems.push(problem),
            }
        }
    }
    let (catalog, wanted, more) = Catalog::new(documents);
    problems.extend(more);
    Loaded { catalog, wanted, problems, ignored }
}

/// The name of an ExternalSecret in messages, records and the status.
pub fn object_name(wanted: &Wanted) -> String {
    format!("ExternalSecret {}/{}", wanted.namespace, wanted.name)
}

/// Renders every ExternalSecret of the files. One that fails does not stop the others; nothing is written.
pub async fn render_files(
    files: &[ManifestFile],
    namespace: &str,
    tokens: &Tokens,
    fetcher: &Fetcher,
) -> Vec<ObjectResult> {
    let loaded = load(files, namespace);
    let mut results = bad(&loaded);
    let (round, templates) = (Round::default(), Templates::default());
    for wanted in &loaded.wanted {
        let outcome = match fetch(&loaded.catalog, wanted, (tokens, fetcher), &round).await {
            Ok(fetches) => templates
                .with(&loaded.catalog.sources(wanted), |kit| render(wanted, &fetches, kit))
                .map_err(|p| p.iter().map(ToString::to_string).collect()),
            Err(message) => Err(vec![message]),
        };
        results.push(ObjectResult { object: object_name(wanted), outcome });
    }
    results
}

/// The objects that cannot be understood, each with all its problems. The second of two objects with one name goes by
/// its place, because the first is served under the name.
pub fn bad(loaded: &Loaded) -> Vec<ObjectResult> {
    let served: BTreeSet<String> = loaded.wanted.iter().map(object_name).collect();
    let mut results: Vec<(String, Vec<String>)> = Vec::new();
    for problem in &loaded.problems {
        let place = || format!("{} (document {})", problem.file, problem.document);
        let name = problem.object.as_ref().map(ToString::to_string);
        let object = name.filter(|name| !served.contains(name)).unwrap_or_else(place);
        match results.iter_mut().find(|(name, _)| *name == object) {
            Some((_, messages)) => messages.push(problem.to_string()),
            None => results.push((object, vec![problem.to_string()])),
        }
    }
    let result = |(object, messages)| ObjectResult { object, outcome: Err(messages) };
    results.into_iter().map(result).collect()
}

async fn fetch(
    catalog: &Catalog,
    wanted: &Wanted,
    (tokens, fetcher): (&Tokens, &Fetcher),
    round: &Round,
) -> Result<Fetches, String> {
    if wanted.entries.is_empty() {
        return Ok(Fetches::new());
    }
    let store = catalog.store(wanted).map_err(|e| e.to_string())?;
    let token = tokens.find(catalog, store, wanted).map_err(|e| e.to_string())?;
    let line = fetcher.line(&store.vault, &token).map_err(|e| e.to_string())?;
    Ok(round.fetch(&line, &store.vault, wanted).await.0)
}
