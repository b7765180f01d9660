//! Go's regular expressions: RE2 syntax and Go's rules for matches, replacements and splits, pure.
//!
//! A pattern is parsed by the rules of Go's `regexp/syntax` with its Perl flags and compiled to a linear-time
//! engine with leftmost-first matching. Patterns and texts are bytes; an invalid byte of a text counts as U+FFFD of
//! width 1, as in Go.
//!
//! Where it differs from Go: nesting is limited to [`MAX_DEPTH`] levels (Go: 1000), a compiled pattern to
//! [`MAX_COMPILED`] bytes (a pattern like `\pL{1000}` is refused as too large), script names of several words are
//! accepted in every spelling (Go 1.25 and later refuse them by accident), and simple case folding knows Unicode 16
//! (Go: 15).

mod class;
mod error;
mod expand;
mod parse;
mod search;

pub use class::Category;
pub use error::{Error, ErrorCode};
pub use search::{Regexp, quote_meta};

/// How deep groups may nest.
pub const MAX_DEPTH: usize = 250;
/// How many bytes a compiled pattern may take.
pub const MAX_COMPILED: usize = 16 << 20;
/// How many bytes a pattern may have.
pub const MAX_PATTERN: usize = 128 << 10;
/// How many ranges all character classes of a pattern may have together.
pub const MAX_RANGES: usize = 1 << 20;

#[cfg(test)]
mod tests;
