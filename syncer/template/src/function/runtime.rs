//! What one execution has used of its limits so far, and what it must clean up.

use super::Failure;
use crate::environment::{Env, Limits};
use crate::go::Map;

/// How many steps pass between two looks at the deadline.
const STEPS_PER_LOOK: u64 = 256;

/// The environment, the limits and what is used of them, the maps that are emptied at the end.
pub(crate) struct Runtime<'e> {
    env: &'e mut dyn Env,
    limits: Limits,
    steps: u64,
    memory: usize,
    kept: Vec<Map>,
}

impl<'e> Runtime<'e> {
    /// Starts an execution.
    pub(crate) fn new(env: &'e mut dyn Env, limits: Limits) -> Self {
        Self { env, limits, steps: 0, memory: 0, kept: Vec::new() }
    }
}

/// What calls use of a [`Runtime`], free of its lifetime.
pub(crate) trait Meter {
    /// The limits.
    fn limits(&self) -> &Limits;

    /// Counts `n` steps.
    fn step(&mut self, n: u64) -> Result<(), Failure>;

    /// Counts bytes that are about to be made.
    fn grow(&mut self, bytes: usize) -> Result<(), Failure>;

    /// Time and randomness.
    fn env(&mut self) -> &mut dyn Env;

    /// Remembers a map that may come to hold itself, to be emptied at the end.
    fn keep(&mut self, map: &Map);
}

impl Meter for Runtime<'_> {
    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn step(&mut self, n: u64) -> Result<(), Failure> {
        let before = self.steps / STEPS_PER_LOOK;
        self.steps = self.steps.saturating_add(n);
        if self.steps > self.limits.steps {
            return Err(Failure::limit(format!("template takes more than {} steps", self.limits.steps)));
        }
        if self.steps / STEPS_PER_LOOK != before && self.env.expired() {
            return Err(Failure::limit("template takes too long: its deadline has passed"));
        }
        Ok(())
    }

    fn grow(&mut self, bytes: usize) -> Result<(), Failure> {
        self.memory = self.memory.saturating_add(bytes);
        if self.memory > self.limits.memory {
            return Err(Failure::limit(format!(
                "template makes more than {} bytes of values",
                self.limits.memory
            )));
        }
        Ok(())
    }

    fn env(&mut self) -> &mut dyn Env {
        self.env
    }

    fn keep(&mut self, map: &Map) {
        if map.keep_once() {
            self.kept.push(map.clone());
        }
    }
}

impl Drop for Runtime<'_> {
    // A map that holds itself would never be freed, and its strings never wiped.
    fn drop(&mut self) {
        for map in &self.kept {
            map.clear();
        }
    }
}
