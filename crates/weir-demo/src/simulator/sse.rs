//! Writes a stream of server-sent events into one buffer, and remembers where each ends and when it is due.

use bytes::Bytes;
use serde::Serialize;

/// When an event is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beat {
    /// With the head of the response, or right after the event before.
    Prompt,
    /// When the model has written its next token.
    Token,
}

/// An event, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub bytes: Bytes,
    pub beat: Beat,
}

/// How lines are written.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct LineStyle {
    pub crlf: bool,
    pub comments: bool,
}

/// The events of one stream.
pub(crate) struct EventWriter {
    bytes: Vec<u8>,
    events: Vec<(usize, Beat)>,
    style: LineStyle,
}

impl EventWriter {
    pub(crate) fn new(style: LineStyle, capacity: usize) -> Self {
        Self { bytes: Vec::with_capacity(capacity), events: Vec::new(), style }
    }

    /// An event without a name: `data: …`.
    pub(crate) fn data(&mut self, beat: Beat, data: &impl Serialize) {
        self.event(None, beat, |bytes| write_json(bytes, data));
    }

    /// An event with a name: `event: …` and `data: …`.
    pub(crate) fn named(&mut self, name: &str, beat: Beat, data: &impl Serialize) {
        self.event(Some(name), beat, |bytes| write_json(bytes, data));
    }

    /// An event whose data is written by the caller: one line, without its end.
    pub(crate) fn event(&mut self, name: Option<&str>, beat: Beat, write: impl FnOnce(&mut Vec<u8>)) {
        if self.style.comments {
            self.bytes.extend_from_slice(b": keep-alive");
            self.end_line();
            self.end_line();
        }
        if let Some(name) = name {
            self.bytes.extend_from_slice(b"event: ");
            self.bytes.extend_from_slice(name.as_bytes());
            self.end_line();
        }
        self.bytes.extend_from_slice(b"data: ");
        write(&mut self.bytes);
        self.end_line();
        self.end_line();
        self.events.push((self.bytes.len(), beat));
    }

    /// All events; they share one allocation.
    pub(crate) fn into_events(self) -> Vec<Event> {
        let bytes = Bytes::from(self.bytes);
        let mut start = 0;
        self.events
            .into_iter()
            .map(|(end, beat)| Event { bytes: bytes.slice(std::mem::replace(&mut start, end)..end), beat })
            .collect()
    }

    fn end_line(&mut self) {
        self.bytes.extend_from_slice(if self.style.crlf { b"\r\n" } else { b"\n" });
    }
}

/// Appends a value as JSON.
pub(crate) fn write_json(bytes: &mut Vec<u8>, value: &impl Serialize) {
    serde_json::to_writer(bytes, value).expect("the simulator's own structs always serialise into memory");
}
