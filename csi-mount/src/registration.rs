//! Tells kubelet that the driver is there: the service it asks, and the socket that it finds it by.

use std::path::PathBuf;
use std::time::Duration;

use csi_mount_core::refresh::backoff;
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnixListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic::{Request, Response, Status};

use crate::proto::registration::registration_server::{Registration, RegistrationServer};
use crate::proto::registration::{InfoRequest, PluginInfo, RegistrationStatus, RegistrationStatusResponse};
use crate::{clock, sockets};

/// The version of CSI that kubelet knows.
const VERSION: &str = "1.0.0";

/// What kubelet is told.
#[derive(Clone, Debug)]
pub struct Registrar {
    /// Name of the driver.
    pub driver_name: String,
    /// Path of the CSI socket on the host.
    pub endpoint: PathBuf,
    /// Folder in which kubelet looks for sockets.
    pub folder: PathBuf,
}

#[derive(Debug)]
struct Service {
    registrar: Registrar,
    /// Says whether kubelet has taken the driver.
    taken: mpsc::Sender<bool>,
}

#[tonic::async_trait]
impl Registration for Service {
    async fn get_info(&self, _: Request<InfoRequest>) -> Result<Response<PluginInfo>, Status> {
        Ok(Response::new(PluginInfo {
            r#type: "CSIPlugin".to_owned(),
            name: self.registrar.driver_name.clone(),
            endpoint: self.registrar.endpoint.display().to_string(),
            supported_versions: vec![VERSION.to_owned()],
        }))
    }

    async fn notify_registration_status(
        &self,
        request: Request<RegistrationStatus>,
    ) -> Result<Response<RegistrationStatusResponse>, Status> {
        let status = request.into_inner();
        if status.plugin_registered {
            tracing::info!("kubelet has registered the driver");
        } else {
            tracing::error!(error = status.error, "kubelet refuses the driver; it is offered again");
        }
        // One that waits already says the same.
        let _full = self.taken.try_send(status.plugin_registered);
        Ok(Response::new(RegistrationStatusResponse {}))
    }
}

impl Registrar {
    /// Path of the socket that kubelet finds.
    pub fn socket(&self) -> PathBuf {
        // The kubelet sends the escaped path as `:authority`, where a percent sign is legal only before an `@`.
        self.folder.join(format!("driver@{}-reg.sock", self.driver_name))
    }

    /// Offers the driver until it is stopped, then takes the socket away, which tells kubelet that it is gone.
    ///
    /// kubelet looks when a socket is made: after a refusal a new one is made.
    pub async fn run(self, stop: CancellationToken) {
        let mut failures = 0;
        while !stop.is_cancelled() {
            match self.offer(&stop).await {
                Ok(()) => failures = 0,
                Err(error) => {
                    let socket = self.socket();
                    tracing::error!(%error, socket = %socket.display(), "the driver cannot be offered to kubelet");
                }
            }
            failures += 1;
            let wait = Duration::from_millis(backoff(failures, clock::jitter()));
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = stop.cancelled() => {}
            }
        }
        if let Err(error) = sockets::remove(&self.socket()) {
            tracing::warn!(%error, "the registration socket is left behind");
        }
    }

    /// Serves a new socket until kubelet refuses the driver, or until it is stopped.
    async fn offer(&self, stop: &CancellationToken) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let listener = sockets::listen(&self.socket())?;
        let (taken, mut told) = mpsc::channel(1);
        let service = Service { registrar: self.clone(), taken };
        let refused = async { while told.recv().await.unwrap_or(true) {} };
        Server::builder()
            .add_service(RegistrationServer::new(service))
            .serve_with_incoming_shutdown(UnixListenerStream::new(listener), async {
                tokio::select! {
                    () = refused => {}
                    () = stop.cancelled() => {}
                }
            })
            .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::registration::registration_client::RegistrationClient;

    async fn eventually(what: &str, mut done: impl FnMut() -> bool) {
        for _ in 0..500 {
            if done() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("not within 5 s: {what}");
    }

    #[tokio::test]
    async fn kubelet_is_told_and_a_refusal_is_followed_by_a_new_offer() {
        let folder = tempfile::tempdir().unwrap();
        let registrar = Registrar {
            driver_name: "csi.keyreeve.io".to_owned(),
            endpoint: "/var/lib/kubelet/plugins/csi.keyreeve.io/csi.sock".into(),
            folder: folder.path().to_owned(),
        };
        let socket = registrar.socket();
        std::fs::write(&socket, "left behind").unwrap();
        let stop = CancellationToken::new();
        let running = tokio::spawn(registrar.run(stop.clone()));
        eventually("a socket", || std::os::unix::net::UnixStream::connect(&socket).is_ok()).await;
        // A new file may get the number of the old one, but not its time.
        let made = || std::fs::metadata(&socket).and_then(|data| data.modified()).ok();
        let first = made();
        let mut kubelet = RegistrationClient::new(sockets::channel(socket.clone()).unwrap());
        let info = kubelet.get_info(InfoRequest {}).await.unwrap().into_inner();
        assert_eq!(
            (info.r#type.as_str(), info.name.as_str(), info.supported_versions),
            ("CSIPlugin", "csi.keyreeve.io", vec!["1.0.0".to_owned()])
        );
        assert_eq!(info.endpoint, "/var/lib/kubelet/plugins/csi.keyreeve.io/csi.sock");
        let status = |plugin_registered| RegistrationStatus { plugin_registered, error: "no".to_owned() };
        kubelet.notify_registration_status(status(true)).await.unwrap();
        assert_eq!(made(), first);
        kubelet.notify_registration_status(status(false)).await.unwrap();
        drop(kubelet);
        let there = || std::fs::metadata(&socket).is_ok();
        eventually("a new socket", || there() && made() != first).await;
        stop.cancel();
        running.await.unwrap();
        assert!(!there(), "the socket goes with the driver");
    }
}
