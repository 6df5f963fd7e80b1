//! The accounts of one limit: one for each value of its `*` dimensions, each for the period that is now.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use sha2::{Digest, Sha256};
use weir_types::UnixMicros;

use super::account::{Account, Place};
use super::spec::AccountKey;
use super::{LimitSpec, Window};

/// Accounts that one limit keeps. Clients choose the values of `user` and `agent`, so there is a bound; who comes after
/// it shares one account with all others who do.
const ACCOUNTS_MAX: usize = 100_000;

/// The value of the account that is shared by those who came after the bound.
const REST: &str = "(others)";

/// Bytes of a hash that tell accounts of one limit apart.
const HASH_BYTES: usize = 12;

/// A limit and its accounts.
#[derive(Debug)]
pub(crate) struct Limit {
    pub(crate) spec: Arc<LimitSpec>,
    /// Shared with the limit that replaces this one when only its amounts change.
    accounts: Arc<RwLock<HashMap<AccountKey, Slot>>>,
}

#[derive(Debug, Clone)]
pub(crate) struct Slot {
    pub(crate) window: Window,
    pub(crate) account: Arc<Account>,
}

/// What the names of accounts in Redis begin with. The braces make a cluster keep all of them on one server, so that one
/// script can touch several.
pub(crate) const PLACES: &str = "{weir}:budget:";

impl Slot {
    /// Where gateways of a fleet find the account. Limits that count the same have the same place, whatever their amounts:
    /// those may differ while a new configuration is rolled out.
    pub(crate) fn place(&self, spec: &LimitSpec, key: &AccountKey) -> &Place {
        self.account.place_or(|| {
            let zone = spec.timezone.iana_name().unwrap_or("UTC");
            let what = format!("{:?} {:?} {:?} {zone}", spec.scope, spec.measure, spec.period);
            let mut hash = Sha256::new();
            for part in [&what, &*spec.name].into_iter().chain(key.iter().map(|value| &**value)) {
                hash.update(part.len().to_le_bytes());
                hash.update(part);
            }
            hash.update(self.window.from.0.to_le_bytes());
            let mut place = format!("{PLACES}{}:", spec.name);
            for byte in hash.finalize().iter().take(HASH_BYTES) {
                // Writing to a String cannot fail.
                let _ = write!(place, "{byte:02x}");
            }
            Place { key: place, ends_at: self.window.to }
        })
    }
}

impl Limit {
    pub(crate) fn new(spec: LimitSpec) -> Self {
        Self { spec: Arc::new(spec), accounts: Arc::default() }
    }

    /// A limit with another specification; it keeps the accounts where they count the same.
    pub(crate) fn changed_to(&self, spec: LimitSpec) -> Self {
        let counts_the_same = self.spec.counts_like(&spec);
        let accounts = if counts_the_same { Arc::clone(&self.accounts) } else { Arc::default() };
        Self { spec: Arc::new(spec), accounts }
    }

    /// The account of this key for the period that `now` is in.
    pub(crate) fn slot(&self, key: &AccountKey, now: UnixMicros) -> Slot {
        if let Some(slot) = self.read().get(key)
            && slot.window.contains(now)
        {
            return slot.clone();
        }
        let mut accounts = self.write();
        if accounts.len() >= ACCOUNTS_MAX && !accounts.contains_key(key) {
            accounts.retain(|_, slot| slot.window.contains(now));
        }
        let is_full = accounts.len() >= ACCOUNTS_MAX && !accounts.contains_key(key);
        let key = if is_full { key.iter().map(|_| Arc::from(REST)).collect() } else { key.clone() };
        let new =
            || Slot { window: self.spec.period.window(now, &self.spec.timezone), account: Arc::default() };
        let slot = accounts.entry(key.clone()).or_insert_with(new);
        // Reservations of the period before stay with its account, which they hold.
        if now >= slot.window.to {
            *slot = new();
        }
        let slot = slot.clone();
        if is_full {
            // Whoever comes next would name it after a value of its own.
            slot.place(&self.spec, &key);
        }
        slot
    }

    /// All accounts of the period that `now` is in. A limit without `*` dimensions always has its one account.
    pub(crate) fn slots(&self, now: UnixMicros) -> Vec<(AccountKey, Slot)> {
        if self.spec.scope.each().next().is_none() {
            let key = AccountKey::new();
            let slot = self.slot(&key, now);
            return vec![(key, slot)];
        }
        let accounts = self.read();
        let current = accounts.iter().filter(|(_, slot)| slot.window.contains(now));
        current.map(|(key, slot)| (key.clone(), slot.clone())).collect()
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<AccountKey, Slot>> {
        self.accounts.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<AccountKey, Slot>> {
        self.accounts.write().unwrap_or_else(PoisonError::into_inner)
    }
}
