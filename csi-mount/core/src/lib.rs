//! What a node decides about mounted secrets: requests, files, the file system's tree, messages between processes; pure.
//!
//! | module | what it is |
//! |---|---|
//! | [`path`] | the name of a file within the mount, checked |
//! | [`files`] | the JSON text of a secret → one file for each key |
//! | [`image`] | one generation of files as one immutable piece of memory |
//! | [`superblock`] | the file system: volumes, their generations, the difference of two, lookup and reading |
//! | [`errno`] | what the file system refuses → the kernel's error numbers |
//! | [`request`] | the attributes of a volume and what kubelet says of its pod → what is to be mounted |
//! | [`decide`] | what becomes of a volume's files, from what is known of its secret |
//! | [`refresh`] | when to read a secret again, and how long to wait after a failure |
//! | [`mountinfo`] | what is mounted where |
//! | [`reader`] | who opened a file, from the texts of `/proc` |
//! | [`ids`], [`wire`] | messages between the processes, and what they name |

pub mod decide;
pub mod errno;
pub mod files;
pub mod ids;
pub mod image;
pub mod mountinfo;
pub mod path;
pub mod reader;
pub mod refresh;
pub mod request;
pub mod superblock;
pub mod wire;
