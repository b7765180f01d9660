//! What our broker does not have yet: the list in `golden/not-built.txt`, so that what is left out is named and counted.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::http::Request;

/// One line about requests.
#[derive(Debug)]
struct Route {
    method: String,
    path: String,
    condition: Option<Condition>,
    reason: String,
}

/// A further condition on a request.
#[derive(Debug)]
enum Condition {
    /// A member of the JSON body is there and, if a value is given, has it.
    Body(String, Option<String>),
    /// A header is there and, if a value is given, has it.
    Header(String, Option<String>),
}

/// The list.
#[derive(Debug, Default)]
pub struct NotBuilt {
    routes: Vec<Route>,
    features: BTreeMap<String, String>,
    steps: Vec<(String, usize, usize, String)>,
}

impl NotBuilt {
    /// Reads the list; its head says what the lines look like.
    ///
    /// # Errors
    /// A line of another shape, by its number.
    pub fn parse(text: &str) -> Result<NotBuilt> {
        let mut list = NotBuilt::default();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if !line.is_empty() && !line.starts_with('#') {
                list.add(line).with_context(|| format!("not-built.txt line {}: {line}", number + 1))?;
            }
        }
        Ok(list)
    }

    fn add(&mut self, line: &str) -> Result<()> {
        let (first, rest) = word(line)?;
        let (second, rest) = word(rest)?;
        match first {
            "feature" => {
                self.features.insert(second.into(), reason(rest)?);
            }
            "steps" => {
                let (range, rest) = word(rest)?;
                let (from, to) = range.split_once('-').unwrap_or((range, range));
                self.steps.push((second.into(), from.parse()?, to.parse()?, reason(rest)?));
            }
            _ => {
                let (condition, rest) = match word(rest) {
                    Ok((text, rest)) if text.starts_with("body.") || text.starts_with("header.") => {
                        (Some(Condition::parse(text)), rest)
                    }
                    _ => (None, rest),
                };
                let (method, path) = (first.into(), second.into());
                self.routes.push(Route { method, path, condition, reason: reason(rest)? });
            }
        }
        Ok(())
    }

    /// Why this request cannot be answered yet, if it cannot.
    pub fn request(&self, request: &Request) -> Option<&str> {
        self.routes.iter().find(|route| route.covers(request)).map(|route| route.reason.as_str())
    }

    /// Why this feature of a policy or token is left out, if it is.
    pub fn feature(&self, name: &str) -> Option<&str> {
        self.features.get(name).map(String::as_str)
    }

    /// Why this step of a scenario is left out, if it is.
    pub fn step(&self, scenario: &str, step: usize) -> Option<&str> {
        self.steps
            .iter()
            .find(|(s, from, to, _)| s == scenario && (*from..=*to).contains(&step))
            .map(|s| s.3.as_str())
    }
}

fn word(text: &str) -> Result<(&str, &str)> {
    match text.trim_start().split_once(char::is_whitespace) {
        Some((word, rest)) => Ok((word, rest.trim_start())),
        None => bail!("too few words"),
    }
}

fn reason(text: &str) -> Result<String> {
    if text.is_empty() {
        bail!("no reason");
    }
    Ok(text.into())
}

impl Condition {
    fn parse(text: &str) -> Condition {
        let (name, value) =
            text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value.to_owned())));
        match name.split_once('.') {
            Some(("body", name)) => Condition::Body(name.into(), value),
            Some((_, name)) => Condition::Header(name.into(), value),
            None => Condition::Header(name.into(), value),
        }
    }

    fn holds(&self, request: &Request) -> bool {
        let same = |wanted: &Option<String>, got: &str| wanted.as_ref().is_none_or(|wanted| wanted == got);
        match self {
            Condition::Header(name, value) => {
                request.headers.iter().any(|(n, v)| n.eq_ignore_ascii_case(name) && same(value, v))
            }
            Condition::Body(name, value) => {
                let body =
                    request.body.as_deref().and_then(|body| serde_json::from_slice::<Value>(body).ok());
                body.as_ref().and_then(|body| body.get(name)).is_some_and(|got| match got {
                    Value::String(got) => same(value, got),
                    got => same(value, &got.to_string()),
                })
            }
        }
    }
}

impl Route {
    fn covers(&self, request: &Request) -> bool {
        let path = request.path.split('?').next().unwrap_or_default();
        let path = path.strip_prefix("/v1/").unwrap_or(path);
        let path_fits = match self.path.strip_suffix('*') {
            Some(start) => path.starts_with(start),
            None => {
                path.strip_prefix(&self.path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
        };
        path_fits
            && (self.method == "*" || self.method == request.method)
            && self.condition.as_ref().is_none_or(|condition| condition.holds(request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const LIST: &str = "# head\n\n* transit the engine\nPUT sys/seal sealing\nPOST auth/token/create body.type=batch batch\n\
        * * header.X-Wrap wrapping\nfeature entity no entities\nsteps health 19-26 sealed\nsteps health 3 alone\n";

    #[test]
    fn requests_are_covered() {
        let list = NotBuilt::parse(LIST).unwrap();
        let check = |request: &Request, reason: Option<&str>| {
            assert_eq!(list.request(request), reason, "{request:?}")
        };
        check(&Request::new("GET", "/v1/transit/keys/a?x=1"), Some("the engine"));
        check(&Request::new("GET", "/v1/transit"), Some("the engine"));
        check(&Request::new("GET", "/v1/transits"), None);
        check(&Request::new("PUT", "/v1/sys/seal"), Some("sealing"));
        check(&Request::new("PUT", "/v1/sys/seal-status"), None);
        check(&Request::new("GET", "/v1/sys/seal"), None);
        let create = Request::new("POST", "/v1/auth/token/create");
        check(&create.clone().json(&json!({"type": "batch"})), Some("batch"));
        check(&create.clone().json(&json!({"type": "service"})), None);
        check(&create, None);
        check(&Request::new("GET", "/v1/x").header("x-wrap", "5"), Some("wrapping"));
    }

    #[test]
    fn features_steps_and_bad_lines() {
        let list = NotBuilt::parse(LIST).unwrap();
        assert_eq!((list.feature("entity"), list.feature("x")), (Some("no entities"), None));
        let steps = [2, 3, 18, 19, 26, 27].map(|step| list.step("health", step));
        assert_eq!(steps, [None, Some("alone"), None, Some("sealed"), Some("sealed"), None]);
        assert_eq!(list.step("other", 3), None);
        for line in ["GET", "GET a", "steps a x no", "feature a"] {
            let error = NotBuilt::parse(&format!("\n{line}")).unwrap_err().to_string();
            assert!(error.contains("line 2"), "{error}");
        }
    }
}
