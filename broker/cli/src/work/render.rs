//! `render`: the Secrets that ExternalSecret files make, by the syncer's own code, printed instead of written.

use broker_client::Address;
use syncer::fetch::{Fetcher, Tokens};
use syncer::render::{ManifestFile, ObjectResult, load, render_files};
use syncer_core::{SecretValue, Values, to_yaml};
use zeroize::Zeroizing;

use crate::arguments::{RenderArgs, RenderValues};
use crate::config::{Environment, Settings};
use crate::problem::Problem;
use crate::{input, out, server};

/// Renders all files together and prints what came of it, good objects as well as bad ones.
pub(super) async fn run(
    arguments: &RenderArgs,
    settings: &Settings,
    environment: &Environment,
) -> Result<(), Problem> {
    let mut files = Vec::new();
    for path in &arguments.file {
        files.push(ManifestFile { name: path.display().to_string(), text: input::text(path)? });
    }
    let namespace = arguments.default_namespace.as_str();
    let mut tokens = Tokens::default();
    if is_here(&files, namespace, &settings.address) {
        let token = server::token(environment)?;
        tokens.fallback = token.map(|token| SecretValue::from(token.expose()));
    }
    let results = render_files(&files, namespace, &tokens, &Fetcher::default()).await;
    let (text, problems) = shown(&results, arguments.values);
    out::print(&text)?;
    problems.iter().for_each(|problem| out::note(problem));
    match (results.len(), problems.is_empty()) {
        (0, _) => Err(Problem::Input("the files hold no ExternalSecret".to_owned())),
        (_, true) => Ok(()),
        (count, false) => {
            let failed = results.iter().filter(|result| result.outcome.is_err()).count();
            Err(Problem::Failed(format!("{failed} of {count} objects could not be rendered")))
        }
    }
}

/// Whether every store that is needed is at the address in use: a file from elsewhere must not get the token sent to its server.
fn is_here(files: &[ManifestFile], namespace: &str, address: &str) -> bool {
    let loaded = load(files, namespace);
    let Ok(address) = Address::parse(address) else { return false };
    let stores = loaded.wanted.iter().filter_map(|wanted| loaded.catalog.store(wanted).ok());
    stores.into_iter().all(|store| Address::parse(&store.vault.server).is_ok_and(|server| server == address))
}

/// The Secrets as YAML documents, and a line for each thing that is wrong.
fn shown(results: &[ObjectResult], values: RenderValues) -> (Zeroizing<String>, Vec<String>) {
    let values = match values {
        RenderValues::Masked => Values::Masked,
        RenderValues::Base64 => Values::Base64,
    };
    let (mut text, mut problems) = (Zeroizing::new(String::new()), Vec::new());
    for result in results {
        match &result.outcome {
            Ok(secret) => {
                text.push_str("---\n");
                text.push_str(&to_yaml(secret, values));
            }
            Err(messages) => problems.extend(messages.iter().map(|m| format!("{}: {m}", result.object))),
        }
    }
    (text, problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> ManifestFile {
        ManifestFile { name: "a.yaml".to_owned(), text: text.to_owned().into() }
    }

    fn store(name: &str, server: &str) -> String {
        format!(
            "---\napiVersion: external-secrets.io/v1\nkind: SecretStore\nmetadata: {{name: {name}}}\nspec:\n  provider:\n    vault:\n      server: {server}\n      path: secret\n      version: v2\n      auth:\n        tokenSecretRef: {{name: token, key: token}}\n"
        )
    }

    fn wants(store: &str) -> String {
        format!(
            "---\napiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {{name: {store}}}\nspec:\n  secretStoreRef: {{name: {store}, kind: SecretStore}}\n  data:\n  - secretKey: a\n    remoteRef: {{key: app, property: a}}\n"
        )
    }

    #[test]
    fn the_token_in_use_goes_nowhere_else() {
        let check = |text: String, address: &str, expected: bool| {
            assert_eq!(is_here(&[file(&text)], "default", address), expected, "{text}");
        };
        let here = store("here", "http://127.0.0.1:8200/") + &wants("here");
        let there = store("there", "https://elsewhere.example") + &wants("there");
        check(here.clone(), "http://127.0.0.1:8200", true);
        check(there.clone(), "http://127.0.0.1:8200", false);
        check(format!("{here}{there}"), "http://127.0.0.1:8200", false);
        check(here, "no address", false);
    }

    #[tokio::test]
    async fn what_is_wrong_is_told_and_the_rest_is_rendered() {
        let files = [file(&(wants("missing") + "---\nkind: ExternalSecret\n"))];
        let results = render_files(&files, "default", &Tokens::default(), &Fetcher::default()).await;
        let (text, problems) = shown(&results, RenderValues::Masked);
        assert!(text.is_empty() && problems.len() >= 2, "{problems:?}");
        assert!(problems.iter().any(|p| p.starts_with("ExternalSecret default/missing: ")), "{problems:?}");
    }
}
