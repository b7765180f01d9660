//! TokenReview: what the API server is asked, and what it answers.

use zeroize::Zeroizing;

use crate::json::{Json, JsonLimits, parse};
use crate::wire::quote;

const LIMITS: JsonLimits = JsonLimits { max_depth: 32, max_strings: 10_000, max_bytes: 1 << 20 };

/// The body of a request for a review of a token for one audience.
pub fn review_body(unverified_jwt: &str, audience: &str) -> Zeroizing<String> {
    let token = Zeroizing::new(quote(unverified_jwt));
    Zeroizing::new(format!(
        "{{\"apiVersion\":\"authentication.k8s.io/v1\",\"kind\":\"TokenReview\",\"spec\":{{\"audiences\":[{}],\"token\":{}}}}}",
        quote(audience),
        *token
    ))
}

/// What the API server says about a token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Review {
    /// It knows the token, and said nothing against it.
    pub authenticated: bool,
    /// The user behind it.
    pub username: String,
    /// UID of the user.
    pub uid: String,
    /// Those of the audiences asked for that the token is for; empty also from a server that knows no audiences.
    pub audiences: Vec<String>,
}

impl Review {
    /// Reads the answer; `None` where it is no TokenReview. What is missing in it counts as not confirmed.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let answer = parse(bytes, &LIMITS).ok()?;
        if answer.get("kind").and_then(Json::as_str) != Some("TokenReview") {
            return None;
        }
        let status = answer.get("status")?;
        let text = |object: Option<&Json>, name: &str| {
            object.and_then(|o| o.get(name)).and_then(Json::as_str).unwrap_or_default().to_owned()
        };
        let authenticated = matches!(status.get("authenticated"), Some(Json::Bool(true)));
        let user = status.get("user");
        Some(Self {
            authenticated: authenticated && text(Some(status), "error").is_empty(),
            username: text(user, "username"),
            uid: text(user, "uid"),
            audiences: texts(status.get("audiences")),
        })
    }
}

/// A text alone, or a list of texts; anything else in it is left out.
pub(super) fn texts(value: Option<&Json>) -> Vec<String> {
    match value {
        Some(Json::String(one)) => vec![one.as_str().to_owned()],
        Some(Json::Array(items)) => items.iter().filter_map(Json::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}
