//! The runner over `acl-vectors.json`: rows of policies, a request, and what a server made of it, all against one server in their order.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::captures::{Captures, short_value};
use super::differences::Expect;
use super::http_scenarios::compare_expect;
use super::report::{Part, Report};
use super::{Recordings, Verdict};
use crate::http::{Request, Response};
use crate::target::{Kind, Server, Target};

/// The name of the file.
pub const FILE: &str = "acl-vectors.json";

/// What the recorded server had before the first row, besides KV v2 at `secret/`.
fn prelude() -> Vec<Call> {
    let call = |method: &str, path: &str, body: Value| Call {
        method: method.into(),
        path: path.into(),
        headers: Map::new(),
        body: Some(body),
    };
    vec![
        call("POST", "sys/mounts/s", json!({"type": "kv", "options": {"version": "1"}})),
        call("POST", "sys/auth/userpass", json!({"type": "userpass"})),
        call("POST", "sys/auth/approle", json!({"type": "approle"})),
        call("POST", "s/n", json!({"n": 1})),
    ]
}

/// What the recorded server was told before a row and the file does not say: the number of the row, verb and path.
const UNRECORDED: &[(usize, &str, &str)] = &[(360, "DELETE", "s/a")];

/// A request in short: the path is without `/v1/`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Call {
    method: String,
    path: String,
    #[serde(default)]
    headers: Map<String, Value>,
    body: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Row {
    name: String,
    policies: Map<String, Value>,
    #[serde(default)]
    setup: Vec<Call>,
    entity: Option<Entity>,
    token: Option<TokenFields>,
    #[serde(default)]
    after_login: Vec<Call>,
    request: Call,
    allowed: Option<bool>,
    status: Option<u16>,
    errors: Option<Value>,
    capabilities: Option<Vec<String>>,
    keys: Option<Vec<String>>,
    policy_refused: Option<Refusal>,
    /// The verdict that holds for our broker: whether it is allowed, or a whole expectation.
    ours: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Entity {
    name: String,
    #[serde(default)]
    metadata: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
struct TokenFields {
    policies: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Refusal {
    status: u16,
    errors: Value,
}

/// Runs all rows against one server.
///
/// # Errors
/// The file cannot be read, or the server does not take the prelude.
pub fn run(recordings: &Recordings, server: &Server) -> Result<Option<Report>> {
    let Some(rows) = recordings.read::<Vec<Row>>(FILE)? else { return Ok(None) };
    let mut run = Run { recordings, server, made: BTreeSet::new(), users: BTreeMap::new() };
    for call in prelude() {
        if run.lacking(&call).is_none() {
            run.set_up(&call).context("before the first row")?;
        }
    }
    let mut part = Part { name: "rows".into(), ..Part::default() };
    for (number, row) in rows.iter().enumerate() {
        let what = format!("{number} ({}) {} {}", row.name, row.request.method, row.request.path);
        let verdict = match run.left_out(row) {
            Some(reason) => Verdict::LeftOut(format!("not built: {reason}")),
            None => run
                .row(number, rows.get(number.wrapping_sub(1)), row)
                .unwrap_or_else(|error| Verdict::Failed(vec![format!("{error:#}")])),
        };
        part.add(what, verdict);
    }
    Ok(Some(Report { title: format!("{FILE} on {:?}", server.kind), parts: vec![part] }))
}

struct Run<'a> {
    recordings: &'a Recordings,
    server: &'a Server,
    /// The paths that setups have written and not deleted.
    made: BTreeSet<String>,
    /// The user and the id of each entity by its name.
    users: BTreeMap<String, User>,
}

impl Run<'_> {
    fn ours(&self) -> bool {
        self.server.kind == Kind::Broker
    }

    /// Why our broker cannot answer this request yet.
    fn lacking(&self, call: &Call) -> Option<&str> {
        self.recordings.not_built.request(&call.request("", &call.path)).filter(|_| self.ours())
    }

    fn left_out(&self, row: &Row) -> Option<String> {
        if !self.ours() {
            return None;
        }
        let calls = row.setup.iter().chain(&row.after_login).chain([&row.request]);
        let routes = calls.filter_map(|call| self.lacking(call));
        let features = row.features();
        let missing = features.into_iter().filter_map(|name| self.recordings.not_built.feature(name));
        missing.chain(routes).next().map(str::to_owned)
    }

    fn set_up(&mut self, call: &Call) -> Result<()> {
        let response = self.server.send(&call.request(&self.server.root_token, &call.path))?;
        // What is there already, or was never there, is as the row wants it.
        if response.status >= 300 && !response.text().contains("already in use") && response.status != 404 {
            bail!("setup {} {} answered {}: {}", call.method, call.path, response.status, response.text());
        }
        match call.method.as_str() {
            "DELETE" => self.made.remove(&listed_path(&call.path)),
            _ => self.made.insert(listed_path(&call.path)),
        };
        Ok(())
    }

    fn row(&mut self, number: usize, before: Option<&Row>, row: &Row) -> Result<Verdict> {
        // Rows of one name that repeat a setup were recorded one after the other behind a single one.
        let repeats = before.is_some_and(|before| before.name == row.name && before.setup == row.setup);
        for call in row.setup.iter().filter(|_| !repeats) {
            self.set_up(call)?;
        }
        for (_, method, path) in UNRECORDED.iter().filter(|(row, ..)| *row == number && self.recordings.own) {
            self.server.must(method, path, None)?;
        }
        if let Some(refusal) = &row.policy_refused {
            let response = self.put_policies(number, row)?.pop().context("no policy to refuse")?;
            let line = format!("{} {}", row.request.method, row.request.path);
            let difference = self.recordings.differences.find(FILE, "", number, &line);
            if let Some(difference) = difference.filter(|_| self.ours()) {
                let answer = Answer { response, capabilities: None, token: String::new() };
                return Ok(Verdict::of(compare_ours(&difference.expect, &answer)));
            }
            let mut wrong = compare_status(refusal.status, &response);
            wrong.extend(compare_errors(&refusal.errors, &response));
            return Ok(Verdict::of(wrong));
        }
        for response in self.put_policies(number, row)? {
            if response.status >= 300 {
                bail!("the policy was refused with {}: {}", response.status, response.text());
            }
        }
        let login = self.log_in(number, row)?;
        let fill = |text: &str| text.replace("<entity-id>", &login.entity_id);
        for call in &row.after_login {
            let body =
                call.body.as_ref().map(|body| serde_json::from_str(&fill(&body.to_string()))).transpose()?;
            self.server.must(&call.method, &fill(&call.path), body.as_ref())?;
        }
        let path = fill(&row.request.path);
        let response = self.server.send(&row.request.request(&login.token, &path))?;
        let capabilities = self.capabilities(&login.token, &path)?;
        self.compare(number, row, &path, &Answer { response, capabilities, token: login.token })
    }

    fn put_policies(&self, number: usize, row: &Row) -> Result<Vec<Response>> {
        let put = |(name, text): (&String, &Value)| {
            let path = format!("sys/policies/acl/{}", policy_name(number, name));
            self.server.call("PUT", &path, Some(&json!({ "policy": text })))
        };
        row.policies.iter().map(put).collect()
    }

    /// A token with exactly the policies of the row: of its entity's user, if it has one.
    fn log_in(&mut self, number: usize, row: &Row) -> Result<Login> {
        let named = || row.policies.keys().map(|name| policy_name(number, name)).collect::<Vec<_>>();
        let mut policies = row.token.as_ref().map_or_else(named, |token| token.policies.clone());
        if policies.is_empty() {
            // With none at all, the token would get those of its parent, which is root.
            policies.push("no-such-policy".into());
        }
        match &row.entity {
            Some(entity) => {
                let user = match self.users.remove(&entity.name) {
                    Some(user) => user,
                    None => make_user(self.server, &format!("u{number}"), entity)?,
                };
                let login = log_in_as(self.server, &user, &policies);
                self.users.insert(entity.name.clone(), user);
                login
            }
            None => {
                let body = json!({ "policies": policies, "no_default_policy": true });
                let created = self.server.must("POST", "auth/token/create", Some(&body))?;
                Ok(Login { token: text_at(&created, "/auth/client_token")?, entity_id: String::new() })
            }
        }
    }

    /// What the server says the token may do on the path; none where it refuses to say.
    fn capabilities(&self, token: &str, path: &str) -> Result<Option<Vec<String>>> {
        let path = decoded(path.split('?').next().unwrap_or_default());
        let body = json!({ "token": token, "paths": [path] });
        let response = self.server.call("POST", "sys/capabilities", Some(&body))?;
        if response.status >= 300 {
            return Ok(None);
        }
        let answer = response.json()?;
        let list =
            answer.get("data").and_then(Value::as_object).and_then(|data| data.values().next().cloned());
        Ok(Some(serde_json::from_value(list.context("sys/capabilities answered without data")?)?))
    }

    fn compare(&self, number: usize, row: &Row, path: &str, answer: &Answer) -> Result<Verdict> {
        let line = format!("{} {}", row.request.method, row.request.path);
        if self.ours() {
            if let Some(difference) = self.recordings.differences.find(FILE, "", number, &line) {
                let wrong = compare_ours(&difference.expect, answer);
                return Ok(Verdict::of(
                    wrong.into_iter().map(|line| format!("{}: {line}", difference.id)).collect(),
                ));
            }
            if let Some(ours) = &row.ours {
                return Ok(Verdict::of(compare_verdict(ours, answer)?));
            }
            if !is_canonical(&row.request.method, path) {
                return Ok(Verdict::of(self.compare_refused(row, path, answer)?));
            }
        }
        let mut wrong = Vec::new();
        // What an allowed request meets depends on earlier rows; in foreign files these need not be there.
        let exact = self.recordings.own || row.allowed != Some(true);
        if let Some(status) = row.status.filter(|_| exact) {
            wrong.extend(compare_status(status, &answer.response));
        }
        if exact && let Some(errors) = &row.errors {
            wrong.extend(compare_errors(errors, &answer.response));
        }
        if row.allowed == Some(true) && answer.response.status == 403 {
            wrong.push("the status is 403, expected that it is allowed".into());
        }
        if let Some(expected) = &row.capabilities {
            wrong.extend(compare_lists("capabilities", expected, answer.capabilities.as_ref()));
        }
        if let Some(expected) = row.keys.as_ref().filter(|keys| self.made_keys(path, keys)) {
            wrong.extend(compare_lists("keys", expected, answer.keys().as_ref()));
        }
        Ok(Verdict::of(wrong))
    }

    /// A path that is not canonical is refused, and no right comes from it that the canonical path does not give.
    /// With a slash at the end it is a list's path, whose rights are its own.
    fn compare_refused(&self, row: &Row, path: &str, answer: &Answer) -> Result<Vec<String>> {
        let mut wrong = compare_status(400, &answer.response);
        let path = decoded(path.split('?').next().unwrap_or_default());
        let canonical = canonical(&path);
        if path.trim_end_matches('/') == canonical {
            if let Some(expected) = &row.capabilities {
                wrong.extend(compare_lists("capabilities", expected, answer.capabilities.as_ref()));
            }
            return Ok(wrong);
        }
        let allowed = self.capabilities(&answer.token, &canonical)?.unwrap_or_default();
        let rights = answer.capabilities.iter().flatten();
        let added: Vec<&String> =
            rights.filter(|right| *right != "deny" && !allowed.contains(right)).collect();
        if !added.is_empty() {
            wrong.push(format!("{path:?} gives {added:?}, which {canonical:?} does not"));
        }
        Ok(wrong)
    }

    /// Whether every one of these keys below the path was made by a setup, so that they can be expected.
    fn made_keys(&self, path: &str, keys: &[String]) -> bool {
        let path = listed_path(path.split('?').next().unwrap_or_default());
        let start = format!("{}/", path.trim_end_matches('/'));
        keys.iter().all(|key| {
            self.made.iter().any(|made| made.strip_prefix(&start).is_some_and(|r| r.starts_with(key)))
        })
    }
}

struct User {
    name: String,
    entity_id: String,
}

struct Login {
    token: String,
    entity_id: String,
}

struct Answer {
    token: String,
    response: Response,
    capabilities: Option<Vec<String>>,
}

impl Answer {
    fn keys(&self) -> Option<Vec<String>> {
        let body = self.response.json().ok()?;
        serde_json::from_value(body.pointer("/data/keys")?.clone()).ok()
    }
}

impl Row {
    /// What a server needs to have for this row, besides its routes.
    fn features(&self) -> Vec<&'static str> {
        let texts: Vec<&str> = self.policies.values().filter_map(Value::as_str).collect();
        let says = |word: &str| texts.iter().any(|text| text.contains(word));
        let wraps = self.request.headers.keys().any(|name| name.eq_ignore_ascii_case("X-Vault-Wrap-TTL"));
        let needs = [
            ("entity", self.entity.is_some() || says("{{identity.")),
            ("wrapping", wraps || says("_wrapping_ttl")),
            ("parameters", says("_parameters")),
            ("expiration", says("expiration")),
            ("pagination", says("pagination_limit")),
            ("list-filter", says("list_scan_response_keys_filter_path")),
        ];
        needs.into_iter().filter(|(_, needed)| *needed).map(|(name, _)| name).collect()
    }
}

