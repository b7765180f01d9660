//! One call of a function: its converted arguments and what it may use.

use super::runtime::Meter;
use super::{Failure, Piece};
use crate::environment::Env;
use crate::go::{List, Map, Object, Str, Value};

/// One call: arguments converted to the parameter types, the receiver of a method, the environment.
pub(crate) struct Call<'a> {
    receiver: Value,
    args: Vec<Value>,
    literal: Vec<bool>,
    runtime: &'a mut dyn Meter,
}

impl<'a> Call<'a> {
    /// A call with converted arguments; `literal` tells for each whether it stands as a constant in the template.
    pub(crate) fn new(
        receiver: Value,
        args: Vec<Value>,
        literal: Vec<bool>,
        runtime: &'a mut dyn Meter,
    ) -> Self {
        Self { receiver, args, literal, runtime }
    }

    /// Number of arguments, variadic ones counted singly.
    pub(crate) fn len(&self) -> usize {
        self.args.len()
    }

    /// An argument of any type; nil past the end.
    pub(crate) fn value(&self, index: usize) -> Value {
        self.args.get(index).cloned().unwrap_or_default()
    }

    /// The arguments from this one on: the variadic ones.
    pub(crate) fn rest(&self, from: usize) -> &[Value] {
        self.args.get(from..).unwrap_or_default()
    }

    /// The bytes of a `string` argument.
    pub(crate) fn str(&self, index: usize) -> Result<&[u8], Failure> {
        match self.args.get(index) {
            Some(Value::Str(text)) => Ok(text.bytes()),
            _ => Err(self.mismatch(index, "string")),
        }
    }

    /// A `string` argument, to keep while the call is used otherwise.
    pub(crate) fn string(&self, index: usize) -> Result<Str, Failure> {
        match self.args.get(index) {
            Some(Value::Str(text)) => Ok(text.clone()),
            _ => Err(self.mismatch(index, "string")),
        }
    }

    /// An `int` or `int64` argument.
    pub(crate) fn int(&self, index: usize) -> Result<i64, Failure> {
        match self.args.get(index) {
            Some(Value::Int(n) | Value::Int64(n)) => Ok(*n),
            _ => Err(self.mismatch(index, "int")),
        }
    }

    /// A `uint32` argument.
    pub(crate) fn uint32(&self, index: usize) -> Result<u32, Failure> {
        match self.args.get(index) {
            Some(Value::Uint32(n)) => Ok(*n),
            _ => Err(self.mismatch(index, "uint32")),
        }
    }

    /// A `float64` argument.
    pub(crate) fn float(&self, index: usize) -> Result<f64, Failure> {
        match self.args.get(index) {
            Some(Value::Float64(n)) => Ok(*n),
            _ => Err(self.mismatch(index, "float64")),
        }
    }

    /// A `bool` argument.
    pub(crate) fn bool(&self, index: usize) -> Result<bool, Failure> {
        match self.args.get(index) {
            Some(Value::Bool(b)) => Ok(*b),
            _ => Err(self.mismatch(index, "bool")),
        }
    }

    /// A map argument; it may be the nil map.
    pub(crate) fn map(&self, index: usize) -> Result<Map, Failure> {
        match self.args.get(index) {
            Some(Value::Map(map)) => Ok(map.clone()),
            _ => Err(self.mismatch(index, "map")),
        }
    }

    /// A slice argument (of a slice parameter, not of `interface {}`); it may be the nil slice.
    pub(crate) fn list(&self, index: usize) -> Result<List, Failure> {
        match self.args.get(index) {
            Some(Value::List(list)) => Ok(list.clone()),
            _ => Err(self.mismatch(index, "slice")),
        }
    }

    /// An argument of a named type: `call.object::<Time>(0)?`.
    pub(crate) fn object<T: Object + 'static>(&self, index: usize) -> Result<&T, Failure> {
        match self.args.get(index) {
            Some(Value::Object(object)) => object.as_any().downcast_ref(),
            _ => None,
        }
        .ok_or_else(|| self.mismatch(index, std::any::type_name::<T>()))
    }

    /// The receiver, in a method.
    pub(crate) fn receiver<T: Object + 'static>(&self) -> Result<&T, Failure> {
        match &self.receiver {
            Value::Object(object) => object.as_any().downcast_ref(),
            _ => None,
        }
        .ok_or_else(|| Failure::panic(format!("receiver is not a {}", std::any::type_name::<T>())))
    }

    /// A string argument for an error's text: shown if it stands literally in the template, otherwise only counted.
    pub(crate) fn shown(&self, index: usize) -> Piece {
        match self.args.get(index) {
            Some(Value::Str(text)) if self.is_literal(index) => {
                Piece::Shown(String::from_utf8_lossy(text.bytes()).into_owned())
            }
            Some(Value::Str(text)) => Piece::value(text.bytes()),
            _ => Piece::Value(0),
        }
    }

    /// Whether an argument stands as a constant in the template, so that an error may show it.
    pub(crate) fn is_literal(&self, index: usize) -> bool {
        self.literal.get(index).copied().unwrap_or(false)
    }

    /// Time and randomness.
    pub(crate) fn env(&mut self) -> &mut dyn Env {
        self.runtime.env()
    }

    /// What counts steps and bytes, for what is used below the functions.
    pub(crate) fn meter(&mut self) -> &mut dyn Meter {
        self.runtime
    }

    /// Random bytes, or the call fails.
    pub(crate) fn random(&mut self, out: &mut [u8]) -> Result<(), Failure> {
        self.env().fill_random(out).map_err(|e| Failure::error(e.to_string()))
    }

    /// Counts bytes that are about to be made: to be asked before a result larger than the arguments is built.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), Failure> {
        self.runtime.grow(bytes)
    }

    /// Counts steps: to be asked in loops that run longer than the arguments are.
    pub(crate) fn step(&mut self, n: u64) -> Result<(), Failure> {
        self.runtime.step(n)
    }

    /// Sets an entry of a map that the template knows, in place; Go's panic if the map is nil.
    pub(crate) fn insert(&mut self, map: &Map, key: impl Into<Str>, value: Value) -> Result<(), Failure> {
        if matches!(value, Value::Map(_) | Value::List(_)) {
            self.runtime.keep(map);
        }
        if map.insert(key, value) { Ok(()) } else { Err(Failure::panic("assignment to entry in nil map")) }
    }

    fn mismatch(&self, index: usize, wanted: &str) -> Failure {
        let got = self.args.get(index).map_or_else(|| "nothing".to_owned(), Value::type_name);
        Failure::panic(format!("argument {index}: {got} instead of {wanted}"))
    }
}
