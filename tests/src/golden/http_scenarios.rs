//! The runner over `openbao-http.json`: scenarios of requests against a fresh server each, every answer compared with the recorded one.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use serde::Deserialize;
use serde_json::Value;

use super::captures::Captures;
use super::differences::Expect;
use super::jwt::Signer;
use super::report::{Part, Report};
use super::{Recordings, Verdict};
use crate::http::{Request, Response};
use crate::target::{Kind, Server};

/// The name of the file.
pub const FILE: &str = "openbao-http.json";

/// The headers that are compared even where the recording has none of them.
const COMPARED_HEADERS: [&str; 4] = ["Cache-Control", "Content-Type", "Location", "X-Vault-Namespace"];

/// The longest wait that a step may ask for, in seconds.
const MAX_WAIT: f64 = 30.0;

/// The whole file.
#[derive(Debug, Deserialize)]
pub struct Recorded {
    scenarios: Vec<Scenario>,
}

#[derive(Debug, Deserialize)]
struct Scenario {
    name: String,
    steps: Vec<Step>,
}

#[derive(Debug, Deserialize)]
struct Step {
    request: Option<RecordedRequest>,
    response: Option<RecordedResponse>,
    wait_seconds: Option<f64>,
    #[serde(default)]
    capture: BTreeMap<String, String>,
    note: Option<String>,
}

#[derive(Debug, Deserialize)]
struct RecordedRequest {
    method: String,
    path: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<Value>,
    body_raw: Option<String>,
}

#[derive(Debug, Deserialize)]
struct RecordedResponse {
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    envelope_key_order: Option<Vec<String>>,
    body: Option<Value>,
    body_raw: Option<String>,
}

impl Scenario {
    /// The signer of this scenario's JSON Web Tokens, if it needs one and the tool for it is there; its public keys are captured.
    fn signer(&self, captures: &mut Captures) -> Result<Option<Signer>> {
        let needs = |step: &Step| {
            let body = step.request.as_ref().and_then(|request| request.body.as_ref());
            body.is_some_and(|body| body.to_string().contains("${pem_"))
        };
        if self.steps.iter().any(needs) { Signer::new(captures) } else { Ok(None) }
    }
}

/// Runs all scenarios, each against a server that `start` makes.
///
/// # Errors
/// The file cannot be read, or a server does not start.
pub fn run(
    recordings: &Recordings,
    kind: Kind,
    start: impl Fn() -> Result<Server>,
) -> Result<Option<Report>> {
    let Some(recorded) = recordings.read::<Recorded>(FILE)? else { return Ok(None) };
    let mut report = Report { title: format!("{FILE} on {kind:?}"), parts: Vec::new() };
    for scenario in &recorded.scenarios {
        let mut part = play(recordings, scenario, &start()?)?;
        if kind == Kind::OpenBao && !part.failed.is_empty() {
            // The recorded server cuts times to whole seconds, and one may pass between two steps. Ours gets one try.
            println!("{}: once more on a fresh server, after {:?}", scenario.name, part.failed);
            part = play(recordings, scenario, &start()?)?;
        }
        report.parts.push(part);
    }
    Ok(Some(report))
}

/// Plays a scenario on a fresh server.
fn play(recordings: &Recordings, scenario: &Scenario, server: &Server) -> Result<Part> {
    let mut run = Run { recordings, server, captures: Captures::default(), scenario: &scenario.name };
    run.captures.set("root", &server.root_token);
    let signer = scenario.signer(&mut run.captures)?;
    let mut part = Part { name: scenario.name.clone(), ..Part::default() };
    for (number, step) in scenario.steps.iter().enumerate() {
        if let Some(seconds) = step.wait_seconds {
            std::thread::sleep(Duration::from_secs_f64(seconds.clamp(0.0, MAX_WAIT)));
        }
        if let (Some(request), Some(response)) = (&step.request, &step.response) {
            if let (Some(signer), Some(note)) = (&signer, &step.note) {
                signer.sign_for(request.body.as_ref(), note, &mut run.captures)?;
            }
            let what = format!("{number} {} {}", request.method, request.path);
            part.add(what, run.step(number, request, response, &step.capture)?);
        }
    }
    Ok(part)
}

