//! What a plan is made from: a moment of the store, and the silences that hold in it.

use std::collections::HashMap;
use std::sync::Arc;

use weir_types::{Acknowledgement, AlertState, DeliveryState, Notice, OpenNotice, Telling, UnixMicros};

use crate::quiet::Quiet;
use crate::route::matches;
use crate::settings::Settings;

/// The store at one moment.
pub(crate) struct World<'a> {
    pub(crate) now: UnixMicros,
    pub(crate) open: &'a [OpenNotice],
    /// The last notice of each alert that is not over.
    pub(crate) active: &'a [Notice],
    /// What was told of the alerts of both.
    pub(crate) tellings: Tellings<'a>,
    /// Acknowledgements by alert.
    pub(crate) acknowledged: &'a HashMap<Arc<str>, Acknowledgement>,
    /// Silences from the dashboard that are or will be.
    pub(crate) quiet: &'a [Arc<Quiet>],
    /// Deliveries that wait.
    pub(crate) pending: u64,
}

/// Tellings by alert.
pub(crate) struct Tellings<'a>(HashMap<&'a str, Vec<&'a Telling>>);

impl<'a> Tellings<'a> {
    pub(crate) fn new(tellings: &'a [Telling]) -> Self {
        let mut by_alert: HashMap<&str, Vec<&Telling>> = HashMap::new();
        for telling in tellings {
            by_alert.entry(&telling.alert_id).or_default().push(telling);
        }
        Self(by_alert)
    }

    /// What was told of an alert, in order.
    pub(crate) fn of(&self, alert_id: &str) -> &[&'a Telling] {
        self.0.get(alert_id).map_or(&[], Vec::as_slice)
    }
}

impl World<'_> {
    /// What a receiver was told last of a notice.
    pub(super) fn last_told(&self, notice: &Notice, receiver: &str) -> Option<&Telling> {
        let told = self.tellings.of(&notice.alert_id).iter().copied();
        told.filter(|telling| telling.notice == notice.id && &*telling.receiver == receiver)
            .max_by_key(|telling| telling.round)
    }

    /// Whether a receiver was told of an alert at all.
    pub(super) fn has_heard(&self, alert_id: &str, receiver: &str) -> bool {
        self.last_heard(alert_id, receiver).is_some()
    }

    /// When a receiver was last told of an alert.
    pub(super) fn last_heard(&self, alert_id: &str, receiver: &str) -> Option<UnixMicros> {
        let told =
            self.tellings.of(alert_id).iter().filter(|telling| {
                &*telling.receiver == receiver && telling.state != DeliveryState::Suppressed
            });
        told.map(|telling| telling.created_at).max()
    }

    /// Whoever was told or not told of an alert, each once.
    pub(super) fn receivers_of(&self, alert_id: &str) -> Vec<Arc<str>> {
        let mut receivers: Vec<Arc<str>> = Vec::new();
        for telling in self.tellings.of(alert_id) {
            if !receivers.contains(&telling.receiver) {
                receivers.push(Arc::clone(&telling.receiver));
            }
        }
        receivers
    }

    /// Why nobody is told of a notice now: a silence, or an alert that explains it.
    pub(super) fn muted(&self, settings: &Settings, notice: &Notice) -> Option<String> {
        let quiet = settings.quiet.iter().chain(self.quiet.iter().map(|quiet| &**quiet));
        for quiet in quiet.filter(|quiet| matches(&quiet.scope, notice)) {
            if quiet.active_until(self.now).is_some() {
                let note = if quiet.note.is_empty() { String::new() } else { format!(": {}", quiet.note) };
                return Some(format!("silenced by {}{note}", quiet.name));
            }
        }
        let firing = self.active.iter().filter(|active| active.transition.to != AlertState::Ok);
        for active in firing {
            if settings.inhibitions.iter().any(|inhibition| inhibition.holds(active, notice)) {
                return Some(format!("inhibited by {} ({})", active.transition.monitor, active.alert_id));
            }
        }
        None
    }
}
