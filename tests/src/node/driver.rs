//! The node driver on a node, from what `deploy/kustomize/csi-mount` installs: only the image and the broker's address are set.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::json;

use super::{Image, NAME, Node};

/// How long the driver may take until it is ready and known to the kubelet.
const LIMIT: Duration = Duration::from_secs(60);

/// The namespace of the driver, and the name of its service account and of its role at the broker.
pub const DRIVER: &str = "keyreeve-csi";

/// The image that stands in for the released one.
const IMAGE: (&str, &str) = ("localhost/keyreeve-csi", "test");

impl Node {
    /// Installs the driver with this program as its image's, for the broker at `broker`; returns when the kubelet knows it.
    ///
    /// # Errors
    /// The API server refuses a manifest, or the driver is not ready within a minute: with its log.
    pub fn install_driver(&self, program: &Path, broker: &str) -> Result<()> {
        let (name, tag) = IMAGE;
        self.load(&Image::new(&format!("{name}:{tag}"), &["/bin/keyreeve-csi"]).program(program)?)?;
        let overlay = tempfile::tempdir_in(self.dir.path())?;
        copy_base(&overlay.path().join("base"))?;
        let config = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": DRIVER},
            "data": {
                "broker-address": broker, "ca-file": "/config/ca.crt",
                "ca.crt": std::fs::read_to_string(self.ca())?,
            },
        });
        let kustomization = json!({
            "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization",
            "resources": ["base"],
            "images": [{"name": DRIVER, "newName": name, "newTag": tag}],
            "patches": [{"patch": config.to_string()}],
        });
        std::fs::write(overlay.path().join("kustomization.yaml"), kustomization.to_string())?;
        self.kubectl(&["apply", "--validate=strict", "-k", super::text(overlay.path())?])?;
        let known = |answer: &crate::kube::Answer| {
            let drivers = answer.body["spec"]["drivers"].as_array();
            drivers.is_some_and(|drivers| drivers.iter().any(|driver| driver["name"] == "csi.keyreeve.io"))
        };
        let path = format!("/apis/storage.k8s.io/v1/csinodes/{NAME}");
        let ready = ["rollout", "status", "daemonset/keyreeve-csi", "--timeout=60s"];
        let installed = self
            .wait_for(&path, LIMIT, known)
            .and_then(|_| self.kubectl(&[&["-n", DRIVER], &ready[..]].concat()));
        if let Err(error) = installed {
            bail!("the driver is not ready: {error:#}\n{}", self.driver_log());
        }
        Ok(())
    }

    /// What the driver logged last, and what is known about its pod.
    pub fn driver_log(&self) -> String {
        let run = |arguments: &[&str]| {
            self.kubectl(&[&["-n", DRIVER], arguments].concat()).unwrap_or_else(|error| format!("{error:#}"))
        };
        let log = run(&["logs", "daemonset/keyreeve-csi", "--tail=60"]);
        let about = run(&["describe", "pods"]);
        let tail = about.lines().rev().take(15).collect::<Vec<_>>();
        format!("{log}\n{}", tail.into_iter().rev().collect::<Vec<_>>().join("\n"))
    }
}

/// Copies the manifests as they stand: an overlay names its base by a path below its own folder.
fn copy_base(to: &Path) -> Result<()> {
    std::fs::create_dir(to)?;
    let from =
        crate::folder().parent().context("the tests have no workspace")?.join("deploy/kustomize/csi-mount");
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        std::fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}
