//! Monitors and alerts that live in memory: one monitor with three groups, one of anomalies, one that is switched off.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use weir_types::metric::Unit;
use weir_types::{
    Acknowledgement, ActionRecord, AlertResult, AlertState, AlertStore, AlertStoreError, AuditEntry,
    AuditError, AuditFilter, AuditLog, BoxFuture, Delivery, DeliveryQueue, DeliveryState, GroupStatus,
    JudgedPoint, JudgedSeries, Judgement, KeptJudge, MonitorStatus, Monitors, MonitorsError, NewAuditEntry,
    NewDelivery, Notice, OpenNotice, PolicyAction, Preview, SavedMonitor, Silence, Tags, Telling, TickCommit,
    TimeRange, Transition, TransitionFilter, TransitionReason, UnixMicros, Verification, VerificationOutcome,
};

use crate::fakes::{NOW, TRACE};

pub const LATENCY: &str = "p95-latency";

fn ago(minutes: i64) -> UnixMicros {
    UnixMicros(NOW.0 - minutes * UnixMicros::MINUTE)
}

pub fn model(name: &str) -> Tags {
    [("model", name)].into_iter().collect()
}

fn latency(value: f64) -> Judgement {
    Judgement { value: Some(value), threshold: Some(5_000.0), samples: 40, ..Judgement::default() }
}

fn status(name: &str, condition: &str) -> MonitorStatus {
    MonitorStatus {
        name: Arc::from(name),
        condition: Arc::from(condition),
        explanation: "form          Weir's own\n".into(),
        message: "Model {model} at {value}ms".into(),
        severity: "warning".into(),
        is_enabled: true,
        defined_in: "bundled".into(),
        entry: json!({"name": name, "condition": condition, "severity": "warning", "critical": "10s",
            "for": "2m", "message": "{value}ms", "labels": {"team": "platform"}, "notify": ["pager"]}),
        saved: None,
        unit: Unit::Millis,
        comparison: Some(">".into()),
        warning: Some(5_000.0),
        critical: Some(10_000.0),
        judges_the_unusual: false,
        by: vec!["model".into()],
        state: AlertState::Alert,
        counts: [1, 0, 0, 1],
        evaluated_at: Some(ago(1)),
        delay_us: 1_500_000,
        error: None,
        remarks: vec!["one model is still learning".into()],
        late_values: 3,
    }
}

#[derive(Default)]
pub struct FakeMonitors {
    saved: Mutex<Vec<Value>>,
    /// Makes every answer this error.
    pub broken: Mutex<Option<MonitorsError>>,
}

impl FakeMonitors {
    fn check(&self) -> Result<(), MonitorsError> {
        self.broken.lock().unwrap().clone().map_or(Ok(()), Err)
    }

    fn known(&self, name: &str) -> Result<(), MonitorsError> {
        self.check()?;
        let is_known = self.list().iter().any(|status| &*status.name == name);
        is_known.then_some(()).ok_or_else(|| MonitorsError::NotFound(name.to_owned()))
    }
}

impl Monitors for FakeMonitors {
    fn list(&self) -> Vec<MonitorStatus> {
        let off = MonitorStatus {
            is_enabled: false,
            state: AlertState::Ok,
            counts: [0; 4],
            evaluated_at: None,
            by: Vec::new(),
            ..status("errors", "rate(llm.request.error) > 5%")
        };
        let mut latency = status(LATENCY, "p95(llm.request.duration) by model > 5s");
        latency.saved = self.saved.lock().unwrap().last().cloned();
        vec![latency, off]
    }

