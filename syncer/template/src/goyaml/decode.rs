//! The tree of a document to values, aliases and merges followed, and from there to JSON.

use std::collections::HashSet;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use super::parse::{Node, Scalar, Tree};
use super::resolve::{self, Tag};
use super::{ErrorText, MAX_DEPTH, MAX_EXPANDED, Yaml, failure};
use crate::gofmt::float;
use crate::gojson::Json;

/// Go's decoder takes bits behind the last byte.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical)
        .with_decode_allow_trailing_bits(true),
);

/// The value of a document.
pub(super) fn decode(tree: &Tree) -> Result<Yaml, ErrorText> {
    Decoder { tree, open: HashSet::new(), expanded: 0 }.value(tree.root(), 0)
}

struct Decoder<'a> {
    tree: &'a Tree,
    /// Aliases that are being followed.
    open: HashSet<usize>,
    expanded: usize,
}

impl Decoder<'_> {
    fn value(&mut self, place: usize, depth: usize) -> Result<Yaml, ErrorText> {
        self.expanded += 1;
        if self.expanded > MAX_EXPANDED / 64 {
            return Err(failure("document contains excessive aliasing"));
        }
        if depth > MAX_DEPTH * 2 {
            return Err(failure(&format!("exceeded max depth of {MAX_DEPTH}")));
        }
        match self.tree.node(place) {
            None => Ok(Yaml::Null),
            Some(Node::Scalar(scalar)) => self.scalar(scalar),
            Some(Node::Alias { name, target }) => {
                if !self.open.insert(place) {
                    return Err(failure(&format!("anchor '{}' value contains itself", **name)));
                }
                let value = self.value(*target, depth + 1);
                self.open.remove(&place);
                value
            }
            Some(Node::Sequence(items)) => items
                .iter()
                .map(|item| self.value(*item, depth + 1))
                .collect::<Result<_, _>>()
                .map(Yaml::List),
            Some(Node::Mapping(children)) => self.mapping(children, depth).map(Yaml::Map),
        }
    }

    fn scalar(&mut self, scalar: &Scalar) -> Result<Yaml, ErrorText> {
        self.expanded += scalar.value.len() / 64;
        if scalar.tag.is_empty() && !scalar.implicit {
            return Ok(Yaml::String(scalar.value.clone()));
        }
        let (tag, value) = resolve::resolve(&scalar.tag, &scalar.value)?;
        if tag != Tag::Binary {
            return Ok(value);
        }
        let text: Vec<u8> =
            scalar.value.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
        let bytes = BASE64.decode(Zeroizing::new(text).as_slice());
        bytes
            .map(|bytes| Yaml::String(Zeroizing::new(bytes)))
            .map_err(|_| failure("!!binary value contains invalid base64 data"))
    }

    /// Members in order; of equal keys the last counts, which [`put`] sees to.
    fn mapping(&mut self, children: &[usize], depth: usize) -> Result<Vec<(Yaml, Yaml)>, ErrorText> {
        let mut out = Vec::new();
        for pair in children.chunks(2) {
            let [key, value] = pair else { continue };
            if self.is_merge(*key) {
                self.merge(*value, &mut out, depth)?;
                continue;
            }
            let key = self.value(*key, depth + 1)?;
            if matches!(key, Yaml::List(_) | Yaml::Map(_)) {
                return Err(failure(&format!("invalid map key: {}", *go_syntax(&key))));
            }
            let value = self.value(*value, depth + 1)?;
            put(&mut out, key, value);
        }
        Ok(out)
    }

    fn is_merge(&self, place: usize) -> bool {
        match self.tree.node(place) {
            Some(Node::Scalar(scalar)) => {
                scalar.value.as_slice() == b"<<"
                    && (scalar.implicit || resolve::own(&scalar.tag) == Some(b"merge"))
            }
            _ => false,
        }
    }

    fn merge(&mut self, place: usize, out: &mut Vec<(Yaml, Yaml)>, depth: usize) -> Result<(), ErrorText> {
        let mapping = |place: usize| match self.tree.node(place) {
            Some(Node::Mapping(_)) => true,
            Some(Node::Alias { target, .. }) => matches!(self.tree.node(*target), Some(Node::Mapping(_))),
            _ => false,
        };
        let places: Vec<usize> = match self.tree.node(place) {
            Some(Node::Sequence(items)) => items.iter().rev().copied().collect(),
            _ => vec![place],
        };
        if !places.iter().all(|place| mapping(*place)) {
            return Err(failure("map merge requires map or sequence of maps as the value"));
        }
        for place in places {
            if let Yaml::Map(members) = self.value(place, depth + 1)? {
                members.into_iter().for_each(|(key, value)| put(out, key, value));
            }
        }
        Ok(())
    }
}

