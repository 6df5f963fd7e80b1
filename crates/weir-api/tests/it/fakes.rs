//! Stores that live in memory, a clock that stands still.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use weir_api::wire::{StoreStatus, UpstreamState, UpstreamStatus};
use weir_api::{Status, StatusSource};
use weir_types::{
    BoxFuture, Browse, BrowseError, CacheAdmin, CachePurge, CacheStats, CacheStatus, Cell, Clock, Column,
    Content, Contrast, ContrastTag, ContrastValue, Document, DocumentChange, DocumentError, DocumentKind,
    Documents, Facet, FacetGroup, KeyAdmin, KeyError, NanoUsd, NewDocument, NewKey, PicoUsdPerToken,
    PolicyDecision, PriceSource, Record, RecordSink, Scan, ScanError, ScanRequest, ScanRow, Scope, Score,
    ScoreValue, Secret, SemanticScope, SemanticStats, SinkError, Source, Span, SpanCount, SpanFilter, SpanId,
    SpanKind, SpanPage, SpanSelection, SqlLimits, Table, TagKey, TimeRange, TokenRates, TokenUsage,
    TraceFilter, TraceId, TracePage, TraceSummary, TraceTags, UnixMicros, VirtualKey,
};

/// What `now` is: 2023-11-14T22:13:20Z.
pub const NOW: UnixMicros = UnixMicros(1_700_000_000_000_000);

pub const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
pub const SPAN: &str = "b7ad6b7169203331";

pub struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> UnixMicros {
        NOW
    }
}

/// One span in which every field says something.
pub fn full_span() -> Span {
    let text = |text: &str| Some(Arc::from(text));
    let content = |text: &str| Some(Content::new(text));
    let (trace_id, span_id) = (TRACE.parse().unwrap(), SPAN.parse().unwrap());
    Span {
        duration_us: 1_234_567,
        parent_id: Some("00f067aa0ba902b7".parse().unwrap()),
        name: Arc::from("chat gpt-4o"),
        error_type: text("rate_limit"),
        error_message: text("slow down"),
        http_status: Some(429),
        provider: text("openai"),
        model: text("gpt-4o"),
        response_model: text("gpt-4o-2024-08-06"),
        team: text("payments"),
        app: text("checkout"),
        agent: text("planner"),
        session: text("s-1"),
        user: text("u-1"),
        env: text("prod"),
        service: text("web"),
        key_id: text("key_1"),
        tokens: TokenUsage {
            input: Some(1_000),
            output: Some(200),
            cache_read: Some(900),
            cache_write: Some(0),
            reasoning: None,
        },
        tokens_estimated: true,
        cost: Some(NanoUsd(9_007_199_254_740_993)),
        price_version: text("2026-01-31"),
        ttft_us: Some(250_001),
        stream: true,
        finish_reason: text("stop"),
        cache: Some(CacheStatus::Miss),
        saved: Some(NanoUsd(1_500_000_000)),
        policy: vec![PolicyDecision {
            policy: "retry".into(),
            action: "allowed".into(),
            detail: text("2nd try"),
            saved: None,
        }],
        input: content(r#"[{"role":"user","content":"hi"}]"#),
        output: content(r#"{"role":"assistant","content":"hello"}"#),
        documents: content("[]"),
        tools: content("[]"),
        attributes: content("{}"),
        ..Span::new(trace_id, span_id, SpanKind::Llm, Source::Gateway, UnixMicros(NOW.0 - 1_500))
    }
}

/// Keeps what is appended.
#[derive(Default)]
pub struct FakeSink(pub Mutex<Vec<Record>>);

impl RecordSink for FakeSink {
    fn append(&self, records: &[Record]) -> Result<(), SinkError> {
        self.0.lock().unwrap().extend_from_slice(records);
        Ok(())
    }
}

/// Holds callers until it is opened.
#[derive(Default)]
pub struct Barrier {
    closed: Mutex<bool>,
    changed: Condvar,
}

impl Barrier {
    /// Closes it; it opens when the returned value is dropped, also by a test that fails.
    pub fn close(&self) -> Closed<'_> {
        self.set_closed(true);
        Closed(self)
    }

    fn set_closed(&self, closed: bool) {
        *self.closed.lock().unwrap() = closed;
        self.changed.notify_all();
    }

    fn pass(&self) {
        let closed = self.closed.lock().unwrap();
        drop(self.changed.wait_while(closed, |closed| *closed).unwrap());
    }
}

/// A barrier that is closed.
pub struct Closed<'a>(&'a Barrier);

impl Drop for Closed<'_> {
    fn drop(&mut self) {
        self.0.set_closed(false);
    }
}

