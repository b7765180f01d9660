//! The tree that both the HCL and the JSON form of a policy are read into, and their shared errors.

/// A place in a policy's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Position {
    /// Counted from 1.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
}

/// A value in a policy.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Text, in quotes or as a heredoc.
    String(String),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// `true` or `false`.
    Bool(bool),
    /// `null`, only in JSON.
    Null,
    /// `[ … ]`
    List(Vec<Value>),
    /// `{ … }`, in the order of the text.
    Object(Vec<Item>),
}

/// One assignment or block.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// The key and, for a block, its labels.
    pub keys: Vec<String>,
    /// What follows.
    pub value: Value,
    /// Where the key stands.
    pub position: Position,
}

impl Item {
    /// The first key.
    #[must_use]
    pub fn key(&self) -> &str {
        self.keys.first().map_or("", String::as_str)
    }
}

/// Why a text cannot be read as a policy. Where Vault has a wording, this is it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseErrorKind {
    /// The text is neither HCL nor JSON.
    #[error("{0}")]
    Syntax(String),
    /// A key that policies do not have.
    #[error("invalid key {0:?}")]
    InvalidKey(String),
    /// A key that may stand only once.
    #[error("key {0:?} is given twice; keep one")]
    DoubledKey(String),
    /// A value of the wrong kind.
    #[error("{key:?} must be {wanted}")]
    WrongType {
        /// The key.
        key: String,
        /// What it has to be.
        wanted: &'static str,
    },
    /// Larger than a limit.
    #[error("{0}")]
    Limit(String),
}

/// A [`ParseErrorKind`] and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// What is wrong.
    pub kind: ParseErrorKind,
    /// Where.
    pub position: Position,
}

impl ParseError {
    /// An error in the grammar.
    pub(crate) fn syntax(position: Position, message: impl Into<String>) -> Self {
        Self { kind: ParseErrorKind::Syntax(message.into()), position }
    }
}

impl std::fmt::Display for ParseError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Position { line, column } = self.position;
        match &self.kind {
            ParseErrorKind::Syntax(message) => write!(f, "At {line}:{column}: {message}"),
            ParseErrorKind::InvalidKey(_) => write!(f, "{} on line {line}", self.kind),
            ParseErrorKind::Limit(message) => f.write_str(message),
            other => write!(f, "line {line}: {other}"),
        }
    }
}

impl std::error::Error for ParseError {}

/// How deep objects and lists may nest.
pub(crate) const MAX_DEPTH: usize = 64;

/// One level deeper, or the error that it is too deep.
pub(crate) fn deeper(depth: usize, position: Position) -> Result<usize, ParseError> {
    if depth < MAX_DEPTH {
        return Ok(depth + 1);
    }
    let message = format!("nested deeper than {MAX_DEPTH} levels; flatten the policy");
    Err(ParseError::syntax(position, message))
}
