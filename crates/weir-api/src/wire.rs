//! What the API says, as it is written on the wire: one struct for each JSON shape.
//!
//! These are not the internal records: they are converted by hand, so that a change inside cannot change the contract
//! by accident, and the other way round. The OpenAPI document is made from them, and the web app's types from the
//! document. Every shape can be read as well as written, so that the command line speaks the API with the same structs.
//!
//! Invariants: a field without a value is `null`, never absent (errors excepted, where absent fields are the rule); instants
//! are Unix milliseconds; amounts of money that must be exact are text, because JavaScript's numbers are not.

mod alert;
mod audit;
mod budget;
mod cache;
mod compatible;
mod cost;
mod coverage;
mod differs;
mod document;
mod editor;
mod error;
mod heatmap;
mod key;
mod monitor;
mod named;
mod score;
mod series;
mod session;
mod span;
mod status;
mod table;
mod telling;
mod trace;

pub use alert::{
    AcknowledgeRequest, AcknowledgementItem, AlertItem, AlertList, GroupItem, JudgementItem, PendingState,
    ReasonName, StateName, TransitionItem, TransitionList,
};
pub use audit::{AuditItem, AuditList};
pub use budget::{BudgetItem, BudgetList, BudgetRequest, OutlookItem};
pub use cache::{CachePurged, CacheReport, SemanticReport, SemanticScopeReport};
pub use compatible::{
    BuildAnswer, Labels, ManagedAlert, ManagedCluster, ManagedConfig, ManagedGroup, ManagedMatcher,
    ManagedReceiver, ManagedServer, ManagedSilence, ManagedSilenceState, ManagedStatus, RuleAlert,
    RuleAlerts, RuleAlertsAnswer, RuleGroup, RuleGroups, RuleItem, RulesAnswer, VersionInfo,
};
pub use cost::{ChangeNanoUsd, ChangeParts, CostChangeAnswer, ForecastAnswer, ForecastDay, ValueChangeItem};
pub use coverage::{CoverageAnswer, CoverageItem};
pub use differs::{DifferingTag, DifferingValue, DiffersAnswer, DiffersRequest, SelectedCalls};
pub use document::{DocumentItem, DocumentKindName, DocumentList, DocumentRequest, DocumentUpdate};
pub use editor::{Completion, CompletionItem, CompletionKind, Explanation};
pub use error::{ErrorBody, ErrorCode, ErrorDetail};
pub use heatmap::{HeatmapAnswer, HeatmapColumn};
pub use key::{KeyCreated, KeyItem, KeyList, KeyRequest};
pub(crate) use monitor::Levels;
pub use monitor::{
    ConditionAnswer, ConditionRequest, JudgedSeriesItem, MonitorDetail, MonitorItem, MonitorList,
    MonitorRequest, MonitorSeries, PreviewAnswer, PreviewRequest, StateCounts, VerificationAnswer,
};
pub use named::{CacheName, KindName, SourceName, StatusName, UnitName};
pub use score::{NewScore, ScoreRequest, ScoresKept};
pub use series::{
    DataPoint, InstantQueryAnswer, MetricItem, MetricList, QueryAnswer, SeriesItem, TagMap, ValueItem,
};
pub use session::{Login, SessionState};
pub use span::{PolicyItem, ScoreItem, SkippedItem, SpanItem, SpanList, TokenCounts, TraceItem};
pub use status::{
    ReceiverState, ReceiverStatus, RecordCounts, RefusalCount, ServerStatus, StoreStatus, UpstreamState,
    UpstreamStatus,
};
pub use table::{ColumnItem, FacetGroupItem, FacetGroups, FacetItem, FacetList, SqlAnswer, SqlRequest};
pub use telling::{
    ActionItem, ActionList, DeliveryStateName, NotificationItem, NotificationList, SilenceItem, SilenceList,
    SilenceRequest,
};
pub use trace::{CountItem, CountList, TraceList, TraceListItem};

/// Milliseconds with fractions, from microseconds; exact to the microsecond for any instant of this millennium.
pub(crate) fn ms_from_us(us: i64) -> f64 {
    us as f64 / 1_000.0
}
