//! Cells of one length of time, by when they start and by the number of their group.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

use weir_types::{Cell, Histogram, UnixMicros};

/// The number of a group in its track.
pub(super) type GroupNumber = u32;

/// A cell in half the space of a [`Cell`]: most have no histogram, and there are many.
#[derive(Debug, Clone)]
pub(super) struct SmallCell {
    pub(super) count: u64,
    pub(super) sum_nano: i128,
    pub(super) min: f64,
    pub(super) max: f64,
    pub(super) histogram: Option<Box<Histogram>>,
}

impl SmallCell {
    pub(super) fn of(cell: &Cell, with_histogram: bool) -> Self {
        let histogram =
            (with_histogram && !cell.histogram.is_empty()).then(|| Box::new(cell.histogram.clone()));
        Self {
            count: cell.count,
            sum_nano: cell.sum_nano,
            min: cell.min.unwrap_or(f64::INFINITY),
            max: cell.max.unwrap_or(f64::NEG_INFINITY),
            histogram,
        }
    }

    fn merge(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.sum_nano = self.sum_nano.saturating_add(other.sum_nano);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        if let Some(histogram) = &other.histogram {
            self.histogram.get_or_insert_default().merge(histogram);
        }
    }

    fn subtract(&mut self, other: &Self) {
        self.count = self.count.saturating_sub(other.count);
        self.sum_nano = self.sum_nano.saturating_sub(other.sum_nano);
        if let (Some(own), Some(histogram)) = (&mut self.histogram, &other.histogram) {
            own.subtract(histogram);
        }
    }
}

/// Numbers of groups are small and dense, so they are their own hash; a multiplication spreads them over the high bits,
/// which the map looks at too.
#[derive(Debug, Default)]
pub(super) struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

/// The cells of one slot.
pub(super) type SlotCells = HashMap<GroupNumber, SmallCell, BuildHasherDefault<NumberHasher>>;

#[derive(Debug, Clone)]
struct Slot {
    start: UnixMicros,
    cells: SlotCells,
}

/// Slots in order; those without cells are absent.
#[derive(Debug, Clone)]
pub(super) struct Slots {
    step_us: i64,
    slots: VecDeque<Slot>,
}

impl Slots {
    pub(super) fn new(step_us: i64) -> Self {
        Self { step_us, slots: VecDeque::new() }
    }

    /// Adds a cell to the slot that holds an instant.
    pub(super) fn add(&mut self, at: UnixMicros, group: GroupNumber, cell: &SmallCell) {
        let start = at.floor_to(self.step_us);
        let place = match self.slots.back() {
            // Most cells belong to the newest slot.
            Some(last) if last.start == start => self.slots.len() - 1,
            _ => {
                let place = self.slots.partition_point(|slot| slot.start < start);
                if self.slots.get(place).is_none_or(|slot| slot.start != start) {
                    self.slots.insert(place, Slot { start, cells: SlotCells::default() });
                }
                place
            }
        };
        let cells = &mut self.slots[place].cells;
        match cells.get_mut(&group) {
            Some(known) => known.merge(cell),
            None => {
                cells.insert(group, cell.clone());
            }
        }
    }

    /// Takes a cell away again.
    pub(super) fn take_away(&mut self, at: UnixMicros, group: GroupNumber, cell: &SmallCell) {
        let start = at.floor_to(self.step_us);
        let place = self.slots.partition_point(|slot| slot.start < start);
        let Some(slot) = self.slots.get_mut(place).filter(|slot| slot.start == start) else { return };
        if let Some(known) = slot.cells.get_mut(&group) {
            known.subtract(cell);
            if known.count == 0 {
                slot.cells.remove(&group);
            }
        }
    }

    /// The slots that start in a range.
    pub(super) fn between(
        &self,
        from: UnixMicros,
        to: UnixMicros,
    ) -> impl Iterator<Item = (UnixMicros, &SlotCells)> {
        let first = self.slots.partition_point(|slot| slot.start < from);
        self.slots
            .range(first..)
            .take_while(move |slot| slot.start < to)
            .map(|slot| (slot.start, &slot.cells))
    }

    /// Drops slots that start before an instant.
    pub(super) fn trim(&mut self, before: UnixMicros) {
        while self.slots.front().is_some_and(|slot| slot.start < before) {
            self.slots.pop_front();
        }
    }

    /// When the last slot ends that holds a cell of a group.
    pub(super) fn end_of(&self, group: GroupNumber) -> Option<UnixMicros> {
        let last = self.slots.iter().rfind(|slot| slot.cells.contains_key(&group))?;
        Some(last.start.saturating_add_us(self.step_us))
    }

    /// All slots.
    pub(super) fn all(&self) -> impl Iterator<Item = &SlotCells> {
        self.slots.iter().map(|slot| &slot.cells)
    }

    /// Gives every group a new number; groups without one are dropped.
    pub(super) fn renumber(&mut self, numbers: &HashMap<GroupNumber, GroupNumber>) {
        for slot in &mut self.slots {
            let cells = std::mem::take(&mut slot.cells);
            slot.cells =
                cells.into_iter().filter_map(|(group, cell)| Some((*numbers.get(&group)?, cell))).collect();
        }
    }
}
