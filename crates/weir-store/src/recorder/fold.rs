//! Records to cells: a pure fold. Order does not matter, and folding in parts and merging gives the same.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, LazyLock};

use weir_types::{
    Cell, CellDelta, CellKey, Event, Point, PointKind, Record, Score, ScoreValue, Span, TagKey, Tags,
    UnixMicros, limits, metric,
};

use crate::arrow::storable;
use crate::derived;

/// The bound of one value in `sum_nano`; a hundred million such values still fit the tables' 38 digits.
pub(crate) const VALUE_NANO_MAX: f64 = 1e30;

/// The keys of [`metric::CELL_TAGS`], made once.
static CELL_TAG_KEYS: LazyLock<[TagKey; 7]> = LazyLock::new(|| metric::CELL_TAGS.map(TagKey::new));

/// The name of the metric of events, made once.
static EVENTS: LazyLock<Arc<str>> = LazyLock::new(|| Arc::from(metric::EVENTS));

/// Values by number, so that a key is compared and hashed once for each record and not for each metric.
#[derive(Debug)]
struct Interned<T> {
    numbers: HashMap<T, usize>,
    values: Vec<T>,
}

impl<T: Clone + Eq + Hash> Interned<T> {
    fn new() -> Self {
        Self { numbers: HashMap::new(), values: Vec::new() }
    }

    fn number(&mut self, value: &T) -> usize {
        if let Some(number) = self.numbers.get(value) {
            return *number;
        }
        self.numbers.insert(value.clone(), self.values.len());
        self.values.push(value.clone());
        self.values.len() - 1
    }
}

impl Interned<Arc<str>> {
    fn number_of_name(&mut self, name: &str) -> usize {
        match self.numbers.get(name) {
            Some(number) => *number,
            None => self.number(&Arc::from(name)),
        }
    }
}

/// Cells in the making.
#[derive(Debug)]
pub(crate) struct Fold {
    /// The length of a cell.
    step_us: i64,
    metrics: Interned<Arc<str>>,
    tag_sets: Interned<Tags>,
    cells: HashMap<(usize, UnixMicros, usize), Cell>,
}

impl Fold {
    /// A fold into cells of this length.
    pub(crate) fn new(step_us: i64) -> Self {
        Self { step_us, metrics: Interned::new(), tag_sets: Interned::new(), cells: HashMap::new() }
    }

    /// Adds what a record contributes to stored cells. `span_tags` are those of the span that a score is about, as far as known.
    pub(crate) fn record(&mut self, record: &Record, span_tags: Option<&Tags>) {
        match record {
            Record::Span(span) => self.span(span),
            Record::Score(score) => self.score(score, span_tags),
            Record::Point(point) => self.point(point),
            // Events are counted from their rows: what they say is part of their series, and too much for a table of cells.
            Record::Event(_) => {}
        }
    }

    /// Adds an event to [`metric::EVENTS`], which only those see who follow what transactions do.
    pub(crate) fn event(&mut self, event: &Event) {
        if let Some(cell) = cell_of(1.0, false) {
            self.merge(&EVENTS, event.time, &event.series(), &cell);
        }
    }

    /// Adds a cell.
    pub(crate) fn merge(&mut self, metric: &Arc<str>, time: UnixMicros, tags: &Tags, cell: &Cell) {
        let metric = self.metrics.number(metric);
        let tags = self.tag_sets.number(tags);
        self.cells.entry((metric, storable(time).floor_to(self.step_us), tags)).or_default().merge(cell);
    }

    /// The cells, in the order of metric, time and tags.
    pub(crate) fn finish(self) -> Vec<CellDelta> {
        let Self { metrics, tag_sets, cells, .. } = self;
        let mut deltas: Vec<_> = cells
            .into_iter()
            .map(|((metric, minute, tags), cell)| CellDelta {
                key: CellKey {
                    metric: Arc::clone(&metrics.values[metric]),
                    tags: tag_sets.values[tags].clone(),
                },
                minute,
                cell,
            })
            .collect();
        deltas.sort_by(|a, b| {
            (&a.key.metric, a.minute, &a.key.tags).cmp(&(&b.key.metric, b.minute, &b.key.tags))
        });
        deltas
    }

    /// Adds what a span contributes.
    pub(crate) fn span(&mut self, span: &Span) {
        let mut samples = derived::samples(span).peekable();
        if samples.peek().is_none() {
            return;
        }
        let tags = tags_of_span(span);
        let number = self.tag_sets.number(&tags);
        let minute = storable(span.start).floor_to(self.step_us);
        for sample in samples {
            let tag_set = match sample.extra {
                None => number,
                Some((key, value)) => {
                    let mut tags = tags.clone();
                    tags.set(TagKey::new(key), cut(&value));
                    self.tag_sets.number(&tags)
                }
            };
            let metric = self.metrics.number_of_name(sample.metric);
            self.cells.entry((metric, minute, tag_set)).or_default().merge(&sample.cell);
        }
    }