    fn groups(&self, name: &str) -> Result<Vec<GroupStatus>, MonitorsError> {
        self.known(name)?;
        let group = |model: Tags, state, minutes, value| GroupStatus {
            group: model,
            state,
            since: ago(minutes),
            pending: None,
            judgement: latency(value),
            is_learning: false,
            alert_id: (state != AlertState::Ok).then(|| "alert-1".into()),
            message: "Model gpt-4o at 12000ms".into(),
            exemplars: vec![TRACE.parse().unwrap()],
        };
        let pending = GroupStatus {
            pending: Some((AlertState::Warn, ago(1))),
            alert_id: None,
            ..group(model("o3"), AlertState::Ok, 60, 6_000.0)
        };
        Ok(if name == LATENCY {
            vec![group(model("gpt-4o"), AlertState::Alert, 12, 12_000.0), pending]
        } else {
            Vec::new()
        })
    }

    fn series(
        &self,
        name: &str,
        group: Option<&Tags>,
        range: TimeRange,
    ) -> Result<Vec<JudgedSeries>, MonitorsError> {
        self.known(name)?;
        let group = group.cloned().unwrap_or_else(|| model("gpt-4o"));
        let point = |at, value, upper| JudgedPoint {
            at,
            judgement: Judgement { upper, ..latency(value) },
            state: if value > 5_000.0 { AlertState::Warn } else { AlertState::Ok },
        };
        let points = vec![point(range.from, 900.0, None), point(range.to, 6_000.0, Some(5_500.0))];
        Ok(vec![JudgedSeries { group, points }])
    }

    fn verify(&self, name: &str, range: TimeRange) -> Result<Verification, MonitorsError> {
        self.known(name)?;
        let outcome = VerificationOutcome::Differs {
            first: range.from,
            minutes: 2,
            what: "readings".into(),
            why: "values of that time came later".into(),
        };
        Ok(Verification { compared: 60, of_other_definitions: 1, outcome })
    }

    fn preview(&self, entry: &Value, range: TimeRange) -> Result<Preview, MonitorsError> {
        self.check()?;
        if entry.get("condition").is_some_and(|condition| !condition.is_string()) {
            return Err(MonitorsError::Invalid("monitor x: condition: expected a text".to_owned()));
        }
        Ok(Preview {
            explanation: "form          Weir's own\n".into(),
            unit: Some(Unit::Millis),
            series: self.series(LATENCY, None, range)?,
            groups: 1,
            transitions: vec![transition()],
            alerts_per_week: 2.5,
            flaps: 1,
            firing_share: 0.125,
            verdicts: vec!["it flaps".into()],
            suggested_threshold: Some(8_000.0),
        })
    }

    fn save(&self, entry: &Value) -> Result<MonitorStatus, MonitorsError> {
        self.check()?;
        if entry["name"] != LATENCY {
            return Err(MonitorsError::Invalid("a new monitor has a condition".to_owned()));
        }
        self.saved.lock().unwrap().push(entry.clone());
        Ok(self.list().remove(0))
    }

    fn forget(&self, name: &str) -> Result<(), MonitorsError> {
        self.known(name)?;
        self.saved.lock().unwrap().clear();
        Ok(())
    }

    fn actions(&self) -> Vec<ActionRecord> {
        let record = |action, ended| ActionRecord {
            id: "pol_1".into(),
            monitor: LATENCY.into(),
            scope: "model:gpt-4o".into(),
            action,
            is_dry_run: false,
            set_at: ago(12),
            until: UnixMicros(NOW.0 + UnixMicros::HOUR),
            ended,
        };
        let cheaper = PolicyAction::CheaperModel { model: "gpt-4o-mini".into() };
        vec![
            record(PolicyAction::Throttle { calls_per_minute: 10 }, None),
            record(cheaper, Some((ago(2), "recovered".into()))),
        ]
    }
}

pub fn transition() -> Transition {
    Transition {
        monitor: LATENCY.into(),
        revision: "0011223344556677".into(),
        group: model("gpt-4o"),
        seq: 1,
        alert_id: "alert-1".into(),
        at: ago(12),
        from: AlertState::Ok,
        to: AlertState::Alert,
        reason: TransitionReason::Crossed,
        judgement: latency(12_000.0),
        message: "Model gpt-4o at 12000ms".into(),
        exemplars: vec![TRACE.parse().unwrap()],
        details: vec!["twice as many tokens for each call".into()],
    }
}

