//! The decision: from what there is to be told to who is told what, and when the next decision is due.
//!
//! Pure: everything comes in as a [`World`], read from the store a moment before, and a [`Plan`] goes out. What was told
//! is in the store and nowhere else, so a plan that was not carried out because the process ended is simply made again,
//! with the same ids.
//!
//! Three kinds of wishes lead to messages:
//! - *fresh*: a notice that a receiver has not heard of. Waits for its group.
//! - *released*: the last notice of an alert that is still there was held back from a receiver, and nothing holds it back
//!   any more. Told at once.
//! - *repeated*: a route repeats alerts that do not change.
//!
//! A fresh notice ends, for each of its receivers, in exactly one delivery: sent, or suppressed with the reason.

mod world;

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use weir_types::{Delivery, DeliveryState, NewDelivery, Notice, NoticeKind, OpenNotice, UnixMicros};

use crate::message::Message;
use crate::receiver::Receiver;
use crate::route::{Target, tag};
use crate::settings::Settings;
pub(crate) use world::{Tellings, World};

/// Notices of one message: what a webhook can take at once. Others are told in further messages.
const NOTICES_PER_MESSAGE_MAX: usize = 50;

/// Deliveries that may wait: some days of a bad week. What comes on top is written down as failed.
pub(crate) const QUEUE_MAX: u64 = 10_000;

/// What is to be done.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Notices that are dealt with.
    pub(crate) dealt: Vec<Arc<str>>,
    pub(crate) deliveries: Vec<NewDelivery>,
    /// When something that waits now will be due.
    pub(crate) next_at: Option<UnixMicros>,
}

/// That a receiver shall hear of a notice.
struct Wish<'a> {
    notice: &'a Notice,
    target: Target,
    group_key: Arc<str>,
    round: u32,
    /// When the notice was committed; `None` when it need not wait.
    waits_from: Option<UnixMicros>,
    is_repeat: bool,
}

/// Decides what is told now.
pub(crate) struct Planner<'a> {
    settings: &'a Settings,
    base_url: &'a str,
    world: World<'a>,
    wishes: Vec<Wish<'a>>,
    next_at: Option<UnixMicros>,
}

impl<'a> Planner<'a> {
    /// Collects what there is to be told.
    pub(crate) fn new(settings: &'a Settings, base_url: &'a str, world: World<'a>) -> Self {
        let mut planner = Self { settings, base_url, world, wishes: Vec::new(), next_at: None };
        planner.wish_for_fresh();
        planner.wish_for_active();
        planner
    }

    /// The groups whose last messages decide how long others wait.
    pub(crate) fn group_keys(&self) -> Vec<Arc<str>> {
        let waiting = self.wishes.iter().filter(|wish| wish.waits_from.is_some());
        let keys: HashSet<&Arc<str>> = waiting.map(|wish| &wish.group_key).collect();
        keys.into_iter().cloned().collect()
    }

    /// Decides, knowing when each group was last told.
    pub(crate) fn decide(mut self, last_told: &HashMap<Arc<str>, UnixMicros>) -> Plan {
        let (ready, waiting) = self.ready_groups(last_told);
        let mut plan = Plan::default();
        // Who is told by this plan, for the ends of alerts that are in it too.
        let mut told: HashSet<(Arc<str>, Arc<str>)> = HashSet::new();
        for group in ready {
            self.tell_group(group, &mut told, &mut plan);
        }
        let is_waiting = |notice: &OpenNotice| waiting.contains(&notice.notice.id);
        let dealt = self.world.open.iter().filter(|open| !is_waiting(open));
        plan.dealt = dealt.map(|open| Arc::clone(&open.notice.id)).collect();
        plan.next_at = self.next_at;
        plan
    }

