//! The nouns of Weir.
//!
//! Every other crate speaks in these records: a [`Span`] is one unit of work, a [`Score`] a judgement of a span, a
//! [`Point`] a sample of a metric, an [`Event`] something that happened once. [`Cell`]s are what they become when
//! time is cut into minutes. The traits at the end ([`Clock`], [`RecordSink`], [`Scan`], [`Browse`], [`KeyDirectory`],
//! [`AlertStore`], [`AuditLog`], [`Monitors`], [`PolicyBoard`]) are the only places where crates that must not know each other meet.
//!
//! Invariants: this crate does no I/O, knows no wire format and depends on nothing but serde. Money is an integer, time
//! is integer microseconds UTC, a missing value is `None` and never zero.

mod alert;
mod alert_store;
mod audit;
mod browse;
mod budgets;
mod cache;
mod cancel;
mod cell;
mod cell_feed;
mod content;
mod coverage;
mod document;
mod event;
mod histogram;
mod id;
mod key;
pub mod limits;
pub mod metric;
mod money;
mod monitors;
mod own_mark;
mod point;
mod policy;
mod price_source;
mod record;
mod scan;
mod scope;
mod score;
mod span;
mod tags;
mod time;
mod tokens;

pub use alert::{AlertState, Judgement, Notice, NoticeKind, Transition, TransitionReason};
pub use alert_store::{
    Acknowledgement, AlertResult, AlertStore, AlertStoreError, Delivery, DeliveryQueue, DeliveryState,
    KeptGroup, KeptJudge, NewDelivery, OpenNotice, SavedMonitor, Silence, Telling, TickCommit,
    TransitionFilter,
};
pub use audit::{AUDIT_BYTES_MAX, AuditEntry, AuditError, AuditFilter, AuditLog, NewAuditEntry};
pub use browse::{
    Browse, BrowseError, Column, Contrast, ContrastTag, ContrastValue, Facet, FacetGroup, SortOrder,
    SpanBounds, SpanCount, SpanFilter, SpanPage, SpanSelection, SpanSort, SpanSummary, SqlLimits, Table,
    TraceFilter, TracePage, TraceSort, TraceSummary, TraceTags,
};
pub use budgets::{BudgetError, BudgetOutlook, BudgetStatus, BudgetStore, Budgets, SavedBudget};
pub use cache::{CacheAdmin, CachePurge, CacheStats, SemanticScope, SemanticStats};
pub use cancel::{Cancel, Hook};
pub use cell::{Cell, CellDelta, CellKey};
pub use cell_feed::{CellBatch, CellFeed, CellSnapshot};
pub use content::{Content, Secret};
pub use coverage::{Coverage, CoverageRow, SeenBy};
pub use document::{
    DOCUMENT_BYTES_MAX, DOCUMENT_NAME_BYTES_MAX, DOCUMENTS_PER_KIND_MAX, Document, DocumentChange,
    DocumentError, DocumentKind, Documents, NewDocument,
};
pub use event::{Event, EventLevel};
pub use histogram::{Histogram, HistogramError, HistogramSum};
pub use id::{IdGenerator, IdParseError, SpanId, TraceId};
pub use key::{BoxFuture, KeyAdmin, KeyDirectory, KeyError, KeyHash, NewKey, VirtualKey};
pub use money::{NanoUsd, PicoUsdPerToken};
pub use monitors::{
    GroupStatus, JudgedPoint, JudgedSeries, MonitorStatus, Monitors, MonitorsError, Preview, Verification,
    VerificationOutcome,
};
pub use own_mark::OwnMark;
pub use point::{Point, PointKind};
pub use policy::{ActionRecord, ActivePolicy, NoPolicies, PolicyAction, PolicyBoard, SharedPolicies};
pub use price_source::{PriceSource, TokenRates};
pub use record::{Record, RecordSink, SinkError};
pub use scan::{Need, Scan, ScanError, ScanRequest, ScanRow, ScanSource};
pub use scope::{Scope, wildcard_matches};
pub use score::{Score, ScoreValue};
pub use span::{CacheStatus, EVALUATOR, PolicyDecision, Source, Span, SpanKind, SpanStatus};
pub use tags::{TagKey, Tags};
pub use time::{Clock, SystemClock, TimeRange, UnixMicros};
pub use tokens::TokenUsage;
