//! The law of the ledger: what it answers is what a store with the same cells answers.

use std::sync::Arc;

use proptest::prelude::*;
use weir_monitor::{History, Keep, Ledger, Selection};
use weir_types::limits::OVERFLOW;
use weir_types::{
    Cell, CellBatch, CellDelta, CellKey, Need, Scan, ScanRequest, ScanRow, ScanSource, Scope, TagKey,
    TimeRange, UnixMicros,
};

use crate::memory::Memory;
use crate::world::minute;

/// What happens to a ledger, step by step. Minutes are counted from the start; cells lie so many minutes before now.
#[derive(Debug, Clone)]
enum Step {
    Add {
        minutes_ago: i64,
        model: u8,
        team: u8,
        values: Vec<i16>,
    },
    /// Takes away what was added so many steps ago.
    TakeAway(usize),
    /// Time goes on.
    Pass(i64),
    /// What is old is forgotten.
    Trim,
    /// A window of so many minutes, which ends so many minutes ago.
    Window {
        selection: usize,
        length: i64,
        ago: i64,
    },
    /// Buckets of `step` minutes over so many of them.
    Buckets {
        selection: usize,
        step: i64,
        count: i64,
        ago: i64,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let values = prop::collection::vec(-5i16..100, 1..4);
    // Mostly what comes is new; some of it is late.
    let minutes_ago = prop_oneof![4 => 0i64..3, 1 => 0i64..400];
    let add = (minutes_ago, 0u8..5, 0u8..3, values)
        .prop_map(|(minutes_ago, model, team, values)| Step::Add { minutes_ago, model, team, values });
    // The same few windows again and again, as monitors ask, and some others.
    let length = prop_oneof![4 => prop::sample::select(vec![1i64, 5, 15, 60, 180, 1440]), 1 => 1i64..600];
    let ago = prop_oneof![4 => Just(0i64), 1 => 0i64..200];
    let window = (0usize..SELECTIONS, length, ago.clone())
        .prop_map(|(selection, length, ago)| Step::Window { selection, length, ago });
    let buckets = (0usize..SELECTIONS, prop::sample::select(vec![1i64, 5, 60]), 1i64..20, ago)
        .prop_map(|(selection, step, count, ago)| Step::Buckets { selection, step, count, ago });
    let step = prop_oneof![
        6 => add,
        1 => (0usize..10).prop_map(Step::TakeAway),
        4 => prop_oneof![3 => Just(1i64), 1 => 0i64..90].prop_map(Step::Pass),
        1 => Just(Step::Trim),
        8 => window,
        2 => buckets,
    ];
    prop::collection::vec(step, 1..120)
}

const SELECTIONS: usize = 4;

fn selection(number: usize) -> Selection {
    let model = || TagKey::new("model");
    let a_only = weir_query::parse_scope("model:m1 OR model:m2").unwrap();
    let (scope, by) = match number {
        0 => (Scope::All, vec![]),
        1 => (Scope::All, vec![model()]),
        2 => (a_only, vec![TagKey::new("team")]),
        _ => (Scope::All, vec![TagKey::new("team"), model()]),
    };
    Selection { metric: Arc::from("llm.request.duration"), scope, by }
}

fn delta(at: UnixMicros, model: u8, team: u8, values: &[i16]) -> CellDelta {
    let mut cell = Cell::default();
    for value in values {
        cell.record(f64::from(*value));
    }
    let (model, team) = (format!("m{model}"), format!("t{team}"));
    // Some series have no team.
    let tags = if team == "t0" {
        [("model", model.as_str())].into_iter().collect()
    } else {
        [("model", model.as_str()), ("team", team.as_str())].into_iter().collect()
    };
    CellDelta { key: CellKey { metric: Arc::from("llm.request.duration"), tags }, minute: at, cell }
}

/// Eight hours of minutes and three days of hours; `groups_max` groups.
fn keep(groups_max: usize) -> Keep {
    Keep { minutes_us: 8 * UnixMicros::HOUR, hours_us: 72 * UnixMicros::HOUR, histograms: true, groups_max }
}

fn request(number: usize, range: TimeRange, step_us: Option<i64>, need: Need) -> ScanRequest {
    let Selection { metric, scope, by } = selection(number);
    let source = ScanSource::Cells;
    ScanRequest { metric, scope, by, range, step_us, origin: range.from, need, source }
}

/// A ledger and a store that hold the same.
struct Pair {
    ledger: Ledger,
    memory: Arc<Memory>,
    now: i64,
    added: Vec<CellDelta>,
    position: u64,
    /// Whether something was taken away: then the least and the greatest are bounds.
    has_taken: bool,
}

impl Pair {
    fn new(before: &[Step], groups_max: usize) -> Self {
        let memory = Arc::new(Memory::default());
        let now = 4_000;
        for step in before {
            if let Step::Add { minutes_ago, model, team, values } = step {
                memory.add(&delta(minute(now - 1 - minutes_ago * 5), *model, *team, values));
            }
        }
        let ledger = Ledger::new(Some(Arc::clone(&memory) as Arc<dyn Scan>));
        for number in 0..SELECTIONS {
            let keep = keep(groups_max);
            let minutes_from = minute(now).saturating_add_us(-keep.minutes_us);
            let hours_from = minute(now).saturating_add_us(-keep.hours_us).floor_to(UnixMicros::HOUR);
            let rows = |from, step_us| {
                let range = TimeRange { from, to: minute(now) };
                let origin = from;
                let asked = request(number, range, Some(step_us), Need::Histogram);
                memory.scan(&ScanRequest { origin, ..asked }).unwrap()
            };
            let history = History {
                minutes: rows(minutes_from, UnixMicros::MINUTE),
                hours: rows(hours_from, UnixMicros::HOUR),
                minutes_from,
                hours_from,
                ..History::default()
            };
            ledger.follow(selection(number), keep, &history);
        }
        Self { ledger, memory, now, added: Vec::new(), position: 0, has_taken: false }
    }

