//! Notes of a volume that outlive this process: what kubelet asked for, the token, and what is shown.

use csi_mount_core::decide::{Mark, Shown};
use prost::Message;
use zeroize::{Zeroize, Zeroizing};

use crate::proto::csi::NodePublishVolumeRequest;

/// The form of the notes; another one is not understood.
const FORMAT: u32 = 1;

/// What is kept, in a sealed file in memory that the keeper holds.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct Meta {
    #[prost(uint32, tag = "1")]
    format: u32,
    /// What kubelet asked for.
    #[prost(message, optional, tag = "2")]
    pub request: Option<NodePublishVolumeRequest>,
    /// The broker's token; empty for none.
    #[prost(string, tag = "3")]
    pub token: String,
    /// When the token ends, in milliseconds since 1970; 0 for never or not known.
    #[prost(uint64, tag = "4")]
    pub token_ends: u64,
    /// Whether the token was revoked, so that no other is got for this volume.
    #[prost(bool, tag = "5")]
    pub token_revoked: bool,
    /// The secret's version that is shown.
    #[prost(uint64, tag = "6")]
    pub version: u64,
    /// When that version was written.
    #[prost(string, tag = "7")]
    pub created: String,
}

impl std::fmt::Debug for Meta {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Meta")
            .field("request", &self.request)
            .field("token_revoked", &self.token_revoked)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

impl Drop for Meta {
    fn drop(&mut self) {
        self.token.zeroize();
    }
}

impl Drop for NodePublishVolumeRequest {
    fn drop(&mut self) {
        self.secrets.values_mut().chain(self.volume_context.values_mut()).for_each(Zeroize::zeroize);
    }
}

impl Meta {
    /// Notes of a request that nothing is shown of yet.
    pub fn of(request: Option<NodePublishVolumeRequest>) -> Self {
        let mut meta = Self::default();
        (meta.format, meta.request) = (FORMAT, request);
        meta
    }

    /// Notes what is shown.
    pub fn show(&mut self, shown: &Shown) {
        let Mark { version, created } = shown.mark.clone().unwrap_or_default();
        (self.version, self.created) = (version, created);
    }

    /// What was shown.
    pub fn mark(&self) -> Option<Mark> {
        (self.version > 0).then(|| Mark { version: self.version, created: self.created.clone() })
    }

    /// As bytes, as large as they will be, so that no copy is left behind by growing.
    pub fn bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(self.encoded_len()));
        // The room is there.
        let _fits = self.encode(&mut *bytes);
        bytes
    }

    /// From bytes; `None` where they are none, or of another form.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        Self::decode(bytes).ok().filter(|meta| meta.format == FORMAT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_come_back_and_show_no_secret() {
        let mut request = NodePublishVolumeRequest::default();
        request.volume_id = "csi-1".to_owned();
        request.secrets.insert("token".to_owned(), "hvs.hunter2".to_owned());
        let mut meta = Meta::of(Some(request));
        meta.token = "hvs.hunter2".to_owned();
        assert_eq!(meta.mark(), None);
        let mark = Mark { version: 3, created: "2026-01-01T00:00:00Z".to_owned() };
        meta.show(&Shown { mark: Some(mark.clone()), refused: false });
        let read = Meta::read(&meta.bytes()).unwrap();
        assert_eq!((&read, read.mark()), (&meta, Some(mark)));
        assert!(!format!("{read:?}").contains("hunter2"));
        for broken in [&b"\xff\xff"[..], b"", b"\x08\x02"] {
            assert_eq!(Meta::read(broken), None);
        }
    }
}
