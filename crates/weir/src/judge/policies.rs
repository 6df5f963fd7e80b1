//! What monitors have the gateway do: set while a group is as bad as the action says, ended when it is better, when its time
//! is over, or when the monitor is changed.
//!
//! Which policies are in force follows from the states alone, so a restart puts them back: the id of a policy is that of its
//! alert, and an alert whose action has run out does not start it again. Everything is written to the audit log.

use std::sync::{Arc, Mutex, PoisonError};

use weir_monitor::{Action, Engine, Severity};
use weir_types::{
    ActionRecord, ActivePolicy, AlertState, AuditFilter, Clock, GroupStatus, NewAuditEntry, PolicyBoard as _,
    Scope, SharedPolicies, UnixMicros,
};

use super::JudgeParts;

/// Records that are shown: those of some weeks.
const RECORDS_MAX: usize = 200;

/// See the module.
pub struct Board {
    policies: Arc<SharedPolicies>,
    clock: Arc<dyn Clock>,
    records: Mutex<Vec<ActionRecord>>,
}

impl Board {
    /// A board with nothing on it.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { policies: Arc::default(), clock, records: Mutex::default() }
    }

    /// What the gateway reads.
    pub fn policies(&self) -> Arc<SharedPolicies> {
        Arc::clone(&self.policies)
    }

    /// What was done, the newest first.
    pub fn records(&self) -> Vec<ActionRecord> {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner).clone();
        records.reverse();
        records
    }

    /// Reads back what was done before, and puts in force what still is.
    pub(super) fn restore(&self, engine: &Engine, parts: &JudgeParts) {
        let filter = AuditFilter { action: Some(Arc::from("policy.")), ..AuditFilter::default() };
        match parts.runtime.block_on(parts.audit.list(RECORDS_MAX, &filter)) {
            Ok(entries) => {
                let mut records: Vec<ActionRecord> = Vec::new();
                for entry in entries.into_iter().rev() {
                    let Some(record) =
                        entry.after.and_then(|after| serde_json::from_value::<ActionRecord>(after).ok())
                    else {
                        continue;
                    };
                    records.retain(|known| known.id != record.id);
                    records.push(record);
                }
                *self.records.lock().unwrap_or_else(PoisonError::into_inner) = records;
            }
            Err(error) => tracing::warn!(%error, "what monitors did to the gateway before is not shown"),
        }
        self.update(engine, parts);
    }

    /// Puts in force what the states of monitors ask for, and nothing else.
    pub(super) fn update(&self, engine: &Engine, parts: &JudgeParts) {
        let now = self.clock.now();
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = wanted(engine, now, &records);
        let before = self.policies.active();
        let mut entries = Vec::new();
        for policy in wanted.iter().filter(|policy| !before.iter().any(|known| known.id == policy.id)) {
            let known = records.iter().any(|record| record.id == policy.id && record.ended.is_none());
            if !known {
                let record = record(policy);
                entries.push(entry("policy.set", &record));
                records.push(record);
            }
        }
        for record in records.iter_mut().filter(|record| record.ended.is_none()) {
            if !wanted.iter().any(|policy| policy.id == record.id) {
                let is_there = engine
                    .monitors()
                    .any(|monitor| monitor.name == *record.monitor && monitor.handling.action.is_some());
                let why = match () {
                    () if record.until <= now => "expired",
                    () if is_there => "recovered",
                    () => "changed",
                };
                record.ended = Some((now, Arc::from(why)));
                entries.push(entry("policy.end", record));
            }
        }
        let excess = records.len().saturating_sub(RECORDS_MAX);
        records.drain(..excess);
        drop(records);
        if !same(&before, &wanted) {
            self.policies.set(Arc::from(wanted));
        }
        for entry in entries {
            if let Err(error) = parts.runtime.block_on(parts.audit.append(entry)) {
                tracing::error!(%error, "what a monitor did to the gateway is not in the audit log");
            }
        }
    }
}

fn same(before: &[ActivePolicy], after: &[ActivePolicy]) -> bool {
    before.len() == after.len() && before.iter().zip(after).all(|(a, b)| a == b)
}

/// The policies that should be in force, those that were set first first.
fn wanted(engine: &Engine, now: UnixMicros, records: &[ActionRecord]) -> Vec<ActivePolicy> {
    let mut wanted = Vec::new();
    for monitor in engine.monitors().filter(|monitor| monitor.is_enabled) {
        let Some(action) = &monitor.handling.action else { continue };
        for group in engine.groups(&monitor.name).unwrap_or_default() {
            wanted.extend(policy(&monitor.name, action, &group, now, records));
        }
    }
    wanted.sort_by(|a, b| a.since.cmp(&b.since).then_with(|| a.id.cmp(&b.id)));
    wanted
}

fn policy(
    monitor: &str,
    action: &Action,
    group: &GroupStatus,
    now: UnixMicros,
    records: &[ActionRecord],
) -> Option<ActivePolicy> {
    let from = match action.at {
        Severity::Warning => AlertState::Warn,
        Severity::Critical => AlertState::Alert,
    };
    let id = group.alert_id.clone().filter(|_| group.state >= from)?;
    let known = records.iter().find(|record| record.id == id);
    // An action that has run out is not started again by the same alert.
    let since = known.map_or(now, |record| record.set_at);
    let until = since.saturating_add_us(action.for_us);
    let tags = group.group.iter().map(|(key, value)| Scope::Is(key.clone(), Arc::clone(value)));
    let scope = tags.fold(action.scope.clone(), Scope::and);
    let policy = ActivePolicy {
        id,
        monitor: Arc::from(monitor),
        scope,
        action: action.action.clone(),
        since,
        until,
        is_dry_run: action.is_dry_run,
    };
    (now < until).then_some(policy)
}

fn record(policy: &ActivePolicy) -> ActionRecord {
    ActionRecord {
        id: Arc::clone(&policy.id),
        monitor: Arc::clone(&policy.monitor),
        scope: Arc::from(policy.scope.to_string()),
        action: policy.action.clone(),
        is_dry_run: policy.is_dry_run,
        set_at: policy.since,
        until: policy.until,
        ended: None,
    }
}

fn entry(action: &str, record: &ActionRecord) -> NewAuditEntry {
    NewAuditEntry {
        who: Arc::from(format!("monitor:{}", record.monitor)),
        action: Arc::from(action),
        target: Arc::clone(&record.id),
        before: None,
        after: serde_json::to_value(record).ok(),
    }
}
