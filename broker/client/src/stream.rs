//! The events of an open answer, with an end for silence.

use std::collections::VecDeque;
use std::time::Duration;

use crate::answer::{Head, errors, refusal};
use crate::body;
use crate::error::CallError;
use crate::outage;
use crate::sse::{SseError, SseEvent, SseParser};

/// A living server says something at least every 15 s.
pub(crate) const MAX_SILENCE: Duration = Duration::from_secs(45);

/// Why a stream ended that should go on.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The server closed it, or the connection broke.
    #[error("the stream broke off")]
    Cut,
    /// Nothing came for 45 s.
    #[error("the stream has said nothing for {} s", MAX_SILENCE.as_secs())]
    Silent,
    /// What came is no stream of events.
    #[error("the stream cannot be read: {0}")]
    Events(#[from] SseError),
    /// An event that says nothing that can be understood.
    #[error("the stream holds an event {0:?} that cannot be understood")]
    Event(String),
}

/// Checks the head of an answer that should be a stream.
///
/// # Errors
/// [`CallError`], read from the body where it is not.
pub(crate) async fn opened(
    response: reqwest::Response,
    content_type: &str,
) -> Result<reqwest::Response, CallError> {
    let head = Head::of(&response);
    match head.status {
        200 if head.content_type == content_type => Ok(response),
        200..=299 => {
            Err(CallError::Lying { status: head.status, what: "the answer is not the stream asked for" })
        }
        _ => Err(refusal(&head, errors(&body::read(response).await?))),
    }
}

/// The events of an open answer.
#[derive(Debug)]
pub(crate) struct EventStream {
    response: reqwest::Response,
    parser: SseParser,
    waiting: VecDeque<SseEvent>,
}

impl EventStream {
    pub(crate) fn new(response: reqwest::Response) -> Self {
        Self { response, parser: SseParser::default(), waiting: VecDeque::new() }
    }

    /// The next event. A dropped call loses nothing.
    pub(crate) async fn next(&mut self) -> Result<SseEvent, StreamError> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Ok(event);
            }
            let piece = next_piece(&mut self.response).await?.ok_or(StreamError::Cut)?;
            self.waiting.extend(self.parser.push(&piece)?);
        }
    }

    /// The last id that the stream has named.
    pub(crate) fn last_id(&self) -> Option<&str> {
        // Events that wait are not seen yet: resuming must bring them again.
        match self.waiting.front() {
            Some(_) => None,
            None => self.parser.last_id(),
        }
    }
}

/// The next piece of an open answer, `None` at its end.
pub(crate) async fn next_piece(
    response: &mut reqwest::Response,
) -> Result<Option<bytes::Bytes>, StreamError> {
    match tokio::time::timeout(MAX_SILENCE, response.chunk()).await {
        Err(_) => Err(StreamError::Silent),
        Ok(Err(error)) => {
            tracing::debug!(error = %outage::chain(&error.without_url()), "a stream broke off");
            Err(StreamError::Cut)
        }
        Ok(Ok(piece)) => Ok(piece),
    }
}
