//! What the store is asked: as little as possible, from cells where cells can answer.

use weir_query::{parse, run, run_instant};
use weir_types::{Need, ScanRequest, ScanSource, UnixMicros, metric};

use crate::memory::{Memory, at, between};

fn asked(query: &str) -> Vec<ScanRequest> {
    let mut store = Memory::new();
    store.add("custom.score", at("2026-03-02T00:00:00Z"), &[("index", "x"), ("doc", "y")], &[1.0]);
    store.carry("custom.score", &["index"]);
    let ctx = between("2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z", None, None);
    run(&parse(query).unwrap_or_else(|error| panic!("{}", error.render(query))), &ctx, &store).unwrap();
    store.asked()
}

#[test]
fn cells_answer_what_they_carry_and_rows_the_rest() {
    for (query, source) in [
        ("sum(llm.request.count)", ScanSource::Cells),
        ("sum(llm.request.count) by {model, team} where {env:prod}", ScanSource::Cells),
        ("sum(llm.request.count) by session", ScanSource::Rows),
        ("sum(llm.request.count) where {!status:error}", ScanSource::Rows),
        ("sum(llm.request.error) by error_type", ScanSource::Cells),
        ("sum(llm.cost.saved_usd) by layer", ScanSource::Cells),
        ("avg(custom.score) by index", ScanSource::Cells),
        ("avg(custom.score{doc:y}) by index", ScanSource::Rows),
    ] {
        let scans = asked(query);
        assert_eq!(scans.len(), 1, "{query}");
        assert_eq!(scans[0].source, source, "{query}");
    }
}

#[test]
fn histograms_are_read_for_percentiles_only() {
    assert_eq!(asked("avg(llm.request.duration)")[0].need, Need::Totals);
    assert_eq!(asked("p95(llm.request.duration)")[0].need, Need::Histogram);
    assert_eq!(asked("count(v: v > 1s):llm.request.duration{*}")[0].need, Need::Histogram);
}

#[test]
fn equal_questions_are_asked_once() {
    assert_eq!(asked("sum(llm.cost.usd) / count(llm.cost.usd) + avg(llm.cost.usd)").len(), 1);
    let both = asked("max(llm.request.duration) - p50(llm.request.duration)");
    assert_eq!((both.len(), both[0].need), (1, Need::Histogram));
    assert_eq!(asked("sum(llm.cost.usd) / sum(llm.cost.usd{team:a})").len(), 2);
}

#[test]
fn the_rank_of_a_series_is_made_from_its_points() {
    assert_eq!(asked("top(3, p95(llm.request.duration) by model)").len(), 1);
    assert_eq!(asked("top(3, rate(llm.request.error) by model)").len(), 2);
}

#[test]
fn a_change_over_weeks_reads_hours() {
    let scans = asked("week_over_week_change(token_spend)");
    assert_eq!(scans.len(), 2);
    assert!(scans.iter().all(|scan| scan.step_us == Some(UnixMicros::HOUR)));
    assert!(scans.iter().all(|scan| scan.range.from.0 % UnixMicros::HOUR == 0));
}

#[test]
fn a_longer_look_back_answers_a_shorter_one() {
    let both = asked(
        "day_over_day_change(p95(llm.request.duration)) + week_over_week_change(avg(llm.request.duration))",
    );
    assert_eq!(both.len(), 2, "{both:?}");
    assert_eq!(both[0].need, Need::Histogram, "the days of the first are within the last week of the second");
}

#[test]
fn a_single_value_is_one_bucket_and_long_ones_are_whole_hours() {
    let query = parse("sum(llm.cost.usd)").unwrap();
    for (from, to, expected_from, expected_to) in [
        ("2026-03-02T10:00:30Z", "2026-03-02T11:00:30Z", "2026-03-02T10:00:00Z", "2026-03-02T11:01:00Z"),
        ("2026-02-02T10:20:30Z", "2026-03-02T11:00:30Z", "2026-02-02T10:00:00Z", "2026-03-02T12:00:00Z"),
    ] {
        let store = Memory::new();
        run_instant(&query, &between(from, to, None, None), &store).unwrap();
        let scan = &store.asked()[0];
        assert_eq!(scan.step_us, None);
        assert_eq!((scan.range.from, scan.range.to), (at(expected_from), at(expected_to)));
    }
}

#[test]
fn a_series_is_asked_up_to_the_end_of_its_range_and_not_to_the_end_of_its_last_step() {
    let store = Memory::new();
    let query = parse("sum(llm.cost.usd)").unwrap();
    run(&query, &between("2026-03-02T10:00:00Z", "2026-03-02T10:17:30Z", Some(10), None), &store).unwrap();
    assert_eq!(store.asked()[0].range.to, at("2026-03-02T10:18:00Z"));
    let hours = Memory::new();
    run(&query, &between("2026-03-02T10:00:00Z", "2026-03-02T14:17:30Z", Some(180), None), &hours).unwrap();
    assert_eq!(hours.asked()[0].range.to, at("2026-03-02T15:00:00Z"), "hourly cells are taken whole");
}

#[test]
fn nothing_is_asked_for_a_constant() {
    assert!(asked("2 * 3").is_empty());
}

#[test]
fn the_names_of_span_tags_are_those_that_spans_have() {
    use weir_types::{CacheStatus, IdGenerator, Source, Span, SpanKind};
    let (ids, now) = (IdGenerator::new(), at("2026-03-02T00:00:00Z"));
    let mut span = Span::new(ids.trace_id(now), ids.span_id(now), SpanKind::Llm, Source::Gateway, now);
    for field in [
        &mut span.provider,
        &mut span.model,
        &mut span.response_model,
        &mut span.team,
        &mut span.app,
        &mut span.agent,
        &mut span.session,
        &mut span.user,
        &mut span.env,
        &mut span.service,
        &mut span.key_id,
        &mut span.client,
        &mut span.response_id,
        &mut span.error_type,
        &mut span.finish_reason,
    ] {
        *field = Some("x".into());
    }
    span.cache = Some(CacheStatus::ALL[0]);
    for tag in weir_query::SPAN_TAGS {
        assert!(span.tag(tag).is_some(), "spans have no tag {tag}");
    }
    assert!(metric::CELL_TAGS.iter().all(|tag| weir_query::SPAN_TAGS.contains(tag)));
}
