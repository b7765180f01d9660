//! A controller that the driver does not have: volumes are names in memory, and each gets the same context.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use tonic::{Request, Response, Status};

use super::csi;
use csi::controller_server::Controller;
use csi::controller_service_capability::{Rpc, Type, rpc};

type Answer<T> = Result<Response<T>, Status>;

/// The volumes by their names, which are their ids too, with their sizes.
#[derive(Debug)]
pub(super) struct Volumes {
    context: HashMap<String, String>,
    sizes: Mutex<BTreeMap<String, i64>>,
}

impl Volumes {
    /// No volumes yet; `context` is what each will be published with.
    pub(super) fn new(context: HashMap<String, String>) -> Volumes {
        Volumes { context, sizes: Mutex::default() }
    }
}

fn named(field: &str, value: &str) -> Result<(), Status> {
    if value.is_empty() { Err(Status::invalid_argument(format!("{field} is missing"))) } else { Ok(()) }
}

#[tonic::async_trait]
impl Controller for Volumes {
    async fn create_volume(
        &self,
        request: Request<csi::CreateVolumeRequest>,
    ) -> Answer<csi::CreateVolumeResponse> {
        let request = request.into_inner();
        named("name", &request.name)?;
        if request.volume_capabilities.is_empty() {
            return Err(Status::invalid_argument("volume_capabilities are missing"));
        }
        let size = request.capacity_range.map_or(0, |range| range.required_bytes);
        let mut sizes = self.sizes.lock().map_err(|_| Status::internal("the table is broken"))?;
        if *sizes.entry(request.name.clone()).or_insert(size) != size {
            return Err(Status::already_exists("there is a volume of this name and another size"));
        }
        let volume = csi::Volume {
            capacity_bytes: size,
            volume_id: request.name,
            volume_context: self.context.clone(),
        };
        Ok(Response::new(csi::CreateVolumeResponse { volume: Some(volume) }))
    }

    async fn delete_volume(
        &self,
        request: Request<csi::DeleteVolumeRequest>,
    ) -> Answer<csi::DeleteVolumeResponse> {
        let id = request.into_inner().volume_id;
        named("volume_id", &id)?;
        self.sizes.lock().map_err(|_| Status::internal("the table is broken"))?.remove(&id);
        Ok(Response::new(csi::DeleteVolumeResponse {}))
    }

    async fn validate_volume_capabilities(
        &self,
        request: Request<csi::ValidateVolumeCapabilitiesRequest>,
    ) -> Answer<csi::ValidateVolumeCapabilitiesResponse> {
        let request = request.into_inner();
        named("volume_id", &request.volume_id)?;
        if request.volume_capabilities.is_empty() {
            return Err(Status::invalid_argument("volume_capabilities are missing"));
        }
        let sizes = self.sizes.lock().map_err(|_| Status::internal("the table is broken"))?;
        if !sizes.contains_key(&request.volume_id) {
            return Err(Status::not_found("there is no such volume"));
        }
        let confirmed = csi::validate_volume_capabilities_response::Confirmed {
            volume_context: request.volume_context,
            volume_capabilities: request.volume_capabilities,
            parameters: request.parameters,
        };
        let message = String::new();
        Ok(Response::new(csi::ValidateVolumeCapabilitiesResponse { confirmed: Some(confirmed), message }))
    }

    async fn controller_get_capabilities(
        &self,
        _: Request<csi::ControllerGetCapabilitiesRequest>,
    ) -> Answer<csi::ControllerGetCapabilitiesResponse> {
        let can = Rpc { r#type: rpc::Type::CreateDeleteVolume.into() };
        let capabilities = vec![csi::ControllerServiceCapability { r#type: Some(Type::Rpc(can)) }];
        Ok(Response::new(csi::ControllerGetCapabilitiesResponse { capabilities }))
    }
}
