//! The one task that talks with Redis.
//!
//! It commits amounts, and nobody else does: while an exchange is under way nothing is granted, so what is written of this
//! gateway is never less than what it has. Calls that come in the meantime go out together with the next exchange, and so do
//! amounts that were settled; where no call comes, those go out after a moment, and a heartbeat goes out in any case.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use weir_types::{Clock, IdGenerator, UnixMicros};

use super::super::account::Account;
use super::super::{Ledger, Reservation};
use super::away::Absence;
use super::entries::{Entries, address, ttl_ms};
use super::script::{Answer, Member, Reply, Request, State, Told, Verdict, Want, exchange};
use super::{Ask, Counters, FleetConfig, Message, NotReserved, OnUnavailable, Touched};
use crate::redis::{Redis, RedisError};

/// Calls in one exchange. The script takes some microseconds for each, during which the server does nothing else.
const CALLS_MAX: usize = 256;

/// Accounts in one exchange beside those of its calls, and as many again with a heartbeat.
const ACCOUNTS_MAX: usize = 256;

/// How long settled amounts wait for company.
const COMPANY: Duration = Duration::from_millis(20);

/// The pause between attempts while Redis cannot be relied on.
const AWAY_PAUSE: Duration = Duration::from_millis(100);

/// How long a call waits for other gateways to stop granting by themselves.
const CLOSING_MAX: Duration = Duration::from_secs(1);

/// The state of the task.
pub(super) struct Sender {
    redis: Arc<Redis>,
    clock: Arc<dyn Clock>,
    config: FleetConfig,
    messages: mpsc::Receiver<Message>,
    touched: Arc<Touched>,
    counters: Arc<Counters>,
    member: Member,
    entries: Entries,
    /// Calls that go out next, each with when it came.
    waiting: Vec<(Ask, Instant)>,
    /// Since when the memory is there that was last seen.
    epoch: Option<String>,
    /// Whether the last exchange found it whole.
    is_whole: bool,
    absence: Absence,
    /// Whether another gateway was seen to have the id of this one.
    has_twin: bool,
}

/// An exchange and what it is about.
struct Outgoing {
    request: Request,
    accounts: Vec<Arc<Account>>,
    places: HashMap<usize, usize>,
}

impl Sender {
    pub(super) fn new(
        redis: Arc<Redis>,
        clock: Arc<dyn Clock>,
        config: FleetConfig,
        messages: mpsc::Receiver<Message>,
        touched: Arc<Touched>,
        counters: Arc<Counters>,
    ) -> Self {
        let now = clock.now();
        let member = Member {
            id: config.id.to_string(),
            incarnation: IdGenerator::new().span_id(now).to_string(),
            turn: u64::try_from(now.0).unwrap_or(0),
        };
        let absence = Absence { outage: 0, gateways: 0, mode: config.on_unavailable };
        Self {
            entries: Entries::default(),
            waiting: Vec::new(),
            epoch: None,
            is_whole: false,
            has_twin: false,
            redis,
            clock,
            config,
            messages,
            touched,
            counters,
            member,
            absence,
        }
    }

    /// Runs until the gateway leaves or its ledger is gone.
    pub(super) async fn run(mut self, ledger: Weak<Ledger>) {
        let register = |with_each: bool, now: UnixMicros| {
            let accounts = ledger.upgrade().map(|ledger| ledger.accounts(with_each, now));
            accounts.unwrap_or_default()
        };
        for account in register(true, self.clock.now()) {
            self.entries.of(&account);
        }
        let (mut beat_at, mut tell_at) = (Instant::now(), None::<Instant>);
        loop {
            tokio::select! {
                biased;
                message = self.messages.recv() => match message {
                    Some(Message::Ask(ask)) => self.waiting.push((ask, Instant::now())),
                    Some(Message::Leave(done)) => return self.leave(Some(done)).await,
                    None => return self.leave(None).await,
                },
                () = self.touched.is_there.notified(), if tell_at.is_none() => {
                    tell_at = Some(Instant::now() + COMPANY);
                    continue;
                }
                () = tokio::time::sleep_until(tell_at.map_or(beat_at, |at| at.min(beat_at))) => {}
            }
            if let Some(done) = self.gather() {
                return self.leave(Some(done)).await;
            }
            let is_beat = Instant::now() >= beat_at;
            if is_beat {
                for account in register(false, self.clock.now()) {
                    self.entries.of(&account);
                }
            }
            self.exchange(is_beat).await;
            if is_beat || !self.is_whole {
                beat_at = Instant::now() + if self.is_whole { self.config.heartbeat } else { AWAY_PAUSE };
            }
            let must_tell = self.redis.is_connected() && !self.touched.is_empty();
            tell_at =
                must_tell.then(|| Instant::now() + if self.is_whole { COMPANY } else { Duration::ZERO });
        }
    }

