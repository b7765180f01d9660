//! The fields of a JSON Web Key.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use zeroize::Zeroizing;

use crate::error::{Error, Piece};

/// base64url, with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

const HINT: &str = "struct { Kty string \"json:\\\"kty\\\"\"; D json.RawMessage \"json:\\\"d\\\"\" }";

/// The texts of an object by name; what is not a text is only known to be there.
pub(super) struct Fields(BTreeMap<String, Item>);

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
            Some(b'n') if start.starts_with(b"null") => return Ok(Self(BTreeMap::new())),
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

    fn object(json: &[u8]) -> Result<Self, &'static str> {
        let mut values = serde_json::Deserializer::from_slice(json).into_iter::<BTreeMap<String, Item>>();
        match values.next() {
            Some(Ok(fields)) => Ok(Self(fields)),
            Some(Err(error)) if !error.is_eof() => Err("invalid character in JSON"),
            Some(Err(_)) | None => Err("unexpected EOF"),
        }
    }

    /// Whether there is a field of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The text of a field, "" if it has none.
    pub(super) fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(|item| item.0.as_ref()).map_or("", |text| text.as_str())
    }

    /// The bytes that a field holds as base64.
    pub(super) fn bytes(&self, name: &'static str) -> Result<Zeroizing<Vec<u8>>, Error> {
        let failed = |text: &'static str| {
            Error::with(["failed to unmarshal JSON into key: ".into(), text.into(), name.into()])
        };
        let item = self.0.get(name).ok_or_else(|| failed("required field is missing: "))?;
        let text = item.0.as_ref().ok_or_else(|| failed("failed to decode value for key "))?;
        let url: Zeroizing<String> = Zeroizing::new(
            text.chars()
                .map(|c| match c {
                    '+' => '-',
                    '/' => '_',
                    other => other,
                })
                .collect(),
        );
        let bytes = BASE64.decode(url.as_bytes()).map_err(|_| failed("failed to decode value for key "))?;
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
