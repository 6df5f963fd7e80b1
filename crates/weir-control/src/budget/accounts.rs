//! The accounts of one limit: one for each value of its `*` dimensions, each for the period that is now.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use weir_types::UnixMicros;

use super::account::Account;
use super::spec::AccountKey;
use super::{LimitSpec, Window};

/// Accounts that one limit keeps. Clients choose the values of `user` and `agent`, so there is a bound; who comes after
/// it shares one account with all others who do.
const ACCOUNTS_MAX: usize = 100_000;

/// The value of the account that is shared by those who came after the bound.
const REST: &str = "(others)";

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
        let slot = accounts.entry(key).or_insert_with(new);
        // Reservations of the period before stay with its account, which they hold.
        if now >= slot.window.to {
            *slot = new();
        }
        slot.clone()
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
