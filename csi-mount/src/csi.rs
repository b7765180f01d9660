//! What kubelet asks: the services Identity and Node of CSI. They check and answer; the volumes do the work.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::control::volumes::Volumes;
use crate::proto::csi::identity_server::Identity;
use crate::proto::csi::node_server::Node;
use crate::proto::csi::node_service_capability::{Rpc, Type, rpc};
use crate::proto::csi::volume_usage::Unit;
use crate::proto::csi::{
    GetPluginCapabilitiesRequest, GetPluginCapabilitiesResponse, GetPluginInfoRequest, GetPluginInfoResponse,
    NodeGetCapabilitiesRequest, NodeGetCapabilitiesResponse, NodeGetInfoRequest, NodeGetInfoResponse,
    NodeGetVolumeStatsRequest, NodeGetVolumeStatsResponse, NodePublishVolumeRequest,
    NodePublishVolumeResponse, NodeServiceCapability, NodeUnpublishVolumeRequest,
    NodeUnpublishVolumeResponse, ProbeRequest, ProbeResponse, VolumeUsage,
};

/// Both services of a node.
#[derive(Clone, Debug)]
pub struct Service {
    /// Name of the driver.
    pub driver_name: String,
    /// Name of the node.
    pub node_id: String,
    /// The volumes.
    pub volumes: Arc<Volumes>,
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl Identity for Service {
    async fn get_plugin_info(&self, _: Request<GetPluginInfoRequest>) -> Answer<GetPluginInfoResponse> {
        Ok(Response::new(GetPluginInfoResponse {
            name: self.driver_name.clone(),
            vendor_version: env!("CARGO_PKG_VERSION").to_owned(),
            manifest: Default::default(),
        }))
    }

    async fn get_plugin_capabilities(
        &self,
        _: Request<GetPluginCapabilitiesRequest>,
    ) -> Answer<GetPluginCapabilitiesResponse> {
        // There is no controller: volumes live as long as their pod.
        Ok(Response::new(GetPluginCapabilitiesResponse::default()))
    }

    async fn probe(&self, _: Request<ProbeRequest>) -> Answer<ProbeResponse> {
        Ok(Response::new(ProbeResponse { ready: Some(self.volumes.is_ready()) }))
    }
}

#[tonic::async_trait]
impl Node for Service {
    async fn node_publish_volume(
        &self,
        request: Request<NodePublishVolumeRequest>,
    ) -> Answer<NodePublishVolumeResponse> {
        let published = self.volumes.publish(request.into_inner()).await;
        published.map(|()| Response::new(NodePublishVolumeResponse {})).map_err(Status::from)
    }

    async fn node_unpublish_volume(
        &self,
        request: Request<NodeUnpublishVolumeRequest>,
    ) -> Answer<NodeUnpublishVolumeResponse> {
        let NodeUnpublishVolumeRequest { volume_id, target_path } = request.into_inner();
        let unpublished = self.volumes.unpublish(volume_id, target_path).await;
        unpublished.map(|()| Response::new(NodeUnpublishVolumeResponse {})).map_err(Status::from)
    }

    async fn node_get_volume_stats(
        &self,
        request: Request<NodeGetVolumeStatsRequest>,
    ) -> Answer<NodeGetVolumeStatsResponse> {
        let NodeGetVolumeStatsRequest { volume_id, volume_path, .. } = request.into_inner();
        let stats = self.volumes.stats(&volume_id, &volume_path).await?;
        // It is full by its nature: nothing can be written.
        let usage = |unit: Unit, used: u64| {
            let used = i64::try_from(used).unwrap_or(i64::MAX);
            VolumeUsage { available: 0, total: used, used, unit: unit.into() }
        };
        let usage = vec![usage(Unit::Bytes, stats.bytes), usage(Unit::Inodes, stats.inodes)];
        Ok(Response::new(NodeGetVolumeStatsResponse { usage }))
    }

    async fn node_get_capabilities(
        &self,
        _: Request<NodeGetCapabilitiesRequest>,
    ) -> Answer<NodeGetCapabilitiesResponse> {
        // With VOLUME_MOUNT_GROUP kubelet names the pod's fsGroup, which it tells a read-only volume in no other way.
        let capabilities = [rpc::Type::GetVolumeStats, rpc::Type::VolumeMountGroup]
            .map(|kind| NodeServiceCapability { r#type: Some(Type::Rpc(Rpc { r#type: kind.into() })) });
        Ok(Response::new(NodeGetCapabilitiesResponse { capabilities: capabilities.into() }))
    }

    async fn node_get_info(&self, _: Request<NodeGetInfoRequest>) -> Answer<NodeGetInfoResponse> {
        Ok(Response::new(NodeGetInfoResponse { node_id: self.node_id.clone(), max_volumes_per_node: 0 }))
    }
}
