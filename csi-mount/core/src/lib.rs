//! The tree of files that a mounted secret shows: lookup, read and change over one snapshot, pure.
