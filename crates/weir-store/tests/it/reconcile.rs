//! One row for a span, one record for a call: the same, whatever the order, the batches and the repetitions in which
//! reports arrive, and whatever ends of the process and roll-ups are in between.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use weir_store::Store;
use weir_types::{
    Cell, Content, NanoUsd, Need, Record, ScanRequest, ScanSource, Scope, Source, Span, SpanId, SpanKind,
    SpanStatus, TagKey, TimeRange, TokenUsage, TraceId, UnixMicros, metric,
};

use crate::support::{START, TurnedClock, config, numbers, sql};

fn id(number: u64) -> SpanId {
    SpanId::from_bytes(number.to_be_bytes())
}

fn report(source: Source, kind: SpanKind, number: u64, parent: u64) -> Span {
    let trace = TraceId::from_bytes(u128::from(number / 100 + 1).to_be_bytes());
    let mut span = Span::new(trace, id(number), kind, source, START.saturating_add_us(number.cast_signed()));
    span.parent_id = (parent > 0).then(|| id(parent));
    span.duration_us = 1_000 + number;
    span
}

/// What a client tells of a call that cost five dollars.
fn told(number: u64, parent: u64) -> Span {
    let mut span = report(Source::Otlp, SpanKind::Llm, number, parent);
    span.tokens = TokenUsage { input: Some(70), output: Some(30), ..TokenUsage::default() };
    (span.cost, span.app, span.session) =
        (Some(NanoUsd(5_000_000_000)), Some(Arc::from("shop")), Some(Arc::from("s1")));
    span.attributes = Some(Content::new(r#"{"a":1}"#));
    span
}

/// What the gateway saw of it.
fn own(number: u64, parent: u64) -> Span {
    let mut span = report(Source::Gateway, SpanKind::Llm, number, parent);
    span.tokens = TokenUsage { input: Some(71), output: Some(31), ..TokenUsage::default() };
    (span.cost, span.team) = (Some(NanoUsd(4_000_000_000)), Some(Arc::from("payments")));
    span
}

fn records(spans: &[Span]) -> Vec<Record> {
    spans.iter().map(|span| Record::Span(Box::new(span.clone()))).collect()
}

async fn store(store: &Store, spans: &[Span]) {
    store.sink().append(&records(spans)).unwrap();
    store.flush().await.unwrap();
}

/// The cells of a metric by all their tags and minutes.
type Cells = BTreeMap<(Vec<Option<Arc<str>>>, UnixMicros), Cell>;

async fn cells(store: &Store, metric: &str, step_us: i64, source: ScanSource) -> Cells {
    let request = ScanRequest {
        metric: Arc::from(metric),
        scope: Scope::All,
        by: metric::CELL_TAGS.into_iter().map(TagKey::new).collect(),
        range: TimeRange { from: START, to: START.saturating_add_us(UnixMicros::DAY) },
        step_us: Some(step_us),
        origin: UnixMicros(0),
        need: Need::Histogram,
        source,
    };
    let scan = store.scan();
    let rows = tokio::task::spawn_blocking(move || scan.scan(&request)).await.unwrap().unwrap();
    rows.into_iter().map(|row| ((row.group, row.bucket), row.cell)).collect()
}

/// Everything that is stored: rows, and cells by minute and by hour, which must agree with the rows.
async fn contents(store: &Store) -> (Vec<String>, Vec<Cells>) {
    let rows = sql(store, "SELECT * FROM spans ORDER BY ALL").await.rows;
    let rows: Vec<_> = rows.into_iter().map(|row| serde_json::Value::from(row).to_string()).collect();
    let mut all = Vec::new();
    for info in &metric::DERIVED {
        for step_us in [UnixMicros::MINUTE, UnixMicros::HOUR] {
            let of_cells = cells(store, info.name, step_us, ScanSource::Cells).await;
            let of_rows = cells(store, info.name, step_us, ScanSource::Rows).await;
            assert_eq!(of_cells, of_rows, "{} at {step_us}: {rows:#?}", info.name);
            all.push(of_cells);
        }
    }
    assert_eq!(sql(store, TRACES).await.rows, sql(store, TRACES_OF_SPANS).await.rows, "{rows:#?}");
    (rows, all)
}

/// What is kept for each trace …
const TRACES: &str = "SELECT * FROM traces ORDER BY key";

/// … and what it must be.
const TRACES_OF_SPANS: &str = "SELECT ('0x' || right(trace_id, 16))::UBIGINT AS key, min(start_time), max(start_time), \
     max(epoch_us(start_time) + duration_us) AS until, until - epoch_us(min(start_time)), count(*), \
     count(*) FILTER (WHERE is_call), \
     coalesce(sum(coalesce(input_tokens, 0) + coalesce(output_tokens, 0)) FILTER (WHERE is_call), 0)::BIGINT, \
     count(cost_nano_usd) FILTER (WHERE is_call), coalesce(sum(cost_nano_usd) FILTER (WHERE is_call), 0)::BIGINT \
     FROM (SELECT *, kind IN ('llm', 'embedding', 'rerank') AND same_as IS NULL AS is_call FROM spans) \
     GROUP BY trace_id ORDER BY key";

async fn open(dir: &Path, clock: &Arc<TurnedClock>) -> Store {
    Store::open(config(dir), Arc::clone(clock) as _).await.unwrap()
}

const TOTALS: &str = "SELECT sum(input_tokens)::BIGINT, sum(cost_nano_usd)::BIGINT FROM spans";
const CALLS: &str =
    "SELECT coalesce(sum(\"count\"), 0)::BIGINT FROM cells_1m WHERE metric = 'llm.request.count'";

#[tokio::test]
async fn a_call_that_the_gateway_and_a_client_saw_counts_once_whoever_comes_first() {
    for (first, second) in [(own(2, 1), told(1, 0)), (told(1, 0), own(2, 1))] {
        let dir = tempfile::tempdir().unwrap();
        let clock = TurnedClock::at(START);
        let opened = open(dir.path(), &clock).await;
        store(&opened, &[first]).await;
        // A restart in between makes no difference.
        opened.close().await.unwrap();
        let opened = open(dir.path(), &clock).await;
        store(&opened, &[second]).await;
        assert_eq!(sql(&opened, TOTALS).await.rows[0], [71u64, 4_000_000_000].map(serde_json::Value::from));
        assert_eq!(numbers(&opened, CALLS).await, [1]);
        let of_client = "SELECT same_as, attributes FROM spans WHERE source = 'otlp'";
        let reported =
            r#"{"reported":{"input_tokens":70,"output_tokens":30,"cost_nano_usd":5000000000},"a":1}"#;
        assert_eq!(sql(&opened, of_client).await.rows[0], ["0000000000000002", reported]);
        let of_gateway = "SELECT app, session, team, attributes FROM spans WHERE source = 'gateway'";
        let filled = r#"{"filled_from":{"app":"0000000000000001","session":"0000000000000001"}}"#;
        assert_eq!(sql(&opened, of_gateway).await.rows[0], ["shop", "s1", "payments", filled]);
        let spent = cells(&opened, metric::LLM_COST_USD, UnixMicros::HOUR, ScanSource::Cells).await;
        let app = |cells: &Cells| cells.keys().map(|(tags, _)| tags[1].clone()).collect::<Vec<_>>();
        assert_eq!(app(&spent), [Some(Arc::from("shop"))], "the cells have the client's app");
        assert_eq!(opened.stats().joined_spans, 1);
        contents(&opened).await;
    }
}

#[tokio::test]
async fn a_call_is_joined_in_hours_that_are_rolled_up_too() {
    let dir = tempfile::tempdir().unwrap();
    let clock = TurnedClock::at(START);
    let opened = open(dir.path(), &clock).await;
    store(&opened, &[own(2, 1), own(3, 0)]).await;
    clock.turn(3 * UnixMicros::HOUR);
    opened.run_upkeep().await.unwrap();
    assert_eq!(opened.stats().rolled_up_hours, 1);
    store(&opened, &[told(1, 0)]).await;
    let (rows, _) = contents(&opened).await;
    assert_eq!(rows.len(), 3);
    let hours = "SELECT \"count\", app FROM cells_1h WHERE metric = 'llm.request.count' ORDER BY app";
    let hours = sql(&opened, hours).await.rows;
    assert_eq!(hours, [vec![1.into(), "shop".into()], vec![1.into(), serde_json::Value::Null]]);
}

#[tokio::test]
async fn what_is_delivered_again_is_stored_once_and_the_fuller_report_stays() {
    let dir = tempfile::tempdir().unwrap();
    let clock = TurnedClock::at(START);
    let opened = open(dir.path(), &clock).await;
    let full = told(1, 0);
    let mut context = report(Source::Datadog, SpanKind::Other, 1, 0);
    context.service = Some(Arc::from("checkout"));
    for spans in [vec![context.clone(), full.clone()], vec![context, full.clone(), full.clone()], vec![full]]
    {
        store(&opened, &spans).await;
        assert_eq!(numbers(&opened, "SELECT input_tokens FROM spans").await, [70]);
        assert_eq!(numbers(&opened, CALLS).await, [1]);
    }
    assert_eq!(opened.stats().repeated_spans, 5);
    contents(&opened).await;
}

#[tokio::test]
async fn a_report_of_another_trace_is_joined_by_the_answers_id() {
    let dir = tempfile::tempdir().unwrap();
    let clock = TurnedClock::at(START);
    let opened = open(dir.path(), &clock).await;
    let (mut client, mut call) = (told(1, 0), own(202, 0));
    (client.response_id, call.response_id) = (Some(Arc::from("resp_1")), Some(Arc::from("resp_1")));
    store(&opened, &[client]).await;
    store(&opened, &[call]).await;
    assert_eq!(sql(&opened, TOTALS).await.rows[0], [71u64, 4_000_000_000].map(serde_json::Value::from));
    assert_eq!(numbers(&opened, CALLS).await, [1]);
}

/// What happens to reports on their way.
#[derive(Debug, Clone)]
struct Delivery {
    /// Decides the order, what is repeated, where batches end and what happens after each.
    seed: u64,
}

impl Delivery {
    async fn deliver(&self, reports: &[Span]) -> (Vec<String>, Vec<Cells>) {
        let mut random = fastrand::Rng::with_seed(self.seed);
        let mut all = reports.to_vec();
        all.extend(reports.iter().filter(|_| random.u8(..4) == 0).cloned());
        random.shuffle(&mut all);
        let dir = tempfile::tempdir().unwrap();
        let clock = TurnedClock::at(START);
        let mut opened = open(dir.path(), &clock).await;
        let mut rest = all.as_slice();
        while !rest.is_empty() {
            let (batch, others) = rest.split_at(random.usize(1..=rest.len()));
            rest = others;
            opened.sink().append(&records(batch)).unwrap();
            match random.u8(..6) {
                0 => {
                    opened.close().await.unwrap();
                    opened = open(dir.path(), &clock).await;
                }
                1 => {
                    drop(opened);
                    opened = open(dir.path(), &clock).await;
                }
                2 => {
                    clock.turn(40 * UnixMicros::MINUTE);
                    opened.flush().await.unwrap();
                    opened.run_upkeep().await.unwrap();
                }
                3 => {}
                _ => opened.flush().await.unwrap(),
            }
        }
        opened.flush().await.unwrap();
        contents(&opened).await
    }
}

fn optional(values: &'static [&'static str]) -> impl Strategy<Value = Option<Arc<str>>> {
    prop::option::of(prop::sample::select(values).prop_map(Arc::from))
}

prop_compose! {
    /// One of few spans of two traces, with few values, so that much is repeated and joined.
    fn any_report()(
        (trace, number, parent) in (1..3u128, 1..7u64, 0..7u64),
        kind in prop::sample::select(vec![SpanKind::Llm, SpanKind::Llm, SpanKind::Llm, SpanKind::Embedding, SpanKind::Http]),
        source in prop::sample::select(vec![Source::Gateway, Source::Otlp, Source::Datadog]),
        (minute, second, duration_us) in (0..3i64, 0..60i64, 0..100_000u64),
        (input, cost) in (prop::option::of(0..2_000u64), prop::option::of(0..1_000_000i64)),
        (app, team, session) in (optional(&["shop", "bank"]), optional(&["red"]), optional(&["s", "t"])),
        (model, response) in (optional(&["gpt-4o", "o3"]), optional(&["r1", "r2"])),
        attributes in optional(&[r#"{"a":1}"#, "{}", r#" {"b": "\u0000é"} "#]),
        (failed, ttft_us) in (any::<bool>(), prop::option::of(0..5_000u64)),
    ) -> Span {
        let start = START.saturating_add_us(minute * 31 * UnixMicros::MINUTE + second * UnixMicros::SECOND);
        let mut span = Span::new(TraceId::from_bytes(trace.to_be_bytes()), id(number), kind, source, start);
        span.parent_id = (parent > 0).then(|| id(parent));
        span.duration_us = duration_us;
        span.tokens = TokenUsage { input, output: input.map(|n| n / 2), ..TokenUsage::default() };
        span.cost = cost.map(NanoUsd);
        (span.app, span.team, span.session) = (app, team, session);
        (span.model, span.response_id) = (model, response);
        span.attributes = attributes.map(Content::new);
        span.output = (duration_us % 2 == 0).then(|| Content::new("\"said\""));
        (span.status, span.ttft_us) = (if failed { SpanStatus::Error } else { SpanStatus::Ok }, ttft_us);
        span
    }
}

/// Shows only the rows that differ.
fn same_rows(rows: &[String], others: &[String]) {
    let only = |rows: &[String], others: &[String]| {
        rows.iter().filter(|row| !others.contains(row)).cloned().collect::<Vec<_>>()
    };
    assert_eq!(only(rows, others), only(others, rows));
    assert_eq!(rows, others);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30, max_shrink_iters: 40, ..ProptestConfig::default() })]

    #[test]
    fn any_order_and_repetition_of_the_same_reports_gives_the_same_store(
        reports in prop::collection::vec(any_report(), 1..10),
        seeds in any::<[u64; 2]>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let [one, other] = seeds.map(|seed| Delivery { seed });
            let (rows, cells) = one.deliver(&reports).await;
            let (other_rows, other_cells) = other.deliver(&reports).await;
            same_rows(&rows, &other_rows);
            assert_eq!(cells, other_cells);
        });
    }
}
