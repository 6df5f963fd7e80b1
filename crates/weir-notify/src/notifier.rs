//! The notifier's task: makes plans, sends what is due, and writes down how it went.
//!
//! Two steps, each with the store between them. *Plan*: open notices become deliveries, in one transaction. *Send*: what
//! is due goes out, a few messages to each receiver at a time, and each attempt is written down when it has ended. A crash
//! after a message has arrived and before that is written means that it is sent once more, with the same id.
//!
//! A store that fails is asked again after a pause; a receiver that fails is tried again with pauses that double, for a
//! day. Shutdown waits for messages under way.

mod send;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use weir_types::{AlertStore, Clock, DeliveryState, Notice, UnixMicros};

use crate::NotifyError;
use crate::http::HttpClient;
use crate::message::{Message, sample};
use crate::plan::{Planner, Tellings, World};
use crate::quiet::Quiet;
use crate::receiver::{Outcome, Parcel, Receiver, render_firing};
use crate::settings::Settings;
use send::Sending;

/// How often the store is looked at without being woken: silences end, and another process may have made one.
const POLL: Duration = Duration::from_secs(15);
const POLL_US: i64 = 15 * UnixMicros::SECOND;

/// How long after a failure of the store it is asked again.
const STORE_PAUSE: Duration = Duration::from_secs(5);

/// Open notices, and alerts that are not over, which are looked at in one plan. More wait for the next one.
const LOOKED_AT_MAX: usize = 5_000;

/// How often an Alertmanager is told again of what fires; a quarter of how far ahead the end is.
const FIRING_INTERVAL_US: i64 = UnixMicros::MINUTE;

/// How often old history is forgotten.
const FORGET_INTERVAL_US: i64 = UnixMicros::HOUR;

/// What the notifier works with.
pub struct NotifierParts {
    /// Where notices are and deliveries go.
    pub store: Arc<dyn AlertStore>,
    /// The time on the wall.
    pub clock: Arc<dyn Clock>,
    /// What the configuration says.
    pub settings: Settings,
    /// Where people reach the dashboard, such as `https://weir.example.com`; links begin with it.
    pub base_url: Arc<str>,
}

/// Tells people. Run it as a task of its own.
pub struct Notifier {
    store: Arc<dyn AlertStore>,
    clock: Arc<dyn Clock>,
    settings: Arc<Settings>,
    base_url: Arc<str>,
    client: HttpClient,
    wake: Arc<Notify>,
    /// Silences of the store that were read, by id; `None` for those that cannot be understood.
    quiet: HashMap<Arc<str>, Option<Arc<Quiet>>>,
    sending: Sending,
    /// When the last plan was made, and when the next one is due by what waits.
    planned_at: Option<UnixMicros>,
    plan_due_at: Option<UnixMicros>,
    firing_told_at: Option<UnixMicros>,
    forgotten_at: Option<UnixMicros>,
}

/// Wakes the notifier when there is something new.
#[derive(Clone)]
pub struct Waker(Arc<Notify>);

impl Waker {
    /// Says that notices were committed, or that a silence was made or ended.
    pub fn wake(&self) {
        self.0.notify_one();
    }
}

impl Notifier {
    /// A notifier that does nothing yet.
    pub fn new(parts: NotifierParts) -> Result<Self, NotifyError> {
        let NotifierParts { store, clock, settings, base_url } = parts;
        let client = client(&settings)?;
        Ok(Self {
            store,
            clock,
            settings: Arc::new(settings),
            base_url: Arc::from(base_url.trim_end_matches('/')),
            client,
            wake: Arc::new(Notify::new()),
            quiet: HashMap::new(),
            sending: Sending::default(),
            planned_at: None,
            plan_due_at: None,
            firing_told_at: None,
            forgotten_at: None,
        })
    }

    /// What wakes it.
    pub fn waker(&self) -> Waker {
        Waker(Arc::clone(&self.wake))
    }

    /// Works until `shutdown` is ready, and ends when messages under way have ended.
    pub async fn run(mut self, shutdown: impl Future<Output = ()>) {
        tokio::pin!(shutdown);
        let mut is_woken = true;
        loop {
            let pause = match self.step(is_woken).await {
                Ok(next_at) => self.pause_until(next_at),
                Err(error) => {
                    tracing::warn!(%error, "notifications wait: the alert store failed");
                    self.planned_at = None;
                    STORE_PAUSE
                }
            };
            is_woken = tokio::select! {
                () = &mut shutdown => break,
                () = self.wake.notified() => true,
                () = self.sending.one_ended() => false,
                () = tokio::time::sleep(pause) => false,
            };
        }
        self.finish().await;
    }

