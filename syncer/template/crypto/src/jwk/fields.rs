//! The fields of a JSON Web Key.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use zeroize::Zeroizing;

use crate::error::{Error, Piece};

/// Of base64 only the alphabet is strict.
const CONFIG: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent);
const BASE64: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::STANDARD, CONFIG);
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::URL_SAFE, CONFIG);

const HINT: &str = "struct { Kty string \"json:\\\"kty\\\"\"; D json.RawMessage \"json:\\\"d\\\"\" }";

/// The texts of an object by name; what is not a text is only known to be there.
pub(super) struct Fields {
    items: BTreeMap<String, Item>,
    /// The Go type that errors name.
    pub(super) go_type: &'static str,
}

/// A text, or something else.
struct Item(Option<Zeroizing<String>>);

impl Fields {
    /// Reads the first JSON value.
    pub(super) fn parse(json: &[u8]) -> Result<Self, Error> {
        let start = json.trim_ascii_start();
        let failed =
            |pieces: Vec<Piece>| Error::with(pieces).within("failed to unmarshal JSON into key hint: ");
        let kind = match start.first() {
            None => return Err(failed(vec!["EOF".into()])),
            Some(b'{') => return Self::object(start).map_err(|text| failed(vec![text.into()])),
            Some(b'n') if start.starts_with(b"null") => return Ok(Self::of(BTreeMap::new())),
            Some(b'[') => "array",
            Some(b'"') => "string",
            Some(b't') if start.starts_with(b"true") => "bool",
            Some(b'f') if start.starts_with(b"false") => "bool",
            Some(b'-' | b'0'..=b'9') => "number",
            Some(first) => {
                return Err(failed(vec![
                    "invalid character ".into(),
                    Piece::value(&[*first]),
                    " looking for beginning of value".into(),
                ]));
            }
        };
        let texts = ["json: cannot unmarshal ", kind, " into Go value of type ", HINT];
        Err(failed(texts.map(Piece::from).into()))
    }

    fn of(items: BTreeMap<String, Item>) -> Self {
        Self { items, go_type: "" }
    }

    fn object(json: &[u8]) -> Result<Self, &'static str> {
        // What is not UTF-8 counts as U+FFFD, as in Go.
        let text = Zeroizing::new(String::from_utf8_lossy(json).into_owned());
        let mut values = serde_json::Deserializer::from_str(&text).into_iter::<BTreeMap<String, Item>>();
        match values.next() {
            Some(Ok(fields)) => Ok(Self::of(fields)),
            Some(Err(error)) if !error.is_eof() => Err("invalid character in JSON"),
            Some(Err(_)) | None => Err("unexpected EOF"),
        }
    }

    /// Whether there is a field of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.items.contains_key(name)
    }

    /// The field that this name stands for whatever its letters' case: so the kind of a key is found out.
    pub(super) fn hint(&self, name: &str) -> Option<&str> {
        let found = self.items.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, item)| item.0.as_ref().map_or("", |text| text.as_str()))
    }

    /// The text of a field, "" if it has none.
    pub(super) fn text(&self, name: &str) -> &str {
        self.items.get(name).and_then(|item| item.0.as_ref()).map_or("", |text| text.as_str())
    }

    /// A field must be there.
    pub(super) fn require(&self, name: &'static str) -> Result<(), Error> {
        if self.has(name) { Ok(()) } else { Err(self.failed(&["required field ", name, " is missing"])) }
    }

    fn failed(&self, texts: &[&'static str]) -> Error {
        let start = ["failed to unmarshal JSON into key (", self.go_type, "): "];
        Error::with(start.iter().chain(texts).map(|text| Piece::from(*text)).collect::<Vec<_>>())
    }

    /// The bytes that a field holds as base64.
    pub(super) fn bytes(&self, name: &'static str) -> Result<Zeroizing<Vec<u8>>, Error> {
        self.require(name)?;
        let failed = || self.failed(&["failed to decode value for key ", name]);
        let item = self.items.get(name).ok_or_else(failed)?;
        let text = item.0.as_ref().ok_or_else(failed)?;
        let engine = if text.contains(['+', '/']) { BASE64 } else { BASE64_URL };
        let bytes = engine.decode(text.as_bytes()).map_err(|_| failed())?;
        Ok(Zeroizing::new(bytes))
    }
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ItemVisitor)
    }
}

struct ItemVisitor;

impl<'de> Visitor<'de> for ItemVisitor {
    type Value = Item;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Item, E> {
        Ok(Item(Some(Zeroizing::new(text.to_owned()))))
    }

    fn visit_unit<E>(self) -> Result<Item, E> {
        Ok(Item(None))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Item, E> {
        Ok(Item(None))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Item, E> {
        Ok(Item(None))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Item, E> {
        Ok(Item(None))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Item, E> {
        Ok(Item(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Item, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Item(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Item, A::Error> {
        while items.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Item(None))
    }
}
