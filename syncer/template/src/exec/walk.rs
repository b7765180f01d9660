//! Nodes: text, actions, conditions, loops, templates within templates.

use std::slice::Iter;

use super::{At, Exec, Ran, Slot};
use crate::error::ErrorClass;
use crate::function::{Piece, Text};
use crate::go::{Kind, List, Str, Type, Value};
use crate::gofmt;
use crate::parse::{Branch, Node, Pipe};

/// What is under way.
enum Frame<'t> {
    /// A list of nodes; at its end the variables from `mark` on go out of scope.
    List { nodes: Iter<'t, Node>, dot: Slot, mark: usize },
    /// A loop between two rounds.
    Range { branch: &'t Branch, rounds: Rounds, outer: usize, inner: usize },
    /// A template within the template, and what its caller goes on with.
    Call { name: &'t [u8], vars: Vec<(&'t str, Slot)> },
}

/// What a loop still has before it.
enum Rounds {
    Count { next: u64, end: u64, of: fn(u64) -> Value },
    List { list: List, next: usize },
    Map { entries: std::vec::IntoIter<(Str, Value)>, element: Type },
}

impl Rounds {
    /// Index and element of the next round.
    fn next(&mut self) -> Option<(Slot, Slot)> {
        match self {
            Self::Count { next, end, of } => {
                let now = (*next < *end).then_some(*next)?;
                *next += 1;
                Some((Slot::default(), of(now).into()))
            }
            Self::List { list, next } => {
                let element = Slot::element(list.get(*next)?, list.element());
                *next += 1;
                let index = i64::try_from(*next - 1).unwrap_or(i64::MAX);
                Some((Value::Int(index).into(), element))
            }
            Self::Map { entries, element } => {
                let (key, value) = entries.next()?;
                Some((Value::Str(key).into(), Slot::element(value, *element)))
            }
        }
    }
}

impl<'t> Exec<'t, '_, '_> {
    /// Runs the template's nodes to the end.
    pub(super) fn walk(&mut self, dot: Slot) -> Ran<()> {
        let nodes = self.template.trees.get(self.name).map(Vec::as_slice).unwrap_or_default();
        let mut frames = vec![Frame::List { nodes: nodes.iter(), dot, mark: 1 }];
        let mut depth = 0;
        while let Some(frame) = frames.last_mut() {
            match frame {
                Frame::List { nodes, dot, mark } => {
                    let (next, dot, mark) = (nodes.next(), dot.clone(), *mark);
                    match next {
                        Some(node) => self.node(node, dot, &mut frames, &mut depth)?,
                        None => {
                            self.vars.truncate(mark);
                            frames.pop();
                        }
                    }
                }
                Frame::Range { branch, rounds, outer, inner } => {
                    let (branch, outer, inner, round) = (*branch, *outer, *inner, rounds.next());
                    match round {
                        Some((index, element)) => {
                            self.step()?;
                            self.vars.truncate(inner);
                            self.set_range_vars(&branch.pipe, index, &element)?;
                            frames.push(Frame::List { nodes: branch.list.iter(), dot: element, mark: inner });
                        }
                        None => {
                            self.vars.truncate(outer);
                            frames.pop();
                        }
                    }
                }
                Frame::Call { name, vars } => {
                    self.name = name;
                    self.vars = std::mem::take(vars);
                    depth -= 1;
                    frames.pop();
                }
            }
        }
        Ok(())
    }

    fn node(&mut self, node: &'t Node, dot: Slot, frames: &mut Vec<Frame<'t>>, depth: &mut usize) -> Ran<()> {
        self.at = Some(At::Node(node));
        self.step()?;
        match node {
            Node::Text(_, text) => self.print(text.as_bytes())?,
            Node::Action(_, pipe) => {
                let value = self.pipeline(&dot, pipe)?;
                if pipe.decl.is_empty() {
                    self.at = Some(At::Node(node));
                    self.print_value(&value)?;
                }
            }
            Node::If(branch) | Node::With(branch) => {
                let mark = self.vars.len();
                let value = self.pipeline(&dot, &branch.pipe)?;
                let truth = truth(&value.value);
                let list = if truth { Some(&branch.list) } else { branch.else_list.as_ref() };
                let dot = if truth && matches!(node, Node::With(_)) { value } else { dot };
                match list {
                    Some(list) => frames.push(Frame::List { nodes: list.iter(), dot, mark }),
                    None => self.vars.truncate(mark),
                }
            }
            Node::Range(branch) => self.range(branch, dot, frames)?,
            Node::Template(_, name, pipe) => {
                let Some((name, nodes)) = self.template.trees.get_key_value(name) else {
                    let quoted = gofmt::quote::shown(name);
                    return self
                        .fail(ErrorClass::UndefinedTemplate, format!("template {quoted} not defined"));
                };
                let most = self.runtime_depth();
                if *depth >= most {
                    return self.fail(ErrorClass::Limit, format!("exceeded maximum template depth ({most})"));
                }
                *depth += 1;
                let dot = match pipe {
                    Some(pipe) => self.pipeline(&dot, pipe)?,
                    None => Slot::default(),
                };
                let vars = std::mem::replace(&mut self.vars, vec![("$", dot.clone())]);
                frames.push(Frame::Call { name: std::mem::replace(&mut self.name, name), vars });
                frames.push(Frame::List { nodes: nodes.iter(), dot, mark: 1 });
            }
            Node::Break(_) => self.leave_round(frames, true),
            Node::Continue(_) => self.leave_round(frames, false),
        }
        Ok(())
    }

