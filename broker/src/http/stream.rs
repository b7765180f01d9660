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
    patience: Duration,
}

/// A stream's two ends.
pub fn outlet() -> (Outlet, Body) {
    let (sender, receiver) = mpsc::channel(WAITING + 1);
    let last = sender.clone().try_reserve_owned().ok();
    let pieces = stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|piece| (Ok::<_, Infallible>(piece), receiver))
    });
    (Outlet { sender, last, patience: PATIENCE }, Body::from_stream(pieces))
}

impl Outlet {
    /// Sends a piece; false when the reader is gone or too slow.
    pub async fn send(&mut self, piece: String) -> bool {
        matches!(tokio::time::timeout(self.patience, self.sender.send(Bytes::from(piece))).await, Ok(Ok(())))
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

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    /// A reader who does not read: pieces wait up to the bound, then the reader is cut off, and told where to go on.
    #[tokio::test]
    async fn a_slow_reader_is_cut_off_with_a_cursor() {
        let (mut outlet, body) = outlet();
        outlet.patience = Duration::from_millis(20);
        for n in 0..WAITING {
            assert!(outlet.send(format!("{n};")).await, "piece {n} waits");
        }
        assert!(!outlet.send("one too many".to_owned()).await);
        outlet.finish("lagged".to_owned());
        let read = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(read.to_vec()).unwrap();
        assert!(text.ends_with("15;lagged"), "{text}");
    }

    #[tokio::test]
    async fn a_reader_that_goes_away_ends_the_stream() {
        let (mut outlet, body) = outlet();
        drop(body);
        outlet.closed().await;
        assert!(!outlet.send("x".to_owned()).await);
    }
}
