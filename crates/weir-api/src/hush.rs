//! Who is not told of an alert, or looks after it already: silences in force and acknowledgements, read once for an answer.
//!
//! A silence whose scope cannot be read matches nothing: to show an alert that is silenced is a nuisance, to hide one that
//! is not is a failure.

use std::collections::HashMap;
use std::sync::Arc;

use weir_types::{Acknowledgement, GroupStatus, MonitorStatus, Scope, Silence, Tags};

use crate::Shared;
use crate::error::ApiError;
use crate::group_key;
use crate::wire::{AcknowledgementItem, GroupItem, PendingState};

/// Silences and acknowledgements as they are now.
pub(crate) struct Hush {
    /// All silences, and whether each is in force.
    silences: Vec<(Silence, bool)>,
    /// The scopes of those in force, with their ids.
    scopes: Vec<(Arc<str>, Scope)>,
    /// By alert.
    acknowledged: HashMap<Arc<str>, Acknowledgement>,
}

impl Hush {
    /// Asks the state store.
    pub async fn now(shared: &Shared) -> Result<Self, ApiError> {
        let now = shared.clock.now();
        let judged = |silence: Silence| {
            let is_in_force = (shared.silence_holds)(&silence, now);
            (silence, is_in_force)
        };
        let silences: Vec<_> = shared.alerts.silences().await?.into_iter().map(judged).collect();
        let scope_of = |silence: &Silence| {
            weir_query::parse_scope(&silence.scope).ok().map(|scope| (Arc::clone(&silence.id), scope))
        };
        let in_force = silences.iter().filter(|(_, is_in_force)| *is_in_force);
        let scopes = in_force.filter_map(|(silence, _)| scope_of(silence)).collect();
        let acknowledgements = shared.alerts.acknowledgements().await?;
        let acknowledged = acknowledgements.into_iter().map(|one| (Arc::clone(&one.alert_id), one)).collect();
        Ok(Self { silences, scopes, acknowledged })
    }

    /// All silences, and whether each is in force.
    pub fn silences(&self) -> &[(Silence, bool)] {
        &self.silences
    }

    /// The silences in force that are about all groups of a monitor.
    pub fn of_monitor(&self, monitor: &MonitorStatus) -> Vec<String> {
        self.matching(monitor, &Tags::new(), None)
    }

    /// A group as the API shows it.
    pub fn group(&self, monitor: &MonitorStatus, status: &GroupStatus) -> GroupItem {
        let acknowledgement = status.alert_id.as_ref().and_then(|id| self.acknowledged.get(id));
        GroupItem {
            tags: (&status.group).into(),
            key: group_key::of(&status.group),
            state: status.state.into(),
            since_ms: status.since.as_millis(),
            pending: status
                .pending
                .map(|(state, since)| PendingState { state: state.into(), since_ms: since.as_millis() }),
            judgement: (&status.judgement).into(),
            is_learning: status.is_learning,
            alert_id: status.alert_id.as_deref().map(str::to_owned),
            message: status.message.to_string(),
            exemplars: status.exemplars.iter().map(ToString::to_string).collect(),
            acknowledged: acknowledgement.map(AcknowledgementItem::from),
            silenced_by: self.matching(monitor, &status.group, Some(status.state.as_str())),
        }
    }

    fn matching(&self, monitor: &MonitorStatus, group: &Tags, state: Option<&str>) -> Vec<String> {
        let labels = labels_of(monitor);
        let tag = |key: &str| match key {
            "monitor" => Some(&*monitor.name),
            "state" => state,
            _ => group.get(key).or_else(|| labels.get(key)),
        };
        let matching = self.scopes.iter().filter(|(_, scope)| scope.matches(&tag));
        matching.map(|(id, _)| id.to_string()).collect()
    }
}

/// The labels that a monitor's definition gives it.
pub(crate) fn labels_of(monitor: &MonitorStatus) -> Tags {
    let written = monitor.entry.get("labels").and_then(serde_json::Value::as_object);
    let texts = written.into_iter().flatten().filter_map(|(key, value)| Some((key, value.as_str()?)));
    texts.collect()
}
