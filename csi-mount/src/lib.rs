//! The node driver: serves secrets as files through FUSE.
//!
//! | module | what it is |
//! |---|---|
//! | [`config`], [`node`] | what was typed, what it means, and which process it makes |
//! | [`mounts`] | the file system, the places where it is shown, and what is in the way there |
//! | [`keeper`], [`serve`], [`mutate`] | the process that holds what must last, and the two that answer and change |
//! | [`link`], [`memory`] | messages between processes, and secrets in memory only |
//! | [`control`] | the process with network and tokens: follows secrets and has the keeper show them |
//! | [`csi`], [`proto`], [`registration`], [`sockets`] | what kubelet asks, and how it finds the driver |
//! | [`health`], [`metrics`] | for probes and dashboards |
//! | [`records`], [`readers`] | opens of files on their way to the audit log, and who opened them |
//! | [`laptop`] | a single mount without Kubernetes, for the command `keyreeve` |

pub mod clock;
pub mod config;
pub mod control;
pub mod csi;
pub mod health;
pub mod keeper;
pub mod laptop;
pub mod link;
pub mod memory;
pub mod metrics;
pub mod mounts;
pub mod mutate;
pub mod node;
pub mod proto;
pub mod readers;
pub mod records;
pub mod registration;
pub mod say;
pub mod serve;
pub mod sockets;
pub mod telemetry;
