//! Go's fmt and strconv: values, numbers and quoted strings as texts.

pub(crate) mod float;
mod print;
mod printf;
pub(crate) mod quote;

pub(crate) use print::{Printer, sprint, sprintln};
pub(crate) use printf::sprintf;