/// One scenario on its way.
struct Run<'a> {
    recordings: &'a Recordings,
    server: &'a Server,
    captures: Captures,
    scenario: &'a str,
}

impl Run<'_> {
    fn step(
        &mut self,
        number: usize,
        recorded: &RecordedRequest,
        expected: &RecordedResponse,
        capture: &BTreeMap<String, String>,
    ) -> Result<Verdict> {
        let request = match self.request(recorded) {
            Ok(request) => request,
            Err(name) => return Ok(Verdict::LeftOut(format!("${{{name}}} was not captured"))),
        };
        let ours = self.server.kind == Kind::Broker;
        let lacking = self.recordings.not_built.step(self.scenario, number);
        if let Some(reason) = lacking.or_else(|| self.recordings.not_built.request(&request)).filter(|_| ours)
        {
            return Ok(Verdict::LeftOut(format!("not built: {reason}")));
        }
        let response = match self.server.send(&request) {
            Ok(response) => response,
            Err(error) => return Ok(Verdict::Failed(vec![format!("{error:#}")])),
        };
        let line = format!("{} {}", recorded.method, recorded.path);
        let difference =
            self.recordings.differences.find(FILE, self.scenario, number, &line).filter(|_| ours);
        if let Some(difference) = difference {
            let mut wrong = compare_expect(&self.captures, &difference.expect, &response);
            wrong.iter_mut().for_each(|line| line.insert_str(0, &format!("{}: ", difference.id)));
            return Ok(Verdict::of(wrong));
        }
        let mut wrong = Vec::new();
        for (name, pointer) in capture {
            match response.json().ok().as_ref().and_then(|body| body.pointer(pointer)).and_then(Value::as_str)
            {
                Some(value) => self.captures.set(name, value),
                None => wrong.push(format!("there is no text at {pointer} to capture")),
            }
        }
        wrong.extend(self.compare(expected, &response));
        Ok(Verdict::of(wrong))
    }

    fn request(&self, recorded: &RecordedRequest) -> Result<Request, String> {
        let mut request = Request::new(&recorded.method, &self.captures.fill(&recorded.path)?);
        for (name, value) in &recorded.headers {
            // The recorded server's root token was the word `root`, and that is written out where it is a bearer token.
            let value = match value.split_once(' ') {
                Some((scheme, "root")) => format!("{scheme} ${{root}}"),
                _ => value.clone(),
            };
            request = request.header(name, &self.captures.fill(&value)?);
        }
        if let Some(body) = &recorded.body {
            request = request.json(&self.captures.fill_value(body)?);
        } else if let Some(raw) = &recorded.body_raw {
            let raw = described_body(raw).map_or_else(|| self.captures.fill(raw), Ok)?;
            request = request.raw(raw);
        }
        Ok(request)
    }

    fn compare(&self, expected: &RecordedResponse, got: &Response) -> Vec<String> {
        let mut wrong = Vec::new();
        if got.status != expected.status {
            wrong.push(format!("the status is {}, expected {}", got.status, expected.status));
        }
        let recorded = expected.headers.keys().map(String::as_str);
        for name in
            recorded.chain(COMPARED_HEADERS.into_iter().filter(|name| !expected.headers.contains_key(*name)))
        {
            let wanted = expected.headers.get(name).map(String::as_str);
            wrong.extend(compare_header(&self.captures, name, wanted, got));
        }
        if let Some(raw) = &expected.body_raw {
            wrong.extend(self.captures.compare_text("the body", raw, &got.text()));
        }
        match (&expected.body, got.json()) {
            (Some(body), Ok(json)) => {
                self.captures.compare("body", body, &json, &mut wrong);
                wrong.extend(
                    expected.envelope_key_order.as_ref().and_then(|order| compare_order(order, &json)),
                );
            }
            (Some(_), Err(error)) => wrong.push(format!("{error:#}")),
            (None, _) if expected.body_raw.is_none() && !got.body.is_empty() => {
                wrong.push(format!("the body is {}, expected none", got.text()));
            }
            (None, _) => {}
        }
        wrong
    }
}

