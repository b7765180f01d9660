//! Reads an HTTP request into what it asks for; everything that is refused before a token is looked at is refused here.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, Method};
use broker_core::json::{Json, JsonLimits, JsonProblem};
use broker_core::record::{MAX_VIA_BYTES, Source};
use broker_core::route::Verb;
use broker_core::time::Time;
use policies::RequestPath;
use zeroize::Zeroizing;

use crate::http::error::Failure;

/// The longest token that is looked up, in bytes.
const MAX_TOKEN_BYTES: usize = 8192;
/// The longest user agent that is kept, in bytes.
const MAX_AGENT_BYTES: usize = 256;
/// The most query parameters that are read.
const MAX_QUERY_PARAMETERS: usize = 100;
/// Limits of a JSON body besides its size.
const JSON_LIMITS: JsonLimits = JsonLimits { max_depth: 128, max_strings: 1000, max_bytes: 32 << 20 };

/// An HTTP request as it arrived, its body read and limited.
pub struct Incoming {
    /// The method, any token.
    pub method: Method,
    /// The path as it stood in the request line, still encoded.
    pub path: String,
    /// The query as it stood, without the question mark.
    pub query: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Zeroizing<Vec<u8>>,
    /// Where it came from.
    pub source: Source,
    /// The id that its answer and its record carry.
    pub id: u128,
    /// When it arrived.
    pub time: Time,
}

/// A token as presented: not yet known to be one.
#[derive(Clone)]
pub struct PresentedToken(pub Zeroizing<String>);

/// A request that can be understood.
pub struct Request {
    /// The id that its answer and its record carry.
    pub id: u128,
    /// When it arrived.
    pub time: Time,
    /// What it asks to do.
    pub verb: Verb,
    /// The canonical path.
    pub path: RequestPath,
    /// The query's parameters; a repeated one keeps its last value.
    pub query: BTreeMap<String, String>,
    /// The body: a JSON object, empty where there was none.
    pub body: Json,
    /// The token, if one was presented.
    pub token: Option<PresentedToken>,
    /// Whether the built-in help of the path is asked for, by any value of `help` or the verb HELP.
    pub help: bool,
    /// What `Accept` asks for.
    pub accept: String,
    /// `Last-Event-ID`, for streams that go on.
    pub last_event_id: Option<String>,
}

/// The caller's own word on whose behalf it asks, from `X-Keyreeve-Via`, cut at the limit.
pub fn via(headers: &HeaderMap) -> Option<String> {
    let text = header(headers, "x-keyreeve-via");
    let kept = cut(text, MAX_VIA_BYTES);
    (!kept.is_empty()).then(|| kept.to_owned())
}

/// The `User-Agent`, cut at the limit.
pub fn agent(headers: &HeaderMap) -> String {
    cut(header(headers, "user-agent"), MAX_AGENT_BYTES).to_owned()
}

fn cut(text: &str, limit: usize) -> &str {
    let end = (0..=limit.min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
}

/// Reads a request below `/v1/`.
///
/// # Errors
/// The answer to give instead, in the order in which Vault looks: path, method, lists, body, headers.
pub fn read(incoming: &Incoming) -> Result<Request, Failure> {
    let query = query(&incoming.query)?;
    let verb = verb(&incoming.method, &query)?;
    let raw = incoming.path.strip_prefix("/v1/").unwrap_or_default();
    let path = path(raw, verb)?;
    let body = match verb {
        Verb::Write | Verb::Patch => body(incoming, verb)?,
        Verb::Read | Verb::List | Verb::Scan | Verb::Delete => Json::Object(BTreeMap::new()),
    };
    refuse_unsupported_headers(&incoming.headers)?;
    Ok(Request {
        id: incoming.id,
        time: incoming.time,
        verb,
        path,
        help: query.contains_key("help") || incoming.method.as_str() == "HELP",
        query,
        body,
        token: token(&incoming.headers)?,
        accept: header(&incoming.headers, "accept").to_owned(),
        last_event_id: Some(header(&incoming.headers, "last-event-id").to_owned()).filter(|s| !s.is_empty()),
    })
}

fn path(raw: &str, verb: Verb) -> Result<RequestPath, Failure> {
    let list = matches!(verb, Verb::List | Verb::Scan);
    let parsed = RequestPath::parse(raw, list).and_then(|path| match folded(path.as_str()) {
        Some(folded) => RequestPath::from_canonical(&folded),
        None => Ok(path),
    });
    parsed.map_err(|error| {
        if error == policies::PathError::TrailingSlash && matches!(verb, Verb::Write | Verb::Patch) {
            return Failure::bad_request("cannot write to a path ending in '/'");
        }
        Failure::bad_request(error.to_string())
    })
}

/// Names of policies are the same in capitals: policy, routing and store must see one spelling.
fn folded(path: &str) -> Option<String> {
    let folds = ["sys/policies/acl/", "sys/policy/"].iter().any(|root| path.starts_with(root));
    (folds && path.chars().any(char::is_uppercase)).then(|| path.to_lowercase())
}

fn verb(method: &Method, query: &BTreeMap<String, String>) -> Result<Verb, Failure> {
    let flag = |name: &str| match query.get(name) {
        None => Ok(false),
        Some(value) => go_bool(value).ok_or_else(Failure::bad_flag),
    };
    Ok(match method.as_str() {
        "GET" => match (flag("list")?, flag("scan")?) {
            (true, true) => return Err(Failure::bad_flag()),
            (true, false) => Verb::List,
            (false, true) => Verb::Scan,
            (false, false) => Verb::Read,
        },
        "LIST" => Verb::List,
        "SCAN" => Verb::Scan,
        "POST" | "PUT" => Verb::Write,
        "PATCH" => Verb::Patch,
        "DELETE" => Verb::Delete,
        "HELP" => Verb::Read,
        "OPTIONS" => return Err(Failure::bad_request("cannot handle internal-only request operation")),
        _ => return Err(Failure::method()),
    })
}

/// Go's `strconv.ParseBool`, which Vault's flags follow.
pub fn go_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

fn query(text: &str) -> Result<BTreeMap<String, String>, Failure> {
    let mut out = BTreeMap::new();
    for pair in text.split('&').filter(|p| !p.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let both = form_decode(name).zip(form_decode(value));
        let (name, value) =
            both.ok_or_else(|| Failure::bad_request("the query holds a bad percent escape or no UTF-8"))?;
        out.insert(name, value);
        if out.len() > MAX_QUERY_PARAMETERS {
            return Err(Failure::bad_request(format!(
                "the query has more than {MAX_QUERY_PARAMETERS} parameters"
            )));
        }
    }
    Ok(out)
}

/// Decodes `application/x-www-form-urlencoded`: plus is a space, percent escapes are bytes.
fn form_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes().iter();
    while let Some(b) = rest.next() {
        match b {
            b'+' => bytes.push(b' '),
            b'%' => {
                let high = char::from(*rest.next()?).to_digit(16)?;
                let low = char::from(*rest.next()?).to_digit(16)?;
                bytes.push(u8::try_from(high * 16 + low).ok()?);
            }
            other => bytes.push(*other),
        }
    }
    String::from_utf8(bytes).ok()
}

