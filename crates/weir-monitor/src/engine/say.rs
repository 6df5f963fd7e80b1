//! From changes of groups to what is written down and what people hear.

use std::sync::Arc;

use weir_types::{
    AlertState, GroupStatus, Judgement, NoticeKind, Tags, Transition, TransitionReason, UnixMicros,
};

use super::group::GroupState;
use super::machine::Bounds;
use super::tick::{Telling, TickReport};
use super::watch::{GroupChange, Judged1, Watch};
use crate::condition::{Comparison, Judged};
use crate::definition::{Monitor, NoData};
use crate::template::{Facts, NoticeState, Variable};

/// Adds what a tick made of one monitor to the report.
pub(super) fn report(
    report: &mut TickReport,
    watch: &mut Watch,
    at: UnixMicros,
    judged: Judged1,
    tell: bool,
) {
    let name: Arc<str> = Arc::from(watch.monitor.name.as_str());
    let monitor = Arc::clone(&watch.monitor);
    let bounds = watch.bounds;
    let mut touched = judged.touched;
    watch.is_untold = !tell && (watch.is_untold || !judged.changes.is_empty());
    for change in judged.changes {
        let transition = transition(watch, at, &change);
        if let Some(state) = watch.group_mut(&change.group) {
            state.message = Arc::clone(&transition.message);
        }
        report.transitions.push(transition);
    }
    for mut farewell in judged.farewells {
        let (revision, state) = (Arc::clone(&watch.revision), &mut farewell.state);
        report.tellings.extend(telling(&monitor, &revision, &bounds, at, &farewell.group, state));
    }
    if tell {
        let revision = Arc::clone(&watch.revision);
        for (tags, state) in watch.all_groups_mut() {
            if let Some(telling) = telling(&monitor, &revision, &bounds, at, tags, state) {
                touched.push(tags.clone());
                report.tellings.push(telling);
            }
        }
    }
    touched.sort();
    touched.dedup();
    report.touched.extend(touched.into_iter().map(|group| (Arc::clone(&name), group)));
    report.dropped.extend(judged.dropped.into_iter().map(|group| (Arc::clone(&name), group)));
}

fn transition(watch: &Watch, at: UnixMicros, change: &GroupChange) -> Transition {
    let bounds = watch.bounds;
    let monitor = Arc::clone(&watch.monitor);
    let revision = Arc::clone(&watch.revision);
    let judgement = judged(&bounds, change.change.from, change.change.to, change.numbers);
    Transition {
        monitor: Arc::from(monitor.name.as_str()),
        revision,
        group: change.group.clone(),
        seq: change.seq,
        alert_id: Arc::clone(&change.alert_id),
        at,
        from: change.change.from,
        to: change.change.to,
        reason: change.change.reason,
        message: message(&monitor, change.change.to, &judgement, &change.group),
        judgement,
        exemplars: Vec::new(),
        details: Vec::new(),
    }
}

/// The numbers with the threshold that was crossed, or is not crossed any more.
fn judged(bounds: &Bounds, from: AlertState, to: AlertState, numbers: Judgement) -> Judgement {
    let about = if to == AlertState::Ok || to == AlertState::NoData { from } else { to };
    Judgement { threshold: bounds.threshold_of(about), ..numbers }
}

fn message(monitor: &Monitor, to: AlertState, judgement: &Judgement, group: &Tags) -> Arc<str> {
    let comparison: Option<Comparison> = monitor.condition.judged.rule().map(|rule| rule.rules.comparison);
    let levels = monitor.levels();
    let number = |variable| match variable {
        Variable::Value => judgement.value,
        Variable::Threshold => judgement.threshold,
        Variable::WarnThreshold => levels.and_then(|levels| levels.warning),
        Variable::Baseline => judgement.baseline,
        Variable::Lower => judgement.lower,
        Variable::Upper => judgement.upper,
        Variable::Score => judgement.score,
        Variable::Fraction => judgement.fraction,
    };
    let state = match to {
        AlertState::Ok => NoticeState::Recovery,
        AlertState::NoData => NoticeState::NoData,
        AlertState::Warn => NoticeState::Warning,
        AlertState::Alert => NoticeState::Alert,
    };
    let tag = |key: &weir_types::TagKey| group.get(key.as_str()).map(str::to_owned);
    Arc::from(monitor.message.render(&Facts { state, comparison, number: &number, tag: &tag }))
}

/// What people shall hear of a group now: that it is not what they know, or that it still is.
fn telling(
    monitor: &Monitor,
    revision: &Arc<str>,
    bounds: &Bounds,
    at: UnixMicros,
    tags: &Tags,
    state: &mut GroupState,
) -> Option<Telling> {
    let (known, now) = (state.told, state.machine.state());
    let is_silent = |state: AlertState| {
        state == AlertState::NoData
            && monitor.handling.no_data != Some(NoData::Notify)
            && !is_composite(monitor)
    };
    // What is not told changes nothing of what people know: that values stopped is no end of an alert.
    if is_silent(now) {
        return None;
    }
    let shown = now;
    let kind = if shown == known {
        let repeat_us = monitor.handling.repeat_us.filter(|_| shown != AlertState::Ok)?;
        if at.0.saturating_sub(state.told_at.0) < repeat_us || state.repeats >= monitor.handling.repeats_max {
            return None;
        }
        state.repeats += 1;
        NoticeKind::Repeat
    } else {
        state.repeats = 0;
        match shown {
            AlertState::Ok => NoticeKind::Recover,
            worse if worse > known => NoticeKind::Trigger,
            _ => NoticeKind::Improve,
        }
    };
    let alert = state.alert.clone();
    let since = alert.as_ref().map_or(state.machine.since(), |alert| alert.since);
    let numbers = if kind == NoticeKind::Repeat { state.judgement } else { state.changed };
    let judgement = judged(bounds, known, shown, numbers);
    let message = message(monitor, shown, &judgement, tags);
    state.told = shown;
    state.told_at = at;
    state.message = Arc::clone(&message);
    if shown == AlertState::Ok {
        state.alert = None;
    }
    let transition = Transition {
        monitor: Arc::from(monitor.name.as_str()),
        revision: Arc::clone(revision),
        group: tags.clone(),
        seq: state.seq,
        alert_id: alert.map_or_else(|| Arc::from(""), |alert| alert.id),
        at,
        from: known,
        to: shown,
        reason: state.reason.unwrap_or(TransitionReason::Crossed),
        judgement,
        message,
        exemplars: state.exemplars.clone(),
        details: Vec::new(),
    };
    Some(Telling { kind, transition, since, repeat: state.repeats })
}

fn is_composite(monitor: &Monitor) -> bool {
    matches!(monitor.condition.judged, Judged::Composite(_))
}

/// A group as it is shown.
pub(super) fn status(watch: &Watch, tags: &Tags, state: &GroupState) -> GroupStatus {
    let now = state.machine.state();
    let evaluated_at = watch.evaluated_at.unwrap_or_default();
    let pending = state.machine.pending().map(|(to, held_us)| (to, evaluated_at.saturating_add_us(-held_us)));
    GroupStatus {
        group: tags.clone(),
        state: now,
        since: state.machine.since(),
        pending,
        judgement: Judgement { threshold: watch.bounds.threshold_of(now), ..state.judgement },
        is_learning: state.is_learning,
        alert_id: state.alert.as_ref().map(|alert| Arc::clone(&alert.id)),
        message: Arc::clone(&state.message),
        exemplars: state.exemplars.clone(),
    }
}
