//! Tests of the mount table.
