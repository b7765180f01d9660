//! Requests of kubelet of any bytes, and whole ones with any texts in them: checked or refused, and never told with what is secret.
#![no_main]

use std::path::PathBuf;

use csi_mount::control::wanted::{Places, Wanted};
use csi_mount::proto::csi::NodePublishVolumeRequest;
use csi_mount::proto::csi::VolumeCapability;
use csi_mount::proto::csi::volume_capability::{AccessType, MountVolume};
use libfuzzer_sys::fuzz_target;
use prost::Message;

const UID: &str = "0b5cbf4e-5b0c-4a2e-9d3e-3f0a8c1d2e4f";
const TOKENS: &str = "csi.storage.k8s.io/serviceAccount.tokens";
/// Stands in everything that is secret, and nowhere else.
const SECRET: &str = "x7-hunter2-x7";

/// A request that is whole.
fn whole() -> NodePublishVolumeRequest {
    let mut request = NodePublishVolumeRequest::default();
    request.volume_id = "csi-1".to_owned();
    request.target_path = format!("/var/lib/kubelet/pods/{UID}/volumes/kubernetes.io~csi/s/mount");
    request.readonly = true;
    request.volume_capability = Some(VolumeCapability {
        access_type: Some(AccessType::Mount(MountVolume::default())),
        ..VolumeCapability::default()
    });
    for (key, value) in [
        ("csi.storage.k8s.io/ephemeral", "true"),
        ("csi.storage.k8s.io/pod.name", "app"),
        ("csi.storage.k8s.io/pod.namespace", "shop"),
        ("csi.storage.k8s.io/pod.uid", UID),
        ("csi.storage.k8s.io/serviceAccount.name", "app"),
        (
            TOKENS,
            "{\"keyreeve\": {\"token\": \"x7-hunter2-x7\", \"expirationTimestamp\": \"2026-01-01T00:00:00Z\"}}",
        ),
        ("secret", "secret/app/db"),
        ("role", "app"),
    ] {
        request.volume_context.insert(key.to_owned(), value.to_owned());
    }
    request
}

/// Puts texts into a whole request: each begins with the place that it is for.
fn filled(data: &str) -> NodePublishVolumeRequest {
    let mut request = whole();
    for part in data.split('\u{1}') {
        let mut chars = part.chars();
        let Some(place) = chars.next() else { continue };
        let text = chars.as_str().to_owned();
        let name = match place {
            'i' => {
                request.volume_id = text;
                continue;
            }
            't' => {
                request.target_path = text;
                continue;
            }
            'g' => {
                if let Some(AccessType::Mount(mount)) =
                    request.volume_capability.as_mut().and_then(|capability| capability.access_type.as_mut())
                {
                    mount.volume_mount_group = text;
                }
                continue;
            }
            'k' => {
                request.secrets.insert("token".to_owned(), format!("{SECRET}{text}"));
                continue;
            }
            'u' => "csi.storage.k8s.io/pod.uid",
            'j' => {
                request.volume_context.insert(TOKENS.to_owned(), text.replace('T', SECRET));
                continue;
            }
            's' => "secret",
            'm' => "secretMount",
            'v' => "version",
            'f' => "files",
            'o' => "mode",
            'r' => "role",
            'x' => "onRevoke",
            'z' => "maxStale",
            'a' => "audience",
            _ => {
                request.volume_context.insert(text, String::new());
                continue;
            }
        };
        request.volume_context.insert(name.to_owned(), text);
    }
    request
}

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else { return };
    let request = match (first % 2, std::str::from_utf8(rest)) {
        (0, _) => match NodePublishVolumeRequest::decode(rest) {
            Ok(request) => request,
            Err(_) => return,
        },
        (_, Ok(text)) if !text.contains(SECRET) => filled(text),
        _ => return,
    };
    let places = Places { kubelet_dir: PathBuf::from("/var/lib/kubelet"), any_target_name: first & 2 > 0 };
    match Wanted::of(&request, &places) {
        Ok(wanted) => {
            let target = wanted.target.as_str();
            assert!(target.starts_with("/var/lib/kubelet/pods/"), "{target}");
            assert!(!target.split('/').any(|part| part == ".." || part == "."), "{target}");
            let _ = (wanted.identity_key(), wanted.identity_name(), wanted.credential());
        }
        Err(failed) => {
            assert!(!failed.to_string().contains(SECRET), "a message tells a secret");
        }
    }
});