    fn apply(&mut self, added: Vec<CellDelta>, removed: Vec<CellDelta>) {
        self.position += 1;
        let batch = CellBatch { position: self.position, added, removed };
        self.ledger.apply(&batch, UnixMicros(i64::MIN));
    }

    /// Does a step; of a question both answers.
    fn step(&mut self, step: &Step) -> Option<Answers> {
        let asked = match step {
            Step::Add { minutes_ago, model, team, values } => {
                let delta = delta(minute(self.now - 1 - minutes_ago), *model, *team, values);
                self.memory.add(&delta);
                self.added.push(delta.clone());
                self.apply(vec![delta], Vec::new());
                return None;
            }
            Step::TakeAway(ago) => {
                if self.added.is_empty() {
                    return None;
                }
                let place = self.added.len() - 1 - ago % self.added.len();
                let delta = self.added.remove(place);
                self.memory.take_away(&delta);
                self.apply(Vec::new(), vec![delta]);
                self.has_taken = true;
                return None;
            }
            Step::Pass(minutes) => {
                self.now += minutes;
                return None;
            }
            Step::Trim => {
                self.ledger.forget_before(minute(self.now));
                return None;
            }
            Step::Window { selection, length, ago } => {
                let to = minute(self.now - ago);
                let from = to.saturating_add_us(-length * UnixMicros::MINUTE);
                // As the engine does it: long windows start on whole hours.
                let from = if *length >= 1440 { from.floor_to(UnixMicros::HOUR) } else { from };
                let need = if length % 2 == 0 { Need::Histogram } else { Need::Totals };
                request(*selection, TimeRange { from, to }, None, need)
            }
            Step::Buckets { selection, step, count, ago } => {
                let step_us = step * UnixMicros::MINUTE;
                let to = minute(self.now - ago);
                let from = to.saturating_add_us(-count * step_us);
                request(*selection, TimeRange { from, to }, Some(step_us), Need::Histogram)
            }
        };
        let before = self.memory.asked();
        let mut own = self.ledger.scan(&asked).unwrap();
        let is_kept = asked.range.from >= minute(self.now).saturating_add_us(-8 * UnixMicros::HOUR);
        assert!(
            !is_kept || self.memory.asked() == before,
            "this is kept, and the store was asked: {asked:?}"
        );
        let mut expected = self.memory.scan(&asked).unwrap();
        for rows in [&mut own, &mut expected] {
            rows.sort_by(|a, b| (&a.group, a.bucket).cmp(&(&b.group, b.bucket)));
        }
        Some(Answers { asked, own, expected, is_kept })
    }
}

/// What was asked, and what both said.
struct Answers {
    asked: ScanRequest,
    own: Vec<ScanRow>,
    expected: Vec<ScanRow>,
    /// Whether the ledger knew it without the store.
    is_kept: bool,
}

/// A group that was one of "the others" gets a place of its own once there is room again.
#[test]
fn what_was_merged_with_others_is_taken_away_from_them() {
    let add = |model, value| Step::Add { minutes_ago: 0, model, team: 1, values: vec![value] };
    let day = || Step::Pass(24 * 60);
    let mut pair = Pair::new(&[], 2);
    let steps = [add(0, 1), add(1, 2), day(), day(), add(2, 4), add(2, 8), day(), day(), Step::Trim];
    // What came last is the nearest, so the first two of these are of the time when there was no room.
    let steps = steps.into_iter().chain([add(2, 16), Step::TakeAway(2)]);
    for step in steps {
        assert!(pair.step(&step).is_none());
    }
    for length in [1, 60, 1440, 72 * 60] {
        let window = Step::Window { selection: 1, length, ago: 0 };
        let Answers { own, expected, .. } = pair.step(&window).unwrap();
        let total = |rows: &[ScanRow]| -> (u64, i128) {
            rows.iter().fold((0, 0), |(count, sum), row| (count + row.cell.count, sum + row.cell.sum_nano))
        };
        assert_eq!(total(&own), total(&expected), "{length} minutes: {own:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_ledger_answers_as_a_store_with_the_same_cells(before in steps(), steps in steps()) {
        let mut pair = Pair::new(&before, 1_000);
        for step in &steps {
            let Some(Answers { asked, mut own, mut expected, .. }) = pair.step(step) else { continue };
            if pair.has_taken {
                for row in own.iter_mut().chain(&mut expected) {
                    (row.cell.min, row.cell.max) = (None, None);
                }
            }
            prop_assert_eq!(own, expected, "{:?} at {}", asked, pair.now);
        }
    }

    #[test]
    fn nothing_is_lost_when_there_are_too_many_groups(before in steps(), steps in steps()) {
        let mut pair = Pair::new(&before, 2);
        for step in &steps {
            let Some(answers) = pair.step(step) else { continue };
            let Answers { asked, own, expected, .. } = answers;
            let total = |rows: &[ScanRow]| {
                let mut total = Cell::default();
                for row in rows {
                    total.merge(&row.cell);
                }
                (total.count, total.sum_nano, total.histogram)
            };
            prop_assert_eq!(total(&own), total(&expected), "{:?}", asked);
            if asked.step_us.is_none() && answers.is_kept {
                prop_assert!(own.len() <= 3, "two groups and the others: {own:?}");
            }
            for row in own.iter().filter(|row| row.group.first() != Some(&Some(Arc::from(OVERFLOW)))) {
                let of_group = expected.iter().find(|other| other.group == row.group && other.bucket == row.bucket);
                let count = of_group.map_or(0, |other| other.cell.count);
                prop_assert!(row.cell.count <= count, "{row:?} of {count}");
            }
        }
    }
}
