//! The limit on how many tag sets a metric may have at a time, without which one careless tag fills the store.
//!
//! A tag set is live for the rest of the UTC day in which it was seen. What is over the limit is counted under
//! `__other__`, so that totals stay right.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use weir_types::{CellDelta, Tags, UnixMicros, limits};

/// Which tag sets are live.
#[derive(Debug)]
pub(crate) struct TagLimit {
    sets_max: usize,
    day: UnixMicros,
    /// By metric, hashes of tag sets: two sets with one hash are taken for one, which costs nothing.
    live: HashMap<Arc<str>, HashSet<u64>>,
    hasher: RandomState,
}

impl Default for TagLimit {
    fn default() -> Self {
        Self::new(limits::TAG_SETS_PER_METRIC_MAX)
    }
}

impl TagLimit {
    pub(crate) fn new(sets_max: usize) -> Self {
        Self { sets_max, day: UnixMicros(0), live: HashMap::new(), hasher: RandomState::new() }
    }

    /// Replaces the tags of what is over the limit. Returns how many samples that were. Cells may be equal afterwards;
    /// whoever reads cells adds them up anyway.
    pub(crate) fn apply(&mut self, deltas: &mut [CellDelta], now: UnixMicros) -> u64 {
        let day = now.floor_to(UnixMicros::DAY);
        if day != self.day {
            self.day = day;
            self.live.clear();
        }
        let mut over = 0;
        for delta in deltas {
            let hash = self.hasher.hash_one(&delta.key.tags);
            let live = self.live.entry(Arc::clone(&delta.key.metric)).or_default();
            if live.contains(&hash) {
                continue;
            }
            if live.len() < self.sets_max {
                live.insert(hash);
            } else {
                delta.key.tags = overflow(&delta.key.tags);
                over += delta.cell.count;
            }
        }
        over
    }
}

/// The same keys, each with the value [`limits::OVERFLOW`].
pub(crate) fn overflow(tags: &Tags) -> Tags {
    let mut other = Tags::new();
    for (key, _) in tags.iter() {
        other.set(key.clone(), limits::OVERFLOW);
    }
    other
}

#[cfg(test)]
mod tests {
    use weir_types::{Cell, CellKey};

    use super::*;

    fn delta(team: &str) -> CellDelta {
        let mut cell = Cell::default();
        cell.record(1.0);
        let tags = [("team", team)].into_iter().collect();
        CellDelta { key: CellKey { metric: Arc::from("m"), tags }, minute: UnixMicros(0), cell }
    }

    #[test]
    fn tag_sets_over_the_limit_go_to_other_until_the_next_day() {
        let mut limit = TagLimit::new(2);
        let mut deltas = ["a", "b", "c", "a"].map(delta);
        assert_eq!(limit.apply(&mut deltas, UnixMicros(0)), 1);
        let teams = deltas.each_ref().map(|d| d.key.tags.get("team").unwrap_or_default());
        assert_eq!(teams, ["a", "b", "__other__", "a"]);
        let mut next_day = [delta("c")];
        assert_eq!(limit.apply(&mut next_day, UnixMicros(UnixMicros::DAY)), 0);
        assert_eq!(next_day[0].key.tags.get("team"), Some("c"));
    }
}