    fn runtime_depth(&self) -> usize {
        use crate::function::Meter;
        self.runtime.limits().depth
    }

    /// Leaves all blocks up to the loop; with `break`, the loop too.
    fn leave_round(&mut self, frames: &mut Vec<Frame<'t>>, breaks: bool) {
        while let Some(frame) = frames.last() {
            if let Frame::Range { outer, .. } = frame {
                if breaks {
                    self.vars.truncate(*outer);
                    frames.pop();
                }
                return;
            }
            frames.pop();
        }
    }

    fn range(&mut self, branch: &'t Branch, dot: Slot, frames: &mut Vec<Frame<'t>>) -> Ran<()> {
        let outer = self.vars.len();
        let value = self.pipeline(&dot, &branch.pipe)?.value;
        let inner = self.vars.len();
        let count = |n: i64, of| Rounds::Count { next: 0, end: u64::try_from(n).unwrap_or(0), of };
        let int = |n: u64| Value::Int(n.cast_signed());
        let (rounds, empty) = match value.underlying() {
            Value::Int(n) => (count(n, int), n <= 0),
            Value::Int64(n) => (count(n, |n| Value::Int64(n.cast_signed())), n <= 0),
            Value::Uint8(n) => (count(i64::from(n), |n| Value::Uint8(u8::try_from(n).unwrap_or(0))), n == 0),
            Value::Uint32(n) => {
                (count(i64::from(n), |n| Value::Uint32(u32::try_from(n).unwrap_or(0))), n == 0)
            }
            Value::Uint64(n) => (Rounds::Count { next: 0, end: n, of: Value::Uint64 }, n == 0),
            Value::List(list) => (Rounds::List { list: list.clone(), next: 0 }, list.len() == 0),
            Value::Map(map) => {
                let entries = map.entries();
                let empty = entries.is_empty();
                (Rounds::Map { entries: entries.into_iter(), element: map.element() }, empty)
            }
            Value::Nil => (count(0, int), true),
            _ => {
                let text = [Piece::from("range can't iterate over "), self.printed(&value)];
                return self.fail(ErrorClass::RangeType, text);
            }
        };
        if matches!(rounds, Rounds::Count { .. })
            && branch.pipe.decl.len() > 1
            && value.kind() != Kind::Invalid
        {
            let mut text = Text::from("can't use ");
            text.push(self.printed(&value));
            text.push(" to iterate over more than one variable");
            return self.fail(ErrorClass::RangeType, text);
        }
        match &branch.else_list {
            _ if !empty => frames.push(Frame::Range { branch, rounds, outer, inner }),
            Some(list) => frames.push(Frame::List { nodes: list.iter(), dot, mark: outer }),
            None => self.vars.truncate(outer),
        }
        Ok(())
    }

    fn set_range_vars(&mut self, pipe: &'t Pipe, index: Slot, element: &Slot) -> Ran<()> {
        let values = match pipe.decl.len() {
            0 => return Ok(()),
            1 => vec![element.clone()],
            _ => vec![index, element.clone()],
        };
        let base = self.vars.len().saturating_sub(values.len());
        for (at, (variable, value)) in pipe.decl.iter().zip(values).enumerate() {
            if pipe.is_assign {
                self.assign(&variable.name, value)?;
            } else if let Some((_, slot)) = self.vars.get_mut(base + at) {
                *slot = value;
            }
        }
        Ok(())
    }

    /// A value of which an error tells only how long its text is.
    pub(super) fn printed(&mut self, value: &Value) -> Piece {
        let text = gofmt::sprint(std::slice::from_ref(value), self.runtime);
        Piece::Value(text.map_or(0, |text| text.len()))
    }

    fn print_value(&mut self, slot: &Slot) -> Ran<()> {
        if let Value::Str(text) = &slot.value {
            return self.print(text.bytes());
        }
        if !slot.is_valid() {
            return self.print(b"<no value>");
        }
        let text = gofmt::sprint(std::slice::from_ref(&slot.value), self.runtime);
        let text = text.map_err(|failure| self.failed(failure))?;
        self.print(text.bytes())
    }
}

/// Whether a value counts as something.
pub(crate) fn truth(value: &Value) -> bool {
    match value.underlying() {
        Value::Nil => false,
        Value::Bool(b) => b,
        Value::Int(n) | Value::Int64(n) => n != 0,
        Value::Uint8(n) => n != 0,
        Value::Uint32(n) => n != 0,
        Value::Uint64(n) => n != 0,
        Value::Float64(n) => n != 0.0,
        Value::Complex(real, imaginary) => real != 0.0 || imaginary != 0.0,
        Value::Str(text) => text.len() > 0,
        Value::List(list) => list.len() > 0,
        Value::Map(map) => map.len() > 0,
        Value::Object(object) => !object.is_nil(),
    }
}
