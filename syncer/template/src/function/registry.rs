//! Functions by name, with their signatures read.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::Function;
use crate::functions;
use crate::go::Type;

/// A Go signature in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Signature {
    /// Types of the parameters; of a variadic one the element's type.
    pub(crate) params: Vec<Type>,
    /// Whether the last parameter takes any number of arguments.
    pub(crate) variadic: bool,
    /// Type of the first result.
    pub(crate) result: Type,
    /// A second result that is not `error`: such a function cannot be called from a template.
    pub(crate) second: Option<String>,
}

impl Signature {
    /// Reads `func(A, ...B) (C, error)`. None if it is not of that form or names an unknown type.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (params, results) = text.strip_prefix("func(")?.split_once(") ")?;
        let (mut types, mut variadic) = (Vec::new(), false);
        for param in params.split(", ").filter(|p| !p.is_empty()) {
            let element = param.strip_prefix("...");
            variadic = element.is_some();
            types.push(Type::parse(element.unwrap_or(param))?);
        }
        let results = results.strip_prefix('(').and_then(|r| r.strip_suffix(')')).unwrap_or(results);
        let (result, second) =
            results.split_once(", ").map_or((results, None), |(first, rest)| (first, Some(rest)));
        Some(Self {
            params: types,
            variadic,
            result: Type::parse(result)?,
            second: second.filter(|s| *s != "error").map(str::to_owned),
        })
    }
}

/// The function of this name and its signature.
pub(crate) fn find(name: &str) -> Option<&'static (Function, Signature)> {
    static ALL: LazyLock<BTreeMap<&'static str, (Function, Signature)>> = LazyLock::new(|| {
        functions::all()
            .filter_map(|function| Some((function.name, (*function, Signature::parse(function.signature)?))))
            .collect()
    });
    ALL.get(name)
}
