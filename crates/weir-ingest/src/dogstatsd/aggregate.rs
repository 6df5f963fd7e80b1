//! Samples merged between two flushes, so that a thousand increments become one record.
//!
//! | type | what a flush keeps of one series |
//! |---|---|
//! | count | one point: the sum, each value divided by its sample rate |
//! | gauge | every sample, up to [`GAUGE_SAMPLES_MAX`]; beyond that the newest stands in for the one before it |
//! | histogram, distribution, timing | every sample, with the weight that its sample rate says |
//! | set | every member once |
//!
//! Gauges keep more than their last value, unlike in Datadog: people send scores as gauges, one for each question, and
//! averages of them have to be averages of all.
//!
//! A series is found by the bytes that name it, without reading its tags; only its first line in a flush costs more.
//! Memory is bounded: whoever calls [`Aggregate::is_full`] after each datagram flushes early.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use weir_types::{Point, PointKind, Record, Tags, UnixMicros, limits};

use super::event::{record_of_event, records_of_check, tags, time_or};
use super::line::{self, Line, LineError, Metric, MetricType};

/// Samples of one gauge in a flush of 200 ms. More than 500 in a second is no longer one level.
const GAUGE_SAMPLES_MAX: usize = 100;

/// Points and series after which a flush does not wait for its time; about 20 MiB.
const POINTS_MAX: usize = 65_536;

/// Bytes of a metric's name, as in Datadog.
const NAME_BYTES_MAX: usize = 200;

/// What lines have said since the last flush.
#[derive(Debug, Default)]
pub(super) struct Aggregate {
    series: HashMap<Box<[u8]>, Series>,
    others: Vec<Record>,
    refusals: BTreeMap<&'static str, u64>,
    accepted_lines: u64,
    points: usize,
    /// The name of the series that is looked for; here so that it is not allocated for each line.
    key: Vec<u8>,
    /// The values of the line that is read; here for the same reason.
    values: Vec<f64>,
}

#[derive(Debug)]
struct Series {
    time: UnixMicros,
    name: Arc<str>,
    tags: Tags,
    samples: Samples,
}

#[derive(Debug)]
enum Samples {
    Sum(f64),
    Levels(Vec<f64>),
    Values(Weighted),
    Members(HashSet<u64>),
}

/// What a flush brings.
#[derive(Debug, Default)]
pub(super) struct Flushed {
    pub records: Vec<Record>,
    /// How many lines these records stand for.
    pub lines: u64,
    pub refusals: Vec<(&'static str, u64)>,
}

impl Aggregate {
    /// Reads all lines of a datagram.
    pub(super) fn datagram(&mut self, datagram: &[u8], now: UnixMicros) {
        for line in datagram.split(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() {
                continue;
            }
            match self.line(line, now) {
                Ok(()) => self.accepted_lines += 1,
                Err(error) => self.refuse(error),
            }
        }
    }

    /// Counts something that was not accepted.
    pub(super) fn refuse(&mut self, error: LineError) {
        *self.refusals.entry(error.reason()).or_default() += 1;
    }

    /// Whether a flush should not wait.
    pub(super) fn is_full(&self) -> bool {
        self.points.max(self.series.len()) + self.others.len() >= POINTS_MAX
    }

    /// Whether a flush would bring nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.series.is_empty() && self.others.is_empty() && self.refusals.is_empty()
    }

    /// Everything since the last flush.
    pub(super) fn flush(&mut self) -> Flushed {
        let mut records = std::mem::take(&mut self.others);
        for (_, series) in self.series.drain() {
            series.into_records(&mut records);
        }
        self.points = 0;
        Flushed {
            records,
            lines: std::mem::take(&mut self.accepted_lines),
            refusals: std::mem::take(&mut self.refusals).into_iter().collect(),
        }
    }

    fn line(&mut self, line: &[u8], now: UnixMicros) -> Result<(), LineError> {
        match line::parse(line)? {
            Line::Metric(metric) => self.metric(&metric, now),
            Line::Event(event) => {
                self.others.push(record_of_event(&event, now)?);
                Ok(())
            }
            Line::Check(check) => {
                let (point, event) = records_of_check(&check, normal_name(check.name), now)?;
                self.others.push(point);
                self.others.extend(event);
                Ok(())
            }
        }
    }