    /// Plans and sends until nothing is left that is due now. What [`Self::run`] does, for callers with a clock of their own.
    pub async fn settle(&mut self) -> Result<Option<UnixMicros>, NotifyError> {
        let mut next_at = self.step(true).await?;
        while !self.sending.is_idle() {
            self.sending.one_ended().await;
            next_at = self.step(false).await?;
        }
        Ok(next_at)
    }

    /// A plan where one is due, and as many messages on their way as may be. A plan reads all that is not well, so the end
    /// of each of a thousand messages is no reason for one. Returns when there is something to do next.
    async fn step(&mut self, is_woken: bool) -> Result<Option<UnixMicros>, NotifyError> {
        self.record_ended().await?;
        let now = self.clock.now();
        let is_old = self.planned_at.is_none_or(|at| now < at || now.0 - at.0 >= POLL_US);
        if is_woken || is_old || self.plan_due_at.is_some_and(|at| at <= now) {
            self.plan_due_at = self.plan().await?;
            self.planned_at = Some(now);
            self.sending.look_again();
        }
        self.start_due().await?;
        self.tell_firing().await?;
        self.forget_old().await?;
        let queued = self.store.queue().await?.next_at;
        let queued = queued.filter(|at| *at > now);
        Ok([self.plan_due_at, queued].into_iter().flatten().min())
    }

    async fn plan(&mut self) -> Result<Option<UnixMicros>, NotifyError> {
        let open = self.store.open_notices(LOOKED_AT_MAX).await?;
        let active = self.store.active_alerts(LOOKED_AT_MAX).await?;
        if open.is_empty() && active.is_empty() {
            return Ok(None);
        }
        let alerts: HashSet<&Arc<str>> = open
            .iter()
            .map(|open| &open.notice.alert_id)
            .chain(active.iter().map(|notice| &notice.alert_id))
            .collect();
        let alerts: Vec<Arc<str>> = alerts.into_iter().cloned().collect();
        let tellings = self.store.tellings(&alerts).await?;
        let acknowledged = self.store.acknowledgements().await?;
        let acknowledged = acknowledged.into_iter().map(|ack| (Arc::clone(&ack.alert_id), ack)).collect();
        let quiet = self.read_silences().await?;
        let world = World {
            now: self.clock.now(),
            open: &open,
            active: &active,
            tellings: Tellings::new(&tellings),
            acknowledged: &acknowledged,
            quiet: &quiet,
            pending: self.store.queue().await?.pending,
        };
        let planner = Planner::new(&self.settings, &self.base_url, world);
        let keys = planner.group_keys();
        let last_told = if keys.is_empty() {
            HashMap::new()
        } else {
            self.store.last_told(&keys).await?.into_iter().collect()
        };
        let plan = planner.decide(&last_told);
        if !plan.dealt.is_empty() || !plan.deliveries.is_empty() {
            self.store.dispatch(&plan.dealt, &plan.deliveries).await?;
        }
        Ok(plan.next_at)
    }

    /// The silences of the store, each understood once.
    async fn read_silences(&mut self) -> Result<Vec<Arc<Quiet>>, NotifyError> {
        let silences = self.store.silences().await?;
        let mut known = HashMap::with_capacity(silences.len());
        let mut quiet = Vec::with_capacity(silences.len());
        for silence in &silences {
            let read = self.quiet.remove(&silence.id).unwrap_or_else(|| {
                match Quiet::from_silence(silence, &self.settings.scopes) {
                    Ok(read) => Some(Arc::new(read)),
                    Err(error) => {
                        // An alert too many is better than one too few.
                        tracing::warn!(silence = &*silence.id, %error, "a silence is not understood and has no effect");
                        None
                    }
                }
            });
            quiet.extend(read.clone());
            known.insert(Arc::clone(&silence.id), read);
        }
        self.quiet = known;
        Ok(quiet)
    }