    /// Takes what else has come by now. A gateway that leaves has no calls under way.
    fn gather(&mut self) -> Option<oneshot::Sender<()>> {
        while self.waiting.len() < CALLS_MAX {
            match self.messages.try_recv() {
                Ok(Message::Ask(ask)) => self.waiting.push((ask, Instant::now())),
                Ok(Message::Leave(done)) => return Some(done),
                Err(_) => return None,
            }
        }
        None
    }

    /// Tells all that has changed, and that this gateway is not alive any more.
    async fn leave(mut self, done: Option<oneshot::Sender<()>>) {
        loop {
            let mut outgoing = self.outgoing(&[], false);
            outgoing.request.lease_ms = 0;
            let is_told = self.carry_out(&outgoing).await.is_ok();
            if !is_told || self.touched.is_empty() {
                break;
            }
        }
        if let Some(done) = done {
            let _ = done.send(());
        }
    }

    /// One exchange with all that waits.
    async fn exchange(&mut self, is_beat: bool) {
        let mut calls = std::mem::take(&mut self.waiting);
        // Whoever has gone away wants nothing any more.
        calls.retain(|(ask, _)| !ask.answer.is_closed());
        if !self.redis.is_connected() {
            self.lose(&RedisError::Away);
            return self.decide_alone(calls);
        }
        let outgoing = self.outgoing(&calls, is_beat);
        let answer = match self.carry_out(&outgoing).await {
            Ok(answer) => answer,
            Err(error) => {
                outgoing.accounts.iter().for_each(|account| self.touched.add(account));
                self.lose(&error);
                return self.decide_alone(calls);
            }
        };
        self.note_epoch(&answer);
        for (account, others) in outgoing.accounts.iter().zip(&answer.others) {
            account.seed(others.inherited);
        }
        match answer.state {
            State::Whole => {
                self.note_whole(&outgoing, &answer);
                for ((ask, _), verdict) in calls.into_iter().zip(&answer.calls) {
                    self.answer(ask, verdict);
                }
            }
            State::Closing => self.wait_for_others(calls),
            State::Filling => {
                self.lose(&RedisError::Failed("its memory was lost or is new".to_owned()));
                self.decide_alone(calls);
            }
        }
    }

    /// What goes out now: these calls, what was touched, and with a heartbeat some of the accounts in turn.
    fn outgoing(&mut self, calls: &[(Ask, Instant)], is_beat: bool) -> Outgoing {
        let now = self.clock.now();
        let mut outgoing = Outgoing {
            request: Request {
                lease_ms: millis(self.config.lease),
                warm_ms: millis(self.config.warm),
                wants_peers: is_beat,
                ..Request::default()
            },
            accounts: Vec::new(),
            places: HashMap::new(),
        };
        for (ask, _) in calls {
            let wants = ask.wanted.iter().map(|wanted| Want {
                account: outgoing.add(&mut self.entries, &wanted.slot.account, now),
                amount: wanted.amount,
                limit: wanted.spec.limit(),
                is_enforced: wanted.is_enforced(),
            });
            let wants = wants.collect();
            outgoing.request.calls.push(wants);
        }
        let (touched, is_all) = self.touched.take(ACCOUNTS_MAX);
        let in_turn = if is_beat { self.entries.turn(ACCOUNTS_MAX, now) } else { Vec::new() };
        for account in touched.iter().chain(&in_turn) {
            outgoing.add(&mut self.entries, account, now);
        }
        // A gateway that begins has granted nothing, and one whose memory is whole has told all that it had granted alone.
        outgoing.request.has_told_all = is_all || self.is_whole || self.epoch.is_none();
        outgoing
    }

    /// Carries an exchange out. The server may know of a later one only when this gateway has begun anew.
    async fn carry_out(&mut self, outgoing: &Outgoing) -> Result<Answer, RedisError> {
        for _ in 0..2 {
            self.member.turn += 1;
            match exchange(&self.redis, &self.member, &outgoing.request).await? {
                Reply::Done(answer) => return Ok(answer),
                Reply::Late(last) => {
                    if self.epoch.is_some() && !std::mem::replace(&mut self.has_twin, true) {
                        let id = &self.member.id;
                        tracing::warn!(
                            id,
                            "another gateway has the id of this one; each needs its own data directory"
                        );
                    }
                    self.member.turn = last;
                }
            }
        }
        Err(RedisError::Failed("another gateway has the id of this one".to_owned()))
    }

