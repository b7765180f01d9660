//! Functions on URLs, as Go's net/url reads and writes them.

mod address;
mod escape;
mod parse;

use crate::function::{Call, Failure, Function, Piece, Text};
use crate::go::{Kind, Map, Type, Value};
use crate::gofmt::quote;

use parse::{Problem, Url, Word};

/// The group.
pub(crate) const TABLE: &[Function] = &[
    Function { name: "urlJoin", signature: "func(map[string]interface {}) string", call: url_join },
    Function { name: "urlParse", signature: "func(string) map[string]interface {}", call: url_parse },
];

/// `urlParse url`: its parts, unescaped but for the query and what is opaque.
fn url_parse(call: &mut Call<'_>) -> Result<Value, Failure> {
    let text = call.string(0)?;
    call.grow(text.len().saturating_mul(4))?;
    let url = Url::parse(text.bytes())
        .map_err(|problem| failure("unable to parse url", problem, call.is_literal(0)))?;
    let map = Map::of(Type::ANY);
    let hostname = url.hostname().to_vec();
    let userinfo = url.userinfo();
    for (key, part) in [
        ("scheme", url.scheme),
        ("host", url.host),
        ("hostname", hostname),
        ("path", url.path),
        ("query", url.query),
        ("opaque", url.opaque),
        ("fragment", url.fragment),
        ("userinfo", userinfo),
    ] {
        map.insert(key, Value::string(part));
    }
    Ok(Value::Map(map))
}

/// `urlJoin dict`: the URL of the parts that [`url_parse`] gives.
fn url_join(call: &mut Call<'_>) -> Result<Value, Failure> {
    let parts = call.map(0)?;
    let mut url = Url {
        scheme: part(&parts, "scheme")?,
        host: part(&parts, "host")?,
        path: part(&parts, "path")?,
        query: part(&parts, "query")?,
        opaque: part(&parts, "opaque")?,
        fragment: part(&parts, "fragment")?,
        user: None,
    };
    let userinfo = part(&parts, "userinfo")?;
    if !userinfo.is_empty() {
        let sample = [b"proto://".as_slice(), &userinfo, b"@host"].concat();
        let parsed = Url::parse(&sample);
        url.user =
            parsed.map_err(|problem| failure("unable to parse userinfo in dict", problem, false))?.user;
    }
    let parts = [&url.scheme, &url.host, &url.path, &url.query, &url.opaque, &url.fragment, &userinfo];
    call.grow(parts.iter().map(|part| part.len()).sum::<usize>().saturating_mul(3))?;
    Ok(Value::string(url.text()))
}

/// A text of the dict; empty if it is not there.
fn part(parts: &Map, key: &str) -> Result<Vec<u8>, Failure> {
    let found = parts.get(key.as_bytes());
    let basic = match &found {
        Some(Value::Object(object)) => object.underlying(),
        _ => None,
    };
    match basic.or(found) {
        None => Ok(Vec::new()),
        Some(Value::Str(text)) => Ok(text.bytes().to_vec()),
        Some(value) => match value.go_type() {
            None => Err(Failure::nil_dereference()),
            Some(other) => {
                let kind: Kind = other.kind();
                let words = "key, must be of type string, but";
                Err(Failure::error(format!("unable to parse {key} {words} {} found", kind.name())))
            }
        },
    }
}

/// Go's words; the data in them only if it stands in the template.
fn failure(what: &str, problem: Problem, literal: bool) -> Failure {
    let pieces = problem.0.into_iter().map(|word| match word {
        Word::Plain(text) => Piece::from(text),
        Word::Quoted(data) if literal => Piece::from(quote::shown(&data)),
        Word::Quoted(data) => Piece::value(&data),
    });
    Failure::error(Text::from(pieces.collect::<Vec<_>>()).within(what))
}

#[cfg(test)]
mod tests;
