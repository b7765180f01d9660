//! Go's map with string keys: shared and mutable, kept in the order in which templates walk it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use super::{Str, Type, Value};

/// A map from strings: its element type and the shared entries. A nil map has no entries and takes none.
#[derive(Clone)]
pub(crate) struct Map {
    element: Type,
    shared: Option<Rc<Shared>>,
}

#[derive(Default)]
struct Shared {
    entries: RefCell<BTreeMap<Str, Value>>,
    kept: Cell<bool>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        super::release(self.entries.take().into_values().collect());
    }
}

impl Map {
    /// The values, if nothing else holds the map.
    pub(super) fn into_only(self) -> Vec<Value> {
        let only = self.shared.and_then(Rc::into_inner);
        only.map(|shared| shared.entries.take().into_values().collect()).unwrap_or_default()
    }

    /// An empty `map[string]interface {}`.
    pub(crate) fn new() -> Self {
        Self::of(Type::ANY)
    }

    /// An empty map with this element type.
    pub(crate) fn of(element: Type) -> Self {
        Self { element, shared: Some(Rc::default()) }
    }

    /// A nil map with this element type.
    pub(crate) fn nil(element: Type) -> Self {
        Self { element, shared: None }
    }

    /// The element type.
    pub(crate) fn element(&self) -> Type {
        self.element
    }

    /// The type of the map. Element types are `string` and `interface {}`.
    pub(crate) fn go_type(&self) -> Type {
        if self.element == Type::STRING { Type::Map(&Type::STRING) } else { Type::ANY_MAP }
    }

    /// Whether this is the nil map (an empty map is not).
    pub(crate) fn is_nil(&self) -> bool {
        self.shared.is_none()
    }

    /// Number of entries.
    pub(crate) fn len(&self) -> usize {
        self.shared.as_ref().map_or(0, |shared| shared.entries.borrow().len())
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: &[u8]) -> Option<Value> {
        self.shared.as_ref()?.entries.borrow().get(key).cloned()
    }

    /// Whether there is an entry with this key.
    pub(crate) fn contains(&self, key: &[u8]) -> bool {
        self.shared.as_ref().is_some_and(|shared| shared.entries.borrow().contains_key(key))
    }

    /// Sets an entry of a map under construction. False if the map is nil.
    ///
    /// A map that the template already knows is changed with `Call::insert`, which breaks circles at the end.
    pub(crate) fn insert(&self, key: impl Into<Str>, value: Value) -> bool {
        let Some(shared) = &self.shared else { return false };
        shared.entries.borrow_mut().insert(key.into(), value);
        true
    }

    /// Removes an entry, in place.
    pub(crate) fn remove(&self, key: &[u8]) {
        if let Some(shared) = &self.shared {
            shared.entries.borrow_mut().remove(key);
        }
    }

    /// The entries in the order of their keys, copied (each copy is cheap).
    pub(crate) fn entries(&self) -> Vec<(Str, Value)> {
        let Some(shared) = &self.shared else { return Vec::new() };
        shared.entries.borrow().iter().map(|(k, v)| (k.clone(), v.clone())).collect()
    }

    /// The keys in order.
    pub(crate) fn keys(&self) -> Vec<Str> {
        let Some(shared) = &self.shared else { return Vec::new() };
        shared.entries.borrow().keys().cloned().collect()
    }

    /// Whether both are the same map, not merely equal ones.
    pub(crate) fn same(&self, other: &Self) -> bool {
        match (&self.shared, &other.shared) {
            (Some(a), Some(b)) => Rc::ptr_eq(a, b),
            (None, None) => true,
            _ => false,
        }
    }

    /// Drops all entries, in place.
    pub(crate) fn clear(&self) {
        if let Some(shared) = &self.shared {
            super::release(shared.entries.take().into_values().collect());
        }
    }

    /// True the first time it is asked: whether the caller is the one that has to keep it for the end.
    pub(crate) fn keep_once(&self) -> bool {
        self.shared.as_ref().is_some_and(|shared| !shared.kept.replace(true))
    }
}
