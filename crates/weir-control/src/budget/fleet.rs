//! Limits that several gateways share through Redis or Valkey, so that they cannot jointly pass them.
//!
//! Each gateway keeps its own accounts as one that is alone does. What it has in them, settled and committed, it writes to Redis as
//! absolute amounts, one field for each gateway in one hash for each account. A call is reserved there: one script
//! adds up what all gateways have and grants all that the call wants, or nothing. Amounts are never added to what Redis
//! holds: an answer that is lost, a command that is carried out twice or a server that begins empty is put right by the
//! next write. docs/decisions/0010-absolute-amounts-in-redis.md says why it is so.
//!
//! | part | does |
//! |---|---|
//! | `sender` | the one task that talks with Redis: what waits goes out together, one exchange after the other |
//! | `script` | one exchange: words, `script.lua`, answer |
//! | `entries` | what the task remembers of each account |
//! | `away` | what is granted while Redis cannot be relied on ([`OnUnavailable`]) |
//!
//! Invariants, while Redis is there: what Redis holds of a gateway is at least what that gateway has committed, because only
//! the sender commits, and only what an answer granted. A gateway that Redis has not heard of for a lease counts with what it
//! has settled; its reservations lapse. Redis that has lost its memory grants nothing until every gateway that is alive has
//! said again what it has and has stopped granting by itself.
//!
//! Failure: see [`OnUnavailable`]. A call waits for one exchange, for two where one is under way, and for none when nothing
//! is connected.

mod away;
mod entries;
mod script;
mod sender;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use tokio::sync::{Notify, mpsc, oneshot};
use weir_types::{Clock, UnixMicros};

use super::account::Account;
use super::ledger::Wanted;
use super::{Charge, Denial, Ledger, LimitSpec, Payer, Reservation};
use crate::redis::Redis;
use sender::Sender;

/// Calls that may wait for the sender. More than this many at once are treated as if Redis were away, since it does not
/// keep up.
const ASKS_MAX: usize = 10_000;

/// What is granted while Redis is away or has lost its memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnUnavailable {
    /// What fits this gateway's own amounts. All gateways together may use each limit as often as there are gateways.
    Allow,
    /// Nothing that an enforced limit is about.
    Deny,
    /// An equal share of what was left when Redis was last there. The limit holds as long as all gateways are without Redis.
    #[default]
    LocalShare,
}

/// How a gateway is part of a fleet.
#[derive(Debug, Clone)]
pub struct FleetConfig {
    /// The gateway's id, which no other one has and which it keeps over restarts.
    pub id: Arc<str>,
    /// What is granted while Redis is away.
    pub on_unavailable: OnUnavailable,
    /// How often a gateway says that it is alive.
    pub heartbeat: Duration,
    /// How long it counts as alive after that.
    pub lease: Duration,
    /// How long Redis that was found empty grants nothing. Longer than it takes to find a server that has come back.
    pub warm: Duration,
}

impl FleetConfig {
    /// With the times that suit one network.
    pub fn new(id: impl Into<Arc<str>>, on_unavailable: OnUnavailable) -> Self {
        Self {
            id: id.into(),
            on_unavailable,
            heartbeat: Duration::from_secs(1),
            lease: Duration::from_secs(10),
            warm: Duration::from_secs(5),
        }
    }
}

/// Why nothing was reserved.
#[derive(Debug, Clone, PartialEq)]
pub enum NotReserved {
    /// It would pass a limit.
    Full(Denial),
    /// What the fleet has used is not known now.
    Away {
        /// The limit that does not let the call through then.
        limit: Arc<LimitSpec>,
        /// Whether a call that wants less may be let through.
        may_want_less: bool,
    },
}

/// How the fleet is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FleetStats {
    /// Whether limits are shared now.
    pub is_shared: bool,
    /// Gateways that were alive when limits were last shared, this one among them.
    pub gateways: u64,
    /// Calls that were granted or refused without Redis.
    pub decided_alone: u64,
    /// Heartbeats that Redis has heard.
    pub heartbeats: u64,
}

