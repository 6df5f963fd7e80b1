//! Lists, traces and values of tags.

use std::sync::Arc;

use weir_types::{
    BrowseError, CacheStatus, Content, Facet, NanoUsd, PolicyDecision, Record, Scope, Score, ScoreValue,
    SortOrder, Span, SpanBounds, SpanFilter, SpanPage, SpanSelection, SpanSort, SpanStatus, TagKey,
    TimeRange, TokenUsage, UnixMicros,
};

use weir_store::{Retention, Store, StoreConfig};

use crate::support::{START, TurnedClock, config, open, span, span_id, trace_id};

fn all(limit: usize) -> SpanFilter {
    let range = TimeRange { from: UnixMicros(0), to: UnixMicros(i64::MAX) };
    SpanFilter { which: SpanSelection::all(range), order: SortOrder::default(), after: None, limit }
}

fn is(key: &str, value: &str) -> Scope {
    Scope::Is(TagKey::new(key), Arc::from(value))
}

async fn store_with(records: Vec<Record>) -> (Store, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    store.sink().append(&records).unwrap();
    store.flush().await.unwrap();
    (store, dir)
}

fn spans(spans: impl IntoIterator<Item = Span>) -> Vec<Record> {
    spans.into_iter().map(|span| Record::Span(Box::new(span))).collect()
}

fn shown(page: &SpanPage) -> Vec<u64> {
    page.spans.iter().map(|span| span.tokens.input.unwrap()).collect()
}

/// A span with every field set.
fn full_span() -> Span {
    let text = |text: &str| Some(Arc::from(text));
    Span {
        parent_id: Some(span_id(7)),
        status: SpanStatus::Error,
        error_type: text("rate_limit"),
        error_message: text("slow down \"please\"\0"),
        http_status: Some(429),
        provider: text("openai"),
        response_model: text("gpt-4o-2024"),
        app: text("chat"),
        agent: text("helper"),
        session: text("s1"),
        user: text("ü"),
        env: text("prod"),
        service: text("web"),
        key_id: text("key_1"),
        tokens: TokenUsage {
            input: Some(1),
            output: Some(2),
            cache_read: Some(3),
            cache_write: Some(4),
            reasoning: Some(5),
        },
        tokens_estimated: true,
        cost: Some(NanoUsd(-6)),
        price_version: text("2026-01"),
        ttft_us: Some(8),
        stream: true,
        finish_reason: text("stop"),
        cache: Some(CacheStatus::Miss),
        saved: Some(NanoUsd(9)),
        policy: vec![PolicyDecision {
            policy: "retry".into(),
            action: "retried".into(),
            detail: text("twice"),
            saved: Some(NanoUsd(5)),
        }],
        documents: Some(Content::new("[1]")),
        tools: Some(Content::new("[2]")),
        attributes: Some(Content::new("{}")),
        ..span(1, START)
    }
}

#[tokio::test]
async fn a_span_comes_back_as_it_went_in() {
    let bare = Span { input: None, output: None, model: None, cost: None, ..span(2, START) };
    let (store, _dir) = store_with(spans([full_span(), bare.clone()])).await;
    let browse = store.browse();
    assert_eq!(browse.span(trace_id(1), span_id(1)), Ok(Some(full_span())));
    assert_eq!(browse.span(trace_id(2), span_id(2)), Ok(Some(bare)));
    assert_eq!(browse.span(trace_id(2), span_id(1)), Ok(None));
}

#[tokio::test]
async fn a_list_has_cut_contents_and_no_documents() {
    let long = Content::new("ü".repeat(2_000));
    let (store, _dir) = store_with(spans([Span { input: Some(long), ..full_span() }])).await;
    let page = store.browse().spans(&all(10)).unwrap();
    let [summary] = &page.spans[..] else { panic!("one span") };
    assert_eq!(summary.input.as_ref().map(Content::len), Some(2_000));
    assert_eq!((&summary.documents, &summary.tools, &summary.attributes), (&None, &None, &None));
    assert_eq!(page.next, None);
}

#[tokio::test]
async fn pages_follow_each_other_without_gaps_or_repeats_also_among_equal_times() {
    // Three at each instant, instants from a microsecond to weeks apart.
    let starts = [0, 1, 60_000_000, 3_600_000_000, 86_400_000_000, 2_000_000_000_000];
    let numbers = 0..18u64;
    let records = spans(
        numbers.clone().map(|n| span(n, START.saturating_add_us(starts[usize::try_from(n / 3).unwrap()]))),
    );
    let (store, _dir) = store_with(records).await;
    for limit in [1, 2, 5, 18, 100] {
        let mut seen = Vec::new();
        let mut filter = all(limit);
        loop {
            let page = store.browse().spans(&filter).unwrap();
            seen.extend(shown(&page));
            assert!(page.spans.len() <= limit);
            let Some(next) = page.next else { break };
            filter.after = Some(next);
        }
        assert_eq!(seen, numbers.clone().rev().collect::<Vec<_>>(), "pages of {limit}");
    }
}