/// What the store does when it is asked.
#[derive(Default)]
pub struct FakeStore {
    /// The filter of the last list that was asked for.
    pub last_filter: Mutex<Option<SpanFilter>>,
    /// The filter of the last list of traces that was asked for.
    pub last_traces: Mutex<Option<TraceFilter>>,
    /// The spans that were counted last.
    pub last_which: Mutex<Option<SpanSelection>>,
    /// The spans that were compared last.
    pub last_contrast: Mutex<Option<(SpanSelection, SpanSelection)>>,
    /// The last scan that was asked for.
    pub last_scan: Mutex<Option<ScanRequest>>,
    /// Makes every answer this error.
    pub broken: Mutex<Option<BrowseError>>,
    /// Holds lists of spans.
    pub barrier: Barrier,
    /// Lists of spans that were asked for.
    pub lists: AtomicUsize,
}

impl FakeStore {
    pub fn break_with(&self, error: BrowseError) {
        *self.broken.lock().unwrap() = Some(error);
    }

    fn check(&self) -> Result<(), BrowseError> {
        self.broken.lock().unwrap().clone().map_or(Ok(()), Err)
    }
}

impl Browse for FakeStore {
    fn spans(&self, filter: &SpanFilter) -> Result<SpanPage, BrowseError> {
        self.lists.fetch_add(1, Ordering::Relaxed);
        self.barrier.pass();
        self.check()?;
        *self.last_filter.lock().unwrap() = Some(filter.clone());
        match filter.after.as_deref() {
            None => Ok(SpanPage { spans: vec![full_span()], next: Some("page-2".to_owned()) }),
            Some("page-2") => Ok(SpanPage { spans: Vec::new(), next: None }),
            Some(_) => Err(BrowseError::Invalid("not a cursor".to_owned())),
        }
    }

    fn span(&self, trace_id: TraceId, span_id: SpanId) -> Result<Option<Span>, BrowseError> {
        self.check()?;
        let span = full_span();
        Ok((span.trace_id == trace_id && span.span_id == span_id).then_some(span))
    }

    fn trace(&self, trace_id: TraceId) -> Result<(Vec<Span>, Vec<Score>), BrowseError> {
        self.check()?;
        let span = full_span();
        if span.trace_id != trace_id {
            return Ok((Vec::new(), Vec::new()));
        }
        let score = |name: &str, value| Score {
            time: NOW,
            trace_id,
            span_id: Some(span.span_id),
            by_span_alone: false,
            name: name.into(),
            value,
            judge: "faithfulness@1".into(),
            rationale: Some(Content::new("two of three claims hold")),
            tags: [("app", "checkout")].into_iter().collect(),
        };
        let number = score("custom.llm.faithfulness_score", ScoreValue::Number(0.75));
        let label = score("custom.llm.refusal", ScoreValue::Label("no".into()));
        Ok((vec![span], vec![number, label]))
    }

    fn traces(&self, filter: &TraceFilter) -> Result<TracePage, BrowseError> {
        self.check()?;
        *self.last_traces.lock().unwrap() = Some(filter.clone());
        if filter.after.is_some() {
            return Err(BrowseError::Invalid("not a cursor".to_owned()));
        }
        let text = |text: &str| Some(text.to_owned());
        let trace = TraceSummary {
            first: full_span(),
            start: NOW,
            duration_us: 1_500,
            spans: 3,
            errors: 1,
            model_calls: 2,
            input_tokens: Some(10),
            output_tokens: None,
            cost: Some(NanoUsd(9_007_199_254_740_993)),
            models: vec!["gpt-4o".to_owned()],
            tags: TraceTags { app: text("checkout"), user: text("u-1"), ..TraceTags::default() },
        };
        Ok(TracePage { traces: vec![trace], next: Some("place".to_owned()) })
    }

    fn span_counts(&self, which: &SpanSelection, step_us: i64) -> Result<Vec<SpanCount>, BrowseError> {
        self.check()?;
        *self.last_which.lock().unwrap() = Some(which.clone());
        Ok(vec![SpanCount { start: which.range.from.floor_to(step_us), ok: 2, error: 1 }])
    }

    fn facet_groups(
        &self,
        tags: &[TagKey],
        which: &SpanSelection,
        limit: usize,
    ) -> Result<(Vec<FacetGroup>, u64), BrowseError> {
        self.check()?;
        *self.last_which.lock().unwrap() = Some(which.clone());
        let group = |tag: &TagKey| FacetGroup {
            tag: tag.clone(),
            values: vec![Facet { value: format!("some {tag}"), count: 3 }; limit.min(2)],
            distinct: 7,
        };
        Ok((tags.iter().map(group).collect(), 12))
    }

