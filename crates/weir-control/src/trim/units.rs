//! What goes together: turns of a conversation, and steps of the turn that is going on.
//!
//! A turn begins where the user speaks and the entry before is not the user's; a step begins where the model speaks and
//! the entry before is not the model's. A border that would part a call from its result is none, wherever the result
//! stands. Entries of the system belong to no turn and never go.

use std::collections::HashMap;
use std::ops::Range;

use weir_dialect::{Kind, Outline, Role};

/// The units that may go, by the numbers of their entries, in the order in which they go.
pub(super) fn removable(outline: &Outline<'_>) -> Vec<Range<usize>> {
    let entries = &outline.entries;
    if !outline.may_lose_entries || entries.is_empty() {
        return Vec::new();
    }
    let bonds = Bonds::of(outline);
    let spoken = last_spoken(outline);
    let present = present_turn(outline);
    let mut units = Vec::new();
    let mut start = 0;
    let mut before = None;
    for (number, entry) in entries.iter().enumerate() {
        if entry.role == Role::System {
            continue;
        }
        let begins = match before {
            None => false,
            Some(before) if number <= present.start => entry.role == Role::User && before != Role::User,
            Some(_) if number == present.end => true,
            Some(before) => number > present.end && entry.role == Role::Model && before != Role::Model,
        };
        if begins && !bonds.holds_across(number) {
            units.push(start..number);
            start = number;
        }
        before = Some(entry.role);
    }
    // What comes last is what is to be answered.
    let is_free = |unit: &Range<usize>| {
        spoken.is_none_or(|spoken| !unit.contains(&spoken))
            && !unit.contains(&present.start)
            && !bonds.holds_elsewhere(unit)
            && entries[unit.clone()].iter().any(|entry| entry.role != Role::System)
    };
    units.retain(is_free);
    units
}

/// The entry with what the user said last.
pub(super) fn last_spoken(outline: &Outline<'_>) -> Option<usize> {
    outline
        .entries
        .iter()
        .rposition(|entry| entry.role == Role::User || entry.texts.iter().any(|text| text.kind == Kind::User))
}

/// The messages with which the user began the turn that is going on.
fn present_turn(outline: &Outline<'_>) -> Range<usize> {
    let entries = &outline.entries;
    let Some(last) = entries.iter().rposition(|entry| entry.role == Role::User) else { return 0..0 };
    let is_before = |entry: &weir_dialect::Entry<'_>| !matches!(entry.role, Role::User | Role::System);
    let before = entries[..last].iter().rposition(is_before);
    let from = before.map_or(0, |before| before + 1);
    let first = (from..=last).find(|number| entries[*number].role == Role::User).unwrap_or(last);
    first..last + 1
}

/// Which calls and results hold together.
struct Bonds {
    /// For each border, whether a result beyond it belongs to a call before it.
    across: Vec<bool>,
    /// Entries with results of calls that are kept elsewhere.
    elsewhere: Vec<usize>,
}

impl Bonds {
    fn of(outline: &Outline<'_>) -> Self {
        let entries = &outline.entries;
        let mut called = HashMap::new();
        let (mut begin, mut end) = (vec![0_usize; entries.len() + 1], vec![0_usize; entries.len() + 1]);
        let mut elsewhere = Vec::new();
        for (number, entry) in entries.iter().enumerate() {
            for id in &entry.answers {
                match called.get(id) {
                    Some(caller) => {
                        begin[caller + 1] += 1;
                        end[number] += 1;
                    }
                    None => elsewhere.push(number),
                }
            }
            // After its answers: a name that a later call uses again is that of the later call.
            called.extend(entry.calls.iter().map(|id| (*id, number)));
        }
        let mut open = 0;
        let across = (0..entries.len()).map(|border| {
            open += begin[border];
            let holds = open > 0;
            open -= end[border];
            holds
        });
        Self { across: across.collect(), elsewhere }
    }

    fn holds_across(&self, border: usize) -> bool {
        self.across.get(border).copied().unwrap_or(false)
    }

    fn holds_elsewhere(&self, unit: &Range<usize>) -> bool {
        self.elsewhere.iter().any(|number| unit.contains(number))
    }
}
