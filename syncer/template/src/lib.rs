//! What turns a fetched value into the bytes of a Secret: gjson look-up, decoding, key names, Go templates, pure.

pub mod decode;
mod environment;
#[allow(dead_code, unused_imports, reason = "used by the function groups, which land one by one")]
mod function;
mod functions;
pub mod gjson;
#[allow(dead_code, unused_imports, reason = "used by the function groups, which land one by one")]
mod go;
pub mod json;
pub mod keys;
mod value;

pub use environment::{Env, Limits, NoRandomness};
pub use value::SecretValue;
