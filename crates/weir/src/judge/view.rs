//! Monitors as the API shows and changes them.

use std::sync::Arc;

use weir_monitor::{BacktestOptions, Engine, Entry, Monitor, MonitorBacktest, Rule, Severity, backtest};
use weir_types::metric::Unit;
use weir_types::{
    ActionRecord, AlertState, GroupStatus, JudgedSeries, MonitorStatus, Monitors, MonitorsError, Preview,
    Tags, TimeRange, UnixMicros, Verification,
};

use super::lateness::LateCount;
use super::verify::verified;
use super::{Judge, JudgeParts, State};

/// Points of a series: as many as a chart has room for.
const POINTS_MAX: usize = 400;

/// The longest range that is judged anew for a chart or a preview.
const RANGE_US_MAX: i64 = 42 * UnixMicros::DAY;

impl Monitors for Judge {
    fn list(&self) -> Vec<MonitorStatus> {
        let monitors = self.definitions.monitors();
        let state = self.state();
        monitors.iter().map(|monitor| self.status(&state, monitor)).collect()
    }

    fn groups(&self, name: &str) -> Result<Vec<GroupStatus>, MonitorsError> {
        self.state().engine.groups(name).ok_or_else(|| MonitorsError::NotFound(name.to_owned()))
    }

    fn series(
        &self,
        name: &str,
        group: Option<&Tags>,
        range: TimeRange,
    ) -> Result<Vec<JudgedSeries>, MonitorsError> {
        let monitors = self.definitions.monitors();
        let monitor = monitors.into_iter().find(|monitor| monitor.name == name);
        let monitor = monitor.ok_or_else(|| MonitorsError::NotFound(name.to_owned()))?;
        let judged = self.judged(Monitor { is_enabled: true, ..monitor }, range)?;
        let Some(judged) = judged else { return Ok(Vec::new()) };
        if let Some(group) = group {
            let own = judged.groups.into_iter().filter(|own| own.group == *group);
            return Ok(own.map(|own| JudgedSeries { group: own.group, points: own.points }).collect());
        }
        Ok(judged.preview().series)
    }

    fn preview(&self, entry: &serde_json::Value, range: TimeRange) -> Result<Preview, MonitorsError> {
        let entry = read(entry)?;
        let monitors = self.definitions.with(&entry)?;
        let monitor = monitors.into_iter().find(|monitor| monitor.name == entry.name);
        let monitor = monitor.ok_or_else(|| MonitorsError::NotFound(entry.name.clone()))?;
        let (explanation, unit) = (weir_monitor::explain(&monitor.condition), value_unit(&monitor));
        let judged = self.judged(Monitor { is_enabled: true, ..monitor }, range)?;
        let preview = judged.map(MonitorBacktest::preview).unwrap_or_default();
        Ok(Preview { explanation: Arc::from(explanation), unit: Some(unit), ..preview })
    }

    fn verify(&self, name: &str, range: TimeRange) -> Result<Verification, MonitorsError> {
        let monitors = self.definitions.monitors();
        let monitor = monitors.iter().find(|monitor| monitor.name == name);
        let monitor = monitor.ok_or_else(|| MonitorsError::NotFound(name.to_owned()))?;
        let JudgeParts { scan, alerts, runtime, .. } = &self.parts;
        verified(monitor, range, scan, &**alerts, runtime)
    }

    fn save(&self, entry: &serde_json::Value) -> Result<MonitorStatus, MonitorsError> {
        let entry = read(entry)?;
        let monitors = self.definitions.save(&entry)?;
        self.replace(&monitors);
        let monitor = monitors.iter().find(|monitor| monitor.name == entry.name);
        let monitor = monitor.ok_or_else(|| MonitorsError::NotFound(entry.name.clone()))?;
        Ok(self.status(&self.state(), monitor))
    }

    fn forget(&self, name: &str) -> Result<(), MonitorsError> {
        let monitors = self.definitions.forget(name)?;
        self.replace(&monitors);
        Ok(())
    }

    fn actions(&self) -> Vec<ActionRecord> {
        self.board.records()
    }
}

impl Judge {
    /// Judges by other definitions from now on.
    fn replace(&self, monitors: &[Monitor]) {
        let mut state = self.state();
        let at = state.ticked_to.unwrap_or_else(|| self.parts.clock.now().floor_to(UnixMicros::MINUTE));
        let report = state.engine.replace(monitors, at);
        state.is_following = false;
        self.finish(&mut state, report, false);
        drop(state);
        self.woken.notify_all();
    }

