//! Follows a server's change stream for as long as the session is used.

use std::time::Duration;

use broker_client::retry::Backoff;
use broker_client::{CallError, ChangeEvent, ChangeKind, ChangeStream, ChangesError, Session};
use tokio::sync::mpsc;

use crate::clock;

const BACKOFF: Backoff = Backoff { first: Duration::from_millis(500), most: Duration::from_secs(30) };

/// What is heard of a server.
#[derive(Debug)]
pub enum Heard {
    /// It tells of changes from now on.
    Told {
        /// Whether changes may have been missed, so that all must be read again.
        list: bool,
    },
    /// It does not tell, for now or at all.
    Silent,
    /// Something changed.
    Change(ChangeKind),
}

/// Tells `events` what is heard over a session, until nobody listens. A server without a change stream is asked again
/// after `interval`.
pub async fn follow(line: u64, session: Session, interval: Duration, events: mpsc::Sender<(u64, Heard)>) {
    let mut follower =
        Follower { line, session, interval, events, after: None, attempt: 0, said: String::new() };
    while let Some(wait) = follower.once().await {
        tokio::time::sleep(wait).await;
    }
}

struct Follower {
    line: u64,
    session: Session,
    interval: Duration,
    events: mpsc::Sender<(u64, Heard)>,
    /// Revision after which to go on; `None`: from now, and everything is read again.
    after: Option<u64>,
    attempt: u32,
    /// The last thing that was logged.
    said: String,
}

impl Follower {
    /// One stream from its opening to its end.
    ///
    /// # Returns
    /// How long to wait before the next; `None` if nobody listens any more.
    async fn once(&mut self) -> Option<Duration> {
        match self.session.changes(self.after).await {
            Ok(stream) => {
                let why = self.listen(stream).await?;
                self.say(&format!("the change stream ended, it is opened again: {why}"));
            }
            Err(ChangesError::Gone { .. }) => {
                self.say("changes were missed, all secrets are read again");
                self.after = None;
            }
            Err(error) => {
                self.tell(Heard::Silent).await?;
                if let Some(wait) = self.without(&error) {
                    return Some(wait);
                }
            }
        }
        let wait = BACKOFF.delay(self.attempt, clock::jitter());
        self.attempt = self.attempt.saturating_add(1);
        Some(wait)
    }

    /// What a stream that cannot be opened means; the wait, if it is no passing trouble.
    fn without(&mut self, error: &ChangesError) -> Option<Duration> {
        // Until there is a stream again, changes go unheard.
        match error {
            ChangesError::Unsupported
            | ChangesError::Call(
                CallError::Denied { .. } | CallError::Refused { .. } | CallError::Lying { .. },
            ) => {
                self.after = None;
                self.say(&format!("no change stream, refreshInterval counts: {error}"));
                Some(self.interval)
            }
            _ => {
                self.say(&format!("no change stream for now, refreshInterval counts: {error}"));
                None
            }
        }
    }

    /// Reads a stream to its end.
    async fn listen(&mut self, mut stream: ChangeStream) -> Option<String> {
        let why = loop {
            let event = tokio::select! {
                event = stream.next() => event,
                () = self.events.closed() => return None,
            };
            match event {
                Ok(ChangeEvent::Ready { .. }) => {
                    self.attempt = 0;
                    self.say("changes are told by the server");
                    self.tell(Heard::Told { list: self.after.is_none() }).await?;
                }
                Ok(ChangeEvent::Change(change)) => self.tell(Heard::Change(change.kind)).await?,
                Ok(ChangeEvent::Gone { .. }) => {
                    self.after = None;
                    return Some("changes were missed, all secrets are read again".to_owned());
                }
                Ok(ChangeEvent::TokenEnded { .. }) => break "the token has ended".to_owned(),
                Ok(ChangeEvent::Lagged { .. }) => break "this reader was too slow".to_owned(),
                Ok(ChangeEvent::End { .. }) => break "the server ends".to_owned(),
                Err(error) => break error.to_string(),
            }
            self.after = stream.cursor().or(self.after);
        };
        self.after = stream.cursor().or(self.after);
        Some(why)
    }

    async fn tell(&self, heard: Heard) -> Option<()> {
        self.events.send((self.line, heard)).await.ok()
    }

    fn say(&mut self, text: &str) {
        if self.said != text {
            tracing::info!(server = %self.session.client().address(), "{text}");
            text.clone_into(&mut self.said);
        }
    }
}
