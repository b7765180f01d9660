//! What a template function is: its Go signature, its body, the call it sees, and how it fails.
//!
//! A body is `fn(&mut Call<'_>) -> Result<Value, Failure>`. When it runs, the arguments have been counted and converted as
//! Go's reflection does (assignability, untyped constants, nil for interfaces, maps, slices and pointers, variadic), so
//! that `call.str(0)?` of a `string` parameter cannot fail on what a template does:
//!
//! ```text
//! pub(crate) const TABLE: &[Function] = &[
//!     Function { name: "repeat", signature: "func(int, string) string", call: repeat },
//! ];
//! fn repeat(call: &mut Call<'_>) -> Result<Value, Failure> {
//!     let (count, text) = (call.int(0)?, call.string(1)?);
//!     let Ok(count) = usize::try_from(count) else { return Err(Failure::panic("strings: negative Repeat count")) };
//!     call.grow(count.saturating_mul(text.len()))?; // before making something larger than the arguments
//!     Ok(Value::string(text.bytes().repeat(count)))
//! }
//! ```
//! Whatever a function returns must be of the type that its signature promises; `Value::Nil` where that is
//! `interface {}` and nil; `Value::List(List::nil(..))` for a nil slice.

mod call;
mod failure;
mod registry;
mod runtime;

pub(crate) use call::Call;
pub(crate) use failure::{Failure, Piece, Text};
pub(crate) use registry::{Signature, find};
pub(crate) use runtime::{Meter, Runtime};

use crate::go::Value;

/// A function (or method) that templates can call.
#[derive(Clone, Copy)]
pub(crate) struct Function {
    /// Its name in templates.
    pub(crate) name: &'static str,
    /// Its Go signature as reflection prints it: `func(string, ...interface {}) (string, error)`.
    pub(crate) signature: &'static str,
    /// Its body.
    pub(crate) call: fn(&mut Call<'_>) -> Result<Value, Failure>,
}
