//! Tests of KV version 2.
