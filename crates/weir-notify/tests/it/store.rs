//! An alert store in memory: what the notifier needs of one, by the words of the trait.

use std::sync::{Arc, Mutex};

use weir_types::{
    Acknowledgement, AlertResult, AlertState, AlertStore, AlertStoreError, Delivery, DeliveryQueue,
    DeliveryState, KeptJudge, NewDelivery, Notice, OpenNotice, SavedMonitor, Silence, Telling, TickCommit,
    Transition, TransitionFilter, UnixMicros,
};

#[derive(Default)]
struct State {
    open: Vec<OpenNotice>,
    notices: Vec<Notice>,
    deliveries: Vec<(Delivery, Arc<str>)>,
    silences: Vec<Silence>,
    /// How many of the next attempts are not written down: the process ends before.
    lost_attempts: usize,
}

/// Clones share everything, as two processes share a file.
#[derive(Clone, Default)]
pub struct MemoryStore(Arc<Mutex<State>>);

impl MemoryStore {
    /// What the judge would commit.
    pub fn add(&self, notice: Notice, committed_at: UnixMicros) {
        let mut state = self.0.lock().unwrap();
        state.notices.push(notice.clone());
        state.open.push(OpenNotice { notice, committed_at });
    }

    pub fn lose_attempts(&self, count: usize) {
        self.0.lock().unwrap().lost_attempts = count;
    }

    /// All deliveries, the oldest first.
    pub fn log(&self) -> Vec<Delivery> {
        self.0.lock().unwrap().deliveries.iter().map(|(delivery, _)| delivery.clone()).collect()
    }

    /// Every body that is or was kept.
    pub fn bodies(&self) -> Vec<Arc<str>> {
        self.0.lock().unwrap().deliveries.iter().map(|(_, body)| Arc::clone(body)).collect()
    }
}

fn alert_of(state: &State, notice: &str) -> Arc<str> {
    Arc::clone(&state.notices.iter().find(|n| &*n.id == notice).unwrap().alert_id)
}

fn ready<'a, T: Send + 'a>(value: T) -> AlertResult<'a, T> {
    Box::pin(std::future::ready(Ok(value)))
}

