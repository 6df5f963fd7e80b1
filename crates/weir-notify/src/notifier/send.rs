//! Sending: which deliveries are on their way, how attempts end, when the next one is.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use weir_types::{Delivery, DeliveryState, UnixMicros};

use super::Notifier;
use crate::NotifyError;
use crate::receiver::{Outcome, Parcel};

/// Messages under way to one receiver: enough to empty a queue, and few enough to be no burden.
const UNDER_WAY_PER_RECEIVER_MAX: usize = 4;

/// Messages under way in all.
const UNDER_WAY_MAX: usize = 64;

/// Due deliveries that are read from the store at once.
const DUE_MAX: usize = 1_000;

/// The pause after the first failure; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_secs(5);

/// The longest pause, also where a receiver asks for more.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// After so long a delivery is given up: what is older than a day helps nobody.
const GIVEN_UP_AFTER_US: i64 = UnixMicros::DAY;

/// How long shutdown waits for messages under way. Those that are not done are sent again by the next start.
const FINISH_MAX: Duration = Duration::from_secs(5);

/// What is on its way.
#[derive(Default)]
pub(super) struct Sending {
    /// Deliveries, and `None` for what is told without one.
    tasks: JoinSet<Option<(Delivery, Outcome)>>,
    under_way: HashSet<Arc<str>>,
    per_receiver: HashMap<Arc<str>, usize>,
    ended: VecDeque<(Delivery, Outcome)>,
    /// What is due and not under way, as it was read last.
    due: VecDeque<(Delivery, Arc<str>)>,
}

impl Sending {
    pub(super) fn is_idle(&self) -> bool {
        self.tasks.is_empty() && self.ended.is_empty()
    }

    /// Returns when a message has arrived or failed; never while nothing is under way.
    pub(super) async fn one_ended(&mut self) {
        if !self.ended.is_empty() {
            return;
        }
        match self.tasks.join_next().await {
            Some(Ok(ended)) => self.ended.extend(ended),
            // A task that panicked is a mistake of ours. Its delivery is sent again after a restart; others go on.
            Some(Err(error)) => tracing::error!(%error, "a notification's task failed"),
            None => std::future::pending().await,
        }
    }

    /// Has what is due read from the store again.
    pub(super) fn look_again(&mut self) {
        self.due.clear();
    }

    /// Takes the first delivery that may start now.
    fn take_startable(&mut self) -> Option<(Delivery, Arc<str>)> {
        let at = self.due.iter().position(|(delivery, _)| self.has_room(delivery))?;
        self.due.remove(at)
    }

    /// Runs something beside the deliveries, until shutdown.
    pub(super) fn run_beside(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(async move {
            task.await;
            None
        });
    }

    fn has_room(&self, delivery: &Delivery) -> bool {
        let of_receiver = self.per_receiver.get(&delivery.receiver).copied().unwrap_or(0);
        self.under_way.len() < UNDER_WAY_MAX
            && of_receiver < UNDER_WAY_PER_RECEIVER_MAX
            && !self.under_way.contains(&delivery.id)
    }

    fn started(&mut self, delivery: &Delivery) {
        self.under_way.insert(Arc::clone(&delivery.id));
        *self.per_receiver.entry(Arc::clone(&delivery.receiver)).or_default() += 1;
    }

    fn forget(&mut self, delivery: &Delivery) {
        if self.under_way.remove(&delivery.id)
            && let Some(count) = self.per_receiver.get_mut(&delivery.receiver)
        {
            *count = count.saturating_sub(1);
        }
    }
}

impl Notifier {
    /// Writes down how attempts ended.
    pub(super) async fn record_ended(&mut self) -> Result<(), NotifyError> {
        while let Some(Ok(ended)) = self.sending.tasks.try_join_next() {
            self.sending.ended.extend(ended);
        }
        while let Some((delivery, outcome)) = self.sending.ended.front() {
            let after = after_attempt(delivery, outcome, self.clock.now());
            if let (DeliveryState::Failed, Some(error)) = (after.state, after.error.as_deref()) {
                tracing::error!(
                    receiver = &*after.receiver,
                    delivery = &*after.id,
                    error,
                    "a notification is given up"
                );
            }
            // It stays under way until this is written: otherwise it would be sent again at once.
            self.store.attempted(&after).await?;
            if let Some((delivery, _)) = self.sending.ended.pop_front() {
                self.sending.forget(&delivery);
            }
        }
        Ok(())
    }