fn body(incoming: &Incoming, verb: Verb) -> Result<Json, Failure> {
    let kind = header(&incoming.headers, "content-type");
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if verb == Verb::Patch {
        match essence {
            "" => return Err(Failure::content_type(400, "mime: no media type")),
            "application/merge-patch+json" => {}
            other => {
                let text =
                    format!("PATCH requires Content-Type of application/merge-patch+json, provided {other}");
                return Err(Failure::content_type(415, text));
            }
        }
    }
    let bytes: &[u8] = &incoming.body;
    let first = bytes.iter().find(|b| !b.is_ascii_whitespace());
    match first {
        None => Ok(Json::Object(BTreeMap::new())),
        Some(b'{' | b'[') => parse(bytes),
        Some(_) if essence == "application/x-www-form-urlencoded" => form(bytes),
        Some(_) => parse(bytes),
    }
}

fn parse(bytes: &[u8]) -> Result<Json, Failure> {
    match broker_core::json::parse(bytes, &JSON_LIMITS) {
        Ok(Json::Null) => Ok(Json::Object(BTreeMap::new())),
        Ok(object @ Json::Object(_)) => Ok(object),
        Ok(_) => Err(Failure::bad_request("failed to decode JSON input: the body must be a JSON object")),
        Err(error) if matches!(error.problem, JsonProblem::TooDeep(_) | JsonProblem::TooManyStrings) => {
            Err(Failure::bad_request(error.problem.to_string()))
        }
        Err(error) => Err(Failure::bad_request(format!("failed to decode JSON input: {error}"))),
    }
}

fn form(bytes: &[u8]) -> Result<Json, Failure> {
    let text = std::str::from_utf8(bytes).map_err(|_| Failure::bad_request("the form is not UTF-8"))?;
    let fields = query(text.trim())?;
    Ok(Json::Object(fields.into_iter().map(|(k, v)| (k, Json::string(v))).collect()))
}

fn token(headers: &HeaderMap) -> Result<Option<PresentedToken>, Failure> {
    let vault = header(headers, "x-vault-token").trim();
    let bearer = header(headers, "authorization").strip_prefix("Bearer ").unwrap_or_default().trim();
    let text = if vault.is_empty() { bearer } else { vault };
    if text.len() > MAX_TOKEN_BYTES {
        return Err(Failure::bad_request(format!("the token is longer than {MAX_TOKEN_BYTES} bytes")));
    }
    Ok((!text.is_empty()).then(|| PresentedToken(Zeroizing::new(text.to_owned()))))
}

/// A header that would change what the request means and that we do not carry out is refused, never ignored.
fn refuse_unsupported_headers(headers: &HeaderMap) -> Result<(), Failure> {
    let namespace = header(headers, "x-vault-namespace").trim_matches('/');
    if !namespace.is_empty() && namespace != "root" {
        return Err(Failure::namespace());
    }
    if !matches!(header(headers, "x-vault-wrap-ttl").trim(), "" | "0" | "0s") {
        return Err(Failure::bad_request(
            "response wrapping is not supported by this broker yet; repeat the request without X-Vault-Wrap-TTL",
        ));
    }
    if !header(headers, "x-vault-inline-auth-path").is_empty() {
        return Err(Failure::bad_request("inline authentication is not supported by this broker"));
    }
    if !matches!(header(headers, "content-encoding").trim(), "" | "identity") {
        return Err(Failure::content_type(415, "send the body without Content-Encoding"));
    }
    Ok(())
}
