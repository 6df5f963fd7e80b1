//! All limits: reserves a call with each of them or with none.

use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use smallvec::SmallVec;
use weir_types::UnixMicros;

use super::account::Account;
use super::accounts::{Limit, Slot};
use super::fleet::{Fleet, Touched};
use super::spec::{AccountKey, pairs_text};
use super::{AccountStatus, Amount, Charge, Dimension, LimitSpec, Payer, Period, Window};
use crate::Mode;

/// All limits and their accounts. Shared by every thread; limits can be changed while it is in use.
#[derive(Debug, Default)]
pub struct Ledger {
    limits: ArcSwap<Vec<Arc<Limit>>>,
    /// The gateways that share these limits; empty for one that is alone.
    fleet: OnceLock<Arc<Fleet>>,
}

/// Why a call does not fit.
#[derive(Debug, Clone, PartialEq)]
pub struct Denial {
    /// The limit that it would pass.
    pub limit: Arc<LimitSpec>,
    /// The values of its `*` dimensions.
    pub values: Vec<(Dimension, Arc<str>)>,
    /// What is settled.
    pub settled: Amount,
    /// What is reserved for calls under way.
    pub reserved: Amount,
    /// What the call would have reserved.
    pub wanted: Amount,
    /// When there will be room again at the latest; `None` when that depends on calls under way.
    pub until: Option<UnixMicros>,
}

impl Denial {
    /// A call that wanted more than an account that stands so has left.
    fn of(status: AccountStatus, wanted: Amount) -> Self {
        Self {
            reserved: status.reserved,
            until: status.window.map(|window| window.to),
            settled: status.settled.saturating_add(status.others),
            limit: status.limit,
            values: status.values,
            wanted,
        }
    }

    /// What stands in the way, for people: `"payments" (team:payments): $299.10 of $200.00 used in this day, $1.20 reserved
    /// for calls under way, and this call could use $0.90 more; nothing above $300.00 is let through`.
    pub fn describe(&self) -> String {
        let Self { limit, settled, reserved, wanted, .. } = self;
        let scope = if self.values.is_empty() { limit.scope.to_string() } else { pairs_text(&self.values) };
        let head = format!("{:?} ({scope})", limit.name);
        let (most, amount) = (limit.say(limit.limit()), limit.say(limit.amount));
        match limit.period {
            Period::AtOnce => {
                format!("{head}: {} are under way, and no more than {most} may be", limit.say(*reserved))
            }
            period => format!(
                "{head}: {} of {amount} used in this {}, {} reserved for calls under way, and this call could use {}; \
                 nothing above {most} is let through",
                limit.say(*settled),
                period.as_str(),
                limit.say(*reserved),
                limit.say(*wanted),
            ),
        }
    }
}

/// One amount that is held for a call.
#[derive(Debug)]
struct Hold {
    account: Arc<Account>,
    limit: Arc<LimitSpec>,
    held: Amount,
}

/// What is held for one call. It is settled, or given back when it is dropped.
#[derive(Debug, Default)]
pub struct Reservation {
    holds: SmallVec<[Hold; 2]>,
    /// Limits that only observe and would have refused the call.
    pub observed: Vec<Denial>,
    /// Where gateways of a fleet hear of what becomes of it.
    touched: Option<Arc<Touched>>,
}

/// What a call wants of one account.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) spec: Arc<LimitSpec>,
    key: AccountKey,
    pub(crate) slot: Slot,
    pub(crate) amount: Amount,
    pub(crate) is_waived: bool,
}

impl Wanted {
    /// Whether a call that does not fit is refused.
    pub(crate) fn is_enforced(&self) -> bool {
        self.spec.mode == Mode::Enforce && !self.is_waived
    }

    /// Why it does not fit.
    pub(crate) fn denial(&self) -> Denial {
        Denial::of(status(&self.spec, &self.key, &self.slot), self.amount)
    }
}

