//! Messages and services of CSI and of kubelet's plugin registration, generated from `proto/`.

use std::fmt;

/// The Container Storage Interface: the part that is served.
#[allow(
    missing_docs,
    clippy::all,
    clippy::allow_attributes_without_reason,
    clippy::too_many_lines,
    unreachable_pub,
    reason = "generated; the names are documented by the interface"
)]
pub mod csi {
    tonic::include_proto!("csi.v1");
}

/// Kubelet's plugin registration.
#[allow(
    missing_docs,
    clippy::all,
    clippy::allow_attributes_without_reason,
    clippy::too_many_lines,
    unreachable_pub,
    reason = "generated; the names are documented by kubelet"
)]
pub mod registration {
    tonic::include_proto!("pluginregistration");
}

/// Nothing of the secrets and of the context, which may hold tokens.
impl fmt::Debug for csi::NodePublishVolumeRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodePublishVolumeRequest")
            .field("volume_id", &self.volume_id)
            .field("target_path", &self.target_path)
            .field("readonly", &self.readonly)
            .finish_non_exhaustive()
    }
}