    /// Adds what a score contributes.
    pub(crate) fn score(&mut self, score: &Score, span_tags: Option<&Tags>) {
        let ScoreValue::Number(value) = score.value else { return };
        if let Some(cell) = cell_of(value, true) {
            self.merge(&score.name, score.time, &tags_of_score(score, span_tags), &cell);
        }
    }

    fn point(&mut self, point: &Point) {
        if let Some(cell) = cell_of_point(point) {
            self.merge(&point.name, point.time, &cut_tags(&point.tags), &cell);
        }
    }
}

/// The cell of one point; `None` when its value is no number.
fn cell_of_point(point: &Point) -> Option<Cell> {
    match point.kind {
        PointKind::Count => cell_of(point.value, false),
        PointKind::Gauge | PointKind::Distribution => cell_of(point.value, true),
        // The value is a hash: it can be counted and nothing else.
        PointKind::Set => point.value.is_finite().then(|| cell_of(0.0, false)).flatten(),
    }
}

fn cell_of(value: f64, has_histogram: bool) -> Option<Cell> {
    if !value.is_finite() {
        return None;
    }
    let mut cell =
        Cell { count: 1, sum_nano: to_nano(value), min: Some(value), max: Some(value), ..Cell::default() };
    if has_histogram {
        cell.histogram.record(value);
    }
    Some(cell)
}

#[expect(clippy::cast_possible_truncation, reason = "clamped to a range that fits")]
fn to_nano(value: f64) -> i128 {
    (value * Cell::NANO).round().clamp(-VALUE_NANO_MAX, VALUE_NANO_MAX) as i128
}

/// The tags of a span that cells carry.
pub(crate) fn tags_of_span(span: &Span) -> Tags {
    let mut tags = Tags::new();
    for key in &*CELL_TAG_KEYS {
        if let Some(value) = span.tag(key.as_str()) {
            tags.set(key.clone(), cut(value));
        }
    }
    tags
}

/// The tags of a score's cell: its own, and those of its span where it has none.
pub(crate) fn tags_of_score(score: &Score, span_tags: Option<&Tags>) -> Tags {
    let mut tags = span_tags.cloned().unwrap_or_default();
    for (key, value) in score.tags.iter() {
        tags.set(key.clone(), cut(value));
    }
    tags
}

fn cut_tags(tags: &Tags) -> Tags {
    if tags.iter().all(|(_, value)| value.len() <= limits::TAG_VALUE_BYTES_MAX) {
        return tags.clone();
    }
    let mut short = Tags::new();
    for (key, value) in tags.iter() {
        short.set(key.clone(), cut(value));
    }
    short
}

/// A tag's value as cells carry it: cut at [`limits::TAG_VALUE_BYTES_MAX`].
pub(crate) fn cut(value: &str) -> &str {
    &value[..value.floor_char_boundary(limits::TAG_VALUE_BYTES_MAX)]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::samples;

    fn folded(records: &[Record]) -> Vec<CellDelta> {
        let mut fold = Fold::new(UnixMicros::MINUTE);
        for record in records {
            fold.record(record, None);
        }
        fold.finish()
    }

    proptest! {
        #[test]
        fn folding_in_parts_and_merging_is_folding_at_once(
            records in prop::collection::vec(samples::record(), 0..30),
            cut in any::<prop::sample::Index>(),
        ) {
            let (left, right) = records.split_at(cut.index(records.len() + 1));
            let mut merged = Fold::new(UnixMicros::MINUTE);
            for part in [folded(right), folded(left)] {
                for delta in part {
                    merged.merge(&delta.key.metric, delta.minute, &delta.key.tags, &delta.cell);
                }
            }
            prop_assert_eq!(merged.finish(), folded(&records));
        }
    }

    #[test]
    fn a_score_is_grouped_by_the_tags_of_its_span() {
        let span = samples::plain_span(UnixMicros(0));
        let score = Score {
            time: UnixMicros(0),
            trace_id: span.trace_id,
            span_id: Some(span.span_id),
            by_span_alone: false,
            name: Arc::from("faithfulness"),
            value: ScoreValue::Number(0.5),
            judge: Arc::from("test"),
            rationale: None,
            tags: [("index", "faq"), ("team", "search")].into_iter().collect(),
        };
        let tags = tags_of_score(&score, Some(&tags_of_span(&span)));
        assert_eq!((tags.get("model"), tags.get("index")), (Some("gpt-4o"), Some("faq")));
        assert_eq!(tags.get("team"), Some("search"), "what the score says itself wins");
    }

    #[test]
    fn long_tag_values_are_cut_within_characters_never() {
        let long = "é".repeat(150);
        assert_eq!(cut(&long).len(), limits::TAG_VALUE_BYTES_MAX);
        let odd = format!("a{long}");
        assert_eq!(cut(&odd).len(), limits::TAG_VALUE_BYTES_MAX - 1);
    }
}