    fn contrast(&self, base: &SpanSelection, selected: &SpanSelection) -> Result<Contrast, BrowseError> {
        self.check()?;
        *self.last_contrast.lock().unwrap() = Some((base.clone(), selected.clone()));
        let value =
            |value: &str, selected, rest| ContrastValue { value: Some(value.to_owned()), selected, rest };
        let tag =
            ContrastTag { tag: "team".to_owned(), values: vec![value("a", 90, 10), value("b", 10, 90)] };
        Ok(Contrast { selected: 100, rest: 100, selected_seen: 100, rest_seen: 100, tags: vec![tag] })
    }

    fn facets(&self, tag: &TagKey, _: TimeRange, _: &Scope, limit: usize) -> Result<Vec<Facet>, BrowseError> {
        self.check()?;
        if tag.as_str() != "model" {
            return Err(BrowseError::Invalid(format!("spans have no tag {tag}")));
        }
        let facets =
            [("gpt-4o", 3), ("o3", 1)].map(|(value, count)| Facet { value: value.to_owned(), count });
        Ok(facets.into_iter().take(limit).collect())
    }

    fn sql(&self, statement: &str, limits: SqlLimits) -> Result<Table, BrowseError> {
        self.check()?;
        if !statement.starts_with("SELECT") {
            return Err(BrowseError::Invalid("only SELECT is allowed".to_owned()));
        }
        let column =
            |name: &str, data_type: &str| Column { name: name.to_owned(), data_type: data_type.to_owned() };
        Ok(Table {
            columns: vec![column("n", "BIGINT"), column("big", "HUGEINT")],
            rows: vec![vec![limits.rows_max.into(), "9007199254740993".into()]],
            truncated: true,
        })
    }

    fn extent(&self) -> Result<Option<TimeRange>, BrowseError> {
        self.check()?;
        Ok(Some(TimeRange { from: UnixMicros(NOW.0 - UnixMicros::DAY), to: NOW }))
    }
}

impl Scan for FakeStore {
    fn scan(&self, request: &ScanRequest) -> Result<Vec<ScanRow>, ScanError> {
        if let Some(error) = self.broken.lock().unwrap().clone() {
            return Err(match error {
                BrowseError::TimedOut { seconds } => ScanError::TimedOut { seconds },
                BrowseError::Invalid(_) => ScanError::TooManyRows { max: 10 },
                BrowseError::Store(text) => ScanError::Store(text),
            });
        }
        *self.last_scan.lock().unwrap() = Some(request.clone());
        let mut cell = Cell::default();
        cell.record(250.0);
        let group = |value: Option<&str>| request.by.iter().map(|_| value.map(Arc::from)).collect();
        let row = |value| ScanRow { group: group(value), bucket: request.range.from, cell: cell.clone() };
        Ok(if request.by.is_empty() { vec![row(None)] } else { vec![row(Some("gpt-4o")), row(None)] })
    }

    fn metrics(&self) -> Vec<Arc<str>> {
        vec!["llm.request.duration".into(), "shop.orders".into()]
    }

    fn cell_tags(&self, metric: &str) -> Option<Vec<TagKey>> {
        (metric == "shop.orders").then(|| vec![TagKey::new("region")])
    }
}

#[derive(Default)]
pub struct FakeKeys(Mutex<Vec<VirtualKey>>);

impl KeyAdmin for FakeKeys {
    fn create(&self, key: NewKey) -> BoxFuture<'_, Result<(VirtualKey, Secret), KeyError>> {
        Box::pin(async move {
            if key.models.iter().any(|model| model.contains(' ')) {
                return Err(KeyError::Invalid("a model's name has no spaces".to_owned()));
            }
            if &*key.name == "broken" {
                return Err(KeyError::Store("disk /secret/place is full".to_owned()));
            }
            let key = VirtualKey {
                id: "key_1".into(),
                name: key.name,
                prefix: "wk-abc".into(),
                team: key.team,
                app: key.app,
                models: key.models,
                providers: key.providers,
                created_at: NOW,
                expires_at: key.expires_at,
                revoked_at: None,
            };
            self.0.lock().unwrap().push(key.clone());
            Ok((key, Secret::new("wk-abcdef")))
        })
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<VirtualKey>, KeyError>> {
        Box::pin(async { Ok(self.0.lock().unwrap().clone()) })
    }

    fn revoke<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<VirtualKey, KeyError>> {
        Box::pin(async move {
            let mut keys = self.0.lock().unwrap();
            let key = keys.iter_mut().find(|key| &*key.id == id);
            let key = key.ok_or_else(|| KeyError::NotFound(id.to_owned()))?;
            key.revoked_at = Some(NOW);
            Ok(key.clone())
        })
    }
}

pub struct FakePrices;

impl PriceSource for FakePrices {
    fn rates(&self, _: &str, _: &str) -> Option<TokenRates> {
        let rate = PicoUsdPerToken;
        Some(TokenRates { input: rate(1_000_000), cache_read: rate(100_000), output: rate(4_000_000) })
    }
}