impl Call {
    fn request(&self, token: &str, path: &str) -> Request {
        let mut request = Request::new(&self.method, &format!("/v1/{path}")).token(token);
        for (name, value) in &self.headers {
            request = request.header(name, value.as_str().unwrap_or_default());
        }
        if self.method == "PATCH" {
            request = request.header("Content-Type", "application/merge-patch+json");
        }
        match &self.body {
            Some(body) => request.json(body),
            None => request,
        }
    }
}

/// A user of userpass whose alias belongs to a fresh entity.
fn make_user(server: &Target, name: &str, entity: &Entity) -> Result<User> {
    let mount = server.must("GET", "sys/auth/userpass", None)?;
    let body = json!({ "name": entity.name, "metadata": entity.metadata });
    let made = server.must("POST", "identity/entity", Some(&body))?;
    let entity_id = text_at(&made, "/data/id")?;
    let accessor = text_at(&mount, "/data/accessor")?;
    let alias = json!({ "name": name, "canonical_id": entity_id, "mount_accessor": accessor });
    server.must("POST", "identity/entity-alias", Some(&alias))?;
    Ok(User { name: name.into(), entity_id })
}

/// A login of the user with exactly these policies.
fn log_in_as(server: &Target, user: &User, policies: &[String]) -> Result<Login> {
    let fields = json!({ "password": "x", "token_policies": policies, "token_no_default_policy": true });
    server.must("POST", &format!("auth/userpass/users/{}", user.name), Some(&fields))?;
    let path = format!("auth/userpass/login/{}", user.name);
    let login = server.must("POST", &path, Some(&json!({ "password": "x" })))?;
    Ok(Login { token: text_at(&login, "/auth/client_token")?, entity_id: user.entity_id.clone() })
}

