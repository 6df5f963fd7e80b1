//! One monitor as it is watched: its groups, and what a tick makes of them.

mod missing;
mod step;
mod turns;

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use weir_query::QueryError;
use weir_types::{AlertState, Judgement, KeptGroup, Tags, Transition, TransitionReason, UnixMicros};

use super::composite::{self, States};
use super::digest::{self, DigestText, TickDigest};
use super::group::GroupState;
use super::machine::{Bounds, Seen};
use super::metric::{Evaluated, Metric};
use super::reading::{Group, Outcome, Reading, group_of, tags_of};
use super::tick::Presence;
use crate::condition::{Comparison, Composite, Judged};
use crate::definition::{Monitor, Severity};
use crate::ledger::Ledger;

use step::Step;
pub(super) use step::{GroupChange, Judged1};
use turns::Turns;

/// Ticks in a row that fail before it is told that a monitor cannot be evaluated.
const ERRORS_BEFORE_TOLD: u32 = 3;

/// What a monitor judges.
pub(super) enum Kind {
    /// Values of metrics.
    Metric(Box<Metric>),
    /// Other monitors.
    Composite(Composite),
    /// Nothing, and why.
    Nothing(Arc<str>),
}

/// See the module.
pub(super) struct Watch {
    pub(super) monitor: Arc<Monitor>,
    pub(super) revision: Arc<str>,
    pub(super) bounds: Bounds,
    pub(super) kind: Kind,
    turns: Turns,
    pub(super) groups: BTreeMap<Group, (Tags, GroupState)>,
    pub(super) keys: Vec<weir_types::TagKey>,
    /// The tick before this one.
    pub(super) evaluated_at: Option<UnixMicros>,
    pub(super) error: Option<Arc<str>>,
    /// How long values were seen to take.
    seen_delay_us: i64,
    errors_in_row: u32,
    pub(super) is_full: bool,
    /// Whether something changed since people were told last.
    pub(super) is_untold: bool,
    /// Groups as they were kept, until the first tick tells the order of keys.
    kept: Vec<(Tags, GroupState)>,
}

impl Watch {
    pub(super) fn new(monitor: Arc<Monitor>) -> Self {
        let handling = &monitor.handling;
        let judged = &monitor.condition.judged;
        let kind = match (judged.rule(), judged) {
            (Some(rule), _) => {
                let metric = Metric::new(
                    rule.clone(),
                    handling.groups_max,
                    handling.group_retention_us,
                    handling.needs_full_window,
                );
                match metric {
                    Ok(metric) => Kind::Metric(Box::new(metric)),
                    Err(error) => Kind::Nothing(Arc::from(error.to_string())),
                }
            }
            (None, Judged::Composite(composite)) => Kind::Composite(composite.clone()),
            (None, Judged::Events(query)) => Kind::Nothing(Arc::from(query.why_not().unwrap_or_default())),
            (None, _) => {
                Kind::Nothing(Arc::from("its objective is not defined; write it as an entry [[slos]]"))
            }
        };
        let every_us = judged.rule().map_or(0, |rule| rule.rules.every_us.value).max(UnixMicros::MINUTE);
        let revision = Arc::from(digest::revision(&format!("{:?}", monitor.entry)));
        Self {
            bounds: bounds(&monitor),
            revision,
            kind,
            turns: Turns::new(every_us),
            monitor,
            groups: BTreeMap::new(),
            keys: Vec::new(),
            evaluated_at: None,
            error: None,
            seen_delay_us: 0,
            errors_in_row: 0,
            is_full: true,
            is_untold: false,
            kept: Vec::new(),
        }
    }

    /// Whether it is evaluated at a tick.
    pub(super) fn is_due(&self, at: UnixMicros) -> bool {
        self.monitor.is_enabled && self.turns.is_due(at, &self.revision)
    }

    /// Takes over that a time was judged, with this digest.
    pub(super) fn resume(&mut self, at: UnixMicros, digest: DigestText<'_>) {
        self.evaluated_at = Some(at);
        self.turns.note(digest);
    }

    /// The digest of a time that was just judged; `None` when it was not.
    pub(super) fn close_tick(
        &mut self,
        at: UnixMicros,
        presence: Presence,
        digest: TickDigest,
    ) -> Option<String> {
        if self.evaluated_at != Some(at) {
            return None;
        }
        let text = digest.text(&self.revision, presence);
        if let Some(read) = DigestText::read(&text) {
            self.resume(at, read);
        }
        Some(text)
    }

    /// How long after a tick it is judged, in whole minutes.
    pub(super) fn delay_us(&self) -> i64 {
        let delay_us = self.monitor.handling.delay_us.unwrap_or(self.seen_delay_us).max(0);
        (delay_us + UnixMicros::MINUTE - 1) / UnixMicros::MINUTE * UnixMicros::MINUTE
    }

