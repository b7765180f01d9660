//! The trees of a template, and their text as errors show it.

use std::fmt;

use super::Number;
use crate::gofmt::quote;

/// Where something starts: bytes from the start of the template.
pub(crate) type Pos = usize;

/// A piece of a template.
pub(crate) enum Node {
    /// Text that is printed as it is.
    Text(Pos, String),
    /// `{{ pipeline }}`
    Action(Pos, Pipe),
    /// `{{ if pipeline }}`
    If(Branch),
    /// `{{ with pipeline }}`
    With(Branch),
    /// `{{ range pipeline }}`
    Range(Branch),
    /// `{{ template "name" pipeline }}`, and what a `block` leaves behind.
    Template(Pos, Vec<u8>, Option<Pipe>),
    /// `{{ break }}`
    Break(Pos),
    /// `{{ continue }}`
    Continue(Pos),
}

/// A condition or loop with its two lists.
pub(crate) struct Branch {
    /// Where its pipeline starts.
    pub(crate) pos: Pos,
    /// What is tested or walked.
    pub(crate) pipe: Pipe,
    /// What is run if there is something.
    pub(crate) list: Vec<Node>,
    /// What is run if there is nothing.
    pub(crate) else_list: Option<Vec<Node>>,
}

/// `$x := command | command`
pub(crate) struct Pipe {
    /// Where it starts.
    pub(crate) pos: Pos,
    /// `=` instead of `:=`.
    pub(crate) is_assign: bool,
    /// The variables that get the value.
    pub(crate) decl: Vec<Variable>,
    /// The commands, at least one.
    pub(crate) commands: Vec<Command>,
}

/// A variable that gets a value.
pub(crate) struct Variable {
    /// Its name, with the `$`.
    pub(crate) name: String,
}

/// An operand with arguments.
pub(crate) struct Command {
    /// Where it starts.
    pub(crate) pos: Pos,
    /// What is called or taken, and its arguments; at least one.
    pub(crate) args: Vec<Expr>,
}

/// An operand.
pub(crate) enum Expr {
    /// `true`
    Bool(Pos, bool),
    /// `.`
    Dot(Pos),
    /// `nil`
    Nil(Pos),
    /// `12`
    Number(Pos, Number),
    /// `"text"`: as written and what it means.
    Text(Pos, String, Vec<u8>),
    /// `.a.b`
    Field(Pos, Vec<String>),
    /// `$x.a`: the name with its `$`, then fields.
    Variable(Pos, Vec<String>),
    /// `(pipeline).a.b`
    Chain(Pos, Box<Self>, Vec<String>),
    /// `function`
    Identifier(Pos, String),
    /// `(pipeline)`
    Pipe(Box<Pipe>),
}

impl Node {
    /// Where it starts.
    pub(crate) fn pos(&self) -> Pos {
        match self {
            Self::Text(pos, _)
            | Self::Action(pos, _)
            | Self::Template(pos, ..)
            | Self::Break(pos)
            | Self::Continue(pos) => *pos,
            Self::If(branch) | Self::With(branch) | Self::Range(branch) => branch.pos,
        }
    }

    /// Whether nothing but space is in it.
    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Text(_, text) if text.trim().is_empty())
    }
}

impl Expr {
    /// Where it starts.
    pub(crate) fn pos(&self) -> Pos {
        match self {
            Self::Bool(pos, _)
            | Self::Dot(pos)
            | Self::Nil(pos)
            | Self::Number(pos, _)
            | Self::Text(pos, ..)
            | Self::Field(pos, _)
            | Self::Variable(pos, _)
            | Self::Chain(pos, ..)
            | Self::Identifier(pos, _) => *pos,
            Self::Pipe(pipe) => pipe.pos,
        }
    }

    /// Whether it is a constant, whose value stands in the template.
    pub(crate) fn is_literal(&self) -> bool {
        matches!(self, Self::Bool(..) | Self::Nil(_) | Self::Number(..) | Self::Text(..))
    }

    fn write_in_command(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if matches!(self, Self::Pipe(_)) { write!(f, "({self})") } else { write!(f, "{self}") }
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(_, value) => write!(f, "{value}"),
            Self::Dot(_) => f.write_str("."),
            Self::Nil(_) => f.write_str("nil"),
            Self::Number(_, number) => f.write_str(&number.text),
            Self::Text(_, quoted, _) => f.write_str(quoted),
            Self::Field(_, names) => names.iter().try_for_each(|name| write!(f, ".{name}")),
            Self::Variable(_, names) => f.write_str(&names.join(".")),
            Self::Chain(_, node, names) => {
                node.write_in_command(f)?;
                names.iter().try_for_each(|name| write!(f, ".{name}"))
            }
            Self::Identifier(_, name) => f.write_str(name),
            Self::Pipe(pipe) => write!(f, "{pipe}"),
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, arg) in self.args.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            arg.write_in_command(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, variable) in self.decl.iter().enumerate() {
            write!(f, "{}{}", if index > 0 { ", " } else { "" }, variable.name)?;
        }
        if !self.decl.is_empty() {
            f.write_str(if self.is_assign { " = " } else { " := " })?;
        }
        for (index, command) in self.commands.iter().enumerate() {
            write!(f, "{}{command}", if index > 0 { " | " } else { "" })?;
        }
        Ok(())
    }
}

// Of blocks only the head: their whole text says nothing more about an error.
impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(..) => f.write_str("text"),
            Self::Action(_, pipe) => write!(f, "{{{{{pipe}}}}}"),
            Self::If(branch) => write!(f, "{{{{if {}}}}}", branch.pipe),
            Self::With(branch) => write!(f, "{{{{with {}}}}}", branch.pipe),
            Self::Range(branch) => write!(f, "{{{{range {}}}}}", branch.pipe),
            Self::Template(_, name, None) => write!(f, "{{{{template {}}}}}", quote::shown(name)),
            Self::Template(_, name, Some(pipe)) => {
                write!(f, "{{{{template {} {pipe}}}}}", quote::shown(name))
            }
            Self::Break(_) => f.write_str("{{break}}"),
            Self::Continue(_) => f.write_str("{{continue}}"),
        }
    }
}
