//! Functions on strings.

mod case;
mod layout;
mod search;

use crate::function::{Call, Failure, Function, Piece};
use crate::go::Value;

/// The group.
#[rustfmt::skip]
pub(crate) const TABLE: &[Function] = &[
    Function { name: "abbrev", signature: "func(int, string) string", call: layout::abbrev },
    Function { name: "abbrevboth", signature: "func(int, int, string) string", call: layout::abbrevboth },
    Function { name: "camelcase", signature: "func(string) string", call: case::camelcase },
    Function { name: "cat", signature: "func(...interface {}) string", call: layout::cat },
    Function { name: "contains", signature: "func(string, string) bool", call: search::contains },
    Function { name: "fail", signature: "func(string) (string, error)", call: fail },
    Function { name: "hasPrefix", signature: "func(string, string) bool", call: search::has_prefix },
    Function { name: "hasSuffix", signature: "func(string, string) bool", call: search::has_suffix },
    Function { name: "hello", signature: "func() string", call: hello },
    Function { name: "indent", signature: "func(int, string) string", call: layout::indent },
    Function { name: "initials", signature: "func(string) string", call: case::initials },
    Function { name: "join", signature: "func(string, interface {}) string", call: layout::join },
    Function { name: "kebabcase", signature: "func(string) string", call: case::kebabcase },
    Function { name: "lower", signature: "func(string) string", call: case::lower },
    Function { name: "nindent", signature: "func(int, string) string", call: layout::nindent },
    Function { name: "nospace", signature: "func(string) string", call: case::nospace },
    Function { name: "plural", signature: "func(string, string, int) string", call: layout::plural },
    Function { name: "quote", signature: "func(...interface {}) string", call: layout::quote },
    Function { name: "repeat", signature: "func(int, string) string", call: layout::repeat },
    Function { name: "replace", signature: "func(string, string, string) string", call: search::replace },
    Function { name: "shuffle", signature: "func(string) string", call: layout::shuffle },
    Function { name: "snakecase", signature: "func(string) string", call: case::snakecase },
    Function { name: "split", signature: "func(string, string) map[string]string", call: search::split },
    Function { name: "splitList", signature: "func(string, string) []string", call: search::split_list },
    Function { name: "splitn", signature: "func(string, int, string) map[string]string", call: search::splitn },
    Function { name: "squote", signature: "func(...interface {}) string", call: layout::squote },
    Function { name: "substr", signature: "func(int, int, string) string", call: layout::substr },
    Function { name: "swapcase", signature: "func(string) string", call: case::swapcase },
    Function { name: "title", signature: "func(string) string", call: case::title },
    Function { name: "toString", signature: "func(interface {}) string", call: layout::to_string },
    Function { name: "toStrings", signature: "func(interface {}) []string", call: layout::to_strings },
    Function { name: "trim", signature: "func(string) string", call: search::trim },
    Function { name: "trimAll", signature: "func(string, string) string", call: search::trim_all },
    Function { name: "trimPrefix", signature: "func(string, string) string", call: search::trim_prefix },
    Function { name: "trimSuffix", signature: "func(string, string) string", call: search::trim_suffix },
    Function { name: "trimall", signature: "func(string, string) string", call: search::trim_all },
    Function { name: "trunc", signature: "func(int, string) string", call: layout::trunc },
    Function { name: "untitle", signature: "func(string) string", call: case::untitle },
    Function { name: "upper", signature: "func(string) string", call: case::upper },
    Function { name: "wrap", signature: "func(int, string) string", call: layout::wrap },
    Function { name: "wrapWith", signature: "func(int, string, string) string", call: layout::wrap_with },
];

fn hello(_: &mut Call<'_>) -> Result<Value, Failure> {
    Ok(Value::string("Hello!"))
}

/// The error is shown only if it stands in the template.
fn fail(call: &mut Call<'_>) -> Result<Value, Failure> {
    let text: Piece = call.shown(0);
    Err(Failure::error(text))
}
