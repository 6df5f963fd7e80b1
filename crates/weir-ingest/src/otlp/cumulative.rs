//! Turns cumulative data into what happened since the point before.
//!
//! Many SDKs report totals since their start. A store that adds up wants differences. For each series the last total and
//! the start that it counts from are remembered; a new start, or a smaller total, is a new process, whose total counts in
//! full. The first point of a series that began before Weir did says nothing about what happened since, so it only sets
//! the mark; one that began after Weir did counts in full.
//!
//! Bounded: over [`SERIES_MAX`] the series that were silent the longest are forgotten; their next point is a first one.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::sync::{Mutex, PoisonError};

use weir_types::UnixMicros;

use super::buckets::Buckets;
use super::wire::KeyValue;

/// Series whose totals are remembered; each takes about a hundred bytes, histograms a kilobyte.
const SERIES_MAX: usize = 50_000;

/// A total since a start, or what happened since the total before.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Total {
    /// A sum.
    Sum(f64),
    /// A histogram.
    Buckets(Buckets),
}

/// A point of a series.
pub(crate) struct Reading {
    /// What [`series`] makes of its names.
    pub(crate) series: u64,
    pub(crate) started_at: UnixMicros,
    pub(crate) time: UnixMicros,
    pub(crate) total: Total,
}

struct Mark {
    started_at: UnixMicros,
    time: UnixMicros,
    total: Total,
}

/// Remembers totals.
pub(crate) struct Tracker {
    started_at: UnixMicros,
    marks: Mutex<HashMap<u64, Mark>>,
}

/// What tells a series from all others.
pub(crate) fn series(name: &str, resource: &[KeyValue], attributes: &[KeyValue]) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    // Exporters keep the order of attributes for a series, but nothing says that they must.
    let one = |pair: &KeyValue| {
        let mut hasher = DefaultHasher::new();
        pair.key.hash(&mut hasher);
        format!("{:?}", pair.value).hash(&mut hasher);
        hasher.finish()
    };
    for pairs in [resource, attributes] {
        pairs.iter().map(one).fold(0u64, u64::wrapping_add).hash(&mut hasher);
    }
    hasher.finish()
}

impl Tracker {
    /// A tracker that knows nothing; `started_at` is when Weir started to listen.
    pub(crate) fn new(started_at: UnixMicros) -> Self {
        Self { started_at, marks: Mutex::default() }
    }

    /// What happened since the point before; `None` when that cannot be known.
    pub(crate) fn since_last(&self, reading: Reading) -> Option<Total> {
        // A mark is replaced in one step, so a panic elsewhere leaves nothing half-done.
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        let Reading { series, started_at, time, total } = reading;
        let change = match marks.get(&series) {
            // Delivered twice, or out of order.
            Some(mark) if time <= mark.time => return None,
            Some(mark) if mark.started_at == started_at => Some(difference(&total, &mark.total)),
            Some(_) => Some(total.clone()),
            None if started_at >= self.started_at => Some(total.clone()),
            None => None,
        };
        if marks.len() >= SERIES_MAX && !marks.contains_key(&series) {
            forget_silent(&mut marks);
        }
        marks.insert(series, Mark { started_at, time, total });
        change
    }
}

/// Forgets the half that was silent the longest: rarely, so that one more series costs nothing on average.
fn forget_silent(marks: &mut HashMap<u64, Mark>) {
    let mut times: Vec<UnixMicros> = marks.values().map(|mark| mark.time).collect();
    let middle = times.len() / 2;
    let (_, middle, _) = times.select_nth_unstable(middle);
    let middle = *middle;
    marks.retain(|_, mark| mark.time > middle);
}

/// The change; the whole total when it went down, which is a restart that kept its start.
fn difference(now: &Total, before: &Total) -> Total {
    let change = match (now, before) {
        (Total::Sum(now), Total::Sum(before)) if now >= before => Some(Total::Sum(now - before)),
        (Total::Buckets(now), Total::Buckets(before)) => now.since(before).map(Total::Buckets),
        _ => None,
    };
    change.unwrap_or_else(|| now.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(time: i64, started_at: i64, total: f64) -> Reading {
        Reading {
            series: 1,
            started_at: UnixMicros(started_at),
            time: UnixMicros(time),
            total: Total::Sum(total),
        }
    }

    #[test]
    fn differences_are_counted_and_restarts_begin_anew() {
        let tracker = Tracker::new(UnixMicros(100));
        assert_eq!(tracker.since_last(sum(200, 50, 10.0)), None, "it began before weir did");
        assert_eq!(tracker.since_last(sum(210, 50, 14.0)), Some(Total::Sum(4.0)));
        assert_eq!(tracker.since_last(sum(210, 50, 14.0)), None, "delivered twice");
        assert_eq!(tracker.since_last(sum(220, 215, 3.0)), Some(Total::Sum(3.0)), "a new start");
        assert_eq!(tracker.since_last(sum(230, 215, 1.0)), Some(Total::Sum(1.0)), "less than before");
    }

    #[test]
    fn a_series_that_began_after_weir_counts_from_its_first_point() {
        let tracker = Tracker::new(UnixMicros(100));
        assert_eq!(tracker.since_last(sum(200, 150, 10.0)), Some(Total::Sum(10.0)));
    }

    #[test]
    fn the_number_of_series_is_bounded() {
        let tracker = Tracker::new(UnixMicros(0));
        for series in 0..2 * SERIES_MAX as u64 {
            let time = UnixMicros(i64::try_from(series).unwrap() + 10);
            tracker.since_last(Reading { series, started_at: UnixMicros(1), time, total: Total::Sum(1.0) });
        }
        assert!(tracker.marks.lock().unwrap().len() <= SERIES_MAX);
    }
}