/// Holds what people do; what monitors found is always the same.
#[derive(Default)]
pub struct FakeAlerts {
    pub silences: Mutex<Vec<Silence>>,
    pub acknowledgements: Mutex<Vec<Acknowledgement>>,
    pub last_filter: Mutex<Option<TransitionFilter>>,
    /// Makes every answer a failure of the store.
    pub is_broken: Mutex<bool>,
}

impl FakeAlerts {
    fn answer<T: Send + 'static>(&self, value: T) -> AlertResult<'_, T> {
        let is_broken = *self.is_broken.lock().unwrap();
        let failed = || AlertStoreError::Store("disk /secret/place is full".to_owned());
        Box::pin(std::future::ready(if is_broken { Err(failed()) } else { Ok(value) }))
    }

    fn refuse<T: Send + 'static>(error: AlertStoreError) -> AlertResult<'static, T> {
        Box::pin(std::future::ready(Err(error)))
    }
}

impl AlertStore for FakeAlerts {
    fn transitions<'a>(&'a self, filter: &'a TransitionFilter) -> AlertResult<'a, Vec<Transition>> {
        *self.last_filter.lock().unwrap() = Some(filter.clone());
        self.answer(if filter.monitor.as_deref() == Some(LATENCY) { vec![transition()] } else { Vec::new() })
    }

    fn deliveries<'a>(&'a self, monitor: Option<&'a str>, limit: usize) -> AlertResult<'a, Vec<Delivery>> {
        let delivery = Delivery {
            id: "del_1".into(),
            receiver: "pager".into(),
            group_key: "g".into(),
            round: 0,
            receipt: None,
            notices: vec!["n1".into(), "n2".into()],
            monitors: vec![LATENCY.into()],
            state: DeliveryState::Failed,
            attempts: 3,
            created_at: ago(12),
            next_at: None,
            delivered_at: None,
            error: Some("the receiver answered 500".into()),
        };
        let is_asked = monitor.is_none_or(|monitor| monitor == LATENCY) && limit > 0;
        self.answer(if is_asked { vec![delivery] } else { Vec::new() })
    }

