//! Pipelines, commands, fields and variables.

use super::{At, Exec, Ran, Slot};
use crate::engine::MissingKey;
use crate::error::ErrorClass;
use crate::function::{self, Signature};
use crate::go::{Type, Value};
use crate::gofmt::quote;
use crate::parse::{Command, Expr, Number, Pipe};

use super::call::{Callee, Final, Site};

impl<'t> Exec<'t, '_, '_> {
    /// The value of a pipeline; its variables get it.
    pub(super) fn pipeline(&mut self, dot: &Slot, pipe: &'t Pipe) -> Ran<Slot> {
        self.at = Some(At::Pipe(pipe));
        let mut value: Final = None;
        for command in &pipe.commands {
            let result = self.command(dot, command, value)?.unboxed();
            let literal = matches!(command.args.as_slice(), [only] if only.is_literal());
            value = Some((result, literal));
        }
        let value = value.map(|(slot, _)| slot).unwrap_or_default();
        for variable in &pipe.decl {
            if pipe.is_assign {
                self.assign(&variable.name, value.clone())?;
            } else {
                self.vars.push((&variable.name, value.clone()));
            }
        }
        Ok(value)
    }

    /// Sets the last declared variable of this name.
    pub(super) fn assign(&mut self, name: &str, value: Slot) -> Ran<()> {
        match self.vars.iter_mut().rev().find(|(known, _)| *known == name) {
            Some((_, slot)) => {
                *slot = value;
                Ok(())
            }
            None => self.fail(ErrorClass::UndefinedVariable, format!("undefined variable: {name}")),
        }
    }

    fn command(&mut self, dot: &Slot, command: &'t Command, last: Final) -> Ran<Slot> {
        self.step()?;
        let Some(first) = command.args.first() else { return Ok(Slot::default()) };
        let args = Some(command.args.as_slice());
        match first {
            Expr::Field(_, names) => {
                self.at = Some(At::Expr(first));
                return self.fields(dot.clone(), names, Site::new(dot, first, args, last));
            }
            Expr::Chain(..) => return self.chain(dot, first, args, last),
            Expr::Identifier(..) => {
                self.at = Some(At::Expr(first));
                return self.function(first, Site::of_command(dot, command, last));
            }
            Expr::Pipe(pipe) => {
                self.check_no_args(&command.args, &last)?;
                return self.pipeline(dot, pipe);
            }
            Expr::Variable(..) => return self.variable(dot, first, args, last),
            _ => {}
        }
        self.at = Some(At::Expr(first));
        self.check_no_args(&command.args, &last)?;
        match first {
            Expr::Dot(_) => Ok(dot.clone()),
            Expr::Nil(_) => self.fail(ErrorClass::NilCommand, "nil is not a command"),
            constant => self.constant(constant),
        }
    }

    fn check_no_args(&self, args: &[Expr], last: &Final) -> Ran<()> {
        match args.first() {
            Some(first) if args.len() > 1 || last.is_some() => {
                let text = format!("can't give argument to non-function {first}");
                self.fail(ErrorClass::NotAFunction, text)
            }
            _ => Ok(()),
        }
    }

    /// A constant where no type is asked for.
    pub(super) fn constant(&mut self, expr: &'t Expr) -> Ran<Slot> {
        self.at = Some(At::Expr(expr));
        let value = match expr {
            Expr::Bool(_, value) => Value::Bool(*value),
            Expr::Text(_, _, text) => Value::string(text.clone()),
            Expr::Number(_, number) => return self.ideal(number),
            other => return self.fail(ErrorClass::Other, format!("can't evaluate command {other}")),
        };
        Ok(value.into())
    }

    fn ideal(&self, number: &Number) -> Ran<Slot> {
        let value = match (number.complex, number.float, number.int) {
            (Some((real, imaginary)), ..) => Value::Complex(real, imaginary),
            (_, Some(float), _) if number.is_float() => Value::Float64(float),
            (.., Some(int)) => Value::Int(int),
            _ => return self.fail(ErrorClass::Overflow, format!("{} overflows int", number.text)),
        };
        Ok(value.into())
    }

    /// `.a.b`, from the dot.
    pub(super) fn field(&mut self, dot: &Slot, expr: &'t Expr) -> Ran<Slot> {
        match expr {
            Expr::Field(_, names) => self.fields(dot.clone(), names, Site::new(dot, expr, None, None)),
            _ => Ok(Slot::default()),
        }
    }

    /// `$x.a.b`
    pub(super) fn variable(
        &mut self,
        dot: &Slot,
        expr: &'t Expr,
        args: Option<&'t [Expr]>,
        last: Final,
    ) -> Ran<Slot> {
        self.at = Some(At::Expr(expr));
        let Expr::Variable(_, names) = expr else { return Ok(Slot::default()) };
        let Some((name, fields)) = names.split_first() else { return Ok(Slot::default()) };
        let found = self.vars.iter().rev().find(|(known, _)| known == name).map(|(_, slot)| slot.clone());
        let Some(value) = found else {
            return self.fail(ErrorClass::UndefinedVariable, format!("undefined variable: {name}"));
        };
        if fields.is_empty() {
            self.check_no_args(args.unwrap_or_default(), &last)?;
            return Ok(value);
        }
        self.fields(value, fields, Site::new(dot, expr, args, last))
    }

