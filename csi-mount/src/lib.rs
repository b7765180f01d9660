//! The node driver: serves secrets as files through FUSE.