impl Reservation {
    /// Holds all that is wanted, as the fleet has granted it; `over` are the places of what does not fit and is held all
    /// the same.
    pub(crate) fn granted(touched: Arc<Touched>, wanted: SmallVec<[Wanted; 2]>, over: &[usize]) -> Self {
        let observed = over.iter().filter_map(|at| wanted.get(*at)).filter(|wanted| !wanted.is_waived);
        let observed = observed.map(Wanted::denial).collect();
        let hold = |wanted: Wanted| {
            let account = wanted.slot.account;
            account.hold_anyway(wanted.amount);
            Hold { account, limit: wanted.spec, held: wanted.amount }
        };
        Self { holds: wanted.into_iter().map(hold).collect(), observed, touched: Some(touched) }
    }

    /// Turns what was held into what was used.
    pub fn settle(mut self, used: &Charge) {
        self.end(|limit| used.used(limit.measure));
    }

    fn end(&mut self, used: impl Fn(&LimitSpec) -> Amount) {
        for Hold { account, limit, held } in self.holds.drain(..) {
            account.settle(held, used(&limit));
            if let Some(touched) = &self.touched {
                touched.add(&account);
            }
        }
    }

    /// Whether no limit is about the call.
    pub fn is_empty(&self) -> bool {
        self.holds.is_empty()
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.end(|_| 0);
    }
}

impl Ledger {
    /// A ledger of these limits, which have been checked and whose names differ.
    pub fn new(specs: Vec<LimitSpec>) -> Self {
        let ledger = Self::default();
        ledger.set_limits(specs);
        ledger
    }

    /// Whether there is no limit at all, which must cost next to nothing.
    pub fn is_empty(&self) -> bool {
        self.limits.load().is_empty()
    }

    /// Puts these limits in place of all that were there. A limit of the same name that counts the same keeps what it has
    /// counted. Calls under way settle with the accounts that they were reserved with.
    pub fn set_limits(&self, specs: Vec<LimitSpec>) {
        let before = self.limits.load();
        let limits = specs.into_iter().map(|spec| {
            Arc::new(match before.iter().find(|limit| limit.spec.name == spec.name) {
                Some(old) => old.changed_to(spec),
                None => Limit::new(spec),
            })
        });
        self.limits.store(Arc::new(limits.collect()));
    }

    /// The limits in force.
    pub fn limits(&self) -> Vec<Arc<LimitSpec>> {
        self.limits.load().iter().map(|limit| Arc::clone(&limit.spec)).collect()
    }

    /// Reserves the most that a call can use with every limit that is about it, or says which one it does not fit.
    ///
    /// Limits that are `waived` by name, and those that do not enforce, hold it whatever they have; the latter say so in
    /// [`Reservation::observed`].
    pub fn reserve(
        &self,
        payer: &Payer,
        most: &Charge,
        waived: &[Arc<str>],
        now: UnixMicros,
    ) -> Result<Reservation, Denial> {
        let mut reservation = Reservation::default();
        for limit in self.limits.load().iter() {
            let spec = &limit.spec;
            let Some(key) = spec.scope.account_of(payer) else { continue };
            let (slot, amount) = (limit.slot(&key, now), most.held(spec.measure));
            let account = &slot.account;
            if account.hold(amount, spec.limit()).is_err() {
                let denial = Denial::of(status(spec, &key, &slot), amount);
                let is_waived = waived.contains(&spec.name);
                if spec.mode == Mode::Enforce && !is_waived {
                    return Err(denial);
                }
                account.hold_anyway(amount);
                if !is_waived {
                    reservation.observed.push(denial);
                }
            }
            reservation.holds.push(Hold {
                account: Arc::clone(account),
                limit: Arc::clone(spec),
                held: amount,
            });
        }
        Ok(reservation)
    }

    /// Adds what was settled in the period that `now` is in before this process began. `values` are those of the limit's
    /// `*` dimensions, in their order.
    pub fn seed(&self, limit: &str, values: &[Arc<str>], settled: Amount, now: UnixMicros) {
        let limits = self.limits.load();
        if let Some(limit) = limits.iter().find(|known| &*known.spec.name == limit) {
            let key = values.iter().cloned().collect();
            let slot = limit.slot(&key, now);
            slot.account.seed(settled);
            if let Some(fleet) = self.fleet.get() {
                slot.place(&limit.spec, &key);
                fleet.touch(&slot.account);
            }
        }
    }

