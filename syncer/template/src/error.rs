//! Why a template gave no text. No run-time value is ever part of it.

use std::fmt;

/// What kind of thing went wrong; [`ErrorClass::name`] gives the word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorClass {
    /// The text is no template.
    Parse,
    /// A key that the data do not have.
    MissingKey,
    /// A field of something that has no such field.
    NoField,
    /// An argument of a type that the function does not take.
    ArgType,
    /// Too many or too few arguments.
    ArgCount,
    /// A function returned an error.
    CallError,
    /// A function ran into what stops a Go program.
    CallPanic,
    /// Values that cannot be compared.
    Compare,
    /// Arguments to something that is no function.
    NotAFunction,
    /// A loop over something that has no elements.
    RangeType,
    /// `nil` where a value is needed.
    NilCommand,
    /// A key of nothing.
    NilData,
    /// A number that does not fit.
    Overflow,
    /// A variable that was never declared.
    UndefinedVariable,
    /// A template that is not defined.
    UndefinedTemplate,
    /// A limit of output, memory, steps, depth or time.
    Limit,
    /// Something else.
    Other,
}

impl ErrorClass {
    /// The class as a word: `arg-type`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Parse => "parse",
            Self::MissingKey => "missing-key",
            Self::NoField => "no-field",
            Self::ArgType => "arg-type",
            Self::ArgCount => "arg-count",
            Self::CallError => "call-error",
            Self::CallPanic => "call-panic",
            Self::Compare => "compare",
            Self::NotAFunction => "not-a-function",
            Self::RangeType => "range-type",
            Self::NilCommand => "nil-command",
            Self::NilData => "nil-data",
            Self::Overflow => "overflow",
            Self::UndefinedVariable => "undefined-variable",
            Self::UndefinedTemplate => "undefined-template",
            Self::Limit => "limit",
            Self::Other => "other",
        }
    }
}

/// Why a template gave no text: Go's words, with `<redacted, n bytes>` in place of run-time values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct TemplateError {
    class: ErrorClass,
    text: String,
}

impl TemplateError {
    pub(crate) fn new(class: ErrorClass, text: impl fmt::Display) -> Self {
        Self { class, text: text.to_string() }
    }

    /// What kind of error it is.
    pub fn class(&self) -> ErrorClass {
        self.class
    }
}