    /// A memory that is not the one of before must be told everything again.
    fn note_epoch(&mut self, answer: &Answer) {
        if self.epoch.as_ref() == Some(&answer.epoch) {
            return;
        }
        let is_first = self.epoch.replace(answer.epoch.clone()).is_none();
        if is_first && answer.state == State::Whole {
            return;
        }
        for entry in self.entries.iter_mut() {
            (entry.was_written, entry.must_restore) = (false, true);
            self.touched.add(&entry.account);
        }
    }

    fn note_whole(&mut self, outgoing: &Outgoing, answer: &Answer) {
        if !self.is_whole {
            tracing::info!(gateways = answer.gateways, "budgets are shared with the fleet");
            self.counters.is_shared.store(true, Ordering::Relaxed);
            self.is_whole = true;
        }
        self.absence.gateways = answer.gateways;
        self.counters.gateways.store(answer.gateways, Ordering::Relaxed);
        let told = outgoing.accounts.iter().zip(&outgoing.request.accounts);
        for ((account, told), others) in told.zip(&answer.others) {
            account.set_others(others.settled, others.reserved);
            let entry = self.entries.of(account);
            entry.was_written = told.settled > 0 || told.committed > 0;
            entry.must_restore = false;
            if outgoing.request.wants_peers {
                entry.peers.clone_from(&others.peers);
            }
        }
        if outgoing.request.wants_peers {
            self.counters.heartbeats.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn answer(&self, ask: Ask, verdict: &Verdict) {
        let denied = verdict.denied_by.and_then(|place| ask.wanted.get(place));
        let outcome = match denied {
            Some(wanted) => Err(NotReserved::Full(wanted.denial())),
            None => Ok(Reservation::granted(Arc::clone(&self.touched), ask.wanted, &verdict.over)),
        };
        // A reservation that nobody takes is given back.
        let _ = ask.answer.send(outcome);
    }

    /// Redis cannot be relied on from now on.
    fn lose(&mut self, error: &RedisError) {
        if !self.is_whole {
            return;
        }
        let mode = self.config.on_unavailable;
        tracing::warn!(%error, on_unavailable = ?mode, "budgets are not shared with the fleet for now");
        self.is_whole = false;
        self.absence.outage += 1;
        self.counters.is_shared.store(false, Ordering::Relaxed);
    }

    fn decide_alone(&mut self, calls: Vec<(Ask, Instant)>) {
        for (ask, _) in calls {
            self.counters.decided_alone.fetch_add(1, Ordering::Relaxed);
            let outcome = self.absence.decide(&mut self.entries, &self.touched, ask.wanted);
            let _ = ask.answer.send(outcome);
        }
    }

    /// Calls wait until the others have stopped granting by themselves, as this gateway has.
    fn wait_for_others(&mut self, calls: Vec<(Ask, Instant)>) {
        self.lose(&RedisError::Failed("other gateways have not said what they have".to_owned()));
        let (may_wait, must_end) = calls.into_iter().partition(|(_, since)| since.elapsed() < CLOSING_MAX);
        self.waiting = may_wait;
        let absence = self.absence;
        if absence.mode == OnUnavailable::LocalShare {
            self.absence.mode = OnUnavailable::Deny;
        }
        self.decide_alone(must_end);
        self.absence = absence;
    }
}

impl Outgoing {
    /// Adds what this gateway has in an account: which of the request's accounts it is.
    fn add(&mut self, entries: &mut Entries, account: &Arc<Account>, now: UnixMicros) -> usize {
        let address = address(account);
        if let Some(place) = self.places.get(&address) {
            return *place;
        }
        // What happens from here on is touched again. Of two amounts that change meanwhile the later one is read last, so
        // that what is said to be committed is rather too much.
        account.tell();
        let (committed, settled) = (account.committed(), account.settled());
        let entry = entries.of(account);
        let (key, ends_at) =
            account.place().map_or((String::new(), now), |place| (place.key.clone(), place.ends_at));
        self.request.accounts.push(Told {
            key,
            settled,
            committed: committed.max(settled),
            ttl_ms: ttl_ms(ends_at, now),
            // Until the answer is there nothing is certain.
            was_written: std::mem::take(&mut entry.was_written) && now < ends_at,
            peers: if entry.must_restore { entry.peers.clone() } else { Vec::new() },
        });
        self.accounts.push(Arc::clone(account));
        let place = self.accounts.len() - 1;
        self.places.insert(address, place);
        place
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
