//! Server-sent events, cut out of bytes as they arrive.
//!
//! Two steps, so that nothing is copied when events arrive whole. [`Splitter`] only finds where an event ends: it
//! carries a few bits from one piece of the stream to the next and never looks at a byte twice. [`Event::parse`] then
//! reads one complete event, which is usually a single `data:` line borrowed from it.
//!
//! By the specification: lines end in LF, CR or CRLF; a blank line ends an event; a byte order mark may open the
//! stream; lines that begin with a colon are comments; several `data` lines are joined with LF.
//!
//! Invariant: cutting the same bytes into other pieces finds the same events. A CR at the end of a piece ends its line
//! at once; an LF that opens the next piece then belongs to the line before it ([`Splitter::owes_lf`]).

use std::borrow::Cow;
use std::ops::Range;

/// The mark that may open a stream.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Finds the ends of events.
#[derive(Debug, Default)]
pub(crate) struct Splitter {
    /// The last byte was a CR; an LF that follows belongs to the same line end.
    after_cr: bool,
    /// The line that is being read has bytes.
    in_line: bool,
    /// The event that is being read has a line with bytes.
    in_event: bool,
}

impl Splitter {
    /// The offset after the next end of an event at or after `from`, or `None` when the event goes on in the next
    /// piece. Blank lines before an event belong to nothing and are passed over.
    pub(crate) fn next_end(&mut self, bytes: &[u8], from: usize) -> Option<usize> {
        let mut at = from;
        while at < bytes.len() {
            if self.after_cr {
                self.after_cr = false;
                if bytes[at] == b'\n' {
                    at += 1;
                    continue;
                }
            }
            let Some(found) = memchr::memchr2(b'\n', b'\r', &bytes[at..]) else {
                self.in_line = true;
                self.in_event = true;
                return None;
            };
            let has_bytes = self.in_line || found > 0;
            let is_cr = bytes[at + found] == b'\r';
            at += found + 1;
            self.in_line = false;
            self.after_cr = is_cr;
            if has_bytes {
                self.in_event = true;
            } else if self.in_event {
                self.in_event = false;
                if is_cr && bytes.get(at) == Some(&b'\n') {
                    self.after_cr = false;
                    at += 1;
                }
                return Some(at);
            }
        }
        None
    }

    /// Right after the end of an event: whether an LF that opens the next piece would still belong to it.
    pub(crate) const fn owes_lf(&self) -> bool {
        self.after_cr
    }

    /// Whether an event has begun and not ended.
    pub(crate) const fn in_event(&self) -> bool {
        self.in_event
    }
}

/// One complete event.
#[derive(Debug)]
pub(crate) struct Event<'a> {
    /// The last `event` line's value.
    pub(crate) name: &'a [u8],
    /// The `data` lines' values, joined with LF; empty when there were none.
    pub(crate) data: Cow<'a, [u8]>,
    /// Where `data` stands in the event's bytes, when it is a single line.
    pub(crate) data_at: Option<Range<usize>>,
}

impl<'a> Event<'a> {
    /// Reads the bytes of one event, with or without the blank line that ends it.
    pub(crate) fn parse(bytes: &'a [u8]) -> Self {
        let mut event = Self { name: b"", data: Cow::Borrowed(b""), data_at: None };
        let mut has_data = false;
        let mut at = if bytes.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
        while at < bytes.len() {
            let end = memchr::memchr2(b'\n', b'\r', &bytes[at..]).map_or(bytes.len(), |found| at + found);
            let line = &bytes[at..end];
            if let Some(value_at) = value_of(line, b"data") {
                let value = &line[value_at..];
                if has_data {
                    let joined = event.data.to_mut();
                    joined.push(b'\n');
                    joined.extend_from_slice(value);
                    event.data_at = None;
                } else {
                    has_data = true;
                    event.data = Cow::Borrowed(value);
                    event.data_at = Some(at + value_at..end);
                }
            } else if let Some(value_at) = value_of(line, b"event") {
                event.name = &line[value_at..];
            }
            at = end + 1;
        }
        event
    }
}

/// Where the value of a line begins if the line is of this field: after the colon and one space.
fn value_of(line: &[u8], field: &[u8]) -> Option<usize> {
    match line.strip_prefix(field)? {
        [] => Some(field.len()),
        [b':', b' ', ..] => Some(field.len() + 2),
        [b':', ..] => Some(field.len() + 1),
        _ => None,
    }
}
