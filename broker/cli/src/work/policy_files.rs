//! `policy test` and `policy explain`: policy files judged by the broker's own engine, without a server.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use policies::{
    Capability, DEFAULT, DEFAULT_TEXT, Policy, PolicySet, PolicySource, ROOT, RequestPath, compile,
    explain as sentence, is_sudo_protected, policy_name,
};

use crate::arguments::PolicyFolder;
use crate::problem::Problem;
use crate::{input, out};

type Policies = BTreeMap<String, Arc<Policy>>;

/// Checks tables of expected verdicts; prints each row that does not hold, or how many do.
pub(super) fn test(tables: &[PathBuf], folder: &PolicyFolder) -> Result<(), Problem> {
    let (rows, wrong) = judged(tables, folder)?;
    wrong.iter().try_for_each(|text| out::print(&format!("{text}\n")))?;
    if wrong.is_empty() {
        return out::print(&format!("ok: all {rows} rows hold\n"));
    }
    Err(Problem::Failed(format!("{} of {rows} rows do not hold", wrong.len())))
}

/// How many rows there are, and a text for each that does not hold.
fn judged(tables: &[PathBuf], folder: &PolicyFolder) -> Result<(usize, Vec<String>), Problem> {
    let policies = load(&folder.policies)?;
    let (mut count, mut wrong) = (0, Vec::new());
    for table in tables {
        let names = match folder.names.as_slice() {
            [] => vec![table.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()],
            names => names.to_vec(),
        };
        let set = set(&policies, &names, &folder.policies)?;
        let rows = rows(&table.display().to_string(), &input::text(table)?)?;
        count += rows.len();
        let of_row = |row: &Row| Some(format!("{}:{}: {}", table.display(), row.line, row.judge(&set)?));
        wrong.extend(rows.iter().filter_map(of_row));
    }
    Ok((count, wrong))
}

/// Prints one sentence on why something is allowed or denied.
pub(super) fn explain(capability: &str, path: &str, folder: &PolicyFolder) -> Result<(), Problem> {
    out::print(&(explained(capability, path, folder)? + "\n"))
}

fn explained(capability: &str, path: &str, folder: &PolicyFolder) -> Result<String, Problem> {
    if folder.names.is_empty() {
        return Err(Problem::Usage("name the token's policies with -policy=NAME,...".to_owned()));
    }
    let set = set(&load(&folder.policies)?, &folder.names, &folder.policies)?;
    let (capability, path) = (self::capability(capability)?, self::path(path)?);
    let decision = set.decide(&path, capability, is_sudo_protected(path.as_str(), capability));
    Ok(sentence(&decision, &path, capability))
}

fn capability(word: &str) -> Result<Capability, Problem> {
    Capability::from_name(word).ok_or_else(|| {
        let known: Vec<&str> = Capability::ALL.iter().map(|capability| capability.name()).collect();
        Problem::Usage(format!("{word:?} is no capability; known are {}", known.join(", ")))
    })
}

fn path(text: &str) -> Result<RequestPath, Problem> {
    RequestPath::from_canonical(text).map_err(|error| Problem::Usage(format!("{text:?}: {error}")))
}

/// All policies of a folder and the one that every broker has, by name.
fn load(folder: &Path) -> Result<Policies, Problem> {
    let cannot = |error| Problem::file(folder.display().to_string(), error);
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(cannot)? {
        let file = entry.map_err(cannot)?.path();
        if file.extension().is_some_and(|extension| extension == "hcl" || extension == "json") {
            files.push(file);
        }
    }
    files.sort();
    let mut all = Policies::new();
    let mut problems = Vec::new();
    // What is built in compiles: the crate's own tests say so.
    let built_in = compile(DEFAULT, DEFAULT_TEXT, PolicySource::BuiltIn);
    all.extend(built_in.map(|policy| (DEFAULT.to_owned(), Arc::new(policy))));
    for file in files {
        let name = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let source = PolicySource::File { path: file.display().to_string() };
        match compile(&name, &input::text(&file)?, source) {
            Ok(policy) => {
                all.insert(policy.name.clone(), Arc::new(policy));
            }
            Err(found) => {
                problems.extend(found.iter().map(|problem| format!("{}: {problem}", file.display())))
            }
        }
    }
    if problems.is_empty() { Ok(all) } else { Err(Problem::Failed(problems.join("\n"))) }
}

fn set(policies: &Policies, names: &[String], folder: &Path) -> Result<PolicySet, Problem> {
    let mut chosen = Vec::new();
    for name in names {
        let name = policy_name(name).map_err(|error| Problem::Usage(error.to_string()))?;
        if name == ROOT {
            return Ok(PolicySet::root());
        }
        let policy = policies.get(&name).ok_or_else(|| {
            let known: Vec<&str> = policies.keys().map(String::as_str).collect();
            Problem::Usage(format!(
                "{} has no policy {name:?}; there are {}; choose with -policy=NAME",
                folder.display(),
                known.join(", ")
            ))
        })?;
        chosen.push(Arc::clone(policy));
    }
    Ok(PolicySet::new(chosen))
}

/// A row of a table: whether something is to be allowed.
struct Row {
    line: usize,
    allowed: bool,
    capability: Capability,
    path: RequestPath,
}

impl Row {
    /// What is wrong, if the verdict is another one.
    fn judge(&self, set: &PolicySet) -> Option<String> {
        let decision =
            set.decide(&self.path, self.capability, is_sudo_protected(self.path.as_str(), self.capability));
        let word = if self.allowed { "allow" } else { "deny" };
        (decision.is_allowed() != self.allowed).then(|| {
            let path = self.path.as_str();
            format!(
                "expected {word} {} {path}; {}",
                self.capability,
                sentence(&decision, &self.path, self.capability)
            )
        })
    }
}

