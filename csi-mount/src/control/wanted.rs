//! What kubelet wants: a publish request as one checked value.

use std::path::PathBuf;
use std::sync::Arc;

use broker_client::{SecretText, Token};
use csi_mount_core::decide::Rules;
use csi_mount_core::files::{Entry, FilesError};
use csi_mount_core::ids::{TargetPath, VolumeId};
use csi_mount_core::request::{FileMap, KUBELET_PREFIX, Request, RequestError, token_of};
use csi_mount_core::wire::Owner;
use zeroize::Zeroizing;

use super::credential::{Credential, IdentityKey};
use super::failed::Failed;
use super::volume::{Render, Spec};
use crate::config::SecretRef;
use crate::proto::csi::NodePublishVolumeRequest;
use crate::proto::csi::volume_capability::AccessType;
use crate::proto::csi::volume_capability::access_mode::Mode;

pub use csi_mount_core::request::Pod;

/// Permission bits of a volume's folders.
const FOLDER_MODE: u16 = 0o555;
/// Where kubelet puts tokens of the pod's service account.
const TOKENS: &str = "serviceAccount.tokens";
/// Where a secret that the volume names may have a token of the broker.
const TOKEN: &str = "token";

/// Where targets may be.
#[derive(Clone, Debug)]
pub struct Places {
    /// Folder of kubelet.
    pub kubelet_dir: PathBuf,
    /// Whether the last element may have any name.
    pub any_target_name: bool,
}

/// Who reads the secret.
enum Proof {
    Token(Zeroizing<String>, Token),
    ServiceAccount(SecretText),
}

/// A volume that is wanted.
pub struct Wanted {
    /// What kubelet calls it.
    pub volume_id: VolumeId,
    /// Where it is to be mounted.
    pub target: TargetPath,
    /// Owner of its files.
    pub owner: Owner,
    /// Permission bits of its folders.
    pub folder_mode: u16,
    /// The secret.
    pub secret: SecretRef,
    /// How it is shown.
    pub spec: Spec,
    /// Whose it is.
    pub pod: Pod,
    auth: String,
    role: String,
    audience: String,
    proof: Proof,
}

impl Render for FileMap {
    fn files(&self, text: &str) -> Result<Vec<Entry>, FilesError> {
        Self::files(self, text)
    }
}

impl From<RequestError> for Failed {
    fn from(error: RequestError) -> Self {
        Self::invalid(error.to_string())
    }
}

impl Places {
    /// A target: `KUBELET_DIR/pods/UID/volumes/kubernetes.io~csi/NAME/mount`.
    ///
    /// # Errors
    /// It is missing or another path.
    pub fn target(&self, text: String) -> Result<TargetPath, Failed> {
        if text.is_empty() {
            return Err(Failed::invalid("the target path is missing"));
        }
        let target = TargetPath::try_from(text)
            .map_err(|problem| Failed::invalid(format!("the target path is not acceptable: {problem}")))?;
        if self.pod_uid(&target).is_none() {
            let dir = self.kubelet_dir.display();
            return Err(Failed::invalid(format!(
                "the target {target} is no volume of a pod below {dir}; see --kubelet-dir"
            )));
        }
        Ok(target)
    }

    /// The pod of a target.
    fn pod_uid<'a>(&self, target: &'a TargetPath) -> Option<&'a str> {
        let rest = target.as_str().strip_prefix(self.kubelet_dir.to_str()?.trim_end_matches('/'))?;
        let mut parts = rest.strip_prefix("/pods/")?.split('/');
        let uid = parts.next()?;
        let fixed = (parts.next()?, parts.next()?) == ("volumes", "kubernetes.io~csi");
        let _name = parts.next()?;
        let last = parts.next()?;
        let ends = parts.next().is_none() && (self.any_target_name || last == "mount");
        (fixed && ends).then_some(uid)
    }
}

