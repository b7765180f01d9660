//! Values of named Go types, with fields and methods.

use std::any::Any;
use std::rc::Rc;

use super::{Type, Value};
use crate::function::Function;

/// A method is a function whose receiver is `Call::receiver`; its name and signature are Go's, without the receiver.
pub(crate) type Method = Function;

/// A value of a named type. Implemented where the type belongs (`time.Time` with the date functions, and so on).
pub(crate) trait Object {
    /// The type, for example `Type::Named("time.Time", Kind::Struct)`. A pointer type has [`super::Kind::Ptr`].
    fn go_type(&self) -> Type;

    /// For `downcast_ref` to the implementing type.
    fn as_any(&self) -> &dyn Any;

    /// The value as its basic underlying type: `time.Month` gives an `int`. None for structs and pointers.
    fn underlying(&self) -> Option<Value> {
        None
    }

    /// The struct's fields in order, with `true` for exported ones. What is behind a pointer for pointer types.
    fn fields(&self) -> Vec<(&'static str, bool, Value)> {
        Vec::new()
    }

    /// The exported methods.
    fn methods(&self) -> &'static [Method] {
        &[]
    }

    /// What the `String` or `Error` method returns, which the fmt verbs %v, %s, %q, %x, %X use.
    fn string(&self) -> Option<Vec<u8>> {
        None
    }

    /// What the `GoString` method returns, which %#v uses.
    fn go_string(&self) -> Option<Vec<u8>> {
        None
    }

    /// What the `MarshalJSON` or `MarshalText` method gives, as a text.
    fn json(&self) -> Option<Vec<u8>> {
        None
    }

    /// Whether this is a nil pointer.
    fn is_nil(&self) -> bool {
        false
    }

    /// What a deep copy by reflection is, where that is not the value itself: unexported fields are left out of it.
    fn copied(&self) -> Option<Rc<dyn Object>> {
        None
    }

    /// `==` of Go, for a value of the same type: None if the type cannot be compared.
    fn equal(&self, other: &dyn Object) -> Option<bool>;
}