/// A body that the recording describes instead of spelling it out.
fn described_body(text: &str) -> Option<String> {
    let count = text
        .strip_prefix("<JSON object data with ")?
        .strip_suffix(" string keys and values>")?
        .parse()
        .ok()?;
    let pairs: Vec<String> = (0..count).map(|i: u32| format!("\"k{i}\":\"v{i}\"")).collect();
    Some(format!("{{\"data\":{{{}}}}}", pairs.join(",")))
}

fn compare_header(captures: &Captures, name: &str, expected: Option<&str>, got: &Response) -> Option<String> {
    match (expected, got.header(name)) {
        (Some(expected), Some(got)) => captures.compare_text(&format!("the header {name}"), expected, got),
        (Some(expected), None) => Some(format!("the header {name} is missing, expected {expected}")),
        (None, Some(got)) => Some(format!("the header {name} is {got}, expected none")),
        (None, None) => None,
    }
}

/// The envelope's own keys come in the recorded order, and whatever is doubled to the top level comes before them.
fn compare_order(order: &[String], body: &Value) -> Option<String> {
    let keys: Vec<&String> = body.as_object()?.keys().collect();
    let start = keys.iter().position(|key| order.contains(key)).unwrap_or(0);
    let same = keys.iter().skip(start).copied().eq(order.iter());
    (!same).then(|| format!("the keys come in the order {keys:?}, expected {order:?} at the end"))
}

/// Compares an answer with what a difference on purpose says; what it does not name is not compared.
pub fn compare_expect(captures: &Captures, expect: &Expect, got: &Response) -> Vec<String> {
    let mut wrong = Vec::new();
    if let Some(status) = expect.status.filter(|status| *status != got.status) {
        wrong.push(format!("the status is {}, expected {status}", got.status));
    }
    for (name, value) in &expect.headers {
        wrong.extend(compare_header(captures, name, value.as_str(), got));
    }
    let body = got.json().unwrap_or_else(|_| Value::String(got.text()));
    let errors = expect.errors.as_ref().map(|errors| ("/errors", errors));
    for (pointer, value) in expect.fields.iter().map(|(k, v)| (k.as_str(), v)).chain(errors) {
        match body.pointer(pointer) {
            Some(got) => captures.compare(&format!("body{pointer}"), value, got, &mut wrong),
            None => wrong.push(format!("body{pointer} is missing, expected {value}")),
        }
    }
    if let Some(expected) = &expect.body {
        captures.compare("body", expected, &body, &mut wrong);
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn described_bodies_are_made() {
        let text = described_body("<JSON object data with 600 string keys and values>").unwrap();
        let body: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(body["data"].as_object().map(|data| data.len()), Some(600));
        assert_eq!(described_body("{}"), None);
    }

    #[test]
    fn the_order_of_keys_is_compared() {
        let order = ["request_id", "data"].map(String::from);
        let check = |text: &str| compare_order(&order, &serde_json::from_str(text).unwrap()).is_none();
        assert!(check(r#"{"request_id": 1, "data": 2}"#));
        assert!(check(r#"{"x": 0, "request_id": 1, "data": 2}"#));
        assert!(!check(r#"{"data": 2, "request_id": 1}"#));
        assert!(!check(r#"{"request_id": 1, "x": 0, "data": 2}"#));
        assert!(!check(r#"{"request_id": 1}"#));
    }

    #[test]
    fn differences_are_compared() {
        let got = Response {
            status: 400,
            headers: vec![("A".into(), "1".into())],
            body: br#"{"errors":["no"],"x":{"y":2}}"#.to_vec(),
        };
        let check = |expect: Value, count: usize| {
            let expect: Expect = serde_json::from_value(expect).unwrap();
            assert_eq!(compare_expect(&Captures::default(), &expect, &got).len(), count, "{expect:?}");
        };
        check(
            json!({"status": 400, "errors": ["no"], "fields": {"/x/y": 2}, "headers": {"a": "1", "b": null}}),
            0,
        );
        check(
            json!({"status": 404, "errors": ["yes"], "fields": {"/x/y": 3, "/z": 1}, "headers": {"a": null}}),
            5,
        );
        check(json!({"body": {"errors": ["no"], "x": {"y": 2}}}), 0);
        check(json!({"body": {"errors": ["no"]}}), 1);
    }
}