    fn wish_for_fresh(&mut self) {
        // Whoever heard of an alert hears of its end, also when no route leads there any more.
        let mut heard: HashMap<&str, Vec<Target>> = HashMap::new();
        let open = self.world.open;
        for OpenNotice { notice, committed_at } in open {
            let mut targets = self.settings.root.targets(notice);
            let heard = heard.entry(&notice.alert_id).or_insert_with(|| self.heard(&notice.alert_id));
            if matches!(notice.kind, NoticeKind::Recover | NoticeKind::Improve) {
                for target in heard.iter() {
                    add(&mut targets, target.clone());
                }
            }
            for target in targets {
                add(heard, target.clone());
                if self.world.last_told(notice, &target.receiver).is_none() {
                    self.wish(notice, target, 0, Some(*committed_at), false);
                }
            }
        }
    }

    /// Targets for those who were told of an alert and are still in the configuration.
    fn heard(&self, alert_id: &str) -> Vec<Target> {
        let receivers = self.world.receivers_of(alert_id).into_iter();
        receivers
            .filter(|name| self.settings.receiver(name).is_some() && self.world.has_heard(alert_id, name))
            .map(|name| self.settings.root.target_for(&name, "told"))
            .collect()
    }

    fn wish_for_active(&mut self) {
        let open: HashSet<&str> = self.world.open.iter().map(|open| &*open.notice.alert_id).collect();
        let active = self.world.active;
        // What has an open notice is told by that one.
        for notice in active.iter().filter(|notice| !open.contains(&*notice.alert_id)) {
            let routed = self.settings.root.targets(notice);
            for receiver in self.world.receivers_of(&notice.alert_id) {
                if self.settings.receiver(&receiver).is_none() {
                    continue;
                }
                let target = routed.iter().find(|target| target.receiver == receiver).cloned();
                let target = target.unwrap_or_else(|| self.settings.root.target_for(&receiver, "told"));
                let last = self.world.last_told(notice, &receiver);
                let round = last.map_or(0, |telling| telling.round + 1);
                match last {
                    Some(last) if last.state == DeliveryState::Suppressed => {
                        if self.world.muted(self.settings, notice).is_none() {
                            self.wish(notice, target, round, None, false);
                        }
                    }
                    _ => self.wish_for_repetition(notice, target, round),
                }
            }
        }
    }

    fn wish_for_repetition(&mut self, notice: &'a Notice, target: Target, round: u32) {
        let Some(repeat_us) = target.grouping.repeat_us else { return };
        if self.world.acknowledged.contains_key(&notice.alert_id) {
            return;
        }
        let Some(last_at) = self.world.last_heard(&notice.alert_id, &target.receiver) else { return };
        let due_at = last_at.saturating_add_us(repeat_us);
        if due_at > self.world.now {
            self.due(due_at);
        } else if self.world.muted(self.settings, notice).is_none() {
            self.wish(notice, target, round, None, true);
        }
    }

    fn wish(
        &mut self,
        notice: &'a Notice,
        target: Target,
        round: u32,
        waits_from: Option<UnixMicros>,
        is_repeat: bool,
    ) {
        let tells_singly = self.settings.receiver(&target.receiver).is_some_and(|r| r.tells_singly());
        let group_key = group_key(notice, &target, tells_singly);
        self.wishes.push(Wish { notice, target, group_key, round, waits_from, is_repeat });
    }

    fn due(&mut self, at: UnixMicros) {
        self.next_at = Some(self.next_at.map_or(at, |next| next.min(at)));
    }

