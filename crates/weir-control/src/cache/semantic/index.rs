//! Questions that were answered, by their vectors.
//!
//! A question is found only among those of its [`Place`](super::question::Place): same tenant, same everything but its own
//! words. Places hold few questions, so the nearest is found by looking at each: ten thousand take about a millisecond, on the
//! embedder's threads.
//!
//! Bounded in questions and bytes; the oldest go first. What is found here may be gone from the cache, which the caller sees
//! when it asks for the entry, and then says so with [`Index::forget`].

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use weir_embed::{Vector, similarity};
use weir_types::CachePurge;

use super::question::Place;
use crate::cache::CacheKey;

/// What a question takes beyond its vector and its text: structs, its place in maps, the entry's key.
const ENTRY_BYTES: usize = 256;

/// A question that was answered.
pub(super) struct Entry {
    /// Where its answer is.
    pub(super) key: CacheKey,
    pub(super) text: Arc<str>,
    pub(super) vector: Vector,
    pub(super) team: Option<Arc<str>>,
    pub(super) model: Arc<str>,
}

impl Entry {
    fn bytes(&self) -> usize {
        ENTRY_BYTES + self.text.len() + size_of_val(&*self.vector)
    }
}

/// All of them.
pub(super) struct Index {
    /// With their turns.
    places: HashMap<Place, Vec<(u64, Entry)>>,
    /// In the order in which they came; turns of what is gone already are passed over.
    order: VecDeque<(u64, Place, CacheKey)>,
    next_turn: u64,
    entries: usize,
    bytes: usize,
    entries_max: usize,
    bytes_max: usize,
}

/// A question near to another.
#[derive(Debug, Clone)]
pub(super) struct Near {
    pub(super) key: CacheKey,
    pub(super) text: Arc<str>,
    pub(super) similarity: f32,
}

impl Index {
    pub(super) fn new(entries_max: usize, bytes_max: usize) -> Self {
        let (places, order) = (HashMap::new(), VecDeque::new());
        Self { places, order, next_turn: 0, entries: 0, bytes: 0, entries_max, bytes_max }
    }

    /// Whether a place has any question.
    pub(super) fn knows(&self, place: &Place) -> bool {
        self.places.contains_key(place)
    }

    /// How many questions there are, and their bytes.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.entries, self.bytes)
    }

    /// The nearest questions of a place, from some similarity on, nearest first.
    pub(super) fn nearest(
        &self,
        place: &Place,
        vector: &[f32],
        similarity_min: f32,
        count: usize,
    ) -> Vec<Near> {
        let entries = self.places.get(place).map_or(&[][..], Vec::as_slice);
        let near = entries.iter().map(|(_, entry)| (similarity(&entry.vector, vector), entry));
        let mut near: Vec<_> = near.filter(|(similarity, _)| *similarity >= similarity_min).collect();
        near.sort_by(|a, b| b.0.total_cmp(&a.0));
        near.truncate(count);
        let near = near.into_iter();
        // Rounding may bring two equal vectors a little above 1.
        near.map(|(similarity, entry)| Near {
            key: entry.key,
            text: Arc::clone(&entry.text),
            similarity: similarity.min(1.0),
        })
        .collect()
    }

    /// Remembers a question, in place of one with the same key.
    pub(super) fn insert(&mut self, place: Place, entry: Entry) {
        self.forget(&place, entry.key);
        self.entries += 1;
        self.bytes += entry.bytes();
        self.next_turn += 1;
        self.order.push_back((self.next_turn, place, entry.key));
        self.places.entry(place).or_default().push((self.next_turn, entry));
        while (self.entries > self.entries_max || self.bytes > self.bytes_max)
            && let Some(turn) = self.order.pop_front()
        {
            if self.is_there(&turn) {
                self.forget(&turn.1, turn.2);
            }
        }
        // Forgotten questions leave their turn behind; when most turns are such, they are cleared away.
        if self.order.len() > 2 * self.entries + 64 {
            let mut order = std::mem::take(&mut self.order);
            order.retain(|turn| self.is_there(turn));
            self.order = order;
        }
    }

    fn is_there(&self, (turn, place, _): &(u64, Place, CacheKey)) -> bool {
        self.places.get(place).is_some_and(|entries| entries.iter().any(|(own, _)| own == turn))
    }

    /// Forgets a question.
    pub(super) fn forget(&mut self, place: &Place, key: CacheKey) {
        let Some(entries) = self.places.get_mut(place) else { return };
        if let Some(at) = entries.iter().position(|(_, entry)| entry.key == key) {
            self.bytes -= entries.swap_remove(at).1.bytes();
            self.entries -= 1;
        }
        if entries.is_empty() {
            self.places.remove(place);
        }
    }

    /// Forgets what a purge is about.
    pub(super) fn forget_all(&mut self, purge: &CachePurge) {
        let (mut gone, mut bytes) = (0, 0);
        self.places.retain(|_, entries| {
            entries.retain(|(_, entry)| {
                let is_meant = purge.covers(entry.team.as_deref(), &entry.model);
                gone += usize::from(is_meant);
                bytes += if is_meant { entry.bytes() } else { 0 };
                !is_meant
            });
            !entries.is_empty()
        });
        self.entries -= gone;
        self.bytes -= bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Place = Place([1; 32]);
    const THERE: Place = Place([2; 32]);

    fn entry(number: u8, team: &str) -> Entry {
        let angle = f32::from(number) / 100.0;
        Entry {
            key: CacheKey([number; 32]),
            text: format!("question {number}").into(),
            vector: vec![angle.cos(), angle.sin()].into(),
            team: Some(team.into()),
            model: "gpt-4o".into(),
        }
    }

    fn found(index: &Index, place: Place) -> Vec<u8> {
        index.nearest(&place, &[1.0, 0.0], 0.9, 3).iter().map(|near| near.key.0[0]).collect()
    }

    #[test]
    fn the_nearest_of_the_same_place_are_found() {
        let mut index = Index::new(100, 100_000);
        for number in [30, 5, 20, 10, 90] {
            index.insert(HERE, entry(number, "a"));
        }
        index.insert(THERE, entry(1, "a"));
        assert_eq!(found(&index, HERE), [5, 10, 20]);
        assert_eq!(found(&index, THERE), [1]);
        assert!(!index.knows(&Place([3; 32])));
    }

    #[test]
    fn the_oldest_make_room_for_the_newest() {
        let mut index = Index::new(3, 100_000);
        for number in 0..10 {
            index.insert(HERE, entry(number, "a"));
        }
        assert_eq!(found(&index, HERE), [7, 8, 9]);
        let mut index = Index::new(100, 1_000);
        for number in 0..10 {
            index.insert(HERE, entry(number, "a"));
        }
        let (entries, bytes) = index.size();
        assert!(bytes <= 1_000 && entries == found(&index, HERE).len() && entries > 0);
    }

    #[test]
    fn what_is_forgotten_leaves_nothing_behind() {
        let mut index = Index::new(100, 100_000);
        for _ in 0..1_000 {
            index.insert(HERE, entry(1, "a"));
            index.insert(HERE, entry(2, "b"));
        }
        assert!(index.order.len() < 100, "turns of what is gone are cleared away");
        index.forget_all(&CachePurge::Team("a".into()));
        assert_eq!(found(&index, HERE), [2]);
        index.forget_all(&CachePurge::Model("gpt-*".into()));
        assert_eq!(index.size(), (0, 0));
        assert!(!index.knows(&HERE));
    }
}
