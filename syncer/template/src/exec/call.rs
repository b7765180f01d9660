//! Calls: arguments are counted, evaluated and converted as reflection does, then the body runs.

use super::walk::truth;
use super::{At, Exec, Ran, Slot};
use crate::error::ErrorClass;
use crate::function::{Call, Failure, Function, Signature, Text};
use crate::go::{Type, Value};
use crate::parse::{Command, Expr};

/// The value of the command before in the pipeline, and whether it stands there literally.
pub(super) type Final = Option<(Slot, bool)>;

/// Where a call stands: its dot, the node for errors, the words of the command, the value piped in.
#[derive(Clone)]
pub(super) struct Site<'t, 'd> {
    pub(super) dot: &'d Slot,
    pub(super) node: At<'t>,
    /// The arguments with the function's own word first; none for a bare operand.
    pub(super) args: Option<&'t [Expr]>,
    pub(super) last: Final,
}

impl<'t, 'd> Site<'t, 'd> {
    pub(super) fn new(dot: &'d Slot, node: &'t Expr, args: Option<&'t [Expr]>, last: Final) -> Self {
        Self { dot, node: At::Expr(node), args, last }
    }

    pub(super) fn of_command(dot: &'d Slot, command: &'t Command, last: Final) -> Self {
        Self { dot, node: At::Command(command), args: Some(&command.args), last }
    }
}

/// What is called.
pub(super) struct Callee<'c> {
    pub(super) name: &'c str,
    pub(super) function: Function,
    pub(super) signature: &'c Signature,
    pub(super) receiver: Value,
}

impl<'t> Exec<'t, '_, '_> {
    pub(super) fn call(&mut self, callee: &Callee<'_>, site: Site<'t, '_>) -> Ran<Slot> {
        let args = site.args.and_then(|args| args.get(1..)).unwrap_or_default();
        self.check_count(callee, args.len(), site.last.is_some())?;
        let is_builtin = callee.function.signature.contains("reflect.Value");
        if is_builtin && matches!(callee.name, "and" | "or") {
            return self.and_or(callee.name == "or", args, site);
        }
        let (mut values, mut literal) = (Vec::new(), Vec::new());
        for (index, arg) in args.iter().enumerate() {
            values.push(self.argument(site.dot, param(callee.signature, index), arg)?.value);
            literal.push(arg.is_literal());
        }
        if let Some((slot, is_literal)) = site.last {
            let wanted = param(callee.signature, args.len());
            values.push(self.validated(slot, wanted)?.value);
            literal.push(is_literal);
        }
        if is_builtin && callee.name == "call" {
            let shown = args.first().map(ToString::to_string).unwrap_or_default();
            let failure = match values.first() {
                None | Some(Value::Nil) => "call of nil".to_owned(),
                Some(value) => format!("non-function {shown} of type {}", value.type_name()),
            };
            return Err(self.call_failed(callee, site.node, Failure::error(failure)));
        }
        let mut call = Call::new(callee.receiver.clone(), values, literal, self.runtime);
        match (callee.function.call)(&mut call) {
            Ok(value) => Ok(Slot::element(value, callee.signature.result)),
            Err(failure) => Err(self.call_failed(callee, site.node, failure)),
        }
    }

    fn call_failed(
        &mut self,
        callee: &Callee<'_>,
        node: At<'t>,
        failure: Failure,
    ) -> crate::error::TemplateError {
        self.at = Some(node);
        let compares = matches!(callee.name, "eq" | "ne" | "lt" | "le" | "gt" | "ge");
        let (class, cause) = match failure {
            Failure::Error(text) if compares => (ErrorClass::Compare, text),
            Failure::Error(text) => (ErrorClass::CallError, text),
            Failure::Panic(text) => (ErrorClass::CallPanic, text),
            Failure::Limit(text) => (ErrorClass::Limit, text),
        };
        let mut text = Text::from(format!("error calling {}: ", callee.name));
        text.append(cause);
        self.error(class, text)
    }

    fn check_count(&self, callee: &Callee<'_>, args: usize, piped: bool) -> Ran<()> {
        let (name, signature) = (callee.name, callee.signature);
        let (given, wanted) = (args + usize::from(piped), signature.params.len());
        if signature.variadic && given + 1 < wanted {
            let text = format!("wrong number of args for {name}: want at least {} got {args}", wanted - 1);
            return self.fail(ErrorClass::ArgCount, text);
        }
        if !signature.variadic && given != wanted {
            return self.fail(
                ErrorClass::ArgCount,
                format!("wrong number of args for {name}: want {wanted} got {given}"),
            );
        }
        match &signature.second {
            Some(rest) if rest.contains(", ") => {
                let results = rest.split(", ").count() + 1;
                let text = format!("function {name} has {results} return values; should be 1 or 2");
                self.fail(ErrorClass::Other, text)
            }
            Some(second) => {
                let what = format!("second return value should be error; is {second}");
                self.fail(ErrorClass::Other, format!("invalid function signature for {name}: {what}"))
            }
            None => Ok(()),
        }
    }

    /// The first argument that decides, or the last one; what comes after is not evaluated.
    fn and_or(&mut self, is_or: bool, args: &'t [Expr], site: Site<'t, '_>) -> Ran<Slot> {
        let mut value = Slot::default();
        for arg in args {
            value = self.argument(site.dot, Type::REFLECT, arg)?;
            if truth(&value.value) == is_or {
                return Ok(value);
            }
        }
        Ok(site.last.map_or(value, |(slot, _)| slot))
    }
}

/// The type of a parameter; behind the last one that of the variadic one.
fn param(signature: &Signature, index: usize) -> Type {
    signature.params.get(index).or(signature.params.last()).copied().unwrap_or(Type::ANY)
}
