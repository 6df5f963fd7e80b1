//! Records as the journal spells them: protobuf messages with stable field numbers.
//!
//! A field number is never given a new meaning; a reader skips fields that it does not know and takes an absent field
//! for absent. Names of closed sets (`kind`, `status`, …) are text, so that a member that an older version does not
//! know becomes its `other` and not another member.

/// A frame's payload: the records of one append.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Group {
    #[prost(message, repeated, tag = "1")]
    pub records: Vec<AnyRecord>,
}

/// One record of any kind.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct AnyRecord {
    #[prost(oneof = "RecordKind", tags = "1, 2, 3, 4")]
    pub record: Option<RecordKind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum RecordKind {
    #[prost(message, boxed, tag = "1")]
    Span(Box<Span>),
    #[prost(message, boxed, tag = "2")]
    Score(Box<Score>),
    #[prost(message, boxed, tag = "3")]
    Point(Box<Point>),
    #[prost(message, boxed, tag = "4")]
    Event(Box<Event>),
}

#[derive(Clone, PartialEq, prost::Message)]
#[expect(clippy::struct_field_names, reason = "the names are those of the record")]
pub(crate) struct Span {
    #[prost(sfixed64, tag = "1")]
    pub start_us: i64,
    #[prost(uint64, tag = "2")]
    pub duration_us: u64,
    #[prost(fixed64, tag = "3")]
    pub trace_id_high: u64,
    #[prost(fixed64, tag = "4")]
    pub trace_id_low: u64,
    #[prost(fixed64, tag = "5")]
    pub span_id: u64,
    #[prost(fixed64, optional, tag = "6")]
    pub parent_id: Option<u64>,
    #[prost(string, tag = "7")]
    pub kind: String,
    #[prost(string, tag = "8")]
    pub name: String,
    #[prost(string, tag = "9")]
    pub source: String,
    #[prost(string, tag = "10")]
    pub status: String,
    #[prost(string, optional, tag = "11")]
    pub error_type: Option<String>,
    #[prost(string, optional, tag = "12")]
    pub error_message: Option<String>,
    #[prost(uint32, optional, tag = "13")]
    pub http_status: Option<u32>,
    #[prost(string, optional, tag = "14")]
    pub provider: Option<String>,
    #[prost(string, optional, tag = "15")]
    pub model: Option<String>,
    #[prost(string, optional, tag = "16")]
    pub response_model: Option<String>,
    #[prost(string, optional, tag = "17")]
    pub team: Option<String>,
    #[prost(string, optional, tag = "18")]
    pub app: Option<String>,
    #[prost(string, optional, tag = "19")]
    pub agent: Option<String>,
    #[prost(string, optional, tag = "20")]
    pub session: Option<String>,
    #[prost(string, optional, tag = "21")]
    pub user: Option<String>,
    #[prost(string, optional, tag = "22")]
    pub env: Option<String>,
    #[prost(string, optional, tag = "23")]
    pub service: Option<String>,
    #[prost(string, optional, tag = "24")]
    pub key_id: Option<String>,
    #[prost(uint64, optional, tag = "25")]
    pub input_tokens: Option<u64>,
    #[prost(uint64, optional, tag = "26")]
    pub output_tokens: Option<u64>,
    #[prost(uint64, optional, tag = "27")]
    pub cache_read_tokens: Option<u64>,
    #[prost(uint64, optional, tag = "28")]
    pub cache_write_tokens: Option<u64>,
    #[prost(uint64, optional, tag = "29")]
    pub reasoning_tokens: Option<u64>,
    #[prost(bool, tag = "30")]
    pub tokens_estimated: bool,
    #[prost(sint64, optional, tag = "31")]
    pub cost_nano_usd: Option<i64>,
    #[prost(string, optional, tag = "32")]
    pub price_version: Option<String>,
    #[prost(uint64, optional, tag = "33")]
    pub ttft_us: Option<u64>,
    #[prost(bool, tag = "34")]
    pub stream: bool,
    #[prost(string, optional, tag = "35")]
    pub finish_reason: Option<String>,
    #[prost(string, optional, tag = "36")]
    pub cache: Option<String>,
    #[prost(sint64, optional, tag = "37")]
    pub saved_nano_usd: Option<i64>,
    #[prost(message, repeated, tag = "38")]
    pub policy: Vec<PolicyDecision>,
    #[prost(string, optional, tag = "39")]
    pub input: Option<String>,
    #[prost(string, optional, tag = "40")]
    pub output: Option<String>,
    #[prost(string, optional, tag = "41")]
    pub documents: Option<String>,
    #[prost(string, optional, tag = "42")]
    pub tools: Option<String>,
    #[prost(string, optional, tag = "43")]
    pub attributes: Option<String>,
    #[prost(string, optional, tag = "44")]
    pub client: Option<String>,
    #[prost(string, optional, tag = "45")]
    pub response_id: Option<String>,
    #[prost(fixed64, optional, tag = "46")]
    pub same_as: Option<u64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PolicyDecision {
    #[prost(string, tag = "1")]
    pub policy: String,
    #[prost(string, tag = "2")]
    pub action: String,
    #[prost(string, optional, tag = "3")]
    pub detail: Option<String>,
    #[prost(sint64, optional, tag = "4")]
    pub saved_nano_usd: Option<i64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Score {
    #[prost(sfixed64, tag = "1")]
    pub time_us: i64,
    #[prost(fixed64, tag = "2")]
    pub trace_id_high: u64,
    #[prost(fixed64, tag = "3")]
    pub trace_id_low: u64,
    #[prost(fixed64, optional, tag = "4")]
    pub span_id: Option<u64>,
    #[prost(string, tag = "5")]
    pub name: String,
    #[prost(double, optional, tag = "6")]
    pub number: Option<f64>,
    #[prost(string, optional, tag = "7")]
    pub label: Option<String>,
    #[prost(string, tag = "8")]
    pub judge: String,
    #[prost(string, optional, tag = "9")]
    pub rationale: Option<String>,
    #[prost(message, repeated, tag = "10")]
    pub tags: Vec<Tag>,
    #[prost(bool, tag = "11")]
    pub by_span_alone: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Point {
    #[prost(sfixed64, tag = "1")]
    pub time_us: i64,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(string, tag = "3")]
    pub kind: String,
    #[prost(double, tag = "4")]
    pub value: f64,
    #[prost(message, repeated, tag = "5")]
    pub tags: Vec<Tag>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Event {
    #[prost(sfixed64, tag = "1")]
    pub time_us: i64,
    #[prost(string, tag = "2")]
    pub title: String,
    #[prost(string, tag = "3")]
    pub text: String,
    #[prost(string, tag = "4")]
    pub level: String,
    #[prost(string, tag = "5")]
    pub source: String,
    #[prost(message, repeated, tag = "6")]
    pub tags: Vec<Tag>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Tag {
    #[prost(string, tag = "1")]
    pub key: String,
    #[prost(string, tag = "2")]
    pub value: String,
}
