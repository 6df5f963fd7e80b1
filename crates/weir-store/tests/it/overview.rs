//! Counts over many spans: facets, parts of time, and two sets side by side.

use weir_types::{
    Content, ContrastTag, Facet, Record, Scope, Span, SpanBounds, SpanCount, SpanSelection, SpanStatus,
    TagKey, TimeRange, UnixMicros,
};

use crate::support::{START, open, span};

async fn store_with(spans: impl IntoIterator<Item = Span>) -> (weir_store::Store, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let records: Vec<_> = spans.into_iter().map(|span| Record::Span(Box::new(span))).collect();
    store.sink().append(&records).unwrap();
    store.flush().await.unwrap();
    (store, dir)
}

fn everything() -> SpanSelection {
    SpanSelection::all(TimeRange { from: UnixMicros(0), to: UnixMicros(i64::MAX) })
}

#[tokio::test]
async fn values_of_several_tags_are_counted_together() {
    let with_session = Span { session: Some("s".into()), ..span(5, START) };
    let (store, _dir) = store_with((0..5).map(|n| span(n, START)).chain([with_session])).await;
    let tags = ["team", "session", "user", "nothing"].map(TagKey::new);
    let (groups, total) = store.browse().facet_groups(&tags, &everything(), 1).unwrap();
    assert_eq!(total, 6);
    let found: Vec<_> = groups.iter().map(|g| (g.tag.as_str(), g.values.clone(), g.distinct)).collect();
    let facet = |value: &str, count| vec![Facet { value: value.to_owned(), count }];
    let expected = [
        ("team", facet("payments", 3), 2),
        ("session", facet("s", 1), 1),
        ("user", vec![], 0),
        ("nothing", vec![], 0),
    ];
    assert_eq!(found, expected);
    let bounds = SpanBounds { duration_us_min: Some(0), ..SpanBounds::default() };
    let bounded = SpanSelection { bounds, ..everything() };
    let at_once = store.browse().facet_groups(&tags, &bounded, 1).unwrap();
    assert_eq!(at_once, (groups, 6), "one pass finds what one for each tag finds");
    let none = SpanSelection { text: Some("no such text".to_owned()), ..everything() };
    assert_eq!(store.browse().facet_groups(&tags[..1], &none, 9).unwrap().1, 0);
    assert_eq!(store.browse().facet_groups(&[], &everything(), 9).unwrap(), (vec![], 6));
}

#[tokio::test]
async fn spans_are_counted_by_part_of_time_and_outcome() {
    let failed = Span { status: SpanStatus::Error, ..span(3, START.saturating_add_us(61_000_000)) };
    let (store, _dir) = store_with([span(1, START), span(2, START.saturating_add_us(5)), failed]).await;
    let counts = store.browse().span_counts(&everything(), UnixMicros::MINUTE).unwrap();
    let minute_later = START.saturating_add_us(UnixMicros::MINUTE);
    assert_eq!(
        counts,
        [SpanCount { start: START, ok: 2, error: 0 }, SpanCount { start: minute_later, ok: 0, error: 1 }]
    );
}

fn counts_of(tags: &[ContrastTag], tag: &str) -> Vec<(Option<String>, u64, u64)> {
    let found = tags.iter().find(|known| known.tag == tag);
    let mut values: Vec<_> =
        found.iter().flat_map(|tag| &tag.values).map(|v| (v.value.clone(), v.selected, v.rest)).collect();
    values.sort();
    values
}

#[tokio::test]
async fn two_sets_are_counted_side_by_side_over_tags_and_attributes() {
    let slow = (0..3).map(|n| Span {
        duration_us: 5_000_000,
        attributes: Some(Content::new(r#"{"region":"eu","retries":2,"nested":{"a":1}}"#)),
        ..span(2 * n, START)
    });
    let quick = (10..14)
        .map(|n| Span { attributes: (n > 11).then(|| Content::new(r#"{"region":"us"}"#)), ..span(n, START) });
    let (store, _dir) = store_with(slow.chain(quick)).await;
    let bounds = SpanBounds { duration_us_min: Some(1_000_000), ..SpanBounds::default() };
    let contrast = store.browse().contrast(&everything(), &SpanSelection { bounds, ..everything() }).unwrap();
    assert_eq!((contrast.selected, contrast.rest), (3, 4));
    assert_eq!((contrast.selected_seen, contrast.rest_seen), (3, 4));
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(counts_of(&contrast.tags, "team"), [(text("payments"), 3, 2), (text("search"), 0, 2)]);
    assert_eq!(counts_of(&contrast.tags, "session"), [(None, 3, 4)]);
    assert_eq!(counts_of(&contrast.tags, "attributes.region"), [(text("eu"), 3, 0), (text("us"), 0, 2)]);
    assert_eq!(counts_of(&contrast.tags, "attributes.retries"), [(text("2"), 3, 0)]);
    assert_eq!(counts_of(&contrast.tags, "attributes.nested"), []);
}

#[tokio::test]
async fn a_condition_that_nothing_states_selects_nothing() {
    let (store, _dir) = store_with((0..3).map(|n| span(n, START))).await;
    let scope = Scope::Is(TagKey::new("session"), "x".into());
    let contrast = store.browse().contrast(&everything(), &SpanSelection { scope, ..everything() }).unwrap();
    assert_eq!((contrast.selected, contrast.rest), (0, 3));
}
