//! A response body that is written piece by piece, with a bound on what waits and on how long it waits.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures::stream;
use tokio::sync::mpsc::{self, OwnedPermit};

/// Pieces that wait for the reader.
const WAITING: usize = 16;
/// How long a piece waits for a place before the reader is cut off.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where a stream's pieces go. A place for the last piece is kept free, so that a reader who is cut off is told so.
pub struct Outlet {
    sender: mpsc::Sender<Bytes>,
    last: Option<OwnedPermit<Bytes>>,
}

/// A stream's two ends.
pub fn outlet() -> (Outlet, Body) {
    let (sender, receiver) = mpsc::channel(WAITING + 1);
    let last = sender.clone().try_reserve_owned().ok();
    let pieces = stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|piece| (Ok::<_, Infallible>(piece), receiver))
    });
    (Outlet { sender, last }, Body::from_stream(pieces))
}

impl Outlet {
    /// Sends a piece; false when the reader is gone or too slow.
    pub async fn send(&mut self, piece: String) -> bool {
        matches!(tokio::time::timeout(PATIENCE, self.sender.send(Bytes::from(piece))).await, Ok(Ok(())))
    }

    /// Sends the last piece, which always has a place, and closes the stream.
    pub fn finish(mut self, piece: String) {
        if let Some(place) = self.last.take() {
            place.send(Bytes::from(piece));
        }
    }

    /// Resolves when the reader is gone.
    pub async fn closed(&self) {
        self.sender.closed().await;
    }
}