    fn silences(&self) -> AlertResult<'_, Vec<Silence>> {
        self.answer(self.silences.lock().unwrap().clone())
    }

    fn silence(&self, silence: Silence) -> AlertResult<'_, Silence> {
        if silence.rrule.as_deref().is_some_and(|rule| !rule.starts_with("FREQ=")) {
            return Self::refuse(AlertStoreError::Invalid("a rule starts with FREQ=".to_owned()));
        }
        let mut silences = self.silences.lock().unwrap();
        let silence = Silence { id: format!("sil_{}", silences.len() + 1).into(), ..silence };
        silences.push(silence.clone());
        self.answer(silence)
    }

    fn end_silence<'a>(&'a self, id: &'a str) -> AlertResult<'a, ()> {
        let mut silences = self.silences.lock().unwrap();
        let before = silences.len();
        silences.retain(|silence| &*silence.id != id);
        if silences.len() == before {
            return Self::refuse(AlertStoreError::NotFound { what: "silence", id: id.to_owned() });
        }
        self.answer(())
    }

    fn acknowledge(&self, acknowledgement: Acknowledgement) -> AlertResult<'_, ()> {
        if &*acknowledgement.alert_id != "alert-1" {
            let id = acknowledgement.alert_id.to_string();
            return Self::refuse(AlertStoreError::NotFound { what: "alert", id });
        }
        self.acknowledgements.lock().unwrap().push(acknowledgement);
        self.answer(())
    }

    fn acknowledgements(&self) -> AlertResult<'_, Vec<Acknowledgement>> {
        self.answer(self.acknowledgements.lock().unwrap().clone())
    }

    // The API asks for nothing of what follows.

    fn kept(&self) -> AlertResult<'_, KeptJudge> {
        unimplemented!("for the judge")
    }

    fn commit<'a>(&'a self, _: &'a TickCommit) -> AlertResult<'a, ()> {
        unimplemented!("for the judge")
    }

    fn digests<'a>(
        &'a self,
        _: &'a str,
        _: UnixMicros,
        _: UnixMicros,
    ) -> AlertResult<'a, Vec<(UnixMicros, Arc<str>)>> {
        unimplemented!("for the judge")
    }

    fn saved_monitors(&self) -> AlertResult<'_, Vec<SavedMonitor>> {
        unimplemented!("for the judge")
    }

    fn save_monitor<'a>(&'a self, _: &'a str, _: &'a Value) -> AlertResult<'a, ()> {
        unimplemented!("for the judge")
    }

    fn forget_monitor<'a>(&'a self, _: &'a str) -> AlertResult<'a, ()> {
        unimplemented!("for the judge")
    }

    fn open_notices(&self, _: usize) -> AlertResult<'_, Vec<OpenNotice>> {
        unimplemented!("for the notifier")
    }

    fn active_alerts(&self, _: usize) -> AlertResult<'_, Vec<Notice>> {
        unimplemented!("for the notifier")
    }

    fn tellings<'a>(&'a self, _: &'a [Arc<str>]) -> AlertResult<'a, Vec<Telling>> {
        unimplemented!("for the notifier")
    }

    fn last_told<'a>(&'a self, _: &'a [Arc<str>]) -> AlertResult<'a, Vec<(Arc<str>, UnixMicros)>> {
        unimplemented!("for the notifier")
    }

    fn first_receipt<'a>(&'a self, _: &'a str) -> AlertResult<'a, Option<Arc<str>>> {
        unimplemented!("for the notifier")
    }

    fn dispatch<'a>(&'a self, _: &'a [Arc<str>], _: &'a [NewDelivery]) -> AlertResult<'a, ()> {
        unimplemented!("for the notifier")
    }

    fn due(&self, _: UnixMicros, _: usize) -> AlertResult<'_, Vec<(Delivery, Arc<str>)>> {
        unimplemented!("for the notifier")
    }

    fn queue(&self) -> AlertResult<'_, DeliveryQueue> {
        unimplemented!("for the notifier")
    }

    fn attempted<'a>(&'a self, _: &'a Delivery) -> AlertResult<'a, ()> {
        unimplemented!("for the notifier")
    }

    fn forget_old(&self) -> AlertResult<'_, ()> {
        unimplemented!("for the notifier")
    }
}

#[derive(Default)]
pub struct FakeAudit(Mutex<Vec<AuditEntry>>);

impl AuditLog for FakeAudit {
    fn append(&self, entry: NewAuditEntry) -> BoxFuture<'_, Result<AuditEntry, AuditError>> {
        let mut entries = self.0.lock().unwrap();
        let NewAuditEntry { who, action, target, before, after } = entry;
        let entry =
            AuditEntry { number: entries.len() as u64 + 1, at: NOW, who, action, target, before, after };
        entries.push(entry.clone());
        Box::pin(std::future::ready(Ok(entry)))
    }

    fn list<'a>(
        &'a self,
        limit: usize,
        filter: &'a AuditFilter,
    ) -> BoxFuture<'a, Result<Vec<AuditEntry>, AuditError>> {
        let is_wanted = |entry: &&AuditEntry| {
            filter.action.as_ref().is_none_or(|action| entry.action.starts_with(&**action))
                && filter.before_number.is_none_or(|number| entry.number < number)
        };
        let entries = self.0.lock().unwrap();
        let wanted = entries.iter().rev().filter(is_wanted).take(limit).cloned().collect();
        Box::pin(std::future::ready(Ok(wanted)))
    }
}