    /// The gateways that share these limits; `None` for one that is alone.
    pub fn fleet(&self) -> Option<&Arc<Fleet>> {
        self.fleet.get()
    }

    /// Shares these limits from now on. Only the first fleet counts.
    pub(crate) fn join(&self, fleet: Arc<Fleet>) {
        let _ = self.fleet.set(fleet);
    }

    /// The accounts of now, each with its place among gateways; those of limits with `*` dimensions only when asked for.
    pub(crate) fn accounts(&self, with_each: bool, now: UnixMicros) -> Vec<Arc<Account>> {
        let limits = self.limits.load();
        let limits = limits.iter().filter(|limit| with_each || limit.spec.scope.each().next().is_none());
        let placed = |limit: &Arc<Limit>, (key, slot): (AccountKey, Slot)| {
            slot.place(&limit.spec, &key);
            slot.account
        };
        let of_limit = |limit: &Arc<Limit>| {
            limit.slots(now).into_iter().map(|slot| placed(limit, slot)).collect::<Vec<_>>()
        };
        limits.flat_map(of_limit).collect()
    }

    /// What a call that can use this at most wants of each account that it is charged to, each with its place.
    pub(crate) fn wanted(
        &self,
        payer: &Payer,
        most: &Charge,
        waived: &[Arc<str>],
        now: UnixMicros,
    ) -> SmallVec<[Wanted; 2]> {
        let limits = self.limits.load();
        let wanted = limits.iter().filter_map(|limit| {
            let spec = Arc::clone(&limit.spec);
            let key = spec.scope.account_of(payer)?;
            let (slot, amount) = (limit.slot(&key, now), most.held(spec.measure));
            slot.place(&spec, &key);
            Some(Wanted { is_waived: waived.contains(&spec.name), spec, key, slot, amount })
        });
        wanted.collect()
    }

    /// How every account stands, in the order of the limits and then of their values.
    pub fn status(&self, now: UnixMicros) -> Vec<AccountStatus> {
        let limits = self.limits.load();
        let of_limit = |limit: &Arc<Limit>| {
            let mut slots = limit.slots(now);
            slots.sort_by(|(a, _), (b, _)| a.cmp(b));
            let status = slots.into_iter().map(|(key, slot)| status(&limit.spec, &key, &slot));
            status.collect::<Vec<_>>()
        };
        limits.iter().flat_map(of_limit).collect()
    }

    /// The accounts that have reached a threshold of `warn_at` for the first time in their period, each with the
    /// highest share reached.
    pub fn take_warnings(&self, now: UnixMicros) -> Vec<(f64, AccountStatus)> {
        let mut warnings = Vec::new();
        for limit in self.limits.load().iter().filter(|limit| !limit.spec.warn_at.is_empty()) {
            for (key, slot) in limit.slots(now) {
                let (spec, share) = (&limit.spec, limit.spec.share_of(slot.account.used()));
                let reached = spec.warn_at.iter().filter(|at| share >= **at).count();
                if slot.account.newly_reached(reached)
                    && let Some(at) = spec.warn_at.get(reached - 1)
                {
                    warnings.push((*at, status(spec, &key, &slot)));
                }
            }
        }
        warnings
    }
}

fn values(spec: &LimitSpec, key: &AccountKey) -> Vec<(Dimension, Arc<str>)> {
    spec.scope.each().zip(key.iter().cloned()).collect()
}

fn status(spec: &Arc<LimitSpec>, key: &AccountKey, slot: &Slot) -> AccountStatus {
    let (settled, committed) = (slot.account.settled(), slot.account.committed());
    AccountStatus {
        limit: Arc::clone(spec),
        values: values(spec, key),
        window: Some(slot.window).filter(|Window { to, .. }| to.0 != i64::MAX),
        settled,
        reserved: committed.saturating_sub(settled).max(0).saturating_add(slot.account.others_reserved()),
        others: slot.account.others_settled(),
    }
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
