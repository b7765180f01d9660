//! The broker's audit log, followed live or exported, one record a line.

use serde::Deserialize;

use crate::error::CallError;
use crate::session::Session;
use crate::sse::SseEvent;
use crate::stream::{EventStream, StreamError, next_piece, opened};

/// Path of the audit log.
const PATH: &str = "sys/keyreeve/audit";
/// The longest line of an export in bytes.
const MAX_LINE: usize = 1 << 20;

/// How the audit log is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditFormat {
    /// Follow it: records as they are written, without an end.
    Tail,
    /// All records that there are, then a trailer.
    Export,
}

/// A line of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditLine {
    /// A record, as JSON on one line.
    Record {
        /// Its number in the log; `None` in an export, where the record's text has it.
        seq: Option<u64>,
        /// The record.
        json: String,
    },
    /// The trailer of an export, as JSON: without it the export was cut.
    Trailer {
        /// The trailer.
        json: String,
    },
    /// The tail is over: the server ends, or the reader was too slow. Open it again after `cursor`.
    Ended {
        /// Whether the reader was too slow.
        lagged: bool,
        /// The number of the last record that was looked at.
        cursor: u64,
    },
}

/// An open audit log.
#[derive(Debug)]
pub struct AuditStream(Reader);

#[derive(Debug)]
enum Reader {
    Tail { events: Box<EventStream>, finished: bool },
    Export { response: reqwest::Response, bytes: Vec<u8>, scanned: usize, finished: bool },
}

#[derive(Deserialize)]
struct Ending {
    cursor: u64,
}

impl Session {
    /// Opens the audit log. `query` has the filters (`kind`, `result`, `reason`, `actor`, `path`, `from`, `to`, …);
    /// `after` is the number of the last record that is known: an export begins at the start without it, a tail now.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn audit_stream(
        &self,
        query: &[(&str, &str)],
        after: Option<u64>,
        format: AuditFormat,
    ) -> Result<AuditStream, CallError> {
        let after = after.map(|seq| seq.to_string());
        let mut query = query.to_vec();
        query.extend(after.iter().map(|seq| ("after", seq.as_str())));
        let kind = match format {
            AuditFormat::Tail => "text/event-stream",
            AuditFormat::Export => "application/x-ndjson",
        };
        let response = opened(self.open(PATH, &query, &[("accept", kind)]).await?, kind).await?;
        Ok(AuditStream(match format {
            AuditFormat::Tail => {
                Reader::Tail { events: Box::new(EventStream::new(response)), finished: false }
            }
            AuditFormat::Export => {
                Reader::Export { response, bytes: Vec::new(), scanned: 0, finished: false }
            }
        }))
    }
}

impl AuditStream {
    /// The next line; `None` after the trailer of an export or the end of a tail.
    ///
    /// # Errors
    /// [`StreamError`] when it broke off; what was read until then is right, but not all.
    pub async fn next(&mut self) -> Result<Option<AuditLine>, StreamError> {
        match &mut self.0 {
            Reader::Tail { finished: true, .. } | Reader::Export { finished: true, .. } => Ok(None),
            Reader::Tail { events, finished } => {
                let line = tail_line(events.next().await?)?;
                *finished = matches!(line, AuditLine::Ended { .. });
                Ok(Some(line))
            }
            Reader::Export { response, bytes, scanned, finished } => {
                let json = line(response, bytes, scanned).await?;
                if json.starts_with("{\"$end\":") {
                    *finished = true;
                    return Ok(Some(AuditLine::Trailer { json }));
                }
                Ok(Some(AuditLine::Record { seq: None, json }))
            }
        }
    }
}

fn tail_line(event: SseEvent) -> Result<AuditLine, StreamError> {
    let bad = || StreamError::Event(event.event.chars().take(40).collect());
    if event.event == "record" {
        let seq = event.id.and_then(|id| id.parse().ok());
        return Ok(AuditLine::Record { seq, json: event.data });
    }
    let Ending { cursor } = serde_json::from_str(&event.data).map_err(|_| bad())?;
    match event.event.as_str() {
        "lagged" | "end" => Ok(AuditLine::Ended { lagged: event.event == "lagged", cursor }),
        _ => Err(bad()),
    }
}

/// The next whole line; what comes behind it waits in `bytes`, of which `scanned` bytes hold no newline.
async fn line(
    response: &mut reqwest::Response,
    bytes: &mut Vec<u8>,
    scanned: &mut usize,
) -> Result<String, StreamError> {
    loop {
        let fresh = bytes.get(*scanned..).unwrap_or_default();
        if let Some(at) = fresh.iter().position(|b| *b == b'\n') {
            let mut line: Vec<u8> = bytes.drain(..=*scanned + at).collect();
            line.pop();
            *scanned = 0;
            return String::from_utf8(line).map_err(|_| crate::sse::SseError::NotText.into());
        }
        *scanned = bytes.len();
        if bytes.len() > MAX_LINE {
            return Err(crate::sse::SseError::TooLong.into());
        }
        let piece = next_piece(response).await?.ok_or(StreamError::Cut)?;
        bytes.extend_from_slice(&piece);
    }
}
