//! Runs a template: walks its nodes with a stack of its own, so that no template exhausts the thread's.

mod arguments;
mod call;
mod eval;
mod walk;

use std::fmt;

pub(crate) use walk::truth;

use crate::engine::Template;
use crate::error::{ErrorClass, TemplateError};
use crate::function::{Failure, Meter, Runtime, Text};
use crate::functions::buffer::Buffer;
use crate::go::{Type, Value};
use crate::gofmt::quote;
use crate::parse::{Command, Expr, Node, Pipe, Pos};
use crate::value::SecretValue;

/// Executes the template's own tree.
pub(crate) fn run(
    template: &Template,
    dot: Value,
    runtime: &mut Runtime<'_>,
) -> Result<SecretValue, TemplateError> {
    let dot = Slot::from(dot);
    let mut exec = Exec {
        template,
        name: template.name.as_bytes(),
        runtime,
        at: None,
        vars: vec![("$", dot.clone())],
        out: Buffer::default(),
    };
    exec.walk(dot)?;
    Ok(SecretValue::new(exec.out.into_bytes()))
}

/// A value as reflection holds it: what it is, and whether an `interface {}` is known to hold it.
///
/// `Nil` outside an interface is no value at all.
#[derive(Clone, Default)]
struct Slot {
    value: Value,
    boxed: bool,
}

impl From<Value> for Slot {
    fn from(value: Value) -> Self {
        Self { value, boxed: false }
    }
}

impl Slot {
    /// An element of a container with this element type.
    fn element(value: Value, element: Type) -> Self {
        Self { value, boxed: element == Type::ANY }
    }

    fn is_valid(&self) -> bool {
        self.boxed || !matches!(self.value, Value::Nil)
    }

    /// The value without the interface around it.
    fn unboxed(self) -> Self {
        Self { value: self.value, boxed: false }
    }

    /// The name of the static type.
    fn type_name(&self) -> String {
        if self.boxed { Type::ANY.to_string() } else { self.value.type_name() }
    }
}

/// What is being evaluated, for errors.
#[derive(Clone, Copy)]
enum At<'t> {
    Expr(&'t Expr),
    Command(&'t Command),
    Pipe(&'t Pipe),
    Node(&'t Node),
}

impl At<'_> {
    fn pos(&self) -> Pos {
        match self {
            Self::Expr(expr) => expr.pos(),
            Self::Command(command) => command.pos,
            Self::Pipe(pipe) => pipe.pos,
            Self::Node(node) => node.pos(),
        }
    }
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expr(expr) => expr.fmt(f),
            Self::Command(command) => command.fmt(f),
            Self::Pipe(pipe) => pipe.fmt(f),
            Self::Node(node) => node.fmt(f),
        }
    }
}

/// One execution.
struct Exec<'t, 'r, 'e> {
    template: &'t Template,
    name: &'t [u8],
    runtime: &'r mut Runtime<'e>,
    at: Option<At<'t>>,
    vars: Vec<(&'t str, Slot)>,
    out: Buffer,
}

type Ran<T> = Result<T, TemplateError>;

impl<'t> Exec<'t, '_, '_> {
    /// An error at the current place.
    fn error(&self, class: ErrorClass, cause: impl Into<Text>) -> TemplateError {
        let (name, cause) = (String::from_utf8_lossy(self.name), cause.into());
        let Some(at) = self.at else {
            return TemplateError::new(class, format!("template: {name}: {cause}"));
        };
        let before = self.template.source.get(..at.pos()).unwrap_or_default();
        let line = 1 + before.matches('\n').count();
        let column = before.len() - before.rfind('\n').map_or(0, |newline| newline + 1);
        let file = &self.template.name;
        let quoted = quote::shown(self.name);
        TemplateError::new(
            class,
            format!("template: {file}:{line}:{column}: executing {quoted} at <{at}>: {cause}"),
        )
    }

    fn fail<T>(&self, class: ErrorClass, cause: impl Into<Text>) -> Ran<T> {
        Err(self.error(class, cause))
    }

    /// A failure of the engine's own work at the current place.
    fn failed(&self, failure: Failure) -> TemplateError {
        match failure {
            Failure::Error(text) => self.error(ErrorClass::CallError, text),
            Failure::Panic(text) => self.error(ErrorClass::CallPanic, text),
            Failure::Limit(text) => self.error(ErrorClass::Limit, text),
        }
    }

    fn step(&mut self) -> Ran<()> {
        self.runtime.step(1).map_err(|failure| self.failed(failure))
    }

    fn print(&mut self, bytes: &[u8]) -> Ran<()> {
        let limit = self.runtime.limits().output;
        if self.out.len() + bytes.len() > limit {
            return self.fail(ErrorClass::Limit, format!("template prints more than {limit} bytes"));
        }
        self.out.push(bytes);
        Ok(())
    }
}
