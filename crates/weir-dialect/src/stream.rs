//! A streamed answer, read while it passes.
//!
//! The reader is handed each piece of the upstream's body and answers what to forward at once: the same bytes, except
//! that with [`StreamOptions::strip_usage`] the traces of a question that the client did not ask are taken out. Reading
//! and forwarding are apart on purpose. Without stripping, every piece is forwarded as it is whatever it holds, and
//! reading can neither delay nor change it; with stripping, only an incomplete event is held back until it is whole.
//!
//! What is taken out is decided by one rule: the client must receive what the provider would have sent it directly.
//! With `include_usage`, OpenAI adds one event without choices that carries the usage, and `"usage":null` to all the
//! others; both are removed, and no other byte.
//!
//! Invariants: cutting the same bytes into other pieces forwards the same bytes and finds the same facts. Memory is
//! bounded by [`EVENT_BYTES_MAX`] for an event in flight and [`StreamOptions::content_bytes_max`] for the output.
//! Failure: an event that cannot be read (no JSON, not UTF-8, gigantic) is forwarded and says nothing.

mod budget;
mod chat;
mod completions;
mod forward;
mod messages;
mod responses;

use bytes::Bytes;

pub use forward::StreamForward;

use crate::splice;
use crate::sse::{Event, Splitter};
use crate::{Dialect, ResponseFacts};
use budget::Budget;
use forward::Forward;

/// Bytes of one event that is read. Larger ones (images in base64, mostly) are forwarded unread, so that no stream can
/// make the gateway hold more than this.
pub const EVENT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Capacity above which the buffer for events that arrive in pieces is given back after use.
const PENDING_BYTES_KEPT: usize = 64 * 1024;

/// How a stream is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamOptions {
    /// Weir asked for usage on behalf of a client that did not: remove what that question added to the stream.
    pub strip_usage: bool,
    /// Bytes of output that are kept for the span; what is over is counted, forwarded and forgotten.
    pub content_bytes_max: usize,
}

/// What one piece of the stream means.
#[derive(Debug)]
pub struct StreamStep {
    /// What to send to the client.
    pub forward: StreamForward,
    /// The first piece of content was in this push. True once per stream.
    pub first_token: bool,
    /// The event that ends the stream (`[DONE]`, `message_stop`, `response.completed` and its like, an error) is in
    /// `forward`: what must be durable before the client knows that the call is over must be made so now.
    pub terminal: bool,
}

/// Reads one stream.
#[derive(Debug)]
pub struct StreamReader {
    strip_usage: bool,
    splitter: Splitter,
    /// The beginning of an event whose end has not arrived.
    pending: Vec<u8>,
    /// The event in flight is too large: nothing of it is kept or read.
    is_skipping: bool,
    /// The last event was removed and ended in a CR: an LF that comes next was its own.
    is_removed_lf_owed: bool,
    /// What all events so far were, together.
    seen: Meaning,
    said: Said,
    assembler: Assembler,
}

/// What the stream has said so far, whatever its dialect.
#[derive(Debug)]
struct Said {
    facts: ResponseFacts,
    budget: Budget,
}

/// What one event is.
#[derive(Debug, Clone, Copy, Default)]
struct Meaning {
    has_content: bool,
    is_terminal: bool,
    /// It is there only because usage was asked for.
    is_usage_only: bool,
}

/// Puts the final message together again.
#[derive(Debug)]
enum Assembler {
    Chat(chat::ChatStream),
    Completions(completions::CompletionsStream),
    Responses(responses::ResponsesStream),
    Messages(messages::MessagesStream),
    /// Dialects without streams.
    Unread,
}

/// What becomes of an event's bytes.
enum Fate {
    Keep,
    Remove,
    /// This range of the event is cut out.
    Cut(std::ops::Range<usize>),
}

impl StreamReader {
    /// A reader at the start of a stream.
    pub fn new(dialect: Dialect, options: StreamOptions) -> Self {
        Self {
            strip_usage: options.strip_usage && dialect.has_stream_options(),
            splitter: Splitter::default(),
            pending: Vec::new(),
            is_skipping: false,
            is_removed_lf_owed: false,
            seen: Meaning::default(),
            said: Said { facts: ResponseFacts::default(), budget: Budget::new(options.content_bytes_max) },
            assembler: Assembler::new(dialect),
        }
    }

    /// Reads the next piece of the upstream's body and says what to forward for it.
    pub fn push(&mut self, chunk: Bytes) -> StreamStep {
        let mut forward = Forward::default();
        let mut meaning = Meaning::default();
        if let Some(first) = chunk.first()
            && std::mem::take(&mut self.is_removed_lf_owed)
            && *first == b'\n'
        {
            forward.cut(0..1);
        }
        let mut from = 0;
        while let Some(end) = self.splitter.next_end(&chunk, from) {
            self.complete_event(&chunk, from..end, &mut forward, &mut meaning);
            from = end;
        }
        if self.splitter.in_event() && !self.is_skipping {
            self.hold(&chunk, from, &mut forward);
        }
        self.step(forward.materialise(chunk), meaning)
    }

    /// Tells that the upstream has ended. Returns what was held back, which the client would have received: call this
    /// once before [`Self::finish`]. An event that lacks only its blank line is read like a complete one.
    pub fn flush(&mut self) -> StreamStep {
        let mut forward = Forward::default();
        let mut meaning = Meaning::default();
        if !self.pending.is_empty() {
            let event = std::mem::take(&mut self.pending);
            let fate = self.read_event(&event, &mut meaning);
            if self.strip_usage {
                forward.hold(event, fate);
            }
        }
        self.step(forward.materialise(Bytes::new()), meaning)
    }

