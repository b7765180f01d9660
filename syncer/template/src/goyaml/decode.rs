//! The tree of a document to values, aliases and merges followed, and from there to JSON.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use super::parse::{Node, Scalar, Tree};
use super::resolve::{self, Tag};
use super::{ErrorText, MAX_DEPTH, MAX_EXPANDED, Yaml, failure};
use crate::go::Str;
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
    let mut decoder = Decoder { tree, open: HashSet::new(), expanded: 0, values: 0, aliased: 0 };
    decoder.value(tree.root(), 0)
}

/// Most values that a document may have with its aliases followed.
const MAX_VALUES: usize = 1_000_000;

/// The share of values that may come from aliases: less in large documents. Go's numbers.
fn allowed_share(values: usize) -> f64 {
    const SMALL: usize = 400_000;
    const LARGE: usize = 4_000_000;
    let above = values.clamp(SMALL, LARGE) - SMALL;
    0.99 - 0.89 * (above as f64 / (LARGE - SMALL) as f64)
}

struct Decoder<'a> {
    tree: &'a Tree,
    /// Aliases that are being followed.
    open: HashSet<usize>,
    /// Bytes of scalars.
    expanded: usize,
    /// Values so far, and how many of them within aliases.
    values: usize,
    aliased: usize,
}

impl Decoder<'_> {
    fn value(&mut self, place: usize, depth: usize) -> Result<Yaml, ErrorText> {
        self.values += 1;
        self.aliased += usize::from(!self.open.is_empty());
        let share = self.aliased as f64 / self.values as f64;
        if self.aliased > 100 && self.values > 1000 && share > allowed_share(self.values) {
            return Err(failure("document contains excessive aliasing"));
        }
        if self.values > MAX_VALUES || self.expanded > MAX_EXPANDED {
            return Err(failure(&format!(
                "document of more than {MAX_VALUES} values or {MAX_EXPANDED} bytes"
            )));
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
        self.expanded += scalar.value.len();
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

    /// Members in order; of equal keys the last counts.
    fn mapping(&mut self, children: &[usize], depth: usize) -> Result<Vec<(Yaml, Yaml)>, ErrorText> {
        let mut out = Members::default();
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
            out.put(key, value);
        }
        Ok(out.pairs)
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

    fn merge(&mut self, place: usize, out: &mut Members, depth: usize) -> Result<(), ErrorText> {
        let places: Vec<usize> = match self.tree.node(place) {
            Some(Node::Sequence(items)) => items.iter().rev().copied().collect(),
            _ => vec![place],
        };
        for place in places {
            let mapping = match self.tree.node(place) {
                Some(Node::Alias { target, .. }) => self.tree.node(*target),
                node => node,
            };
            if !matches!(mapping, Some(Node::Mapping(_))) {
                return Err(failure("map merge requires map or sequence of maps as the value"));
            }
            if let Yaml::Map(members) = self.value(place, depth + 1)? {
                members.into_iter().for_each(|(key, value)| out.put(key, value));
            }
        }
        Ok(())
    }
}

/// The members of a mapping under construction, and where each key is among them.
#[derive(Default)]
struct Members {
    pairs: Vec<(Yaml, Yaml)>,
    places: BTreeMap<Key, usize>,
}

/// What makes keys equal: their type and value.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(u64),
    String(Str),
}

impl Members {
    /// Sets a member; one with the same key is replaced.
    fn put(&mut self, key: Yaml, value: Yaml) {
        let same = match &key {
            Yaml::Null => Key::Null,
            Yaml::Bool(flag) => Key::Bool(*flag),
            Yaml::Int(number) => Key::Int(*number),
            Yaml::Uint(number) => Key::Uint(*number),
            Yaml::Float(number) if number.is_nan() => return self.pairs.push((key, value)), // never equal
            Yaml::Float(number) => Key::Float((number + 0.0).to_bits()),
            Yaml::String(text) => Key::String(text.as_slice().into()),
            Yaml::List(_) | Yaml::Map(_) => return,
        };
        let place = *self.places.entry(same).or_insert(self.pairs.len());
        match self.pairs.get_mut(place) {
            Some(member) => member.1 = value,
            None => self.pairs.push((key, value)),
        }
    }
}

