//! What the sender remembers of each account that it has told.
//!
//! All of them are told again in turn, a part with each heartbeat, so that what Redis holds cannot go stale or be forgotten
//! unnoticed for long. An account is forgotten when its period is over and nothing of it is under way.

use std::collections::HashMap;
use std::sync::Arc;

use weir_types::UnixMicros;

use super::super::Amount;
use super::super::account::Account;

/// How long after its period an account is kept, here and in Redis: clocks of gateways differ, and calls that were
/// reserved in the period settle after it.
pub(super) const KEPT_US: i64 = 10 * UnixMicros::MINUTE;

/// How long Redis keeps an account without a period that nobody writes to.
const WITHOUT_PERIOD_MS: i64 = 24 * 3_600 * 1_000;

/// What is remembered of one account.
pub(super) struct Entry {
    pub(super) account: Arc<Account>,
    /// Whether Redis certainly has this gateway's amounts.
    pub(super) was_written: bool,
    /// Whether Redis may have lost what other gateways had settled.
    pub(super) must_restore: bool,
    /// What each other gateway had settled when last heard of.
    pub(super) peers: Vec<(String, Amount)>,
    /// What may be committed while Redis is away.
    pub(super) share: Option<Share>,
}

/// What may be committed during one absence of Redis.
#[derive(Clone, Copy)]
pub(super) struct Share {
    /// The number of the absence.
    pub(super) outage: u64,
    /// The limit that it is a share of.
    pub(super) limit: Amount,
    pub(super) committed_max: Amount,
}

/// All accounts that were told and may be again.
#[derive(Default)]
pub(super) struct Entries {
    list: Vec<Entry>,
    /// Where each is in the list, by its address, which is its own as long as the entry holds it.
    places: HashMap<usize, usize>,
    /// Whose turn it is.
    next: usize,
}

impl Entries {
    /// The entry of an account; made when there is none.
    pub(super) fn of(&mut self, account: &Arc<Account>) -> &mut Entry {
        let list = &mut self.list;
        let place = *self.places.entry(address(account)).or_insert_with(|| {
            let account = Arc::clone(account);
            let entry =
                Entry { account, was_written: false, must_restore: false, peers: Vec::new(), share: None };
            list.push(entry);
            list.len() - 1
        });
        &mut self.list[place]
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.list.iter_mut()
    }

    /// The next accounts to be told in turn. Those that are over are forgotten.
    pub(super) fn turn(&mut self, count: usize, now: UnixMicros) -> Vec<Arc<Account>> {
        let mut turn = Vec::new();
        for _ in 0..count.min(self.list.len()) {
            if self.next >= self.list.len() {
                self.next = 0;
            }
            match self.list.get(self.next) {
                Some(entry) if is_over(entry, now) => self.forget(self.next),
                Some(entry) => {
                    turn.push(Arc::clone(&entry.account));
                    self.next += 1;
                }
                None => break,
            }
        }
        turn
    }

    fn forget(&mut self, place: usize) {
        let gone = self.list.swap_remove(place);
        self.places.remove(&address(&gone.account));
        if let Some(moved) = self.list.get(place) {
            self.places.insert(address(&moved.account), place);
        }
    }
}

/// What tells accounts apart, as long as somebody holds them.
pub(super) fn address(account: &Arc<Account>) -> usize {
    Arc::as_ptr(account).addr()
}

/// Whether nothing will come of an account any more.
fn is_over(entry: &Entry, now: UnixMicros) -> bool {
    let account = &entry.account;
    let ends_at = account.place().map_or(UnixMicros(0), |place| place.ends_at);
    let is_idle = account.committed() <= account.settled();
    // What others have must be seen to end, too.
    let has_nothing =
        account.committed() == 0 && account.others() == 0 && !entry.was_written && ends_at.0 == i64::MAX;
    is_idle && (has_nothing || ends_at.saturating_add_us(KEPT_US) < now)
}

/// How long Redis is to keep an account, in milliseconds.
pub(super) fn ttl_ms(ends_at: UnixMicros, now: UnixMicros) -> i64 {
    if ends_at.0 == i64::MAX {
        return WITHOUT_PERIOD_MS;
    }
    (ends_at.0.saturating_sub(now.0).max(0).saturating_add(KEPT_US) / 1_000).max(1)
}