    /// Whether the event that ends a stream was seen.
    pub const fn saw_terminal(&self) -> bool {
        self.seen.is_terminal
    }

    /// Whether the stream is over: the terminal event was seen (an error is one), or every choice has said why it
    /// ended. Some servers send no terminal event; with them this is how a whole stream is told from one that was cut.
    pub fn is_complete(&self) -> bool {
        self.seen.is_terminal || self.assembler.is_finished()
    }

    /// What the stream said.
    pub fn finish(self) -> ResponseFacts {
        let Said { mut facts, budget } = self.said;
        if let Some(output) = self.assembler.output(&mut facts) {
            facts.output = Some(output);
        }
        facts.output_truncated = budget.is_exceeded();
        facts
    }

    fn step(&mut self, forward: StreamForward, meaning: Meaning) -> StreamStep {
        let first_token = meaning.has_content && !self.seen.has_content;
        self.seen.has_content |= meaning.has_content;
        self.seen.is_terminal |= meaning.is_terminal;
        StreamStep { forward, first_token, terminal: meaning.is_terminal }
    }

    /// An event ends within the chunk, at the end of `at`; its beginning may be pending.
    fn complete_event(
        &mut self,
        chunk: &Bytes,
        at: std::ops::Range<usize>,
        forward: &mut Forward,
        meaning: &mut Meaning,
    ) {
        let end = at.end;
        let mut is_removed = false;
        if std::mem::take(&mut self.is_skipping) {
            return;
        }
        if self.pending.is_empty() {
            let event = &chunk[at.clone()];
            let fate = self.read_event(event, meaning);
            is_removed = matches!(fate, Fate::Remove);
            forward.apply(fate, event, at.start);
        } else {
            let mut event = std::mem::take(&mut self.pending);
            event.extend_from_slice(&chunk[at.clone()]);
            let fate = self.read_event(&event, meaning);
            if self.strip_usage {
                is_removed = matches!(fate, Fate::Remove);
                forward.cut(at);
                forward.hold(event, fate);
            } else if event.capacity() <= PENDING_BYTES_KEPT {
                event.clear();
                self.pending = event;
            }
        }
        self.is_removed_lf_owed = is_removed && end == chunk.len() && self.splitter.owes_lf();
    }

    /// The chunk ends within an event that begins at `from`, or before this chunk.
    fn hold(&mut self, chunk: &Bytes, from: usize, forward: &mut Forward) {
        let tail = &chunk[from..];
        if self.pending.len() + tail.len() > EVENT_BYTES_MAX {
            self.is_skipping = true;
            let held = std::mem::take(&mut self.pending);
            if self.strip_usage {
                forward.hold(held, Fate::Keep);
            }
            return;
        }
        self.pending.extend_from_slice(tail);
        if self.strip_usage {
            forward.cut(from..chunk.len());
        }
    }

    fn read_event(&mut self, bytes: &[u8], total: &mut Meaning) -> Fate {
        if bytes.len() > EVENT_BYTES_MAX {
            return Fate::Keep;
        }
        let event = Event::parse(bytes);
        if event.data.starts_with(b"[DONE]") {
            total.is_terminal = true;
            return Fate::Keep;
        }
        let Ok(json) = std::str::from_utf8(&event.data) else {
            return Fate::Keep;
        };
        if json.is_empty() {
            return Fate::Keep;
        }
        let meaning = self.assembler.read(json, &mut self.said);
        total.has_content |= meaning.has_content;
        total.is_terminal |= meaning.is_terminal;
        match (self.strip_usage, &event.data_at) {
            (true, _) if meaning.is_usage_only => Fate::Remove,
            (true, Some(data_at)) => null_usage(json)
                .map_or(Fate::Keep, |cut| Fate::Cut(data_at.start + cut.start..data_at.start + cut.end)),
            _ => Fate::Keep,
        }
    }
}

impl Assembler {
    fn new(dialect: Dialect) -> Self {
        match dialect {
            Dialect::OpenAiChat => Self::Chat(chat::ChatStream::default()),
            Dialect::OpenAiCompletions => Self::Completions(completions::CompletionsStream::default()),
            Dialect::OpenAiResponses => Self::Responses(responses::ResponsesStream::default()),
            Dialect::AnthropicMessages => Self::Messages(messages::MessagesStream::default()),
            Dialect::OpenAiEmbeddings | Dialect::AnthropicCountTokens => Self::Unread,
        }
    }

    fn read(&mut self, json: &str, said: &mut Said) -> Meaning {
        let read = match self {
            Self::Chat(stream) => stream.read(json, said),
            Self::Completions(stream) => stream.read(json, said),
            Self::Responses(stream) => stream.read(json, said),
            Self::Messages(stream) => stream.read(json, said),
            Self::Unread => None,
        };
        read.unwrap_or_default()
    }

    fn is_finished(&self) -> bool {
        match self {
            Self::Chat(stream) => stream.is_finished(),
            Self::Completions(stream) => stream.is_finished(),
            Self::Responses(_) | Self::Messages(_) | Self::Unread => false,
        }
    }

    fn output(self, facts: &mut ResponseFacts) -> Option<String> {
        match self {
            Self::Chat(stream) => stream.output(facts),
            Self::Completions(stream) => stream.output(facts),
            Self::Responses(stream) => stream.output(facts),
            Self::Messages(stream) => stream.output(facts),
            Self::Unread => None,
        }
    }
}

/// Where the member `"usage":null` of a chunk stands, its comma included.
fn null_usage(json: &str) -> Option<std::ops::Range<usize>> {
    memchr::memmem::find(json.as_bytes(), b"\"usage\"")?;
    let members = splice::members(json).ok()?;
    let index = members.iter().position(|member| member.name == "usage" && member.value == "null")?;
    Some(splice::removal(&members, index))
}
