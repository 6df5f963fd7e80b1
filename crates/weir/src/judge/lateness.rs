//! How late values come: what a metric was seen to need after the end of a minute until almost all values of the minute
//! are there. Monitors wait for as long before they judge it. What is later still is counted for each monitor that had
//! judged its minute already.

use std::collections::HashMap;
use std::sync::Arc;

use weir_types::{CellBatch, Histogram, UnixMicros};

/// The share of values that is waited for.
const SHARE: f64 = 0.99;

/// Values that must have been seen before a metric has a delay of its own.
const SAMPLES_MIN: u64 = 200;

/// Values after which what was seen long ago counts half.
const SAMPLES_MAX: u64 = 100_000;

/// The longest that is waited for by itself; whatever is later needs `evaluation_delay`.
const DELAY_US_MAX: i64 = 15 * UnixMicros::MINUTE;

/// See the module.
#[derive(Default)]
pub(super) struct Lateness {
    by_metric: HashMap<Arc<str>, Histogram>,
}

impl Lateness {
    /// Notes how late the values of a batch are at an instant, when it has just been stored.
    pub(super) fn note(&mut self, batch: &CellBatch, now: UnixMicros) {
        for delta in &batch.added {
            let late_us = now.0.saturating_sub(delta.minute.0.saturating_add(UnixMicros::MINUTE));
            // Nobody waits for what comes later than the longest wait: an import of the past must not delay what comes by
            // itself.
            if late_us > DELAY_US_MAX {
                continue;
            }
            let seen = self.by_metric.entry(Arc::clone(&delta.key.metric)).or_default();
            seen.record_n((late_us.max(0) / UnixMicros::SECOND) as f64, delta.cell.count);
            if seen.count() > SAMPLES_MAX {
                *seen = halved(seen);
            }
        }
    }

    /// How long values of a metric are to be waited for, in whole minutes.
    #[expect(clippy::cast_possible_truncation, reason = "a delay of seconds, bounded just after")]
    pub(super) fn delay_us(&self, metric: &str) -> i64 {
        let seen = self.by_metric.get(metric).filter(|seen| seen.count() >= SAMPLES_MIN);
        let late_us = seen
            .and_then(|seen| seen.quantile(SHARE))
            .map_or(0, |seconds| seconds as i64 * UnixMicros::SECOND);
        let beyond_us = (late_us - super::DELAY_US).max(0);
        let minutes_us = (beyond_us + UnixMicros::MINUTE - 1) / UnixMicros::MINUTE * UnixMicros::MINUTE;
        minutes_us.min(DELAY_US_MAX)
    }
}

/// Of one monitor, how many values of its metrics there were, and how many came after their minute was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct LateCount {
    pub(super) values: u64,
    pub(super) late: u64,
}

impl LateCount {
    /// Whether so many are late that people should know: more than are left behind by a wait for almost all.
    pub(super) fn is_much(self) -> bool {
        self.values >= SAMPLES_MIN && self.late.saturating_mul(50) > self.values
    }
}

/// What came late for monitors.
#[derive(Default)]
pub(super) struct LateCounts {
    by_monitor: HashMap<Arc<str>, LateCount>,
}

/// A monitor that looks at a metric, and when it was evaluated last.
pub(super) type Looker = (Arc<str>, Option<UnixMicros>);

impl LateCounts {
    /// Notes what a batch adds to metrics that monitors look at.
    pub(super) fn note(&mut self, batch: &CellBatch, lookers: &HashMap<Arc<str>, Vec<Looker>>) {
        // A batch may have thousands of series, and a metric a hundred monitors: what is counted is told by metric and minute alone.
        let mut added: HashMap<(&Arc<str>, UnixMicros), u64> = HashMap::new();
        for delta in batch.added.iter().filter(|delta| lookers.contains_key(&delta.key.metric)) {
            let values = added.entry((&delta.key.metric, delta.minute)).or_default();
            *values = values.saturating_add(delta.cell.count);
        }
        for ((metric, minute), values) in added {
            for (monitor, evaluated_at) in lookers.get(metric).into_iter().flatten() {
                let count = self.by_monitor.entry(Arc::clone(monitor)).or_default();
                count.values = count.values.saturating_add(values);
                if evaluated_at.is_some_and(|at| minute < at) {
                    count.late = count.late.saturating_add(values);
                }
            }
        }
    }

    /// What came late for a monitor since Weir started.
    pub(super) fn of(&self, monitor: &str) -> LateCount {
        self.by_monitor.get(monitor).copied().unwrap_or_default()
    }
}

/// The same shape with half the weight.
fn halved(seen: &Histogram) -> Histogram {
    let mut halved = Histogram::new();
    for share in 0..1_000_u32 {
        if let Some(value) = seen.quantile((f64::from(share) + 0.5) / 1_000.0) {
            halved.record_n(value, SAMPLES_MAX / 2_000);
        }
    }
    halved
}

#[cfg(test)]
mod tests {
    use weir_types::{Cell, CellDelta, CellKey, Tags};

    use super::*;

    fn batch(minute: i64, count: u64) -> CellBatch {
        let key = CellKey { metric: Arc::from("m"), tags: Tags::new() };
        let cell = Cell { count, ..Cell::default() };
        let delta = CellDelta { key, minute: UnixMicros(minute * UnixMicros::MINUTE), cell };
        CellBatch { added: vec![delta], ..CellBatch::default() }
    }

    #[test]
    fn a_metric_is_waited_for_as_long_as_almost_all_of_it_needs() {
        let mut lateness = Lateness::default();
        let now = UnixMicros(100 * UnixMicros::MINUTE);
        lateness.note(&batch(100, 1_000), now);
        assert_eq!(lateness.delay_us("m"), 0);
        // A tenth comes between four and five minutes after its minute.
        lateness.note(&batch(95, 100), now);
        assert_eq!(lateness.delay_us("m"), 4 * UnixMicros::MINUTE);
        assert_eq!(lateness.delay_us("other"), 0);
    }

    #[test]
    fn what_comes_after_its_minute_was_judged_is_counted_for_those_who_had_judged_it() {
        let minute = |n: i64| Some(UnixMicros(n * UnixMicros::MINUTE));
        let lookers = HashMap::from([(
            Arc::from("m"),
            vec![
                (Arc::from("soon"), minute(100)),
                (Arc::from("waits"), minute(95)),
                (Arc::from("new"), None),
            ],
        )]);
        let mut counts = LateCounts::default();
        for n in 90..100 {
            counts.note(&batch(n, 10), &lookers);
        }
        assert_eq!(counts.of("soon"), LateCount { values: 100, late: 100 });
        assert_eq!(counts.of("waits"), LateCount { values: 100, late: 50 });
        assert_eq!(counts.of("new"), LateCount { values: 100, late: 0 });
        assert_eq!(counts.of("other"), LateCount::default());
    }

    #[test]
    fn an_import_of_the_past_delays_nothing() {
        let mut lateness = Lateness::default();
        let now = UnixMicros(2_000 * UnixMicros::MINUTE);
        for minute in 1_000..1_980 {
            lateness.note(&batch(minute, 10), now);
        }
        lateness.note(&batch(2_000, 1_000), now);
        assert_eq!(lateness.delay_us("m"), 0);
    }
}
