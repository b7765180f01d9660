//! The node driver before a real broker: what kubelet asks for is mounted, follows the secret, and ends with its token.

#[path = "csi/deaths.rs"]
mod deaths;
#[path = "csi/follow.rs"]
mod follow;
#[path = "csi/many.rs"]
mod many;
#[path = "csi/traces.rs"]
mod traces;
#[path = "csi/world.rs"]
mod world;
