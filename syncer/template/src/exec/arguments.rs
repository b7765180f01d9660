//! One argument: evaluated for the type that its parameter has.

use super::call::Site;
use super::{At, Exec, Ran, Slot};
use crate::error::ErrorClass;
use crate::go::{Kind, List, Map, Type, Value};
use crate::parse::{Expr, Number};

impl<'t> Exec<'t, '_, '_> {
    /// The value of an operand as an argument of this type.
    pub(super) fn argument(&mut self, dot: &Slot, wanted: Type, expr: &'t Expr) -> Ran<Slot> {
        self.step()?;
        self.at = Some(At::Expr(expr));
        let value = match expr {
            Expr::Dot(_) => dot.clone(),
            Expr::Nil(_) if wanted.can_be_nil() => return Ok(zero(wanted)),
            Expr::Nil(_) => return self.fail(ErrorClass::ArgType, format!("cannot assign nil to {wanted}")),
            Expr::Field(..) => self.field(dot, expr)?,
            Expr::Variable(..) => self.variable(dot, expr, None, None)?,
            Expr::Pipe(pipe) => {
                // The pipeline's own value is what is converted, at the place where it ended.
                let value = self.pipeline(dot, pipe)?;
                return self.validated(value, wanted);
            }
            Expr::Identifier(..) => self.function(expr, Site::new(dot, expr, None, None))?,
            Expr::Chain(..) => self.chain(dot, expr, None, None)?,
            constant => return self.typed_constant(wanted, constant),
        };
        self.validated(value, wanted)
    }

    /// A constant as a value of this type.
    fn typed_constant(&mut self, wanted: Type, expr: &'t Expr) -> Ran<Slot> {
        let number = if let Expr::Number(_, number) = expr { Some(number) } else { None };
        let value = match (wanted.kind(), expr) {
            (Kind::Interface, _) => return self.constant(expr),
            _ if wanted == Type::REFLECT => return self.constant(expr),
            (Kind::Bool, Expr::Bool(_, value)) => Some(Value::Bool(*value)),
            (Kind::String, Expr::Text(_, _, text)) => Some(Value::string(text.clone())),
            (Kind::Bool | Kind::String, _) => None,
            (kind, _) => match typed_number(kind, number) {
                Some(value) => value,
                None => {
                    let text = format!("can't handle {expr} for arg of type {wanted}");
                    return self.fail(ErrorClass::ArgType, text);
                }
            },
        };
        match value {
            Some(value) => Ok(value.into()),
            None => {
                let what = match wanted.kind() {
                    Kind::Bool => "bool",
                    Kind::String => "string",
                    Kind::Float64 => "float",
                    Kind::Complex128 => "complex",
                    Kind::Uint8 | Kind::Uint32 | Kind::Uint64 => "unsigned integer",
                    _ => "integer",
                };
                self.fail(ErrorClass::ArgType, format!("expected {what}; found {expr}"))
            }
        }
    }

    /// A value as one of this type, or the error that it is none.
    pub(super) fn validated(&mut self, slot: Slot, wanted: Type) -> Ran<Slot> {
        if !slot.is_valid() {
            if wanted.can_be_nil() {
                return Ok(zero(wanted));
            }
            return self.fail(ErrorClass::ArgType, format!("invalid value; expected {wanted}"));
        }
        if wanted == Type::ANY || wanted == Type::REFLECT || slot.value.go_type() == Some(wanted) {
            return Ok(slot);
        }
        let got = slot.value.go_type().map_or_else(|| Type::ANY.to_string(), |t| t.to_string());
        self.fail(ErrorClass::ArgType, format!("wrong type for value; expected {wanted}; got {got}"))
    }
}

/// A number of this kind: `None` if the kind is none of numbers, `Some(None)` if it does not fit.
fn typed_number(kind: Kind, number: Option<&Number>) -> Option<Option<Value>> {
    Some(match kind {
        Kind::Int => number.and_then(|n| n.int).map(Value::Int),
        Kind::Int64 => number.and_then(|n| n.int).map(Value::Int64),
        Kind::Uint8 => number.and_then(|n| n.uint).map(|n| Value::Uint8(n as u8)),
        Kind::Uint32 => number.and_then(|n| n.uint).map(|n| Value::Uint32(n as u32)),
        Kind::Uint64 => number.and_then(|n| n.uint).map(Value::Uint64),
        Kind::Float64 => number.and_then(|n| n.float).map(Value::Float64),
        Kind::Complex128 => {
            number.and_then(|n| n.complex).map(|(real, imaginary)| Value::Complex(real, imaginary))
        }
        _ => return None,
    })
}

/// Nil as a value of this type.
fn zero(wanted: Type) -> Slot {
    match wanted {
        Type::Slice(element) => Value::List(List::nil(*element)).into(),
        Type::Map(element) => Value::Map(Map::nil(*element)).into(),
        _ => Slot::default(),
    }
}
