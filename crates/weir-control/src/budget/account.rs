//! One amount under one limit.
//!
//! The state is two numbers: what is settled, and what is *committed*: settled and reserved together. Only `committed` is
//! held against the limit, by compare and swap, so no interleaving of calls passes it. `settled` is for people.
//!
//! Where gateways share their limits, an account also knows its name among them and what the others have. Then only the task
//! that talks with them ([`super::fleet`]) holds amounts; settling is the same.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};

use weir_types::UnixMicros;

use super::Amount;

/// One amount under one limit, for one period.
#[derive(Debug, Default)]
pub(crate) struct Account {
    settled: AtomicI64,
    committed: AtomicI64,
    /// What other gateways have settled, as far as known.
    others_settled: AtomicI64,
    /// What other gateways have reserved, as far as known.
    others_reserved: AtomicI64,
    /// How many warnings have been given.
    warned: AtomicUsize,
    /// Where gateways of a fleet find it; empty without a fleet.
    place: OnceLock<Place>,
    /// Whether it waits to be told to the fleet.
    is_touched: AtomicBool,
}

/// Where gateways of a fleet find an account.
#[derive(Debug)]
pub(crate) struct Place {
    /// Its name, the same at every gateway.
    pub(crate) key: String,
    /// When its period ends; [`i64::MAX`] for one without end.
    pub(crate) ends_at: UnixMicros,
}

impl Account {
    /// Holds an amount, unless that would pass the limit.
    pub(crate) fn hold(&self, amount: Amount, limit: Amount) -> Result<(), ()> {
        let within = |committed: Amount| {
            let after = committed.checked_add(amount)?;
            let all = after.checked_add(self.others())?;
            (all <= limit).then_some(after)
        };
        self.committed.fetch_update(Ordering::AcqRel, Ordering::Acquire, within).map(drop).map_err(drop)
    }

    /// Holds an amount, whatever the limit.
    pub(crate) fn hold_anyway(&self, amount: Amount) {
        add(&self.committed, amount);
    }

    /// Turns what was held into what was used.
    pub(crate) fn settle(&self, held: Amount, used: Amount) {
        add(&self.settled, used);
        add(&self.committed, used.saturating_sub(held));
    }

    /// Puts in place what was settled before this process began, keeping what has happened since.
    pub(crate) fn seed(&self, settled: Amount) {
        self.settle(0, settled);
    }

    /// What this process has settled.
    pub(crate) fn settled(&self) -> Amount {
        self.settled.load(Ordering::Acquire)
    }

    /// What this process has settled or reserved.
    pub(crate) fn committed(&self) -> Amount {
        self.committed.load(Ordering::Acquire)
    }

    /// What others have settled or reserved, as far as known.
    pub(crate) fn others(&self) -> Amount {
        self.others_settled().saturating_add(self.others_reserved())
    }

    /// What others have settled, as far as known.
    pub(crate) fn others_settled(&self) -> Amount {
        self.others_settled.load(Ordering::Relaxed)
    }

    /// What others have reserved, as far as known.
    pub(crate) fn others_reserved(&self) -> Amount {
        self.others_reserved.load(Ordering::Relaxed)
    }

    /// Notes what others have.
    pub(crate) fn set_others(&self, settled: Amount, reserved: Amount) {
        self.others_settled.store(settled, Ordering::Relaxed);
        self.others_reserved.store(reserved, Ordering::Relaxed);
    }

    /// What is used everywhere, as far as known.
    pub(crate) fn used(&self) -> Amount {
        self.settled().saturating_add(self.others_settled())
    }

    /// Where gateways of a fleet find it; made when it is first asked for.
    pub(crate) fn place_or(&self, make: impl FnOnce() -> Place) -> &Place {
        self.place.get_or_init(make)
    }

    /// Where gateways of a fleet find it, where a fleet is.
    pub(crate) fn place(&self) -> Option<&Place> {
        self.place.get()
    }

    /// Marks it as waiting to be told; whether it was not before.
    pub(crate) fn newly_touched(&self) -> bool {
        !self.is_touched.swap(true, Ordering::AcqRel)
    }

    /// It is about to be told: whatever happens to it from now on must be told again.
    pub(crate) fn tell(&self) {
        self.is_touched.store(false, Ordering::Release);
    }

    /// Whether more thresholds are reached than at any time before.
    pub(crate) fn newly_reached(&self, reached: usize) -> bool {
        reached > self.warned.fetch_max(reached, Ordering::AcqRel)
    }
}

/// Saturating, because a sum that wraps would look like an empty budget.
fn add(sum: &AtomicI64, amount: Amount) {
    if amount != 0 {
        let _ = sum.fetch_update(Ordering::AcqRel, Ordering::Acquire, |sum| Some(sum.saturating_add(amount)));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;

    /// What may happen to an account.
    #[derive(Debug, Clone)]
    enum Step {
        Hold(Amount),
        /// The reservation of this number, modulo how many there are, is settled with a share of what it held.
        Settle(usize, u8),
        Release(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => (0..200i64).prop_map(Step::Hold),
            2 => (any::<usize>(), any::<u8>()).prop_map(|(at, share)| Step::Settle(at, share)),
            1 => any::<usize>().prop_map(Step::Release),
        ]
    }

    proptest! {
        #[test]
        fn the_limit_holds_and_every_amount_is_accounted_for(
            steps in prop::collection::vec(step(), 0..200),
            limit in 0..1_000i64,
        ) {
            let account = Account::default();
            let (mut held, mut settled) = (Vec::new(), 0);
            for step in steps {
                match step {
                    Step::Hold(amount) => match account.hold(amount, limit) {
                        Ok(()) => held.push(amount),
                        Err(()) => prop_assert!(settled + held.iter().sum::<i64>() + amount > limit),
                    },
                    Step::Settle(at, share) if !held.is_empty() => {
                        let amount = held.swap_remove(at % held.len());
                        let used = amount * i64::from(share) / 255;
                        account.settle(amount, used);
                        settled += used;
                    }
                    Step::Release(at) if !held.is_empty() => {
                        account.settle(held.swap_remove(at % held.len()), 0);
                    }
                    Step::Settle(..) | Step::Release(_) => {}
                }
                prop_assert!(account.committed() <= limit);
                prop_assert_eq!(account.settled(), settled);
                prop_assert_eq!(account.committed(), settled + held.iter().sum::<i64>());
            }
        }
    }

    #[test]
    fn threads_that_race_never_pass_the_limit_and_use_all_of_it() {
        let account = Arc::new(Account::default());
        let limit = 10_000;
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let account = Arc::clone(&account);
                std::thread::spawn(move || {
                    let mut granted = 0;
                    for _ in 0..10_000 {
                        if account.hold(3, limit).is_ok() {
                            assert!(account.committed() <= limit);
                            account.settle(3, 1);
                            granted += 1;
                        }
                    }
                    granted
                })
            })
            .collect();
        let granted: i64 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
        assert_eq!(account.settled(), granted);
        assert_eq!(account.committed(), granted);
        assert!(granted >= limit - 3 * 8, "only {granted} of {limit} were granted");
    }
}
