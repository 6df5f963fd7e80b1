//! From a tick's report to what is written: states, transitions and notices.

use std::fmt::Write as _;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use weir_monitor::{Engine, Judged, Telling, TickReport};
use weir_types::metric::{self, Unit};
use weir_types::{KeptGroup, Notice, NoticeKind, Tags, TickCommit, UnixMicros};

/// What a report changes in the state store.
pub(super) fn commit(engine: &Engine, report: &TickReport, is_catching_up: bool) -> TickCommit {
    let notices = report.tellings.iter().map(|telling| notice(engine, telling, is_catching_up));
    TickCommit {
        tick: report.at,
        chain: Arc::from(engine.chain()),
        digests: report.digests.clone(),
        kept: engine.kept(&report.touched),
        dropped: report.dropped.clone(),
        transitions: report.transitions.clone(),
        notices: notices.collect(),
    }
}

/// Forgets groups of monitors that are no more.
pub(super) fn close_strangers(groups: &[KeptGroup], tick: UnixMicros) -> TickCommit {
    let dropped = groups.iter().map(|kept| (Arc::clone(&kept.monitor), kept.group.clone()));
    TickCommit { tick, dropped: dropped.collect(), ..TickCommit::default() }
}

fn notice(engine: &Engine, telling: &Telling, is_catching_up: bool) -> Notice {
    let transition = telling.transition.clone();
    let monitor = engine.monitors().find(|monitor| monitor.name == *transition.monitor);
    let unit = monitor.map_or(Unit::None, |monitor| match monitor.condition.judged.rule() {
        // A message about the unusual shows values of the metric.
        Some(rule) if rule.judges_the_unusual() => rule.query.unit(),
        Some(rule) => rule.judged_unit(),
        None => Unit::None,
    });
    let handling = monitor.map(|monitor| &monitor.handling);
    Notice {
        id: Arc::from(notice_id(telling)),
        alert_id: Arc::clone(&transition.alert_id),
        kind: telling.kind,
        since: telling.since,
        unit: Arc::from(unit_name(unit)),
        labels: handling.map(|handling| handling.labels.clone()).unwrap_or_default(),
        notify: handling.map(|handling| handling.notify.clone()).unwrap_or_default(),
        path: Arc::from(path(&transition.monitor, &transition.group)),
        score: monitor.and_then(|monitor| score(&monitor.condition.judged)),
        is_catching_up,
        transition,
    }
}

/// The metric that is judged, where it is not derived from calls: what shows it are scores.
fn score(judged: &Judged) -> Option<Arc<str>> {
    let metric = Arc::clone(&judged.rule()?.query.expr().leaves().first()?.metric);
    (metric::derived(&metric).is_none() && *metric != *metric::EVENTS).then_some(metric)
}

/// A hash of alert, number of the change and kind; for repeats of how many there were too.
fn notice_id(telling: &Telling) -> String {
    let kind = match telling.kind {
        NoticeKind::Trigger => "trigger",
        NoticeKind::Improve => "improve",
        NoticeKind::Recover => "recover",
        NoticeKind::Repeat => "repeat",
    };
    let mut hash = Sha256::new();
    let Telling { transition, repeat, .. } = telling;
    hash.update(format!(
        "{}\0{}\0{}\0{kind}\0{repeat}",
        transition.monitor, transition.alert_id, transition.seq
    ));
    let mut text = String::new();
    for byte in &hash.finalize()[..16] {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Where the dashboard shows a group of a monitor. The group is written as the API's parameter `group` is.
fn path(monitor: &str, group: &Tags) -> String {
    let mut path = format!("/monitors/{}", encoded(monitor));
    if !group.is_empty() {
        let within = |text: &str| text.replace('%', "%25").replace(',', "%2C");
        let pairs = group
            .iter()
            .map(|(key, value)| format!("{}:{}", within(key.as_str()).replace(':', "%3A"), within(value)));
        let _ = write!(path, "?group={}", encoded(&pairs.collect::<Vec<_>>().join(",")));
    }
    path
}

fn encoded(text: &str) -> String {
    const KEPT: &percent_encoding::AsciiSet =
        &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b':');
    percent_encoding::utf8_percent_encode(text, KEPT).to_string()
}

/// As the API writes units.
fn unit_name(unit: Unit) -> String {
    let name = serde_json::to_value(unit).ok();
    name.and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}
