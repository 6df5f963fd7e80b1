//! Watches budgets: tells of thresholds when they are reached, and writes down each minute how much is used.
//!
//! A threshold becomes an event, which is stored and shown like those that DogStatsD clients send. The metric
//! `weir.budget.used` (1 is all that is planned) is what monitors watch.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::task::JoinHandle;
use weir_control::budget::{AccountStatus, LimitKind};
use weir_types::{Event, EventLevel, Point, PointKind, Record, TagKey, Tags, UnixMicros, metric};

use super::Budgeting;

/// How soon a threshold is told.
const EVERY: Duration = Duration::from_secs(1);

/// What watches; it ends when this is dropped.
pub struct Watching(JoinHandle<()>);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Budgeting {
    /// Begins to watch.
    pub fn watch(self: &Arc<Self>) -> Watching {
        let budgeting = Arc::downgrade(self);
        Watching(tokio::spawn(watch(budgeting)))
    }

    /// Tells what has happened by now, and writes points for a minute that has begun.
    fn look(&self, written: &mut i64) {
        let now = self.parts.clock.now();
        let warnings = self.ledger.take_warnings(now);
        let mut records: Vec<Record> = warnings
            .iter()
            .map(|(share, status)| Record::Event(Box::new(event(*share, status, now))))
            .collect();
        let minute = now.0.div_euclid(UnixMicros::MINUTE);
        if minute != *written {
            *written = minute;
            let budgets = self.ledger.status(now);
            let points = budgets.iter().filter(|status| status.limit.kind == LimitKind::Budget);
            records.extend(points.map(|status| Record::Point(Box::new(point(status, now)))));
        }
        if records.is_empty() {
            return;
        }
        if let Err(error) = self.parts.sink.append(&records) {
            tracing::warn!(%error, "what budgets have to tell is not recorded");
        }
    }
}

async fn watch(budgeting: Weak<Budgeting>) {
    let mut ticks = tokio::time::interval(EVERY);
    let mut written = i64::MIN;
    loop {
        ticks.tick().await;
        let Some(budgeting) = budgeting.upgrade() else { return };
        budgeting.look(&mut written);
    }
}

fn tags(status: &AccountStatus) -> Tags {
    let spec = &status.limit;
    let mut tags = Tags::default();
    tags.set(TagKey::new("budget"), Arc::clone(&spec.name));
    for (dimension, pattern) in &spec.scope.0 {
        let value = status.values.iter().find(|(each, _)| each == dimension).map(|(_, value)| value);
        tags.set(TagKey::new(dimension.tag()), Arc::clone(value.unwrap_or(pattern)));
    }
    tags
}

fn point(status: &AccountStatus, now: UnixMicros) -> Point {
    Point {
        time: now,
        name: Arc::from(metric::BUDGET_USED),
        kind: PointKind::Gauge,
        value: status.used_share(),
        tags: tags(status),
    }
}

fn event(share: f64, status: &AccountStatus, now: UnixMicros) -> Event {
    let spec = &status.limit;
    let percent = share * 100.0;
    let used = spec.say(status.settled.saturating_add(status.others));
    let values = status.values_text();
    let whose = if values.is_empty() { String::new() } else { format!(" of {values}") };
    Event {
        time: now,
        title: Arc::from(format!("Budget {}{whose} at {percent:.0} %", spec.name)),
        text: Arc::from(format!(
            "{used} of {} are used in this {}; nothing above {} is let through.",
            spec.say(spec.amount),
            spec.period.as_str(),
            spec.say(spec.limit()),
        )),
        level: if share >= 1.0 { EventLevel::Error } else { EventLevel::Warning },
        source: Arc::from("weir"),
        tags: tags(status),
    }
}
