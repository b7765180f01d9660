//! The node driver before a real broker: what kubelet asks for is mounted, follows the secret, and ends with its token.

#[path = "csi/follow.rs"]
mod follow;
#[path = "csi/world.rs"]
mod world;
