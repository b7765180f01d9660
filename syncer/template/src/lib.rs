//! What turns a fetched value into the bytes of a Secret: gjson look-up, decoding, key names, Go templates, pure.
#![doc = ""]
#![doc = include_str!("../README.md")]

mod builtins;
pub mod decode;
mod engine;
mod environment;
mod error;
mod exec;
mod function;
mod functions;
pub mod gjson;
mod go;
mod gofmt;
mod gojson;
mod goyaml;
pub mod json;
pub mod keys;
mod parse;
mod value;

pub use engine::{Engine, MissingKey, Template};
pub use environment::{Env, Limits, NoRandomness};
pub use error::{ErrorClass, TemplateError};
pub use value::SecretValue;
