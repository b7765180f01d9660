//! What turns a fetched value into the bytes of a Secret: gjson look-up, decoding, key names, pure.

pub mod decode;
pub mod gjson;
pub mod json;
pub mod keys;
mod value;

pub use value::SecretValue;