impl Wanted {
    /// Checks a request.
    ///
    /// # Errors
    /// The first thing that is wrong with it, for users.
    pub fn of(request: &NodePublishVolumeRequest, places: &Places) -> Result<Self, Failed> {
        if request.volume_id.is_empty() {
            return Err(Failed::invalid("the volume id is missing"));
        }
        let volume_id = VolumeId::try_from(request.volume_id.clone())
            .map_err(|problem| Failed::invalid(format!("the volume id is not acceptable: {problem}")))?;
        let target = places.target(request.target_path.clone())?;
        let group = group(request)?;
        if !request.readonly {
            return Err(Failed::invalid(
                "secrets are read-only; write readOnly: true in the pod's csi volume",
            ));
        }
        let wanted = Request::of(&request.volume_context, group.is_some())?;
        if places.pod_uid(&target) != Some(wanted.pod.uid.as_str()) {
            return Err(Failed::invalid(format!(
                "the target {target} is not that of the pod {}",
                wanted.pod
            )));
        }
        let proof = Proof::of(request, &wanted)?;
        let secret = SecretRef { mount: wanted.mount, path: wanted.path, version: wanted.version };
        let spec = Spec {
            name: format!("{} of pod {}", request.volume_id, wanted.pod),
            files: Arc::new(wanted.files),
            rules: Rules { keep: wanted.keep, max_stale: wanted.max_stale },
        };
        Ok(Self {
            volume_id,
            target,
            owner: Owner { uid: 0, gid: group.unwrap_or(0) },
            folder_mode: FOLDER_MODE,
            secret,
            spec,
            pod: wanted.pod,
            auth: wanted.auth,
            role: wanted.role,
            audience: wanted.audience,
            proof,
        })
    }

    /// Whose token it is read with.
    pub fn identity_key(&self) -> IdentityKey {
        match &self.proof {
            Proof::Token(text, _) => IdentityKey::Token(text.clone()),
            Proof::ServiceAccount(_) => IdentityKey::ServiceAccount(
                [&self.auth, &self.role, &self.audience, &self.pod.namespace, &self.pod.account]
                    .map(Clone::clone),
            ),
        }
    }

    /// The same for messages.
    pub fn identity_name(&self) -> String {
        match &self.proof {
            Proof::Token(..) => format!("the volume's token (pod {})", self.pod),
            Proof::ServiceAccount(_) => {
                format!("service account {}/{}", self.pod.namespace, self.pod.account)
            }
        }
    }

    /// What it proves itself with.
    pub fn credential(&self) -> Credential {
        match &self.proof {
            Proof::Token(_, token) => Credential::Token(token.clone()),
            Proof::ServiceAccount(jwt) => Credential::ServiceAccount {
                mount: self.auth.clone(),
                role: self.role.clone(),
                jwt: jwt.clone(),
            },
        }
    }
}

/// The group of the files, from a capability that can be served.
fn group(request: &NodePublishVolumeRequest) -> Result<Option<u32>, Failed> {
    let capability = request.volume_capability.as_ref();
    let capability = capability.ok_or_else(|| Failed::invalid("the volume capability is missing"))?;
    let Some(AccessType::Mount(mount)) = &capability.access_type else {
        return Err(Failed::invalid("only file systems are served, no block devices"));
    };
    let mode = capability.access_mode.as_ref().map(|mode| mode.mode());
    if !matches!(mode, Some(Mode::SingleNodeWriter | Mode::SingleNodeReaderOnly | Mode::Unknown) | None) {
        return Err(Failed::invalid("a volume is for one node; its access mode is SINGLE_NODE_WRITER"));
    }
    match mount.volume_mount_group.as_str() {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| Failed::invalid("the volume mount group is no number")),
    }
}

impl Proof {
    fn of(request: &NodePublishVolumeRequest, wanted: &Request) -> Result<Self, Failed> {
        if let Some(text) = request.secrets.get(TOKEN) {
            let text = Zeroizing::new(text.trim().to_owned());
            let token = Token::parse(text.as_bytes()).map_err(|problem| {
                Failed::invalid(format!("the key {TOKEN} of the secret in nodePublishSecretRef: {problem}"))
            })?;
            return Ok(Self::Token(text, token));
        }
        let name = format!("{KUBELET_PREFIX}{TOKENS}");
        let tokens = request.secrets.get(&name).or_else(|| request.volume_context.get(&name));
        let audience = &wanted.audience;
        let none = || {
            Failed::invalid(format!(
                "no token came with the volume: name a secret with the key {TOKEN} in nodePublishSecretRef, or let the \
                 CSIDriver object request tokens with the audience {audience}"
            ))
        };
        let jwt = token_of(tokens.ok_or_else(none)?, audience)?.ok_or_else(none)?;
        if wanted.role.is_empty() {
            let help = "the role of the pod's service account at the broker";
            return Err(RequestError::Missing { name: "role", help }.into());
        }
        Ok(Self::ServiceAccount(SecretText::new(jwt.to_owned())))
    }
}
