//! The node driver: serves secrets as files through FUSE.
//!
//! | module | what it is |
//! |---|---|
//! | [`config`] | what was typed and what it means |
//! | [`run`] | from a configuration to a mount and back |
//! | [`follow`] | does what the clock says: fetch, show, renew, wait |
//! | [`volume`] | the tree that both sides share |
//! | [`fuse`] | unpack a request of the kernel, ask the tree, reply |
//! | [`mounts`] | the FUSE device, mounting and unmounting |
//! | [`keeper`], [`serve`], [`mutate`] | the process that holds what must last, and the two that answer and change |
//! | [`link`], [`memory`] | messages between processes, and secrets in memory only |
//! | [`control`] | the process with network and tokens: follows secrets and has the keeper show them |
//! | [`csi`], [`proto`], [`registration`], [`sockets`] | what kubelet asks, and how it finds the driver |
//! | [`health`], [`metrics`] | for probes and dashboards |
//! | [`records`], [`readers`] | opens of files on their way to the audit log, and who opened them |
//! | [`source`], [`client`] | where secrets come from: the port, and the broker behind it |

pub mod client;
pub mod clock;
pub mod config;
pub mod control;
pub mod csi;
pub mod follow;
pub mod fuse;
pub mod health;
pub mod keeper;
pub mod link;
pub mod memory;
pub mod metrics;
pub mod mounts;
pub mod mutate;
pub mod proto;
pub mod readers;
pub mod records;
pub mod registration;
pub mod run;
pub mod say;
pub mod serve;
pub mod sockets;
pub mod source;
pub mod telemetry;
pub mod volume;
