//! How late values come: what a metric was seen to need after the end of a minute until almost all values of the minute
//! are there. Monitors wait for as long before they judge it. What is later still is counted for each monitor that had
//! judged its minute already, with the wait that would have had it in time. The past that somebody brings in (an import, a
//! demo's history, what a client kept while Weir was away) is not late: no wait is meant for it.

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

/// Values that come longer after their minute are the past, and not late.
const LATE_US_MAX: i64 = UnixMicros::HOUR;

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
    pub(super) fn delay_us(&self, metric: &str) -> i64 {
        let seen = self.by_metric.get(metric).filter(|seen| seen.count() >= SAMPLES_MIN);
        seen.map_or(0, wait_us).min(DELAY_US_MAX)
    }
}

/// How long almost all values are waited for that came so many seconds after their minutes; in whole minutes.
#[expect(clippy::cast_possible_truncation, reason = "a delay of seconds, at most an hour")]
fn wait_us(seen: &Histogram) -> i64 {
    let late_us = seen.quantile(SHARE).map_or(0, |seconds| seconds as i64 * UnixMicros::SECOND);
    let beyond_us = (late_us - super::DELAY_US).max(0);
    (beyond_us + UnixMicros::MINUTE - 1) / UnixMicros::MINUTE * UnixMicros::MINUTE
}

/// Of one monitor, how many values of its metrics there were, and how many came after their minute was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct LateCount {
    pub(super) values: u64,
    pub(super) late: u64,
    /// The wait with which almost all of them would have been in time.
    pub(super) wait_us: i64,
}

impl LateCount {
    /// Whether so many are late that people should know, because a longer wait than the present one would help: more than are
    /// left behind by a wait for almost all.
    pub(super) fn is_much(self, delay_us: i64) -> bool {
        self.values >= SAMPLES_MIN && self.late.saturating_mul(50) > self.values && self.wait_us > delay_us
    }
}

/// What came late for monitors.
#[derive(Default)]
pub(super) struct LateCounts {
    by_monitor: HashMap<Arc<str>, Counted>,
}

/// What was counted for a monitor.
struct Counted {
    /// Since when: minutes before it are the past.
    since: UnixMicros,
    values: u64,
    late: u64,
    /// How many seconds after their minutes values came.
    seconds: Histogram,
}

/// A monitor that looks at a metric, and when it was evaluated last.
pub(super) type Looker = (Arc<str>, Option<UnixMicros>);

impl LateCounts {
    /// Notes what a batch adds to metrics that monitors look at, when it has just been stored. What is counted for a monitor
    /// begins with the first batch since it is there.
    pub(super) fn note(
        &mut self,
        batch: &CellBatch,
        lookers: &HashMap<Arc<str>, Vec<Looker>>,
        now: UnixMicros,
    ) {
        // A batch may have thousands of series, and a metric a hundred monitors: what is counted is told by metric and minute alone.
        let mut added: HashMap<(&Arc<str>, UnixMicros), u64> = HashMap::new();
        for delta in batch.added.iter().filter(|delta| lookers.contains_key(&delta.key.metric)) {
            let values = added.entry((&delta.key.metric, delta.minute)).or_default();
            *values = values.saturating_add(delta.cell.count);
        }
        for (monitor, _) in lookers.values().flatten() {
            if !self.by_monitor.contains_key(monitor) {
                self.by_monitor.insert(Arc::clone(monitor), Counted::new(now));
            }
        }
        for ((metric, minute), values) in added {
            let late_us = now.0.saturating_sub(minute.0.saturating_add(UnixMicros::MINUTE)).max(0);
            if late_us > LATE_US_MAX {
                continue;
            }
            for (monitor, evaluated_at) in lookers.get(metric).into_iter().flatten() {
                let counted = self.by_monitor.get_mut(monitor).filter(|counted| minute >= counted.since);
                let Some(counted) = counted else { continue };
                counted.values = counted.values.saturating_add(values);
                counted.seconds.record_n((late_us / UnixMicros::SECOND) as f64, values);
                if evaluated_at.is_some_and(|at| minute < at) {
                    counted.late = counted.late.saturating_add(values);
                }
            }
        }
    }

    /// What came late for a monitor since Weir started.
    pub(super) fn of(&self, monitor: &str) -> LateCount {
        let counted = self.by_monitor.get(monitor);
        counted.map_or_else(LateCount::default, |counted| LateCount {
            values: counted.values,
            late: counted.late,
            wait_us: wait_us(&counted.seconds),
        })
    }
}

impl Counted {
    fn new(since: UnixMicros) -> Self {
        Self { since, values: 0, late: 0, seconds: Histogram::new() }
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
        let now = UnixMicros(100 * UnixMicros::MINUTE);
        let mut counts = LateCounts::default();
        counts.note(&batch(80, 0), &lookers, UnixMicros(80 * UnixMicros::MINUTE));
        for n in 90..100 {
            counts.note(&batch(n, 10), &lookers, now);
        }
        let wait_us = 9 * UnixMicros::MINUTE;
        assert_eq!(counts.of("soon"), LateCount { values: 100, late: 100, wait_us });
        assert_eq!(counts.of("waits"), LateCount { values: 100, late: 50, wait_us });
        assert_eq!(counts.of("new"), LateCount { values: 100, late: 0, wait_us });
        assert_eq!(counts.of("other"), LateCount::default());
    }

    #[test]
    fn the_past_is_not_late_and_a_wait_is_proposed_that_would_have_helped() {
        let lookers = HashMap::from([(
            Arc::from("m"),
            vec![(Arc::from("monitor"), Some(UnixMicros(1_000 * UnixMicros::MINUTE)))],
        )]);
        let minute = |n: i64| UnixMicros(n * UnixMicros::MINUTE);
        let mut counts = LateCounts::default();
        // What lies before the monitor was there, and what is hours late when it has long been there.
        counts.note(&batch(900, 500), &lookers, minute(901));
        counts.note(&batch(901, 500), &lookers, minute(980));
        assert_eq!(counts.of("monitor"), LateCount::default());
        // All of it four minutes after its minute: with a wait of as long it is in time, and ten seconds are waited anyway.
        for n in 990..999 {
            counts.note(&batch(n, 100), &lookers, minute(n + 5));
        }
        let count = counts.of("monitor");
        assert_eq!((count.values, count.late, count.wait_us), (900, 900, 4 * UnixMicros::MINUTE));
        assert!(count.is_much(0) && count.is_much(3 * UnixMicros::MINUTE));
        assert!(!count.is_much(4 * UnixMicros::MINUTE), "nothing is proposed that is so already");
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
