//! The one door into the store.

use crate::{Event, Point, Score, Span};

/// Anything that Weir keeps.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// A unit of work.
    Span(Box<Span>),
    /// A judgement of a span.
    Score(Box<Score>),
    /// A sample of a metric.
    Point(Box<Point>),
    /// Something that happened once.
    Event(Box<Event>),
}

/// Why a record was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SinkError {
    /// The journal cannot be written; the text says where and why.
    #[error("cannot append to the journal: {0}")]
    Journal(String),
    /// One record alone is over [`crate::limits::RECORD_BYTES_MAX`].
    #[error("record of {bytes} bytes is over the limit of {max} bytes")]
    TooLarge {
        /// The size of the record.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// Weir is shutting down.
    #[error("the journal is closed")]
    Closed,
}

/// Takes records and keeps them. When `append` returns `Ok` the records survive `kill -9`; whoever acknowledges to a
/// client does so after that. A call takes microseconds, and may be made from an async thread.
pub trait RecordSink: Send + Sync {
    /// Keeps these records, all or none.
    fn append(&self, records: &[Record]) -> Result<(), SinkError>;
}
