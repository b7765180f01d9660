//! The tree of files that a mounted secret shows: lookup, read and change over one snapshot, pure.
//!
//! | module | what it is |
//! |---|---|
//! | [`path`] | the name of a file within the mount, checked |
//! | [`files`] | the JSON text of a secret → one file for each key |
//! | [`snapshot`] | an immutable generation of files; the difference of two |
//! | [`tree`] | lookup, attributes, listing and reading by inode number and handle |
//! | [`errno`] | what the tree refuses → the kernel's error numbers |
//! | [`request`] | the attributes of a volume and what kubelet says of its pod → what is to be mounted |
//! | [`refresh`] | when to fetch, renew, wait or give up |
//! | [`mountinfo`] | what is mounted where |
//! | [`reader`] | who opened a file, from the texts of `/proc` |

pub mod errno;
pub mod files;
pub mod ids;
pub mod image;
pub mod mountinfo;
pub mod path;
pub mod reader;
pub mod refresh;
pub mod request;
pub mod snapshot;
pub mod superblock;
pub mod tree;
pub mod wire;