    /// The groups that are told now, in the order of their first wishes, and the notices of which some wait.
    fn ready_groups(
        &mut self,
        last_told: &HashMap<Arc<str>, UnixMicros>,
    ) -> (Vec<Vec<Wish<'a>>>, HashSet<Arc<str>>) {
        let mut groups: Vec<Vec<Wish<'a>>> = Vec::new();
        let mut places: HashMap<(Arc<str>, u32, bool), usize> = HashMap::new();
        for wish in std::mem::take(&mut self.wishes) {
            let name = (Arc::clone(&wish.group_key), wish.round, wish.is_repeat);
            let place = *places.entry(name).or_insert(groups.len());
            if place == groups.len() {
                groups.push(Vec::new());
            }
            groups[place].push(wish);
        }
        let mut ready = Vec::new();
        let mut waiting = HashSet::new();
        // Where an earlier notice of an alert waits, later ones for the same receiver wait with it.
        let mut held: HashSet<(Arc<str>, Arc<str>)> = HashSet::new();
        let mut ready_wishes: Vec<Vec<Wish<'a>>> = Vec::new();
        for group in groups {
            let last_told = group.first().and_then(|wish| last_told.get(&wish.group_key).copied());
            match self.waits_until(&group, last_told) {
                Some(at) if at > self.world.now => {
                    self.due(at);
                    for wish in group {
                        waiting.insert(Arc::clone(&wish.notice.id));
                        held.insert((Arc::clone(&wish.notice.alert_id), Arc::clone(&wish.target.receiver)));
                    }
                }
                _ => ready_wishes.push(group),
            }
        }
        for group in ready_wishes {
            let is_held = |wish: &Wish<'_>| {
                let name = (Arc::clone(&wish.notice.alert_id), Arc::clone(&wish.target.receiver));
                held.contains(&name)
            };
            let (held, free): (Vec<_>, Vec<_>) = group.into_iter().partition(is_held);
            waiting.extend(held.into_iter().map(|wish| Arc::clone(&wish.notice.id)));
            if !free.is_empty() {
                ready.push(free);
            }
        }
        (ready, waiting)
    }

    /// Until when a group waits; `None` when it need not.
    fn waits_until(&self, group: &[Wish<'_>], last_told: Option<UnixMicros>) -> Option<UnixMicros> {
        let grouping = &group.first()?.target.grouping;
        let since = group.iter().filter_map(|wish| wish.waits_from).min()?;
        let waited = since.saturating_add_us(grouping.wait_us);
        let tells_singly = group
            .first()
            .and_then(|wish| self.settings.receiver(&wish.target.receiver))
            .is_some_and(|receiver| receiver.tells_singly());
        match last_told {
            // Messages of their own have no group that could be told too often.
            Some(last) if !tells_singly => Some(waited.max(last.saturating_add_us(grouping.interval_us))),
            _ => Some(waited),
        }
    }

    fn tell_group(&self, group: Vec<Wish<'a>>, told: &mut HashSet<(Arc<str>, Arc<str>)>, plan: &mut Plan) {
        let Some(first) = group.first() else { return };
        let receiver_name = Arc::clone(&first.target.receiver);
        let Some(receiver) = self.settings.receiver(&receiver_name) else {
            let error = format!("there is no receiver {receiver_name:?} in the configuration");
            for wish in &group {
                plan.deliveries.push(self.unsent(wish, DeliveryState::Failed, &error));
            }
            return;
        };
        let mut sent: Vec<Wish<'a>> = Vec::new();
        for wish in group {
            let name = (Arc::clone(&wish.notice.alert_id), Arc::clone(&receiver_name));
            let reason = if wish.waits_from.is_some() {
                self.withheld(&wish, receiver, told.contains(&name))
            } else {
                None
            };
            if let Some(reason) = reason {
                plan.deliveries.push(self.unsent(&wish, DeliveryState::Suppressed, &reason));
            } else {
                told.insert(name);
                sent.push(wish);
            }
        }
        let most = if receiver.tells_singly() { 1 } else { NOTICES_PER_MESSAGE_MAX };
        for wishes in sent.chunks(most) {
            plan.deliveries.push(self.sent(wishes, receiver, plan));
        }
    }

    /// Why a receiver is not told of a notice.
    fn withheld(&self, wish: &Wish<'_>, receiver: &Receiver, is_told_now: bool) -> Option<String> {
        let notice = wish.notice;
        if notice.kind == NoticeKind::Recover {
            let has_heard = is_told_now || self.world.has_heard(&notice.alert_id, &receiver.name);
            return if !receiver.sends_resolved {
                Some("the receiver does not hear of the ends of alerts".to_owned())
            } else if has_heard {
                // Also during a silence: whoever was told of an alert is told that it is over.
                None
            } else {
                let muted = self.world.muted(self.settings, notice);
                Some(muted.unwrap_or_else(|| "the receiver was not told of the alert".to_owned()))
            };
        }
        if let (NoticeKind::Repeat, Some(acknowledgement)) =
            (notice.kind, self.world.acknowledged.get(&notice.alert_id))
        {
            return Some(format!("acknowledged by {}", acknowledgement.by));
        }
        self.world.muted(self.settings, notice)
    }

    fn unsent(&self, wish: &Wish<'_>, state: DeliveryState, reason: &str) -> NewDelivery {
        let mut delivery = self.delivery(std::slice::from_ref(wish));
        delivery.state = state;
        delivery.next_at = None;
        delivery.error = Some(Arc::from(reason));
        NewDelivery { delivery, body: Arc::from("") }
    }

    fn sent(&self, wishes: &[Wish<'_>], receiver: &Receiver, plan: &Plan) -> NewDelivery {
        let mut delivery = self.delivery(wishes);
        let planned =
            plan.deliveries.iter().filter(|new| new.delivery.state == DeliveryState::Pending).count();
        if self.world.pending + u64::try_from(planned).unwrap_or(u64::MAX) >= QUEUE_MAX {
            delivery.state = DeliveryState::Failed;
            delivery.next_at = None;
            delivery.error =
                Some(Arc::from(format!("{QUEUE_MAX} deliveries wait already, which is the most")));
            return NewDelivery { delivery, body: Arc::from("") };
        }
        let message = Message {
            delivery: &delivery.id,
            receiver: &receiver.name,
            created_at: self.world.now,
            is_repeat: wishes.iter().all(|wish| wish.is_repeat),
            notices: wishes.iter().map(|wish| wish.notice).collect(),
            base_url: self.base_url,
        };
        let body = Arc::from(receiver.render(&message));
        NewDelivery { delivery, body }
    }

    fn delivery(&self, wishes: &[Wish<'_>]) -> Delivery {
        let mut monitors: Vec<Arc<str>> =
            wishes.iter().map(|wish| Arc::clone(&wish.notice.transition.monitor)).collect();
        monitors.sort_unstable();
        monitors.dedup();
        let notices: Vec<Arc<str>> = wishes.iter().map(|wish| Arc::clone(&wish.notice.id)).collect();
        let first = wishes.first();
        let receiver = first.map(|wish| Arc::clone(&wish.target.receiver)).unwrap_or_default();
        let round = first.map_or(0, |wish| wish.round);
        let round_text = round.to_string();
        let named = [&*receiver, &*round_text].into_iter().chain(notices.iter().map(|id| &**id));
        Delivery {
            id: Arc::from(format!("del_{}", hash(named))),
            group_key: first.map(|wish| Arc::clone(&wish.group_key)).unwrap_or_default(),
            receiver,
            round,
            notices,
            monitors,
            state: DeliveryState::Pending,
            attempts: 0,
            created_at: self.world.now,
            next_at: Some(self.world.now),
            delivered_at: None,
            error: None,
            receipt: None,
        }
    }
}

fn add(targets: &mut Vec<Target>, target: Target) {
    if targets.iter().all(|other| other.receiver != target.receiver) {
        targets.push(target);
    }
}

/// The name of the group that a notice is told in.
fn group_key(notice: &Notice, target: &Target, tells_singly: bool) -> Arc<str> {
    if tells_singly {
        return Arc::from(hash([&*target.receiver, &*notice.alert_id]));
    }
    let values = target.grouping.by.iter().map(|key| tag(notice, key.as_str()).unwrap_or_default());
    Arc::from(hash([&*target.receiver, &*target.route].into_iter().chain(values)))
}

/// 32 hexadecimal digits that stand for these texts.
fn hash<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    let mut hasher = Sha256::new();
    for text in texts {
        hasher.update(text.len().to_le_bytes());
        hasher.update(text);
    }
    hasher.finalize().iter().take(16).fold(String::with_capacity(32), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests;