    /// Takes over the groups of the same monitor before it was changed.
    pub(super) fn inherit(&mut self, other: &mut Self) {
        self.kept =
            std::mem::take(&mut other.groups).into_values().chain(std::mem::take(&mut other.kept)).collect();
        self.evaluated_at = other.evaluated_at;
        self.turns = other.turns.of_successor(self.turns.every_us);
        self.seen_delay_us = other.seen_delay_us;
        self.is_untold = other.is_untold;
    }

    /// Waits for values as long as they were seen to need.
    pub(super) fn set_delay(&mut self, seen_us: i64) {
        self.seen_delay_us = seen_us;
    }

    /// Takes over a group that was kept, after what was judged last was taken over; `tick` is the last tick of all.
    pub(super) fn restore(&mut self, kept: &KeptGroup, tick: UnixMicros) -> Result<(), serde_json::Error> {
        let mut state: GroupState = serde_json::from_str(&kept.state)?;
        let judged_at = self.evaluated_at.unwrap_or(tick);
        state.resume(judged_at, &kept.group);
        self.turns.note_age(judged_at, state.matures_at(self.monitor.handling.new_group_delay_us));
        self.is_untold |= state.told != state.machine.state();
        self.kept.push((kept.group.clone(), state));
        Ok(())
    }

    /// Takes over a group as its last change before an instant left it.
    pub(super) fn seed(&mut self, at: UnixMicros, change: &Transition) {
        self.kept.push((change.group.clone(), GroupState::after(change, at)));
    }

    /// How long ago the tick before was. Ticks that failed do not count: they were no ground for anything.
    fn by_us(&self, at: UnixMicros) -> i64 {
        self.evaluated_at.map_or(0, |last| at.0.saturating_sub(last.0).clamp(0, self.turns.every_us))
    }

    /// Judges the groups at a tick.
    pub(super) fn judge(
        &mut self,
        at: UnixMicros,
        presence: Presence,
        ledger: &Ledger,
        inputs: &BTreeMap<Arc<str>, States>,
    ) -> Judged1 {
        let evaluated = match &mut self.kind {
            Kind::Metric(metric) => metric.evaluate(at, ledger),
            Kind::Composite(composite) => {
                let states = composite::evaluate(composite, inputs);
                self.errors_in_row = 0;
                return self.judge_composite(at, &states);
            }
            Kind::Nothing(why) => {
                self.error = Some(Arc::clone(why));
                return Judged1::default();
            }
        };
        match evaluated {
            Ok(Evaluated::Readings(readings)) => {
                self.succeeded(true);
                self.take_keys(readings.keys);
                self.apply(at, presence, readings.groups)
            }
            Ok(Evaluated::NotFull) => {
                self.succeeded(false);
                Judged1::default()
            }
            Err(error) => {
                self.failed(&error);
                Judged1::default()
            }
        }
    }

    /// Whether it failed so often that people should know.
    pub(super) fn is_failing(&self) -> bool {
        self.errors_in_row >= ERRORS_BEFORE_TOLD
    }

    fn succeeded(&mut self, is_full: bool) {
        self.error = None;
        self.errors_in_row = 0;
        self.is_full = is_full;
    }

    /// An error changes no state, whatever it is.
    fn failed(&mut self, error: &QueryError) {
        self.errors_in_row = self.errors_in_row.saturating_add(1);
        self.error = Some(Arc::from(error.to_string()));
    }

    fn take_keys(&mut self, keys: Vec<weir_types::TagKey>) {
        self.keys = keys;
        for (tags, state) in std::mem::take(&mut self.kept) {
            self.groups.insert(group_of(&self.keys, &tags), (tags, state));
        }
    }