#[tokio::test]
async fn lists_are_filtered_by_range_scope_and_text() {
    let mut second = span(2, START.saturating_add_us(10));
    second.input = Some(Content::new(r#"[{"content":"Wie gro\u00df ist 100%_X?"}]"#));
    second.status = SpanStatus::Error;
    let (store, _dir) =
        store_with(spans([span(1, START), second, span(3, START.saturating_add_us(20))])).await;
    let all = SpanSelection::all(TimeRange { from: UnixMicros(0), to: UnixMicros(i64::MAX) });
    let listed = |which: SpanSelection| {
        let filter = SpanFilter { which, order: SortOrder::default(), after: None, limit: 9 };
        shown(&store.browse().spans(&filter).unwrap())
    };
    let range = TimeRange { from: START, to: START.saturating_add_us(20) };
    assert_eq!(listed(SpanSelection { range, ..all.clone() }), [2, 1]);
    assert_eq!(listed(SpanSelection { scope: is("status", "error"), ..all.clone() }), [2]);
    assert_eq!(listed(SpanSelection { scope: is("team", "sea*"), ..all.clone() }), [3, 1]);
    assert_eq!(
        listed(SpanSelection { scope: Scope::Not(Box::new(is("session", "*"))), ..all.clone() }),
        [3, 2, 1]
    );
    for (text, expected) in [
        ("QUESTION", vec![3, 1]),
        ("wie groß", vec![2]),
        ("100%_x", vec![2]),
        ("1%?", vec![]),
        ("an answer", vec![3, 2, 1]),
        ("", vec![3, 2, 1]),
    ] {
        assert_eq!(listed(SpanSelection { text: Some(text.to_owned()), ..all.clone() }), expected, "{text}");
    }
    let error =
        store.browse().spans(&SpanFilter { after: Some("x".to_owned()), ..self::all(1) }).unwrap_err();
    assert!(matches!(error, BrowseError::Invalid(message) if message.contains("\"x\"")));
}

#[tokio::test]
async fn bounds_are_on_numbers_that_are_stated() {
    let free = Span { cost: None, parent_id: Some(span_id(9)), ..span(5, START) };
    let dear = Span { cost: Some(NanoUsd(500)), duration_us: 9_000_000, ..span(6, START) };
    let (store, _dir) = store_with(spans([span(1, START), free, dear])).await;
    let listed = |bounds: SpanBounds, roots| {
        let which = SpanSelection { bounds, roots, ..all(9).which };
        shown(&store.browse().spans(&SpanFilter { which, ..all(9) }).unwrap())
    };
    let none = SpanBounds::default();
    assert_eq!(listed(SpanBounds { duration_us_min: Some(9_000_000), ..none }, false), [6]);
    assert_eq!(listed(SpanBounds { duration_us_max: Some(8_999_999), ..none }, false), [5, 1]);
    assert_eq!(listed(SpanBounds { cost_min: Some(NanoUsd(10)), ..none }, false), [6, 1]);
    assert_eq!(listed(SpanBounds { tokens_min: Some(6), ..none }, false), [6, 5]);
    assert_eq!(listed(none, true), [6, 1]);
}

#[tokio::test]
async fn any_order_is_paged_without_gaps_and_what_is_not_stated_comes_last() {
    // Days apart, so that rows are read in several places; costs repeat, and some are not stated.
    let numbered = (1..=12u64).map(|n| Span {
        cost: (n % 4 != 0).then(|| NanoUsd(i64::try_from(n % 3).unwrap() - 1)),
        ttft_us: (n % 2 == 0).then_some(100 - n),
        duration_us: n * 10 % 7,
        ..span(n, START.saturating_add_us(i64::try_from(n * n % 5).unwrap() * UnixMicros::DAY))
    });
    let numbered: Vec<_> = numbered.collect();
    let (store, _dir) = store_with(spans(numbered.clone())).await;
    for by in
        [SpanSort::Start, SpanSort::Duration, SpanSort::Cost, SpanSort::Tokens, SpanSort::TimeToFirstToken]
    {
        for descending in [true, false] {
            let key = |span: &Span| match by {
                SpanSort::Start => Some(span.start.0),
                SpanSort::Duration => i64::try_from(span.duration_us).ok(),
                SpanSort::Cost => span.cost.map(|cost| cost.0),
                SpanSort::Tokens => span.tokens.total().and_then(|tokens| i64::try_from(tokens).ok()),
                SpanSort::TimeToFirstToken => span.ttft_us.and_then(|us| i64::try_from(us).ok()),
            };
            let mut expected: Vec<_> = numbered.iter().map(|s| (key(s), s.tokens.input.unwrap())).collect();
            expected.sort_by_key(|(key, number)| (key.unwrap_or(i64::MAX), *number));
            if descending {
                expected.sort_by_key(|(key, number)| std::cmp::Reverse((key.unwrap_or(i64::MIN), *number)));
            }
            let expected: Vec<_> = expected.into_iter().map(|(_, number)| number).collect();
            for limit in [1, 5, 12] {
                let order = SortOrder { by, descending };
                let mut filter = SpanFilter { order, ..all(limit) };
                let mut seen = Vec::new();
                loop {
                    let page = store.browse().spans(&filter).unwrap();
                    seen.extend(shown(&page));
                    let Some(next) = page.next else { break };
                    filter.after = Some(next);
                }
                assert_eq!(seen, expected, "{order:?} in pages of {limit}");
            }
        }
    }
}

#[tokio::test]
async fn a_place_in_one_order_is_none_in_another() {
    let (store, _dir) = store_with(spans((0..3).map(|n| span(n, START)))).await;
    let next = store.browse().spans(&all(1)).unwrap().next;
    let order = SortOrder { by: SpanSort::Cost, descending: true };
    let refused = store.browse().spans(&SpanFilter { order, after: next, ..all(1) });
    assert!(matches!(refused, Err(BrowseError::Invalid(message)) if message.contains("-cost")));
}

#[tokio::test]
async fn a_trace_has_its_spans_in_order_and_its_scores() {
    let of_trace = |n: u64, start| Span { trace_id: trace_id(1), ..span(n, start) };
    let score = Score {
        time: START,
        trace_id: trace_id(1),
        span_id: Some(span_id(2)),
        by_span_alone: false,
        name: Arc::from("custom.llm.faithfulness_score"),
        value: ScoreValue::Number(0.75),
        judge: Arc::from("faithfulness@2"),
        rationale: Some(Content::new("because")),
        tags: [("index", "faq"), ("team", "it's")].into_iter().collect(),
    };
    let label = Score {
        span_id: None,
        by_span_alone: false,
        value: ScoreValue::Label("good".into()),
        name: "verdict".into(),
        ..score.clone()
    };
    let mut records = spans([of_trace(2, START.saturating_add_us(5)), of_trace(1, START), span(3, START)]);
    records.extend([score.clone(), label.clone()].map(|score| Record::Score(Box::new(score))));
    let (store, _dir) = store_with(records).await;
    let (spans, scores) = store.browse().trace(trace_id(1)).unwrap();
    assert_eq!(spans, [of_trace(1, START), of_trace(2, START.saturating_add_us(5))]);
    assert_eq!(scores, [score, label]);
    assert_eq!(store.browse().trace(trace_id(9)), Ok((vec![], vec![])));
}

#[tokio::test]
async fn facets_count_the_values_of_a_tag() {
    let (store, _dir) = store_with(spans((0..5).map(|n| span(n, START)))).await;
    let range = TimeRange { from: START, to: START.saturating_add_us(1) };
    let facets = |tag: &str, scope: &Scope, limit| {
        store.browse().facets(&TagKey::new(tag), range, scope, limit).unwrap()
    };
    let facet = |value: &str, count| Facet { value: value.to_owned(), count };
    assert_eq!(facets("team", &Scope::All, 9), [facet("payments", 3), facet("search", 2)]);
    assert_eq!(facets("team", &Scope::All, 1), [facet("payments", 3)]);
    assert_eq!(facets("model_name", &is("team", "search"), 9), [facet("gpt-4o", 2)]);
    assert_eq!(facets("session", &Scope::All, 9), []);
    assert_eq!(facets("no such tag", &Scope::All, 9), []);
}

#[tokio::test]
async fn the_extent_is_from_the_first_start_to_the_last() {
    let late = START.saturating_add_us(77);
    let (store, _dir) = store_with(spans([span(1, late), span(2, START)])).await;
    assert_eq!(store.browse().extent(), Ok(Some(TimeRange { from: START, to: late })));
}

#[tokio::test]
async fn times_at_the_ends_of_the_integers_do_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    let retention = Retention { spans_days: u32::MAX, bodies_days: u32::MAX, ..Retention::default() };
    let config = StoreConfig { retention, ..config(dir.path()) };
    let store = Store::open(config, TurnedClock::at(START)).await.unwrap();
    store.sink().append(&spans([span(1, UnixMicros(i64::MIN)), span(2, UnixMicros(i64::MAX))])).unwrap();
    store.flush().await.unwrap();
    store.run_upkeep().await.unwrap();
    let range = TimeRange { from: UnixMicros(i64::MIN), to: UnixMicros(i64::MAX) };
    assert_eq!(
        shown(&store.browse().spans(&SpanFilter { which: SpanSelection::all(range), ..all(9) }).unwrap()),
        [2, 1]
    );
}

#[tokio::test]
async fn a_question_that_was_given_up_leaves_nothing_behind_for_the_next() {
    let (store, _dir) = store_with(spans([span(1, START), span(2, START)])).await;
    let browse = store.browse();
    for turn in 0..300 {
        let cancel = weir_types::Cancel::default();
        std::thread::scope(|threads| {
            threads.spawn(|| cancel.scope(|| browse.spans(&all(9)).map(drop)));
            // Given up before, in the middle of and after the question, as it happens.
            (0..turn).for_each(|_| std::hint::spin_loop());
            cancel.cancel();
        });
        assert_eq!(browse.spans(&all(9)).map(|page| page.spans.len()), Ok(2), "turn {turn}");
    }
}