impl AlertStore for MemoryStore {
    fn kept(&self) -> AlertResult<'_, KeptJudge> {
        ready(KeptJudge::default())
    }

    fn commit<'a>(&'a self, _: &'a TickCommit) -> AlertResult<'a, ()> {
        ready(())
    }

    fn transitions<'a>(&'a self, _: &'a TransitionFilter) -> AlertResult<'a, Vec<Transition>> {
        ready(Vec::new())
    }

    fn digests<'a>(
        &'a self,
        _: &'a str,
        _: UnixMicros,
        _: UnixMicros,
    ) -> AlertResult<'a, Vec<(UnixMicros, Arc<str>)>> {
        ready(Vec::new())
    }

    fn saved_monitors(&self) -> AlertResult<'_, Vec<SavedMonitor>> {
        ready(Vec::new())
    }

    fn save_monitor<'a>(&'a self, _: &'a str, _: &'a serde_json::Value) -> AlertResult<'a, ()> {
        ready(())
    }

    fn forget_monitor<'a>(&'a self, _: &'a str) -> AlertResult<'a, ()> {
        ready(())
    }

    fn open_notices(&self, limit: usize) -> AlertResult<'_, Vec<OpenNotice>> {
        ready(self.0.lock().unwrap().open.iter().take(limit).cloned().collect())
    }

    fn active_alerts(&self, limit: usize) -> AlertResult<'_, Vec<Notice>> {
        let state = self.0.lock().unwrap();
        let mut active: Vec<Notice> = Vec::new();
        for notice in &state.notices {
            active.retain(|other| other.alert_id != notice.alert_id);
            if notice.transition.to != AlertState::Ok {
                active.push(notice.clone());
            }
        }
        active.truncate(limit);
        ready(active)
    }

    fn tellings<'a>(&'a self, alert_ids: &'a [Arc<str>]) -> AlertResult<'a, Vec<Telling>> {
        let state = self.0.lock().unwrap();
        let mut tellings = Vec::new();
        for (delivery, _) in &state.deliveries {
            for notice in &delivery.notices {
                let alert_id = alert_of(&state, notice);
                if alert_ids.contains(&alert_id) {
                    tellings.push(Telling {
                        alert_id,
                        notice: Arc::clone(notice),
                        receiver: Arc::clone(&delivery.receiver),
                        round: delivery.round,
                        delivery: Arc::clone(&delivery.id),
                        state: delivery.state,
                        created_at: delivery.created_at,
                        receipt: delivery.receipt.clone(),
                    });
                }
            }
        }
        ready(tellings)
    }

    fn last_told<'a>(&'a self, group_keys: &'a [Arc<str>]) -> AlertResult<'a, Vec<(Arc<str>, UnixMicros)>> {
        let state = self.0.lock().unwrap();
        let told = state.deliveries.iter().map(|(delivery, _)| delivery);
        let told = told.filter(|delivery| {
            delivery.state != DeliveryState::Suppressed && group_keys.contains(&delivery.group_key)
        });
        ready(told.map(|delivery| (Arc::clone(&delivery.group_key), delivery.created_at)).collect())
    }

    fn first_receipt<'a>(&'a self, group_key: &'a str) -> AlertResult<'a, Option<Arc<str>>> {
        let state = self.0.lock().unwrap();
        let mut of = state.deliveries.iter().filter(|(delivery, _)| &*delivery.group_key == group_key);
        ready(of.find_map(|(delivery, _)| delivery.receipt.clone()))
    }

    fn dispatch<'a>(&'a self, notices: &'a [Arc<str>], deliveries: &'a [NewDelivery]) -> AlertResult<'a, ()> {
        let mut state = self.0.lock().unwrap();
        for new in deliveries {
            if state.deliveries.iter().all(|(delivery, _)| delivery.id != new.delivery.id) {
                state.deliveries.push((new.delivery.clone(), Arc::clone(&new.body)));
            }
        }
        state.open.retain(|open| !notices.contains(&open.notice.id));
        ready(())
    }

    fn due(&self, now: UnixMicros, limit: usize) -> AlertResult<'_, Vec<(Delivery, Arc<str>)>> {
        let state = self.0.lock().unwrap();
        let mut due = Vec::new();
        for (i, (delivery, body)) in state.deliveries.iter().enumerate() {
            let alerts: Vec<_> = delivery.notices.iter().map(|notice| alert_of(&state, notice)).collect();
            let is_blocked = state.deliveries[..i].iter().any(|(earlier, _)| {
                earlier.state == DeliveryState::Pending
                    && earlier.receiver == delivery.receiver
                    && earlier.notices.iter().any(|notice| alerts.contains(&alert_of(&state, notice)))
            });
            let is_due = delivery.next_at.is_some_and(|at| at <= now);
            if delivery.state == DeliveryState::Pending && is_due && !is_blocked {
                due.push((delivery.clone(), Arc::clone(body)));
            }
        }
        due.truncate(limit);
        ready(due)
    }

    fn queue(&self) -> AlertResult<'_, DeliveryQueue> {
        let state = self.0.lock().unwrap();
        let pending: Vec<_> =
            state.deliveries.iter().filter(|(d, _)| d.state == DeliveryState::Pending).collect();
        let next_at = pending.iter().filter_map(|(delivery, _)| delivery.next_at).min();
        ready(DeliveryQueue { pending: pending.len() as u64, next_at })
    }

    fn attempted<'a>(&'a self, after: &'a Delivery) -> AlertResult<'a, ()> {
        let mut state = self.0.lock().unwrap();
        if state.lost_attempts > 0 {
            state.lost_attempts -= 1;
            let lost = AlertStoreError::Store("the process ended".to_owned());
            return Box::pin(std::future::ready(Err(lost)));
        }
        for (delivery, _) in &mut state.deliveries {
            if delivery.id == after.id && delivery.state == DeliveryState::Pending {
                *delivery = after.clone();
            }
        }
        ready(())
    }

    fn deliveries<'a>(&'a self, _: Option<&'a str>, _: usize) -> AlertResult<'a, Vec<Delivery>> {
        ready(self.log())
    }

    fn silences(&self) -> AlertResult<'_, Vec<Silence>> {
        ready(self.0.lock().unwrap().silences.clone())
    }

    fn silence(&self, silence: Silence) -> AlertResult<'_, Silence> {
        self.0.lock().unwrap().silences.push(silence.clone());
        ready(silence)
    }

    fn end_silence<'a>(&'a self, id: &'a str) -> AlertResult<'a, ()> {
        self.0.lock().unwrap().silences.retain(|silence| &*silence.id != id);
        ready(())
    }

    fn acknowledge(&self, _: Acknowledgement) -> AlertResult<'_, ()> {
        ready(())
    }

    fn acknowledgements(&self) -> AlertResult<'_, Vec<Acknowledgement>> {
        ready(Vec::new())
    }

    fn forget_old(&self) -> AlertResult<'_, ()> {
        ready(())
    }
}