    /// Alertmanagers forget what they do not hear of again.
    async fn tell_firing(&mut self) -> Result<(), NotifyError> {
        let now = self.clock.now();
        let is_due = self.firing_told_at.is_none_or(|at| now.0 - at.0 >= FIRING_INTERVAL_US || at > now);
        let settings = Arc::clone(&self.settings);
        let receivers = settings.receivers.iter().filter(|receiver| receiver.as_alertmanager().is_some());
        let receivers: Vec<_> = receivers.collect();
        if receivers.is_empty() || !is_due {
            return Ok(());
        }
        let active = self.store.active_alerts(LOOKED_AT_MAX).await?;
        let alerts: Vec<Arc<str>> = active.iter().map(|notice| Arc::clone(&notice.alert_id)).collect();
        let tellings = self.store.tellings(&alerts).await?;
        let tellings = Tellings::new(&tellings);
        for receiver in receivers {
            let is_told = |notice: &&Notice| {
                let told = tellings.of(&notice.alert_id);
                let last = told.iter().rfind(|telling| telling.receiver == receiver.name);
                last.is_some_and(|telling| telling.state == DeliveryState::Delivered)
            };
            let firing: Vec<&Notice> = active.iter().filter(is_told).collect();
            if firing.is_empty() {
                continue;
            }
            let body = render_firing(firing, &self.base_url, now);
            let (receiver, client) = (Arc::clone(receiver), self.client.clone());
            self.sending.run_beside(async move { tell_again(&receiver, &client, &body).await });
        }
        self.firing_told_at = Some(now);
        Ok(())
    }

    async fn forget_old(&mut self) -> Result<(), NotifyError> {
        let now = self.clock.now();
        if self.forgotten_at.is_none_or(|at| now.0 - at.0 >= FORGET_INTERVAL_US) {
            self.store.forget_old().await?;
            self.forgotten_at = Some(now);
        }
        Ok(())
    }

    fn pause_until(&self, next_at: Option<UnixMicros>) -> Duration {
        let Some(at) = next_at else { return POLL };
        let us = u64::try_from(at.0.saturating_sub(self.clock.now().0)).unwrap_or(0);
        Duration::from_micros(us).clamp(Duration::from_millis(10), POLL)
    }
}

async fn tell_again(receiver: &Receiver, client: &HttpClient, body: &str) {
    let Some(alertmanager) = receiver.as_alertmanager() else { return };
    match alertmanager.send(client, body).await {
        Outcome::Delivered { .. } => {}
        Outcome::Later { error, .. } | Outcome::Refused { error } => {
            tracing::warn!(receiver = &*receiver.name, error, "cannot tell again what is firing");
        }
    }
}

fn client(settings: &Settings) -> Result<HttpClient, NotifyError> {
    let for_https = settings.receivers.iter().any(|receiver| receiver.uses_https());
    HttpClient::new(for_https).map_err(NotifyError::Certificates)
}

/// Sends a sample notice to one receiver, once and at once, past routes and silences.
pub async fn send_test(
    settings: &Settings,
    receiver: &str,
    base_url: &str,
    clock: &dyn Clock,
) -> Result<(), NotifyError> {
    let Some(found) = settings.receiver(receiver) else {
        let known: Vec<&str> = settings.receivers().map(|(name, _)| name).collect();
        return Err(NotifyError::UnknownReceiver { name: receiver.to_owned(), known: known.join(", ") });
    };
    let client = client(settings)?;
    let now = clock.now();
    let trigger = sample(now);
    let mut recover = trigger.clone();
    recover.kind = weir_types::NoticeKind::Recover;
    recover.transition.to = weir_types::AlertState::Ok;
    recover.transition.from = weir_types::AlertState::Warn;
    recover.transition.judgement.value = Some(1_200.0);
    recover.transition.reason = weir_types::TransitionReason::Recovered;
    // Its end as well, so that no incident stays open.
    for (which, notice) in [("start", &trigger), ("end", &recover)] {
        match attempt(found, &client, notice, which, base_url, now).await {
            Outcome::Delivered { .. } => {}
            Outcome::Later { error, .. } | Outcome::Refused { error } => {
                return Err(NotifyError::NotDelivered { receiver: receiver.to_owned(), reason: error });
            }
        }
    }
    Ok(())
}

async fn attempt(
    receiver: &Receiver,
    client: &HttpClient,
    notice: &Notice,
    which: &str,
    base_url: &str,
    now: UnixMicros,
) -> Outcome {
    let id: Arc<str> = Arc::from(format!("test_{}_{which}", now.0));
    let message = Message {
        delivery: &id,
        receiver: &receiver.name,
        created_at: now,
        is_repeat: false,
        notices: vec![notice],
        base_url: base_url.trim_end_matches('/'),
    };
    let body = receiver.render(&message);
    let delivery = send::bare_delivery(id.clone(), Arc::clone(&receiver.name), now);
    receiver.send(client, &Parcel { delivery: &delivery, body: &body, now, thread: None }).await
}
