//! Reads of the KV engines, with the digits of numbers as the server sent them.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::answer::Answer;
use crate::error::{CallError, ReadError};
use crate::secret::SecretText;

/// A secret as it was read.
#[derive(Clone, Debug)]
pub struct KvRead {
    /// The JSON object with the secret's keys and values, byte by byte as the server sent it.
    pub data: SecretText,
    /// What KV version 2 says about it; `None` for version 1.
    pub metadata: Option<KvMetadata>,
}

impl KvRead {
    /// The version that was read; `None` for KV version 1.
    pub fn version(&self) -> Option<u64> {
        self.metadata.as_ref().map(|m| m.version)
    }
}

/// What KV version 2 says about a version. Its `Debug` leaves custom metadata out.
#[derive(Clone, Default)]
pub struct KvMetadata {
    /// The version, from 1.
    pub version: u64,
    /// When it was written, RFC 3339.
    pub created_time: String,
    /// When it was or will be deleted, RFC 3339; empty for never.
    pub deletion_time: String,
    /// Whether its value is destroyed for good.
    pub destroyed: bool,
    /// The key's custom metadata.
    pub custom_metadata: BTreeMap<String, String>,
}

impl fmt::Debug for KvMetadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KvMetadata")
            .field("version", &self.version)
            .field("created_time", &self.created_time)
            .field("deletion_time", &self.deletion_time)
            .field("destroyed", &self.destroyed)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    metadata: MetadataWire,
}

#[derive(Deserialize)]
struct MetadataWire {
    version: u64,
    created_time: String,
    #[serde(default)]
    deletion_time: String,
    #[serde(default)]
    destroyed: bool,
    #[serde(default)]
    custom_metadata: Option<BTreeMap<String, String>>,
}

/// What an answer of `MOUNT/data/PATH` means.
pub(crate) fn read2(answer: &Answer) -> Result<KvRead, ReadError> {
    let lying = |what| ReadError::Call(CallError::Lying { status: answer.status, what });
    let wire = answer.data().filter(|text| text.starts_with('{'));
    let Some(wire) = wire.and_then(|text| serde_json::from_str::<Wire<'_>>(text).ok()) else {
        return Err(lying("the body has no data.data with data.metadata; is the mount KV version 1"));
    };
    let metadata = KvMetadata {
        version: wire.metadata.version,
        created_time: wire.metadata.created_time,
        deletion_time: wire.metadata.deletion_time,
        destroyed: wire.metadata.destroyed,
        custom_metadata: wire.metadata.custom_metadata.unwrap_or_default(),
    };
    if metadata.version == 0 || !answer.is_enveloped() {
        return Err(lying("the body is no answer of a KV version 2 mount"));
    }
    let value = wire.data.map(RawValue::get).unwrap_or("null");
    let is_gone = metadata.destroyed || !metadata.deletion_time.is_empty();
    match (answer.status, value) {
        (404, "null") if is_gone => Err(ReadError::Deleted(metadata)),
        (200, value) if value.starts_with('{') => {
            Ok(KvRead { data: SecretText::new(value.to_owned()), metadata: Some(metadata) })
        }
        _ => Err(lying("data.data does not fit the status and the metadata")),
    }
}

/// What an answer of `MOUNT/PATH` means on KV version 1.
pub(crate) fn read1(answer: &Answer) -> Result<KvRead, ReadError> {
    let data = answer.data().filter(|text| text.starts_with('{'));
    match data {
        Some(text) if answer.status == 200 && answer.is_enveloped() => {
            Ok(KvRead { data: SecretText::new(text.to_owned()), metadata: None })
        }
        _ => Err(ReadError::Call(CallError::Lying {
            status: answer.status,
            what: "the body is no answer of a KV version 1 mount",
        })),
    }
}
