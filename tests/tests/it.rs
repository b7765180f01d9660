//! Tests over everything that need more than one crate, or a running server; each module is one subject.

#[path = "it/differences.rs"]
mod differences;
#[path = "it/tour.rs"]
mod tour;
