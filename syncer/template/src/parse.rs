//! From a template's text to its trees.

mod lex;
mod node;
mod number;
mod pipeline;
mod tree;

pub(crate) use node::{Branch, Command, Expr, Node, Pipe, Pos, Variable};
pub(crate) use number::Number;
pub(crate) use tree::{Trees, parse};