fn text_at(body: &Value, pointer: &str) -> Result<String> {
    let text = body.pointer(pointer).and_then(Value::as_str);
    Ok(text.with_context(|| format!("no text at {pointer} of {}", short_value(body)))?.to_owned())
}

/// A name of its own for each row, in the order of the recorded names.
fn policy_name(number: usize, name: &str) -> String {
    format!("row{number}-{name}")
}

/// Where a list shows what was written here: the folders of KV v2 are below `metadata`.
fn listed_path(path: &str) -> String {
    match path.strip_prefix("secret/data/") {
        Some(rest) => format!("secret/metadata/{rest}"),
        None => path.to_owned(),
    }
}

/// Whether a path has only one spelling: no empty segment, no `.` or `..`, no slash at the end but for a list.
fn is_canonical(method: &str, path: &str) -> bool {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let lists =
        matches!(method, "LIST" | "SCAN") || query.split('&').any(|p| p == "list=true" || p == "scan=true");
    let path = decoded(path);
    let path = if lists { path.strip_suffix('/').unwrap_or(&path) } else { &path };
    path.is_empty() || path.split('/').all(|segment| !matches!(segment, "" | "." | ".."))
}

/// The one spelling of a decoded path: without empty segments and `.`, each `..` with the segment before it.
fn canonical(path: &str) -> String {
    let mut segments = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    segments.join("/")
}

