//! Server-sent events, read from pieces of any size; pure.

/// The longest line and the longest data of one event in bytes.
const MAX_BYTES: usize = 1 << 20;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SseEvent {
    /// The field `event`; `message` where there was none.
    pub event: String,
    /// The lines of `data`, joined by newlines.
    pub data: String,
    /// The last id that the stream had named when this event was complete, its own included.
    pub id: Option<String>,
}

/// Why a stream cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SseError {
    /// A line or an event is larger than 1 MiB.
    #[error("an event is larger than {MAX_BYTES} bytes")]
    TooLong,
    /// The stream is not UTF-8.
    #[error("the stream is not UTF-8")]
    NotText,
}

/// Reads events from a stream. After an error it must not be fed any more.
#[derive(Clone, Debug, Default)]
pub struct SseParser {
    line: Vec<u8>,
    /// The last piece ended with a carriage return: a newline at the start of the next belongs to it.
    after_return: bool,
    started: bool,
    event: String,
    data: Option<String>,
    id: Option<String>,
    last_id: Option<String>,
}

impl SseParser {
    /// Takes the next piece of the stream.
    ///
    /// # Returns
    /// The events that are complete with it, in order.
    ///
    /// # Errors
    /// [`SseError`].
    pub fn push(&mut self, piece: &[u8]) -> Result<Vec<SseEvent>, SseError> {
        let mut events = Vec::new();
        for &byte in piece {
            let after_return = std::mem::take(&mut self.after_return);
            match byte {
                b'\n' if after_return => {}
                b'\n' | b'\r' => {
                    self.after_return = byte == b'\r';
                    events.extend(self.end_line()?);
                }
                other => {
                    if self.line.len() >= MAX_BYTES {
                        return Err(SseError::TooLong);
                    }
                    self.line.push(other);
                }
            }
        }
        Ok(events)
    }

    /// The last id that the stream named: where to resume.
    pub fn last_id(&self) -> Option<&str> {
        self.last_id.as_deref()
    }

    fn end_line(&mut self) -> Result<Option<SseEvent>, SseError> {
        let line = std::mem::take(&mut self.line);
        let mut line = String::from_utf8(line).map_err(|_| SseError::NotText)?;
        if !std::mem::replace(&mut self.started, true)
            && let Some(rest) = line.strip_prefix('\u{feff}')
        {
            line = rest.to_owned();
        }
        if line.is_empty() {
            return Ok(self.dispatch());
        }
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "event" => value.clone_into(&mut self.event),
            "data" => self.add_data(value)?,
            "id" if !value.contains('\0') => self.id = Some(value.to_owned()),
            // Comments, which are lines with an empty name, and fields nobody knows.
            _ => {}
        }
        Ok(None)
    }

    fn add_data(&mut self, value: &str) -> Result<(), SseError> {
        match &mut self.data {
            None => self.data = Some(value.to_owned()),
            Some(data) => {
                if data.len() + value.len() >= MAX_BYTES {
                    return Err(SseError::TooLong);
                }
                data.push('\n');
                data.push_str(value);
            }
        }
        Ok(())
    }

    /// Ends an event. An id counts even without data, as heartbeats send it.
    fn dispatch(&mut self) -> Option<SseEvent> {
        if let Some(id) = self.id.take() {
            self.last_id = Some(id).filter(|id| !id.is_empty());
        }
        let event = std::mem::take(&mut self.event);
        let data = self.data.take()?;
        let event = if event.is_empty() { "message".to_owned() } else { event };
        Some(SseEvent { event, data, id: self.last_id.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(event: &str, data: &str, id: Option<&str>) -> SseEvent {
        SseEvent { event: event.to_owned(), data: data.to_owned(), id: id.map(str::to_owned) }
    }

    /// Reads the text whole, byte by byte and cut at every place: the events must be the same.
    fn check(text: &str, wanted: &[SseEvent], last_id: Option<&str>) {
        let bytes = text.as_bytes();
        let mut cuts: Vec<Vec<&[u8]>> = vec![vec![bytes], bytes.chunks(1).collect()];
        cuts.extend((1..bytes.len()).map(|at| vec![&bytes[..at], &bytes[at..]]));
        for pieces in cuts {
            let mut parser = SseParser::default();
            let got: Vec<SseEvent> = pieces.iter().flat_map(|piece| parser.push(piece).unwrap()).collect();
            assert_eq!(got, wanted, "{text:?} in {} pieces", pieces.len());
            assert_eq!(parser.last_id(), last_id, "{text:?}");
        }
    }

    #[test]
    fn streams_are_read_in_any_pieces() {
        check("data: x\n\n", &[event("message", "x", None)], None);
        check("event: change\ndata: {\"a\":1}\n\n", &[event("change", "{\"a\":1}", None)], None);
        check("id: 7\r\nevent: ready\r\ndata: 1\r\n\r\n", &[event("ready", "1", Some("7"))], Some("7"));
        check("data: a\rdata: b\r\r", &[event("message", "a\nb", None)], None);
        check("data: one\ndata: two\n\n", &[event("message", "one\ntwo", None)], None);
        check(": alive\n\n", &[], None);
        check("id: 9\n: alive\n\n", &[], Some("9"));
        check(
            "id: 1\ndata: a\n\ndata: b\n\n",
            &[event("message", "a", Some("1")), event("message", "b", Some("1"))],
            Some("1"),
        );
        check(
            "id: 1\ndata: a\n\nid\ndata: b\n\n",
            &[event("message", "a", Some("1")), event("message", "b", None)],
            None,
        );
        check("data\n\n", &[event("message", "", None)], None);
        check("data:x\n\n", &[event("message", "x", None)], None);
        check("data:  x\n\n", &[event("message", " x", None)], None);
        check("retry: 5\nfoo: bar\ndata: x\n\n", &[event("message", "x", None)], None);
        check("\u{feff}data: x\n\n", &[event("message", "x", None)], None);
        check("event: cut\nid: 3\ndata: never ended\n", &[], None);
        check("event: empty\n\ndata: x\n\n", &[event("message", "x", None)], None);
        check("data: gr\u{fc}n\n\n", &[event("message", "gr\u{fc}n", None)], None);
    }

    #[test]
    fn what_is_too_long_or_no_text_ends_the_stream() {
        let line = format!("data: {}", "x".repeat(MAX_BYTES));
        let lines = "data: xxxxxxxx\n".repeat(MAX_BYTES / 9 + 1);
        let rows: [(&[u8], SseError); 3] = [
            (line.as_bytes(), SseError::TooLong),
            (lines.as_bytes(), SseError::TooLong),
            (b"data: \xff\n", SseError::NotText),
        ];
        for (given, wanted) in rows {
            assert_eq!(SseParser::default().push(given), Err(wanted));
        }
    }
}