    fn apply(&mut self, at: UnixMicros, presence: Presence, readings: Vec<Reading>) -> Judged1 {
        let mut judged = Judged1::default();
        let by_us = self.by_us(at);
        // What is there at the very first tick is not new: nobody looked before.
        let is_first = self.evaluated_at.is_none();
        self.evaluated_at = Some(at);
        let step = Step { monitor: &self.monitor.name, bounds: &self.bounds, at, by_us };
        let delay_us = self.monitor.handling.new_group_delay_us;
        let mut unknown = Vec::new();
        // Readings and groups are in the same order, so most are met by walking along both.
        let mut known = self.groups.iter_mut().peekable();
        for reading in readings.into_iter().filter(|reading| reading.outcome != Outcome::Missing) {
            let mut order = Ordering::Less;
            while let Some((group, _)) = known.peek() {
                order = (*group).cmp(&reading.group);
                if order != Ordering::Less {
                    break;
                }
                known.next();
            }
            match known.peek_mut() {
                Some((_, (tags, state))) if order == Ordering::Equal => {
                    step.read(tags, state, &reading, delay_us, &mut judged);
                }
                _ => unknown.push(reading),
            }
        }
        for reading in unknown {
            let tags = tags_of(&self.keys, &reading.group);
            let (tags, state) = self.groups.entry(reading.group.clone()).or_insert_with(|| {
                let mut state = GroupState::new(at, &tags);
                if is_first || tags.is_empty() {
                    state.first_seen = UnixMicros(i64::MIN);
                }
                judged.touched.push(tags.clone());
                (tags, state)
            });
            step.read(tags, state, &reading, delay_us, &mut judged);
        }
        self.apply_missing(at, by_us, presence, &mut judged);
        self.expire(at, &mut judged);
        self.turns.forget_ages();
        for (_, state) in self.groups.values() {
            let Judgement { value, samples, .. } = state.judgement;
            judged.digest.add(state.key_hash, value, samples, state.machine.state(), state.seq);
            self.turns.note_age(at, state.matures_at(delay_us));
        }
        judged
    }

    fn judge_composite(&mut self, at: UnixMicros, states: &States) -> Judged1 {
        self.error = None;
        let keys: Vec<_> =
            states.keys().max_by_key(|tags| tags.len()).into_iter().flat_map(Tags::iter).collect();
        let keys = keys.into_iter().map(|(key, _)| key.clone()).collect::<Vec<_>>();
        if !states.is_empty() {
            self.take_keys(keys);
        }
        let mut judged = Judged1::default();
        let by_us = self.by_us(at);
        self.evaluated_at = Some(at);
        let step = Step { monitor: &self.monitor.name, bounds: &self.bounds, at, by_us };
        for (group, composed) in states {
            let entry = self.groups.entry(group_of(&self.keys, group));
            let (tags, state) = entry.or_insert_with(|| {
                judged.touched.push(group.clone());
                (group.clone(), GroupState::new(at, group))
            });
            state.last_seen = at;
            let seen = if *composed == AlertState::NoData { Seen::NoData } else { Seen::State(*composed) };
            step.take(tags, state, seen, true, &mut judged);
        }
        self.expire(at, &mut judged);
        for (_, state) in self.groups.values() {
            judged.digest.add(state.key_hash, None, 0, state.machine.state(), state.seq);
        }
        judged
    }

    /// The states of its groups.
    pub(super) fn states(&self) -> States {
        self.groups.values().map(|(tags, state)| (tags.clone(), state.machine.state())).collect()
    }

    /// All groups, those that wait for the first tick included.
    pub(super) fn all_groups(&self) -> impl Iterator<Item = (&Tags, &GroupState)> {
        self.groups.values().chain(&self.kept).map(|(tags, state)| (tags, state))
    }

    pub(super) fn all_groups_mut(&mut self) -> impl Iterator<Item = (&Tags, &mut GroupState)> {
        self.groups.values_mut().chain(&mut self.kept).map(|(tags, state)| (&*tags, state))
    }

    pub(super) fn group_mut(&mut self, group: &Tags) -> Option<&mut GroupState> {
        let key = group_of(&self.keys, group);
        self.groups.get_mut(&key).map(|(_, state)| state)
    }

    /// Ends all groups, because the monitor is no more or is switched off.
    pub(super) fn close(&mut self, at: UnixMicros) -> Judged1 {
        let mut judged = Judged1::default();
        let groups = std::mem::take(&mut self.groups).into_values().chain(std::mem::take(&mut self.kept));
        for (tags, mut state) in groups {
            let reason = TransitionReason::DefinitionChanged;
            step::close(&self.monitor.name, at, &tags, &mut state, reason, &mut judged);
            step::drop_group(tags, state, &mut judged);
        }
        judged
    }
}

fn bounds(monitor: &Monitor) -> Bounds {
    match monitor.condition.judged.rule() {
        Some(rule) => {
            let levels = monitor.levels();
            Bounds {
                comparison: rule.rules.comparison,
                warning: levels.and_then(|levels| levels.warning),
                critical: levels.and_then(|levels| levels.critical),
                recovery: rule.rules.recovery.map(|recovery| recovery.0),
                for_us: rule.rules.for_us.value,
                keep_firing_us: rule.rules.keep_firing_us.value,
            }
        }
        None => Bounds {
            comparison: Comparison::Above,
            warning: (monitor.severity == Severity::Warning).then_some(0.0),
            critical: None,
            recovery: None,
            for_us: 0,
            keep_firing_us: 0,
        },
    }
}
