//! The functions that templates can call, by group: Sprig's and External Secrets' own.

use crate::builtins;
use crate::function::Function;

pub(crate) mod buffer;
mod cast;
mod crypto;
mod date;
mod defaults;
mod dicts;
mod encoding;
mod hash;
mod lists;
mod math;
pub(crate) mod number;
mod path;
mod random;
mod reflect;
mod regex;
pub(crate) mod runes;
mod semver;
pub(crate) mod show;
mod strings;
mod url;

const GROUPS: &[&[Function]] = &[
    crypto::TABLE,
    date::TABLE,
    defaults::TABLE,
    dicts::TABLE,
    encoding::TABLE,
    hash::TABLE,
    lists::TABLE,
    math::TABLE,
    path::TABLE,
    random::TABLE,
    reflect::TABLE,
    regex::TABLE,
    semver::TABLE,
    strings::TABLE,
    url::TABLE,
];

/// All functions; of two with one name the later one counts.
pub(crate) fn all() -> impl Iterator<Item = &'static Function> {
    builtins::TABLE.iter().chain(own())
}

/// All functions but Go's own.
pub(crate) fn own() -> impl Iterator<Item = &'static Function> {
    GROUPS.iter().flat_map(|group| group.iter())
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod typed_rows;
