//! From a command to the request that carries it out and the form in which its answer is shown; nothing here touches the world.

pub mod audit;
pub mod kv;
pub mod policy;
pub mod token;

use std::collections::BTreeMap;

use broker_core::json::Json;

use crate::request::Request;

/// One request and how its answer is shown.
pub struct Job {
    /// The request.
    pub request: Request,
    /// How its answer is shown.
    pub show: Show,
    /// Print only this field.
    pub field: Option<String>,
}

impl Job {
    /// A job that shows its whole answer.
    pub const fn new(request: Request, show: Show) -> Self {
        Self { request, show, field: None }
    }

    /// The same job that shows only one field, if one is named.
    pub fn only(mut self, field: Option<String>) -> Self {
        self.field = field;
        self
    }
}

/// The forms in which answers are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Show {
    /// A version of a secret: path, metadata, data.
    Versioned {
        /// The secret's path in the API.
        path: String,
    },
    /// A secret of KV version 1.
    Unversioned,
    /// What is kept about a secret besides its values.
    Metadata {
        /// The path in the API.
        path: String,
    },
    /// The names below a path, under a heading.
    Keys,
    /// Names, one a line.
    Names,
    /// The text of a policy.
    PolicyText,
    /// A new or renewed token.
    Auth,
    /// What a token is.
    Lookup,
    /// Capabilities on a path.
    Capabilities,
    /// A sentence that it is done.
    Done(String),
}

/// The body of an answer or request as an object of these members.
pub(crate) fn json_object<'a>(members: impl IntoIterator<Item = (&'a str, Json)>) -> Json {
    let members: BTreeMap<String, Json> =
        members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Json::Object(members)
}

/// A number as JSON.
pub(crate) fn json_number(number: impl ToString) -> Json {
    Json::Number(number.to_string().into())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A request as one line: method, path, query, body.
    pub(crate) fn line(request: &Request) -> String {
        let mut line = format!("{} {}", request.method.as_str(), request.path);
        for (at, (name, value)) in request.query.iter().enumerate() {
            line.push(if at == 0 { '?' } else { '&' });
            line.push_str(&format!("{name}={value}"));
        }
        if let Some(body) = &request.body {
            line.push(' ');
            line.push_str(body.expose());
        }
        line
    }
}