/// The value as JSON: keys become texts.
pub(super) fn to_json(value: Yaml) -> Result<Json, ErrorText> {
    check_keys(&value)?;
    json(value)
}

/// Go looks at all keys before it writes anything.
fn check_keys(value: &Yaml) -> Result<(), ErrorText> {
    match value {
        Yaml::List(items) => items.iter().try_for_each(check_keys),
        Yaml::Map(members) => members.iter().try_for_each(|(key, value)| match key {
            Yaml::Null => Err(unsupported("%!s(<nil>)", "<nil>", value)),
            Yaml::Uint(number) => Err(unsupported("uint64", &format!("0x{number:x}"), value)),
            _ => check_keys(value),
        }),
        _ => Ok(()),
    }
}

fn unsupported(kind: &str, key: &str, value: &Yaml) -> ErrorText {
    let value = if matches!(value, Yaml::Null) { "<nil>".to_owned().into() } else { go_syntax(value) };
    Zeroizing::new(format!("unsupported map key of type: {kind}, key: {key}, value: {}", *value))
}

fn json(value: Yaml) -> Result<Json, ErrorText> {
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
        Yaml::List(items) => Json::Array(items.into_iter().map(json).collect::<Result<_, _>>()?),
        Yaml::Map(members) => {
            let mut members: Vec<_> =
                members.into_iter().map(|(key, value)| (key_text(&key), value)).collect();
            // Go writes them sorted, and the last of equal ones counts.
            members.sort_by(|one, other| one.0.cmp(&other.0));
            let mut out = Vec::with_capacity(members.len());
            for (key, value) in members {
                out.push((key, json(value)?));
            }
            Json::Object(out)
        }
    })
}

fn key_text(key: &Yaml) -> Zeroizing<Vec<u8>> {
    let text = match key {
        Yaml::String(text) => {
            let mut out = Vec::with_capacity(text.len());
            crate::gojson::push_valid(&mut out, text);
            return Zeroizing::new(out);
        }
        Yaml::Int(number) => number.to_string(),
        Yaml::Float(number) if number.is_nan() => ".nan".to_owned(),
        Yaml::Float(number) if number.is_infinite() => {
            if *number > 0.0 { ".inf" } else { "-.inf" }.to_owned()
        }
        Yaml::Float(number) => float::format(single(*number), 'g', None),
        Yaml::Bool(flag) => flag.to_string(),
        Yaml::Uint(number) => number.to_string(),
        Yaml::Null | Yaml::List(_) | Yaml::Map(_) => String::new(), // none gets past `check_keys`
    };
    Zeroizing::new(text.into_bytes())
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
            let mut members: Vec<&(Yaml, Yaml)> = members.iter().collect();
            members.sort_by(|one, other| go_order(&one.0, &other.0));
            let pairs = members
                .iter()
                .map(|(key, value)| Zeroizing::new(format!("{}:{}", *go_syntax(key), *go_syntax(value))));
            format!("map[interface {{}}]interface {{}}{{{}}}", *joined(pairs.collect()))
        }
    })
}

/// The order in which Go prints the keys of a map; that of types is where its linker puts them.
fn go_order(one: &Yaml, other: &Yaml) -> Ordering {
    let rank = |key: &Yaml| match key {
        Yaml::Null => 0,
        Yaml::String(_) => 1,
        Yaml::Uint(_) => 2,
        Yaml::Int(_) => 3,
        Yaml::Float(_) => 4,
        Yaml::Bool(_) => 5,
        Yaml::List(_) | Yaml::Map(_) => 6,
    };
    match (one, other) {
        (Yaml::String(one), Yaml::String(other)) => one.cmp(other),
        (Yaml::Uint(one), Yaml::Uint(other)) => one.cmp(other),
        (Yaml::Int(one), Yaml::Int(other)) => one.cmp(other),
        (Yaml::Float(one), Yaml::Float(other)) => one.total_cmp(other),
        (Yaml::Bool(one), Yaml::Bool(other)) => one.cmp(other),
        _ => rank(one).cmp(&rank(other)),
    }
}