/// The path without its percent signs.
fn decoded(path: &str) -> String {
    let bytes = path.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let escaped = path
            .get(i + 1..i + 3)
            .filter(|_| bytes[i] == b'%')
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        out.push(escaped.unwrap_or(bytes[i]));
        i += if escaped.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn compare_status(expected: u16, got: &Response) -> Vec<String> {
    if got.status == expected {
        return Vec::new();
    }
    let text: String = got.text().chars().take(200).collect();
    vec![format!("the status is {}, expected {expected}: {text}", got.status)]
}

fn compare_errors(expected: &Value, got: &Response) -> Vec<String> {
    let mut wrong = Vec::new();
    let errors = got.json().unwrap_or_default().get("errors").cloned().unwrap_or_default();
    Captures::default().compare("errors", expected, &errors, &mut wrong);
    wrong
}

fn compare_lists(what: &str, expected: &[String], got: Option<&Vec<String>>) -> Option<String> {
    (got.is_none_or(|got| got != expected)).then(|| format!("the {what} are {got:?}, expected {expected:?}"))
}

fn compare_ours(expect: &Expect, answer: &Answer) -> Vec<String> {
    let mut wrong = compare_expect(&Captures::default(), expect, &answer.response);
    if let Some(expected) = &expect.capabilities {
        wrong.extend(compare_lists("capabilities", expected, answer.capabilities.as_ref()));
    }
    if let Some(expected) = &expect.keys {
        wrong.extend(compare_lists("keys", expected, answer.keys().as_ref()));
    }
    wrong
}

/// Compares with the verdict that a row has for our broker: `true` or `false` for allowed or not, a status, or an expectation.
fn compare_verdict(ours: &Value, answer: &Answer) -> Result<Vec<String>> {
    let status = answer.response.status;
    Ok(match ours {
        Value::Bool(allowed) if *allowed == (status < 400 || status == 404) => Vec::new(),
        Value::Bool(allowed) => vec![format!("the status is {status}, expected allowed = {allowed}")],
        Value::Number(_) => compare_status(serde_json::from_value(ours.clone())?, &answer.response),
        _ => {
            let mut expect = ours.clone();
            let allowed = expect.as_object_mut().and_then(|fields| fields.remove("allowed"));
            let mut wrong = compare_ours(&serde_json::from_value(expect).context("the row's ours")?, answer);
            if let Some(allowed) = allowed {
                wrong.extend(compare_verdict(&allowed, answer)?);
            }
            wrong
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_with_one_spelling() {
        let rows = [
            ("GET", "secret/data/a", true),
            ("GET", "", true),
            ("GET", "s/a..b", true),
            ("GET", "s/%2e%2e%2e/a", true),
            ("GET", "s/a%252fb", true),
            ("GET", "s/%2e/a", false),
            ("GET", "s/a%2f%2e%2e%2fb", false),
            ("GET", "s//b", false),
            ("GET", "s/a%2f%2fb", false),
            ("GET", "s/a/", false),
            ("LIST", "s/a/", true),
            ("LIST", "s/a//", false),
            ("GET", "s/a/?list=true", true),
            ("GET", "s/a/?list=false", false),
        ];
        for (method, path, canonical) in rows {
            assert_eq!(is_canonical(method, path), canonical, "{method} {path}");
        }
    }

    #[test]
    fn paths_get_their_one_spelling() {
        for (path, expected) in
            [("a//b/./c", "a/b/c"), ("a/../b", "b"), ("../a/", "a"), ("a/b", "a/b"), ("/", "")]
        {
            assert_eq!(canonical(path), expected);
        }
    }

    #[test]
    fn percent_signs_are_decoded_once() {
        for (path, expected) in
            [("a%20b", "a b"), ("a%2520b", "a%20b"), ("%", "%"), ("%zz%2", "%zz%2"), ("%c3%a9", "é")]
        {
            assert_eq!(decoded(path), expected);
        }
    }

    #[test]
    fn verdicts_of_our_own() {
        let answer = |status, capabilities: &[&str]| Answer {
            token: String::new(),
            response: Response { status, headers: Vec::new(), body: br#"{"errors":["no"]}"#.to_vec() },
            capabilities: Some(capabilities.iter().map(|c| (*c).into()).collect()),
        };
        let check = |ours: Value, answer: &Answer, count: usize| {
            assert_eq!(compare_verdict(&ours, answer).unwrap().len(), count, "{ours}");
        };
        check(json!(true), &answer(200, &[]), 0);
        check(json!(true), &answer(403, &[]), 1);
        check(json!(false), &answer(400, &[]), 0);
        check(json!(400), &answer(403, &[]), 1);
        check(
            json!({"allowed": false, "status": 403, "errors": ["no"], "capabilities": ["deny"]}),
            &answer(403, &["deny"]),
            0,
        );
        check(
            json!({"allowed": true, "status": 200, "errors": [], "capabilities": ["read"]}),
            &answer(403, &["deny"]),
            4,
        );
    }
}
