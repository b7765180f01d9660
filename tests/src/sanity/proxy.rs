//! The shim between csi-sanity and the driver: it adds a controller, plays kubelet's part, and passes the rest on as it is.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use hyper_util::rt::TokioIo;
use tokio::net::{UnixListener, UnixStream};
use tokio::runtime::Runtime;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::{Channel, Endpoint, Server, Uri};
use tonic::{Request, Response, Status};
use tower::service_fn;

use super::controller::Volumes;
use super::csi;
use csi::controller_server::ControllerServer;
use csi::identity_client::IdentityClient;
use csi::identity_server::{Identity, IdentityServer};
use csi::node_client::NodeClient;
use csi::node_server::{Node, NodeServer};
use csi::plugin_capability::{Service, Type, service};

type Answer<T> = Result<Response<T>, Status>;

/// A running shim; it ends when this is dropped.
#[derive(Debug)]
pub struct Shim {
    _runtime: Runtime,
}

impl Shim {
    /// Serves at the socket `at`, in front of the driver's socket; every volume is published with `context`.
    ///
    /// # Errors
    /// The socket cannot be made.
    pub fn start(at: &Path, driver: &Path, context: HashMap<String, String>) -> Result<Shim> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let _inside = runtime.enter();
        let listener = UnixListener::bind(at).with_context(|| at.display().to_string())?;
        let channel = channel(driver.to_owned());
        let server = Server::builder()
            .add_service(IdentityServer::new(Proxy(channel.clone())))
            .add_service(NodeServer::new(Proxy(channel)))
            .add_service(ControllerServer::new(Volumes::new(context)))
            .serve_with_incoming(UnixListenerStream::new(listener));
        runtime.spawn(server);
        drop(_inside);
        Ok(Shim { _runtime: runtime })
    }
}

/// Connections to a socket, made when they are needed.
pub fn channel(socket: PathBuf) -> Channel {
    let connect = move |_: Uri| {
        let socket = socket.clone();
        async move { UnixStream::connect(socket).await.map(TokioIo::new) }
    };
    // The address is for the protocol's form only.
    Endpoint::from_static("http://localhost").connect_with_connector_lazy(service_fn(connect))
}

#[derive(Debug)]
struct Proxy(Channel);

impl Proxy {
    fn identity(&self) -> IdentityClient<Channel> {
        IdentityClient::new(self.0.clone())
    }

    fn node(&self) -> NodeClient<Channel> {
        NodeClient::new(self.0.clone())
    }
}

#[tonic::async_trait]
impl Identity for Proxy {
    async fn get_plugin_info(
        &self,
        request: Request<csi::GetPluginInfoRequest>,
    ) -> Answer<csi::GetPluginInfoResponse> {
        self.identity().get_plugin_info(request).await
    }

    async fn get_plugin_capabilities(
        &self,
        request: Request<csi::GetPluginCapabilitiesRequest>,
    ) -> Answer<csi::GetPluginCapabilitiesResponse> {
        let mut answer = self.identity().get_plugin_capabilities(request).await?;
        let controller = Service { r#type: service::Type::ControllerService.into() };
        let added = csi::PluginCapability { r#type: Some(Type::Service(controller)) };
        answer.get_mut().capabilities.push(added);
        Ok(answer)
    }

    async fn probe(&self, request: Request<csi::ProbeRequest>) -> Answer<csi::ProbeResponse> {
        self.identity().probe(request).await
    }
}

#[tonic::async_trait]
impl Node for Proxy {
    async fn node_publish_volume(
        &self,
        mut request: Request<csi::NodePublishVolumeRequest>,
    ) -> Answer<csi::NodePublishVolumeResponse> {
        // As kubelet does for a pod that says `readOnly: true`; the suite has no way to say it.
        request.get_mut().readonly = true;
        self.node().node_publish_volume(request).await
    }

    async fn node_unpublish_volume(
        &self,
        request: Request<csi::NodeUnpublishVolumeRequest>,
    ) -> Answer<csi::NodeUnpublishVolumeResponse> {
        self.node().node_unpublish_volume(request).await
    }

    async fn node_get_volume_stats(
        &self,
        request: Request<csi::NodeGetVolumeStatsRequest>,
    ) -> Answer<csi::NodeGetVolumeStatsResponse> {
        self.node().node_get_volume_stats(request).await
    }

    async fn node_get_capabilities(
        &self,
        request: Request<csi::NodeGetCapabilitiesRequest>,
    ) -> Answer<csi::NodeGetCapabilitiesResponse> {
        self.node().node_get_capabilities(request).await
    }

    async fn node_get_info(
        &self,
        request: Request<csi::NodeGetInfoRequest>,
    ) -> Answer<csi::NodeGetInfoResponse> {
        self.node().node_get_info(request).await
    }
}