    /// Judges a range anew by one definition.
    fn judged(&self, monitor: Monitor, range: TimeRange) -> Result<Option<MonitorBacktest>, MonitorsError> {
        let from = range.from.max(range.to.saturating_add_us(-RANGE_US_MAX));
        let range = TimeRange { from, to: range.to.min(self.parts.clock.now()) };
        if range.is_empty() {
            return Ok(None);
        }
        let options = BacktestOptions { range, alerts_per_week: 1.0, points_max: POINTS_MAX };
        let report = backtest(&[monitor], &self.parts.scan, &options);
        let report = report.map_err(|error| MonitorsError::Store(error.to_string()))?;
        Ok(report.monitors.into_iter().next())
    }

    fn status(&self, state: &State, monitor: &Monitor) -> MonitorStatus {
        let engine = &state.engine;
        let rule = monitor.condition.judged.rule();
        let counts = engine.counts(&monitor.name);
        let worst = [AlertState::Alert, AlertState::Warn, AlertState::NoData].into_iter().zip([3, 2, 1]);
        let state_now = worst
            .into_iter()
            .find(|(_, place)| counts[*place] > 0)
            .map_or(AlertState::Ok, |(state, _)| state);
        let levels = monitor.levels();
        let saved = self.definitions.saved_entry(&monitor.name);
        let by = rule.map(|rule| rule.query.expr().leaves()).unwrap_or_default();
        let by = by.first().map(|leaf| leaf.by.iter().map(|key| Arc::from(key.as_str())).collect());
        MonitorStatus {
            name: Arc::from(monitor.name.as_str()),
            condition: Arc::from(monitor.text.as_str()),
            explanation: Arc::from(weir_monitor::explain(&monitor.condition)),
            message: Arc::from(monitor.message_text.as_str()),
            severity: Arc::from(match monitor.severity {
                Severity::Warning => "warning",
                Severity::Critical => "critical",
            }),
            is_enabled: monitor.is_enabled,
            defined_in: Arc::from(monitor.file.as_str()),
            entry: json(&monitor.entry),
            saved: saved.as_ref().map(json),
            unit: value_unit(monitor),
            comparison: rule.map(|rule| Arc::from(rule.rules.comparison.to_string())),
            warning: levels.and_then(|levels| levels.warning),
            critical: levels.and_then(|levels| levels.critical),
            judges_the_unusual: rule.is_some_and(Rule::judges_the_unusual),
            by: by.unwrap_or_default(),
            state: state_now,
            counts,
            evaluated_at: engine.evaluated_at(&monitor.name),
            delay_us: super::DELAY_US + engine.delay_us(&monitor.name),
            error: engine.error(&monitor.name),
            remarks: remarks(engine, monitor, state.late_counts.of(&monitor.name)),
            late_values: state.late_counts.of(&monitor.name).late,
        }
    }
}

/// What else people should know of a monitor.
fn remarks(engine: &Engine, monitor: &Monitor, late: LateCount) -> Vec<Arc<str>> {
    let mut remarks = Vec::new();
    if engine.waits_for_full_window(&monitor.name) {
        remarks.push("it is not judged yet: its window begins before there were values".to_owned());
    }
    let groups = engine.groups(&monitor.name).unwrap_or_default();
    let learning = groups.iter().filter(|group| group.is_learning).count();
    if learning > 0 {
        remarks.push(format!(
            "{learning} of {} groups are still being learned: they warn and do not alert",
            groups.len()
        ));
    }
    if groups
        .iter()
        .any(|group| group.group.iter().any(|(_, value)| **value == *weir_types::limits::OVERFLOW))
    {
        let most = monitor.handling.groups_max;
        remarks
            .push(format!("there are more than {most} groups; those over it are judged as one, __other__"));
    }
    if late.is_much(engine.delay_us(&monitor.name)) {
        let LateCount { values, late, wait_us } = late;
        let minutes = wait_us / UnixMicros::MINUTE;
        remarks.push(format!(
            "{late} of {values} values came after their minute was judged; with evaluation_delay = \"{minutes}m\" \
             almost all of them would have counted in time"
        ));
    }
    if engine.evaluated_at(&monitor.name).is_some()
        && groups.is_empty()
        && engine.error(&monitor.name).is_none()
    {
        remarks.push("it matches no series yet".to_owned());
    }
    remarks.into_iter().map(Arc::from).collect()
}

/// The unit of the values that people see: for an anomaly that of the metric.
fn value_unit(monitor: &Monitor) -> Unit {
    match monitor.condition.judged.rule() {
        Some(rule) if rule.judges_the_unusual() => rule.query.unit(),
        Some(rule) => rule.judged_unit(),
        None => Unit::None,
    }
}

fn json(entry: &Entry) -> serde_json::Value {
    let mut value = serde_json::to_value(entry).unwrap_or_default();
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|_, field| !field.is_null());
    }
    value
}

fn read(entry: &serde_json::Value) -> Result<Entry, MonitorsError> {
    serde_json::from_value(entry.clone()).map_err(|error| {
        MonitorsError::Invalid(format!("the entry is not as `[[monitors]]` in weir.toml says: {error}"))
    })
}
