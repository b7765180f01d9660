//! Go's slice: a window onto a shared backing array.

use std::cell::RefCell;
use std::rc::Rc;

use super::{Type, Value};

/// A slice: its element type, a shared array and the window onto it. A nil slice has no array.
#[derive(Clone)]
pub(crate) struct List {
    element: Type,
    array: Option<Rc<Array>>,
    start: usize,
    len: usize,
}

/// The backing array. It is given back in a loop: a deep nest of slices and maps would exhaust the stack otherwise.
struct Array(RefCell<Vec<Value>>);

impl Drop for Array {
    fn drop(&mut self) {
        super::release(self.0.take());
    }
}

impl List {
    /// The elements, if nothing else holds the array.
    pub(super) fn into_only(self) -> Vec<Value> {
        self.array.and_then(Rc::into_inner).map(|array| array.0.take()).unwrap_or_default()
    }

    /// A slice of a new array; the elements must be of the element type (any value for `interface {}`).
    pub(crate) fn new(element: Type, items: Vec<Value>) -> Self {
        let len = items.len();
        Self { element, array: Some(Rc::new(Array(RefCell::new(items)))), start: 0, len }
    }

    /// A nil slice.
    pub(crate) fn nil(element: Type) -> Self {
        Self { element, array: None, start: 0, len: 0 }
    }

    /// The element type.
    pub(crate) fn element(&self) -> Type {
        self.element
    }

    /// The type of the slice. Element types are those that signatures name; others count as `interface {}`.
    pub(crate) fn go_type(&self) -> Type {
        Type::parse(&format!("[]{}", self.element)).unwrap_or(Type::ANY_SLICE)
    }

    /// Whether this is the nil slice (an empty slice is not).
    pub(crate) fn is_nil(&self) -> bool {
        self.array.is_none()
    }

    /// Number of elements.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The element at `index`, if in bounds.
    pub(crate) fn get(&self, index: usize) -> Option<Value> {
        let array = self.array.as_ref()?;
        if index >= self.len {
            return None;
        }
        array.0.borrow().get(self.start + index).cloned()
    }

    /// Changes an element in place, seen by every slice of the same array. Nothing happens out of bounds.
    pub(crate) fn set(&self, index: usize, value: Value) {
        if index < self.len
            && let Some(array) = &self.array
            && let Some(slot) = array.0.borrow_mut().get_mut(self.start + index)
        {
            *slot = value;
        }
    }

    /// The elements, copied (each copy is cheap).
    pub(crate) fn items(&self) -> Vec<Value> {
        let Some(array) = &self.array else { return Vec::new() };
        array.0.borrow().iter().skip(self.start).take(self.len).cloned().collect()
    }

    /// `list[from:to]` onto the same array; `None` if out of bounds. Bounds are those of the length, not of a capacity.
    pub(crate) fn slice(&self, from: usize, to: usize) -> Option<Self> {
        (from <= to && to <= self.len).then(|| Self {
            element: self.element,
            array: self.array.clone(),
            start: self.start + from,
            len: to - from,
        })
    }

    /// Whether both are the same window onto the same array.
    pub(crate) fn same(&self, other: &Self) -> bool {
        self.start == other.start
            && self.len == other.len
            && match (&self.array, &other.array) {
                (Some(a), Some(b)) => Rc::ptr_eq(a, b),
                (None, None) => true,
                _ => false,
            }
    }
}