/// The other gateways, as one of them sees them.
pub struct Fleet {
    messages: mpsc::Sender<Message>,
    touched: Arc<Touched>,
    counters: Arc<Counters>,
}

/// What the sender is told.
enum Message {
    Ask(Ask),
    /// The gateway ends.
    Leave(oneshot::Sender<()>),
}

/// A call that wants to be reserved.
struct Ask {
    wanted: SmallVec<[Wanted; 2]>,
    answer: oneshot::Sender<Result<Reservation, NotReserved>>,
}

/// Accounts that have changed and wait to be told. Each is in it about once.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    accounts: Mutex<Vec<Arc<Account>>>,
    is_there: Notify,
}

#[derive(Default)]
struct Counters {
    is_shared: AtomicBool,
    gateways: AtomicU64,
    decided_alone: AtomicU64,
    heartbeats: AtomicU64,
}

impl Fleet {
    /// Makes this ledger one of a fleet. Its sender lives as long as the ledger does, on the runtime of `redis`.
    pub fn join(
        ledger: &Arc<Ledger>,
        redis: &Arc<Redis>,
        clock: Arc<dyn Clock>,
        config: FleetConfig,
    ) -> Arc<Self> {
        let (sender, messages) = mpsc::channel(ASKS_MAX);
        let fleet = Arc::new(Self { messages: sender, touched: Arc::default(), counters: Arc::default() });
        let (touched, counters) = (Arc::clone(&fleet.touched), Arc::clone(&fleet.counters));
        let sender = Sender::new(Arc::clone(redis), clock, config, messages, touched, counters);
        redis.spawn(sender.run(Arc::downgrade(ledger)));
        ledger.join(Arc::clone(&fleet));
        fleet
    }

    /// Reserves the most that a call can use with every limit that is about it, or says which one it does not fit. As
    /// [`Ledger::reserve`], for all gateways.
    pub async fn reserve(
        &self,
        ledger: &Ledger,
        payer: &Payer,
        most: &Charge,
        waived: &[Arc<str>],
        now: UnixMicros,
    ) -> Result<Reservation, NotReserved> {
        let wanted = ledger.wanted(payer, most, waived, now);
        let Some(first) = wanted.first() else { return Ok(Reservation::default()) };
        let spec = wanted.iter().find(|wanted| wanted.is_enforced()).unwrap_or(first);
        let away = NotReserved::Away { limit: Arc::clone(&spec.spec), may_want_less: false };
        let (answer, answered) = oneshot::channel();
        if self.messages.try_send(Message::Ask(Ask { wanted, answer })).is_err() {
            return Err(away);
        }
        answered.await.unwrap_or(Err(away))
    }

    /// Says to the others that this gateway ends, with all that it has settled. Nothing can be reserved afterwards.
    pub async fn leave(&self) {
        let (done, left) = oneshot::channel();
        if self.messages.send(Message::Leave(done)).await.is_ok() {
            let _ = left.await;
        }
    }

    /// How the fleet is doing.
    pub fn stats(&self) -> FleetStats {
        FleetStats {
            is_shared: self.counters.is_shared.load(Ordering::Relaxed),
            gateways: self.counters.gateways.load(Ordering::Relaxed),
            decided_alone: self.counters.decided_alone.load(Ordering::Relaxed),
            heartbeats: self.counters.heartbeats.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn touch(&self, account: &Arc<Account>) {
        self.touched.add(account);
    }
}

impl fmt::Debug for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fleet").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

impl Touched {
    /// The others are to hear of an account. One that has no place among them is none of theirs.
    pub(crate) fn add(&self, account: &Arc<Account>) {
        if account.place().is_some() && account.newly_touched() {
            self.accounts.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(account));
            self.is_there.notify_one();
        }
    }

    /// Up to so many of them, and whether these are all.
    fn take(&self, count: usize) -> (Vec<Arc<Account>>, bool) {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = count.min(accounts.len());
        let taken = accounts.drain(..count).collect();
        (taken, accounts.is_empty())
    }

    fn is_empty(&self) -> bool {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}
