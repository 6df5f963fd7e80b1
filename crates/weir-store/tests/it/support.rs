//! A turned clock, a store in a folder of its own, and spans to put in.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use weir_store::{Store, StoreConfig};
use weir_types::{
    Clock, Content, NanoUsd, Record, Source, Span, SpanId, SpanKind, SqlLimits, Table, TokenUsage, TraceId,
    UnixMicros,
};

/// Some midnight.
pub const START: UnixMicros = UnixMicros(1_700_006_400_000_000);

/// A clock that stands until it is turned.
pub struct TurnedClock(AtomicI64);

impl TurnedClock {
    pub fn at(time: UnixMicros) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(time.0)))
    }

    pub fn turn(&self, us: i64) {
        self.0.fetch_add(us, Ordering::Relaxed);
    }
}

impl Clock for TurnedClock {
    fn now(&self) -> UnixMicros {
        UnixMicros(self.0.load(Ordering::Relaxed))
    }
}

/// A configuration that does not wait.
pub fn config(dir: &Path) -> StoreConfig {
    StoreConfig { commit_interval_ms: 1, ..StoreConfig::at(dir) }
}

/// A store with a clock that stands at [`START`].
pub async fn open(dir: &Path) -> Store {
    Store::open(config(dir), TurnedClock::at(START)).await.unwrap()
}

/// A call, the `number`th; every number has its own ids.
pub fn span(number: u64, start: UnixMicros) -> Span {
    let mut span = Span::new(trace_id(number), span_id(number), SpanKind::Llm, Source::Gateway, start);
    span.name = Arc::from("chat gpt-4o");
    span.duration_us = 1_000 + number;
    span.model = Some(Arc::from("gpt-4o"));
    span.team = Some(Arc::from(if number.is_multiple_of(2) { "payments" } else { "search" }));
    span.tokens = TokenUsage { input: Some(number), output: Some(1), ..TokenUsage::default() };
    span.cost = Some(NanoUsd(10));
    span.input = Some(Content::new(format!(r#"[{{"role":"user","content":"question {number}"}}]"#)));
    span.output = Some(Content::new(r#"{"role":"assistant","content":"an answer"}"#));
    span
}

pub fn trace_id(number: u64) -> TraceId {
    TraceId::from_bytes((1 << 64 | u128::from(number)).to_be_bytes())
}

pub fn span_id(number: u64) -> SpanId {
    SpanId::from_bytes((1 << 32 | number).to_be_bytes())
}

pub fn record(number: u64) -> Record {
    Record::Span(Box::new(span(number, START)))
}

/// What a statement returns; it must be allowed.
pub async fn sql(store: &Store, statement: &str) -> Table {
    try_sql(store, statement).await.unwrap()
}

pub async fn try_sql(store: &Store, statement: &str) -> Result<Table, weir_types::BrowseError> {
    let browse = store.browse();
    let statement = statement.to_owned();
    let limits = SqlLimits { time_max: std::time::Duration::from_mins(1), rows_max: 100_000 };
    tokio::task::spawn_blocking(move || browse.sql(&statement, limits)).await.unwrap()
}

/// The numbers that a statement returns in its first column.
pub async fn numbers(store: &Store, statement: &str) -> Vec<u64> {
    let table = sql(store, statement).await;
    table.rows.iter().map(|row| row[0].as_u64().unwrap()).collect()
}

/// The numbers of the spans that are stored, in order, repeats included.
pub async fn stored(store: &Store) -> Vec<u64> {
    numbers(store, "SELECT input_tokens FROM spans ORDER BY 1").await
}

/// The journal's segments, oldest first.
pub fn segments(dir: &Path) -> Vec<std::path::PathBuf> {
    files(&dir.join("journal"), "wj")
}

/// The files of a folder with this extension, in the order of their names.
pub fn files(dir: &Path, extension: &str) -> Vec<std::path::PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == extension))
        .collect();
    files.sort();
    files
}
