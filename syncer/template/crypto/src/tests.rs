//! Tests of the whole crate: with the tool `openssl` on the other side, with rubbish, and with marked secrets.

mod canary;
mod certificates;
mod fixtures;
mod hostile;
mod keys;
mod small;
mod stores;
