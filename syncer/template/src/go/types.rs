//! Go's types, as far as templates can reach them, and their spelling.

use std::fmt;

/// What `reflect.Kind` says of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[rustfmt::skip]
pub(crate) enum Kind {
    Invalid, Bool, Int, Int64, Uint8, Uint32, Uint64, Float64, Complex128,
    Interface, Map, Ptr, Slice, String, Struct,
}

impl Kind {
    /// The name that `reflect.Kind.String` gives.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Int64 => "int64",
            Self::Uint8 => "uint8",
            Self::Uint32 => "uint32",
            Self::Uint64 => "uint64",
            Self::Float64 => "float64",
            Self::Complex128 => "complex128",
            Self::Interface => "interface",
            Self::Map => "map",
            Self::Ptr => "ptr",
            Self::Slice => "slice",
            Self::String => "string",
            Self::Struct => "struct",
        }
    }
}

/// A Go type. Two types are the same type if they are equal here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    /// A type that has only its kind: `int`, `string`, `interface {}`.
    Plain(Kind),
    /// `[]T`
    Slice(&'static Self),
    /// `map[string]T`
    Map(&'static Self),
    /// A type with a name of its own and the kind it is made of; pointers to such types too.
    Named(&'static str, Kind),
}

impl Type {
    /// `interface {}`
    pub(crate) const ANY: Self = Self::Plain(Kind::Interface);
    /// `bool`
    pub(crate) const BOOL: Self = Self::Plain(Kind::Bool);
    /// `int`
    pub(crate) const INT: Self = Self::Plain(Kind::Int);
    /// `int64`
    pub(crate) const INT64: Self = Self::Plain(Kind::Int64);
    /// `uint8`
    pub(crate) const UINT8: Self = Self::Plain(Kind::Uint8);
    /// `uint32`
    pub(crate) const UINT32: Self = Self::Plain(Kind::Uint32);
    /// `uint64`
    pub(crate) const UINT64: Self = Self::Plain(Kind::Uint64);
    /// `float64`
    pub(crate) const FLOAT64: Self = Self::Plain(Kind::Float64);
    /// `complex128`
    pub(crate) const COMPLEX128: Self = Self::Plain(Kind::Complex128);
    /// `string`
    pub(crate) const STRING: Self = Self::Plain(Kind::String);
    /// `reflect.Value`, what Go's own template functions take: any value at all.
    pub(crate) const REFLECT: Self = Self::Named("reflect.Value", Kind::Struct);
    /// `[]interface {}`
    pub(crate) const ANY_SLICE: Self = Self::Slice(&Self::ANY);
    /// `map[string]interface {}`
    pub(crate) const ANY_MAP: Self = Self::Map(&Self::ANY);

    /// What the type is made of.
    pub(crate) fn kind(self) -> Kind {
        match self {
            Self::Plain(kind) | Self::Named(_, kind) => kind,
            Self::Slice(_) => Kind::Slice,
            Self::Map(_) => Kind::Map,
        }
    }

    /// The type that a Go spelling names, for the spellings that occur in function signatures.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "interface {}" => Self::ANY,
            "bool" => Self::BOOL,
            "int" => Self::INT,
            "int64" => Self::INT64,
            "uint8" => Self::UINT8,
            "uint32" => Self::UINT32,
            "uint64" => Self::UINT64,
            "float64" => Self::FLOAT64,
            "string" => Self::STRING,
            "reflect.Value" => Self::REFLECT,
            "error" => Self::Named("error", Kind::Interface),
            "[]interface {}" => Self::ANY_SLICE,
            "[][]interface {}" => Self::Slice(&Self::ANY_SLICE),
            "[]string" => Self::Slice(&Self::STRING),
            "[]int" => Self::Slice(&Self::INT),
            "[]uint8" => Self::Slice(&Self::UINT8),
            "[]float64" => Self::Slice(&Self::FLOAT64),
            "[]map[string]interface {}" => Self::Slice(&Self::ANY_MAP),
            "map[string]interface {}" => Self::ANY_MAP,
            "map[string]string" => Self::Map(&Self::STRING),
            "sprig.HashAlgorithm" => Self::Named("sprig.HashAlgorithm", Kind::String),
            "sprig.certificate" => Self::Named("sprig.certificate", Kind::Struct),
            "time.Time" => Self::Named("time.Time", Kind::Struct),
            "time.Duration" => Self::Named("time.Duration", Kind::Int64),
            "time.Month" => Self::Named("time.Month", Kind::Int),
            "time.Weekday" => Self::Named("time.Weekday", Kind::Int),
            "*time.Location" => Self::Named("*time.Location", Kind::Ptr),
            "semver.Version" => Self::Named("semver.Version", Kind::Struct),
            "*semver.Version" => Self::Named("*semver.Version", Kind::Ptr),
            _ => return None,
        })
    }

    /// Whether nil, as written in a template, can be given where this type is wanted.
    pub(crate) fn can_be_nil(self) -> bool {
        self == Self::REFLECT || matches!(self.kind(), Kind::Interface | Kind::Map | Kind::Ptr | Kind::Slice)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(Kind::Interface) => f.write_str("interface {}"),
            Self::Plain(kind) => f.write_str(kind.name()),
            Self::Slice(element) => write!(f, "[]{element}"),
            Self::Map(element) => write!(f, "map[string]{element}"),
            Self::Named(name, _) => f.write_str(name),
        }
    }
}