    /// `(pipeline).a.b`
    pub(super) fn chain(
        &mut self,
        dot: &Slot,
        expr: &'t Expr,
        args: Option<&'t [Expr]>,
        last: Final,
    ) -> Ran<Slot> {
        self.at = Some(At::Expr(expr));
        let Expr::Chain(_, node, names) = expr else { return Ok(Slot::default()) };
        self.at = Some(At::Expr(node));
        let value = match &**node {
            Expr::Pipe(pipe) => self.pipeline(dot, pipe)?,
            Expr::Identifier(..) => self.function(node, Site::new(dot, node, None, None))?,
            other => self.constant(other)?,
        };
        self.fields(value, names, Site::new(dot, expr, args, last))
    }

    /// Fields one after the other; the last may be a method with arguments.
    fn fields(&mut self, mut receiver: Slot, names: &'t [String], site: Site<'t, '_>) -> Ran<Slot> {
        let Some((last, before)) = names.split_last() else { return Ok(receiver) };
        for name in before {
            receiver = self.one_field(receiver, name, Site { args: None, last: None, ..site.clone() })?;
        }
        self.one_field(receiver, last, site)
    }

    fn one_field(&mut self, receiver: Slot, name: &'t str, site: Site<'t, '_>) -> Ran<Slot> {
        self.step()?;
        if !receiver.is_valid() {
            return match self.template.missing_key {
                MissingKey::Error => {
                    let text = format!("nil data; no entry for key {}", quote::shown(name.as_bytes()));
                    self.fail(ErrorClass::NilData, text)
                }
                _ => Ok(Slot::default()),
            };
        }
        let type_name = receiver.type_name();
        let has_args = site.args.is_some_and(|args| args.len() > 1) || site.last.is_some();
        match &receiver.value {
            Value::Nil => {
                self.fail(ErrorClass::NilData, format!("nil pointer evaluating {type_name}.{name}"))
            }
            Value::Map(_) if has_args => {
                self.fail(ErrorClass::NotAFunction, format!("{name} is not a method but has arguments"))
            }
            Value::Map(map) => match map.get(name.as_bytes()) {
                Some(value) => Ok(Slot::element(value, map.element())),
                None => self.missing(name, map.element()),
            },
            Value::Object(object) => {
                if let Some(method) = object.methods().iter().find(|method| method.name == name) {
                    let Some(signature) = Signature::parse(method.signature) else {
                        let text =
                            format!("method {name} has a signature that is not known: {}", method.signature);
                        return self.fail(ErrorClass::Other, text);
                    };
                    let callee = Callee {
                        name,
                        function: *method,
                        signature: &signature,
                        receiver: receiver.value.clone(),
                    };
                    return self.call(&callee, site);
                }
                let field = object.fields().into_iter().find(|(known, ..)| *known == name);
                match field {
                    Some((_, false, _)) => {
                        let text = format!("{name} is an unexported field of struct type {type_name}");
                        self.fail(ErrorClass::NoField, text)
                    }
                    Some(_) if has_args => {
                        let text = format!("{name} has arguments but cannot be invoked as function");
                        self.fail(ErrorClass::NotAFunction, text)
                    }
                    Some((.., value)) => Ok(value.into()),
                    None => self.no_field(name, &type_name),
                }
            }
            _ => self.no_field(name, &type_name),
        }
    }

    fn no_field(&self, name: &str, type_name: &str) -> Ran<Slot> {
        self.fail(ErrorClass::NoField, format!("can't evaluate field {name} in type {type_name}"))
    }

    fn missing(&self, name: &str, element: Type) -> Ran<Slot> {
        match self.template.missing_key {
            MissingKey::Invalid => Ok(Slot::default()),
            MissingKey::Zero if element == Type::STRING => Ok(Value::string("").into()),
            MissingKey::Zero => Ok(Slot::element(Value::Nil, element)),
            MissingKey::Error => {
                let text = format!("map has no entry for key {}", quote::shown(name.as_bytes()));
                self.fail(ErrorClass::MissingKey, text)
            }
        }
    }

    /// A function by its name.
    pub(super) fn function(&mut self, expr: &'t Expr, site: Site<'t, '_>) -> Ran<Slot> {
        self.at = Some(At::Expr(expr));
        let Expr::Identifier(_, name) = expr else { return Ok(Slot::default()) };
        let Some((function, signature)) = function::find(name) else {
            let text = format!("{} is not a defined function", quote::shown(name.as_bytes()));
            return self.fail(ErrorClass::Other, text);
        };
        self.call(&Callee { name, function: *function, signature, receiver: Value::Nil }, site)
    }
}