    /// Starts what is due, as far as there is room.
    pub(super) async fn start_due(&mut self) -> Result<(), NotifyError> {
        let now = self.clock.now();
        let mut was_read = false;
        while self.sending.under_way.len() < UNDER_WAY_MAX {
            let Some((delivery, body)) = self.sending.take_startable() else {
                if was_read {
                    break;
                }
                let due = self.store.due(now, DUE_MAX).await?;
                let under_way = &self.sending.under_way;
                let waiting = due.into_iter().filter(|(delivery, _)| !under_way.contains(&delivery.id));
                self.sending.due = waiting.collect();
                was_read = true;
                continue;
            };
            let Some(receiver) = self.settings.receiver(&delivery.receiver).cloned() else {
                let error = "the receiver is no longer in the configuration";
                let gone = Outcome::Refused { error: error.to_owned() };
                self.store.attempted(&after_attempt(&delivery, &gone, now)).await?;
                continue;
            };
            let thread = if receiver.has_threads() {
                self.store.first_receipt(&delivery.group_key).await?
            } else {
                None
            };
            self.sending.started(&delivery);
            let client = self.client.clone();
            self.sending.tasks.spawn(async move {
                let parcel = Parcel { delivery: &delivery, body: &body, now, thread };
                let outcome = receiver.send(&client, &parcel).await;
                Some((delivery, outcome))
            });
        }
        Ok(())
    }

    /// Waits a moment for what is under way, and writes it down.
    pub(super) async fn finish(&mut self) {
        let ending = async {
            while !self.sending.tasks.is_empty() {
                self.sending.one_ended().await;
                if self.record_ended().await.is_err() {
                    break;
                }
            }
        };
        if tokio::time::timeout(FINISH_MAX, ending).await.is_err() {
            tracing::warn!(
                count = self.sending.under_way.len(),
                "notifications under way are sent again at the next start"
            );
        }
    }
}

/// A delivery after an attempt.
fn after_attempt(delivery: &Delivery, outcome: &Outcome, now: UnixMicros) -> Delivery {
    let mut after = delivery.clone();
    after.attempts += 1;
    after.next_at = None;
    match outcome {
        Outcome::Delivered { receipt } => {
            after.state = DeliveryState::Delivered;
            after.delivered_at = Some(now);
            after.error = None;
            after.receipt.clone_from(receipt);
        }
        Outcome::Refused { error } => {
            after.state = DeliveryState::Failed;
            after.error = Some(Arc::from(error.as_str()));
        }
        Outcome::Later { error, after: asked } => {
            let pause = pause(after.attempts, *asked, fastrand::f64());
            let next_at = now.saturating_add_us(i64::try_from(pause.as_micros()).unwrap_or(i64::MAX));
            if next_at.0.saturating_sub(delivery.created_at.0) > GIVEN_UP_AFTER_US {
                after.state = DeliveryState::Failed;
                let attempts = after.attempts;
                after.error =
                    Some(Arc::from(format!("given up after {attempts} attempts in a day: {error}")));
            } else {
                after.next_at = Some(next_at);
                after.error = Some(Arc::from(error.as_str()));
            }
        }
    }
    after
}

/// How long to wait after so many attempts: doubled each time, drawn between a half and the whole, and not less than the
/// receiver asked for. `draw` is from 0 to 1.
fn pause(attempts: u32, asked: Option<Duration>, draw: f64) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(1 << attempts.saturating_sub(1).min(16)).min(LONGEST_PAUSE);
    let drawn = doubled.mul_f64(0.5 + draw.clamp(0.0, 1.0) / 2.0);
    drawn.max(asked.unwrap_or_default()).min(LONGEST_PAUSE)
}

/// A delivery that is in no store.
pub(super) fn bare_delivery(id: Arc<str>, receiver: Arc<str>, now: UnixMicros) -> Delivery {
    Delivery {
        id,
        receiver,
        group_key: Arc::from(""),
        round: 0,
        notices: Vec::new(),
        monitors: Vec::new(),
        state: DeliveryState::Pending,
        attempts: 0,
        created_at: now,
        next_at: None,
        delivered_at: None,
        error: None,
        receipt: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(attempts: u32, asked: Option<u64>, draw: f64) -> u64 {
        pause(attempts, asked.map(Duration::from_secs), draw).as_secs()
    }

    #[test]
    fn pauses_double_up_to_an_hour_and_honour_the_receiver() {
        assert_eq!(seconds(1, None, 1.0), 5);
        assert_eq!(seconds(1, None, 0.0), 2);
        assert_eq!(seconds(4, None, 1.0), 40);
        assert_eq!(seconds(40, None, 1.0), 3_600);
        assert_eq!(seconds(1, Some(90), 1.0), 90);
        assert_eq!(seconds(1, Some(999_999), 1.0), 3_600);
    }

    #[test]
    fn a_delivery_is_given_up_after_a_day() {
        let made_at = UnixMicros(1_700_000_000_000_000);
        let delivery = bare_delivery("del_1".into(), "ops".into(), made_at);
        let failed = Outcome::Later { error: "503".to_owned(), after: None };
        let early = after_attempt(&delivery, &failed, made_at);
        assert_eq!((early.state, early.attempts), (DeliveryState::Pending, 1));
        assert!(early.next_at > Some(made_at));
        let late = after_attempt(&early, &failed, made_at.saturating_add_us(GIVEN_UP_AFTER_US));
        assert_eq!((late.state, late.next_at), (DeliveryState::Failed, None));
        assert!(late.error.unwrap().starts_with("given up after 2 attempts"));
    }
}