    fn metric(&mut self, metric: &Metric<'_>, now: UnixMicros) -> Result<(), LineError> {
        // All values are read before any counts, so that a line is taken as a whole or not at all.
        self.values.clear();
        if metric.kind != MetricType::Set {
            for value in metric.values.split(':') {
                self.values.push(line::number(value)?);
            }
        }
        self.name_series(metric);
        let series = if let Some(series) = self.series.get_mut(&self.key[..]) {
            series
        } else {
            let series = Series::new(metric, now)?;
            self.series.entry(self.key.clone().into_boxed_slice()).or_insert(series)
        };
        match &mut series.samples {
            Samples::Sum(sum) => {
                let more = *sum + self.values.iter().sum::<f64>() / metric.rate;
                // Numbers can add up to more than a number can hold.
                *sum = if more.is_finite() { more } else { return Err(LineError::BadValue) };
            }
            Samples::Levels(levels) => {
                let thinned = push_levels(levels, &self.values);
                self.points += self.values.len() - thinned;
                if thinned > 0 {
                    *self.refusals.entry("gauge_thinned").or_default() += thinned as u64;
                }
            }
            Samples::Values(weighted) => {
                self.values.iter().for_each(|value| weighted.push(*value, metric.rate));
                self.points += self.values.len();
            }
            Samples::Members(members) => {
                if members.insert(hash(metric.values)) {
                    self.points += 1;
                }
            }
        }
        Ok(())
    }

    /// Spells what a line's series is told by: kind, time, name and tags, all as they came.
    fn name_series(&mut self, metric: &Metric<'_>) {
        self.key.clear();
        self.key.push(metric.kind as u8);
        self.key.extend_from_slice(&metric.time_s.unwrap_or(0).to_le_bytes());
        self.key.extend_from_slice(metric.name.as_bytes());
        // No name holds this byte, because names end at the first of them.
        self.key.push(b':');
        self.key.extend_from_slice(metric.tags.as_bytes());
    }
}

impl Series {
    fn new(metric: &Metric<'_>, now: UnixMicros) -> Result<Self, LineError> {
        let samples = match metric.kind {
            MetricType::Count => Samples::Sum(0.0),
            MetricType::Gauge => Samples::Levels(Vec::new()),
            MetricType::Distribution => Samples::Values(Weighted::default()),
            MetricType::Set => Samples::Members(HashSet::new()),
        };
        let tags = tags(metric.tags)?;
        Ok(Self { time: time_or(metric.time_s, now), name: normal_name(metric.name), tags, samples })
    }

    fn into_records(self, records: &mut Vec<Record>) {
        let Self { time, name, tags, samples } = self;
        let mut keep_weighted = |kind: PointKind, value: f64, weight: u64| {
            let point = Point { time, name: Arc::clone(&name), kind, value, weight, tags: tags.clone() };
            records.push(Record::Point(Box::new(point)));
        };
        let mut keep = |kind: PointKind, value: f64| keep_weighted(kind, value, 1);
        match samples {
            Samples::Sum(sum) => keep(PointKind::Count, sum),
            Samples::Levels(levels) => {
                for value in levels {
                    keep(PointKind::Gauge, value);
                }
            }
            Samples::Values(Weighted { values, .. }) => {
                for (value, weight) in values {
                    keep_weighted(PointKind::Distribution, value, weight);
                }
            }
            Samples::Members(members) => {
                for member in members {
                    // 53 bits of the hash, which a float holds exactly.
                    keep(PointKind::Set, (member >> 11) as f64);
                }
            }
        }
    }
}

/// Samples, each with the number of those that it speaks for.
#[derive(Debug)]
struct Weighted {
    values: Vec<(f64, u64)>,
    /// What rounding has left of the weights so far: at a rate of 0.3 three samples speak for ten.
    rest: f64,
}

impl Default for Weighted {
    fn default() -> Self {
        // The sum of the weights is then the rounded sum of what the rates say.
        Self { values: Vec::new(), rest: 0.5 }
    }
}