/// The rows of a table; a path may hold spaces. A table without rows checks nothing and is refused.
fn rows(file: &str, text: &str) -> Result<Vec<Row>, Problem> {
    let mut rows = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let line_text = line.trim();
        if line_text.is_empty() || line_text.starts_with('#') {
            continue;
        }
        let bad = |what: String| Problem::Input(format!("{file}:{}: {what}", at + 1));
        let split = || {
            let (verdict, rest) = line_text.split_once(char::is_whitespace)?;
            let (capability, path) = rest.trim_start().split_once(char::is_whitespace)?;
            matches!(verdict, "allow" | "deny").then(|| (verdict == "allow", capability, path.trim_start()))
        };
        let (allowed, word, written) =
            split().ok_or_else(|| bad("a row is `allow|deny CAPABILITY PATH`".to_owned()))?;
        let capability = capability(word).map_err(|problem| bad(problem.to_string()))?;
        let path = path(written).map_err(|problem| bad(problem.to_string()))?;
        rows.push(Row { line: at + 1, allowed, capability, path });
    }
    if rows.is_empty() {
        return Err(Problem::Input(format!(
            "{file} has no rows; write some as `allow|deny CAPABILITY PATH`"
        )));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, PolicyFolder) {
        let dir = tempfile::tempdir().unwrap();
        files.iter().for_each(|(name, text)| std::fs::write(dir.path().join(name), text).unwrap());
        let policies = dir.path().to_owned();
        (dir, PolicyFolder { policies, names: Vec::new() })
    }

    #[test]
    fn tables_are_checked() {
        let check = |table: &str, names: &[&str], expected: Result<(usize, &[&str]), &str>| {
            let (dir, mut folder) = folder(&[
                ("app.hcl", "path \"secret/data/app/*\" { capabilities = [\"read\"] }"),
                ("ops.json", r#"{"path":{"secret/data/app/*":{"capabilities":["update"]}}}"#),
                ("app.matrix", table),
                ("note.txt", "no policy"),
            ]);
            folder.names = names.iter().map(|name| (*name).to_owned()).collect();
            match (judged(&[dir.path().join("app.matrix")], &folder), expected) {
                (Ok((count, wrong)), Ok((rows, parts))) => {
                    assert_eq!((count, wrong.len()), (rows, parts.len()), "{wrong:?}");
                    assert!(wrong.iter().zip(parts).all(|(text, part)| text.contains(part)), "{wrong:?}");
                }
                (Err(problem), Err(part)) => {
                    assert!(problem.exit_code() == 1 && problem.to_string().contains(part), "{problem}");
                }
                (got, _) => panic!("{table}: {got:?}"),
            }
        };
        let held = |rows: usize| Ok((rows, &[] as &[&str]));
        check("# why\n\nallow read secret/data/app/x\ndeny update  secret/data/app/x\n", &[], held(2));
        check("allow read secret/data/app/a b\n", &[], held(1));
        check("allow update secret/data/app/x\n", &["app", "OPS"], held(1));
        check("allow update sys/capabilities-self\n", &["default"], held(1));
        check("allow delete anything\n", &["root"], held(1));
        let wrong = "app.matrix:2: expected allow update secret/data/app/x; denied: policy \"app\"";
        check("allow read secret/data/app/x\nallow update secret/data/app/x", &[], Ok((2, &[wrong])));
        check("deny read secret/data/app/x\n", &[], Ok((1, &["app.matrix:1: expected deny read"])));
        check("allow reed x\n", &[], Err("app.matrix:1: \"reed\" is no capability"));
        check("allow read\n", &[], Err("app.matrix:1: a row is"));
        check("allow read a//b\n", &[], Err("app.matrix:1: \"a//b\""));
        check("# nothing\n", &[], Err("has no rows"));
        check("allow read x\n", &["none"], Err("has no policy \"none\"; there are app, default, ops"));
    }

    #[test]
    fn a_row_that_does_not_hold_is_a_failure() {
        let (dir, folder) =
            folder(&[("a.hcl", "path \"x\" {}"), ("a.matrix", "allow read x\ndeny read y\n")]);
        let problem = test(&[dir.path().join("a.matrix")], &folder).unwrap_err();
        assert_eq!((problem.exit_code(), problem.to_string().as_str()), (1, "1 of 2 rows do not hold"));
    }

    #[test]
    fn all_problems_of_a_folder_are_told() {
        let (_dir, folder) = folder(&[
            ("a.hcl", "path \"x\" { capabilities = [\"fly\"] }"),
            ("b.hcl", "nonsense"),
            ("c.hcl", "path \"x\" { capabilities = [\"read\"] }"),
        ]);
        let text = load(&folder.policies).unwrap_err().to_string();
        assert!(text.contains("a.hcl: policy \"a\"") && text.contains("b.hcl: policy \"b\""), "{text}");
        assert!(!text.contains("c.hcl"), "{text}");
    }

    #[test]
    fn explanations_name_policies_and_say_what_is_missing() {
        let (_dir, mut folder) = folder(&[("a.hcl", "path \"x\" { capabilities = [\"read\"] }")]);
        assert!(explained("read", "x", &folder).unwrap_err().to_string().contains("-policy=NAME"));
        folder.names = vec!["a".to_owned()];
        assert!(explained("read", "x", &folder).unwrap().contains("a.hcl:1), path \"x\" grants read"));
        assert_eq!(
            explained("update", "y", &folder).unwrap(),
            "denied: no policy has a path that matches \"y\""
        );
        assert!(explained("reed", "x", &folder).unwrap_err().to_string().contains("no capability"));
        assert!(explained("read", "a//b", &folder).unwrap_err().to_string().contains("\"a//b\""));
    }
}