#[derive(Default)]
pub struct FakeDocuments(Mutex<Vec<Document>>);

impl FakeDocuments {
    fn with<T>(
        &self,
        id: &str,
        change: impl FnOnce(&mut Vec<Document>, usize) -> Result<T, DocumentError>,
    ) -> Result<T, DocumentError> {
        let mut documents = self.0.lock().unwrap();
        let at = documents.iter().position(|document| &*document.id == id);
        let at = at.ok_or_else(|| DocumentError::NotFound(id.to_owned()))?;
        change(&mut documents, at)
    }
}

impl Documents for FakeDocuments {
    fn list(&self, kind: Option<DocumentKind>) -> BoxFuture<'_, Result<Vec<Document>, DocumentError>> {
        let documents = self.0.lock().unwrap().clone();
        let chosen = documents.into_iter().filter(|d| kind.is_none_or(|kind| kind == d.kind)).collect();
        Box::pin(async { Ok(chosen) })
    }

    fn get<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Document, DocumentError>> {
        Box::pin(async { self.with(id, |documents, at| Ok(documents[at].clone())) })
    }

    fn create(&self, new: NewDocument) -> BoxFuture<'_, Result<Document, DocumentError>> {
        Box::pin(async move {
            match &*new.name {
                "" => return Err(DocumentError::Invalid("the name has 0 bytes".to_owned())),
                "broken" => return Err(DocumentError::Store("disk /secret/place is full".to_owned())),
                _ => {}
            }
            let NewDocument { kind, name, body } = new;
            let mut documents = self.0.lock().unwrap();
            let id = format!("doc_{}", documents.len() + 1).into();
            let document = Document { id, kind, name, body, created_at: NOW, updated_at: NOW, revision: 1 };
            documents.push(document.clone());
            Ok(document)
        })
    }

    fn replace<'a>(
        &'a self,
        id: &'a str,
        change: DocumentChange,
    ) -> BoxFuture<'a, Result<Document, DocumentError>> {
        Box::pin(async move {
            self.with(id, |documents, at| {
                let document = &mut documents[at];
                if document.revision != change.revision {
                    let (kept, changed) = (document.revision, change.revision);
                    return Err(DocumentError::Conflict { kept, changed });
                }
                (document.name, document.body) = (change.name, change.body);
                document.revision += 1;
                Ok(document.clone())
            })
        })
    }

    fn delete<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<(), DocumentError>> {
        Box::pin(async {
            self.with(id, |documents, at| {
                documents.remove(at);
                Ok(())
            })
        })
    }
}

#[derive(Default)]
pub struct FakeStatus {
    pub not_ready: Mutex<Vec<String>>,
}

impl StatusSource for FakeStatus {
    fn status(&self) -> Status {
        let upstream = UpstreamStatus {
            provider: "openai".to_owned(),
            breaker: UpstreamState::HalfOpen,
            requests: 2,
            failures: 1,
        };
        Status {
            version: "0.1.0".to_owned(),
            started_at: UnixMicros(NOW.0 - UnixMicros::HOUR),
            demo: true,
            listen: vec!["127.0.0.1:7070".to_owned()],
            not_ready: self.not_ready.lock().unwrap().clone(),
            store: StoreStatus { journal_bytes: 4_096, ..StoreStatus::default() },
            upstreams: vec![upstream],
            receivers: Vec::new(),
        }
    }
}

/// A cache with the same numbers always.
pub struct FakeCache;

impl CacheAdmin for FakeCache {
    fn stats(&self) -> CacheStats {
        let scope = SemanticScope {
            team: Some("payments".into()),
            provider: "openai".into(),
            model: "gpt-4o".into(),
            threshold: Some(0.96),
            hits: 2,
            checks: 400,
            false_hit_rate: Some(0.0),
            false_hit_rate_bound: Some(0.0075),
            ..SemanticScope::default()
        };
        let semantic = SemanticStats {
            is_enforcing: true,
            embedding_model: "all-MiniLM-L6-v2".into(),
            entries: 5,
            hits: 2,
            checks: 400,
            false_hits_max: 0.01,
            saved: NanoUsd(1_000_000),
            scopes: vec![scope],
            scope_count: 1,
            ..SemanticStats::default()
        };
        CacheStats {
            entries: 7,
            hits: 3,
            misses: 4,
            saved: NanoUsd(1_500_000),
            semantic: Some(semantic),
            ..CacheStats::default()
        }
    }

    fn purge<'a>(&'a self, purge: &'a CachePurge) -> BoxFuture<'a, u64> {
        let entries = match purge {
            CachePurge::All => 7,
            CachePurge::Team(team) => u64::from(&**team == "payments"),
            CachePurge::Model(pattern) => 2 * u64::from(&**pattern == "gpt-*"),
        };
        Box::pin(std::future::ready(entries))
    }
}