impl Weighted {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and the limit")]
    fn push(&mut self, value: f64, rate: f64) {
        let stands_for = (1.0 / rate).min(limits::POINT_WEIGHT_MAX as f64) + self.rest;
        let weight = stands_for.floor();
        self.rest = stands_for - weight;
        self.values.push((value, weight as u64));
    }
}

/// Adds levels; returns how many were overwritten by newer ones.
fn push_levels(levels: &mut Vec<f64>, values: &[f64]) -> usize {
    let mut thinned = 0;
    for value in values {
        if levels.len() == GAUGE_SAMPLES_MAX {
            levels.pop();
            thinned += 1;
        }
        levels.push(*value);
    }
    thinned
}

/// A metric's name as Datadog would spell it: letters, digits, `_` and `.`; anything else is `_`.
fn normal_name(name: &str) -> Arc<str> {
    let is_normal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
    let name = super::event::cut(name, NAME_BYTES_MAX);
    if name.chars().all(is_normal) {
        return Arc::from(name);
    }
    name.chars().map(|c| if is_normal(c) { c } else { '_' }).collect::<String>().into()
}

/// FNV-1a: the same in every process, so that a member counts once however often Weir was restarted.
fn hash(member: &str) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    member.bytes().fold(OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMicros = UnixMicros(1_700_000_000_000_000);

    /// What a flush of these datagrams keeps, as sorted text, and what it refuses.
    fn flushed(datagrams: &[&str]) -> (Vec<String>, Vec<(&'static str, u64)>) {
        let mut aggregate = Aggregate::default();
        for datagram in datagrams {
            aggregate.datagram(datagram.as_bytes(), NOW);
        }
        let flushed = aggregate.flush();
        let mut lines: Vec<_> = flushed.records.iter().map(text_of).collect();
        lines.sort();
        (lines, flushed.refusals)
    }

    fn text_of(record: &Record) -> String {
        match record {
            Record::Point(point) => {
                let tags: Vec<_> = point.tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
                let weight = if point.weight == 1 { String::new() } else { format!("×{}", point.weight) };
                format!("{:?} {} {}{weight} {}", point.kind, point.name, point.value, tags.join(" "))
                    .trim_end()
                    .to_owned()
            }
            Record::Event(event) => format!("{:?} {} {:?}", event.level, event.title, event.text),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn counts_add_up_and_sample_rates_scale_them() {
        let (points, refusals) =
            flushed(&["hits:1|c|#a:b\nhits:2:3|c|#a:b", "hits:1|c|@0.1|#a:b", "hits:1|c"]);
        assert_eq!(points, ["Count hits 1", "Count hits 16 a=b"]);
        assert_eq!(refusals, []);
    }

    #[test]
    fn every_score_sent_as_a_gauge_is_kept() {
        let (points, _) = flushed(&["score:0.5|g", "score:0.7:0.9|g"]);
        assert_eq!(points, ["Gauge score 0.5", "Gauge score 0.7", "Gauge score 0.9"]);
    }

    #[test]
    fn a_gauge_that_is_sent_too_often_keeps_its_newest_value_and_says_so() {
        let lines: Vec<_> = (0..150).map(|i| format!("level:{i}|g")).collect();
        let (points, refusals) = flushed(&[&lines.join("\n")]);
        assert_eq!(points.len(), GAUGE_SAMPLES_MAX);
        assert!(
            points.contains(&"Gauge level 149".to_owned()) && points.contains(&"Gauge level 0".to_owned())
        );
        assert_eq!(refusals, [("gauge_thinned", 50)]);
    }

    #[test]
    fn a_sampled_timing_counts_as_often_as_it_happened() {
        let (points, refusals) = flushed(&["took:12|ms|@0.25"]);
        assert_eq!((&*points, refusals), (&["Distribution took 12×4".to_owned()][..], vec![]));
        assert_eq!(flushed(&["took:12|ms|@0.0001"]).0, ["Distribution took 12×10000"]);
        let (points, _) = flushed(&["took:1:2:3|ms|@0.3"]);
        assert_eq!(points, ["Distribution took 1×3", "Distribution took 2×4", "Distribution took 3×3"]);
    }

    #[test]
    fn a_member_of_a_set_is_kept_once() {
        let (points, _) = flushed(&["users:ann|s\nusers:bob|s\nusers:ann|s"]);
        assert_eq!(points.len(), 2);
    }

    #[test]
    fn samples_with_a_time_of_their_own_stay_apart() {
        let mut aggregate = Aggregate::default();
        aggregate.datagram(b"a:1|c|T1700000001\na:1|c|T1700000002\na:2|c|T1700000002\na:5|c", NOW);
        let mut times: Vec<_> = aggregate
            .flush()
            .records
            .iter()
            .map(|record| match record {
                Record::Point(point) => (point.time.0 / UnixMicros::SECOND, point.value.to_string()),
                other => panic!("{other:?}"),
            })
            .collect();
        times.sort();
        let expected = [(1_700_000_000, "5"), (1_700_000_001, "1"), (1_700_000_002, "3")];
        assert_eq!(times, expected.map(|(time, value)| (time, value.to_owned())));
    }

    #[test]
    fn one_bad_line_does_not_harm_its_neighbours() {
        let (points, refusals) = flushed(&["a:1|c\nb:1:x|c\n\nnonsense\na:1|c\r\n"]);
        assert_eq!(points, ["Count a 2"]);
        assert_eq!(refusals, [("bad_metric", 1), ("bad_value", 1)]);
    }

    #[test]
    fn a_sum_beyond_all_numbers_is_refused() {
        let (points, refusals) = flushed(&["a:1e308|c\na:1e308|c\na:-1e308:-1e308|c\na:1|c|@1e-308"]);
        assert_eq!((points, refusals), (vec![format!("Count a {}", 1e308)], vec![("bad_value", 3)]));
    }

    #[test]
    fn names_are_spelled_as_datadog_does() {
        assert_eq!(flushed(&["my-metric name/é:1|c"]).0, ["Count my_metric_name__ 1"]);
    }

    #[test]
    fn a_full_aggregate_says_so() {
        let mut aggregate = Aggregate::default();
        let values = "1:".repeat(80_000);
        let line = format!("took:{}|h|@0.01", values.trim_end_matches(':'));
        aggregate.datagram(line.as_bytes(), NOW);
        assert!(aggregate.is_full(), "80,000 points");
        assert_eq!(aggregate.flush().records.len(), 80_000);
        assert!(!aggregate.is_full() && aggregate.is_empty());
    }

    proptest::proptest! {
        #[test]
        fn counts_are_the_same_however_lines_are_packed(
            values in proptest::collection::vec(0u32..1000, 1..50),
            cuts in proptest::collection::vec(proptest::bool::ANY, 50),
        ) {
            let mut aggregate = Aggregate::default();
            let mut datagram = String::new();
            for (value, cut) in values.iter().zip(cuts) {
                datagram.push_str("a:");
                datagram.push_str(&value.to_string());
                datagram.push_str("|c|#k:v\n");
                if cut {
                    aggregate.datagram(std::mem::take(&mut datagram).as_bytes(), NOW);
                }
            }
            aggregate.datagram(datagram.as_bytes(), NOW);
            let flushed = aggregate.flush();
            let sum: u32 = values.iter().sum();
            proptest::prop_assert_eq!(flushed.lines, values.len() as u64);
            proptest::prop_assert_eq!(text_of(&flushed.records[0]), format!("Count a {sum} k=v"));
        }

        #[test]
        fn every_line_is_accepted_or_refused_once_whatever_it_holds(
            lines in proptest::collection::vec("[ -~é]{1,40}|[a-z]{1,3}:[0-9.:-]{0,6}\\|(c|g|ms|s)(\\|@0\\.[0-9])?", 0..20),
        ) {
            let mut aggregate = Aggregate::default();
            aggregate.datagram(lines.join("\n").as_bytes(), NOW);
            let flushed = aggregate.flush();
            let refused: u64 =
                flushed.refusals.iter().filter(|(reason, _)| *reason != "gauge_thinned").map(|(_, count)| count).sum();
            proptest::prop_assert_eq!(flushed.lines + refused, lines.len() as u64);
        }

        #[test]
        fn bytes_of_any_kind_are_survived(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            let mut aggregate = Aggregate::default();
            aggregate.datagram(&bytes, NOW);
            aggregate.flush();
        }
    }
}
