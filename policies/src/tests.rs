//! Tests of the crate as a whole.

mod agreement;
mod files;
mod naive;
mod vectors;