/// Sets a member; one with the same key is replaced.
fn put(members: &mut Vec<(Yaml, Yaml)>, key: Yaml, value: Yaml) {
    match members.iter_mut().find(|(old, _)| same_key(old, &key)) {
        Some(member) => member.1 = value,
        None => members.push((key, value)),
    }
}

fn same_key(one: &Yaml, other: &Yaml) -> bool {
    match (one, other) {
        (Yaml::Null, Yaml::Null) => true,
        (Yaml::Bool(a), Yaml::Bool(b)) => a == b,
        (Yaml::Int(a), Yaml::Int(b)) => a == b,
        (Yaml::Uint(a), Yaml::Uint(b)) => a == b,
        (Yaml::Float(a), Yaml::Float(b)) => a == b,
        (Yaml::String(a), Yaml::String(b)) => a == b,
        _ => false,
    }
}

/// The value as JSON: keys become texts.
pub(super) fn to_json(value: Yaml) -> Result<Json, ErrorText> {
    Ok(match value {
        Yaml::Null => Json::Null,
        Yaml::Bool(flag) => Json::Bool(flag),
        Yaml::Int(number) => Json::Number(number as f64),
        Yaml::Uint(number) => Json::Number(number as f64),
        Yaml::Float(number) if !number.is_finite() => {
            let text = if number.is_nan() {
                "NaN"
            } else if number > 0.0 {
                "+Inf"
            } else {
                "-Inf"
            };
            return Err(Zeroizing::new(format!("json: unsupported value: {text}")));
        }
        Yaml::Float(number) => Json::Number(number),
        Yaml::String(text) => {
            let mut out = Vec::with_capacity(text.len());
            crate::gojson::push_valid(&mut out, &text);
            Json::String(Zeroizing::new(out))
        }
        Yaml::List(items) => Json::Array(items.into_iter().map(to_json).collect::<Result<_, _>>()?),
        Yaml::Map(members) => {
            let mut out = Vec::with_capacity(members.len());
            for (key, value) in members {
                out.push((key_text(&key)?, to_json(value)?));
            }
            // Go writes them sorted, and the last of equal ones counts.
            out.sort_by(|one, other| one.0.cmp(&other.0));
            Json::Object(out)
        }
    })
}

fn key_text(key: &Yaml) -> Result<Zeroizing<Vec<u8>>, ErrorText> {
    let text = match key {
        Yaml::String(text) => {
            let mut out = Vec::with_capacity(text.len());
            crate::gojson::push_valid(&mut out, text);
            return Ok(Zeroizing::new(out));
        }
        Yaml::Int(number) => number.to_string(),
        Yaml::Float(number) if number.is_nan() => ".nan".to_owned(),
        Yaml::Float(number) if number.is_infinite() => {
            if *number > 0.0 { ".inf" } else { "-.inf" }.to_owned()
        }
        Yaml::Float(number) => float::format(single(*number), 'g', None),
        Yaml::Bool(flag) => flag.to_string(),
        Yaml::Uint(number) => {
            return Err(unsupported("uint64", &format!("0x{number:x}")));
        }
        Yaml::Null | Yaml::List(_) | Yaml::Map(_) => return Err(unsupported("%!s(<nil>)", "<nil>")),
    };
    Ok(Zeroizing::new(text.into_bytes()))
}

fn unsupported(kind: &str, key: &str) -> ErrorText {
    Zeroizing::new(format!("unsupported map key of type: {kind}, key: {key}"))
}

/// The number with the fewest digits that tell it apart as a 32-bit float, as Go writes keys.
fn single(number: f64) -> f64 {
    #[expect(clippy::cast_possible_truncation, reason = "that is what Go does")]
    let short = number as f32;
    short.to_string().parse().unwrap_or(number)
}

/// A value as Go's `%#v` prints it.
fn go_syntax(value: &Yaml) -> Zeroizing<String> {
    let joined = |parts: Vec<Zeroizing<String>>| {
        Zeroizing::new(parts.iter().map(|part| part.as_str()).collect::<Vec<_>>().join(", "))
    };
    Zeroizing::new(match value {
        Yaml::Null => "interface {}(nil)".to_owned(),
        Yaml::Bool(flag) => flag.to_string(),
        Yaml::Int(number) => number.to_string(),
        Yaml::Uint(number) => format!("0x{number:x}"),
        Yaml::Float(number) => float::format(*number, 'g', None),
        Yaml::String(text) => {
            String::from_utf8_lossy(crate::gofmt::quote::quoted(text, '"', false).bytes()).into_owned()
        }
        Yaml::List(items) => {
            format!("[]interface {{}}{{{}}}", *joined(items.iter().map(go_syntax).collect()))
        }
        Yaml::Map(members) => {
            let pairs = members
                .iter()
                .map(|(key, value)| Zeroizing::new(format!("{}:{}", *go_syntax(key), *go_syntax(value))));
            format!("map[interface {{}}]interface {{}}{{{}}}", *joined(pairs.collect()))
        }
    })
}
