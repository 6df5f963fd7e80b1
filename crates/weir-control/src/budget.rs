//! Layer 2: budgets and rate limits that hold. Reserve before a call, settle after it.
//!
//! Before a call goes out, the most that it can cost is reserved with every limit that is about it; when its usage is
//! known the reservation becomes the real amount, and when it fails the reservation is given back. So calls under way
//! cannot jointly pass a limit, however many there are. Budgets and rate limits are one thing here: an amount (money,
//! tokens, calls) within a period (a minute to a month, or "at once" for calls under way), by scope.
//!
//! | part | does |
//! |---|---|
//! | [`LimitSpec`] | what a limit is: scope, amount, period, what happens when it is reached |
//! | `period` | when periods begin and end, in a time zone |
//! | `account` | one amount under one limit: the atomic that nobody passes |
//! | `accounts` | the accounts of one limit, one for each value of a `*` dimension |
//! | [`Ledger`] | all limits: reserves a call with each of them or with none |
//! | [`Fleet`] | the same for limits that several gateways share |
//!
//! Invariants: settled plus reserved amounts of an account pass its limit only where a call costs more than was reserved
//! for it, or where the limit only observes. A reservation is settled or given back exactly once, also when its call
//! panics: dropping it gives it back.

mod account;
mod accounts;
mod bound;
mod charge;
mod entry;
mod fleet;
mod ledger;
mod period;
mod spec;
mod status;

pub use bound::{Demand, Target};
pub use charge::{Charge, Payer};
pub use entry::{BudgetEntry, EntryFault, RateLimitEntry, ScopeEntry};
pub use fleet::{Fleet, FleetConfig, FleetStats, NotReserved, OnUnavailable};
pub use ledger::{Denial, Ledger, Reservation};
pub use period::{Period, Window};
pub use spec::{Amount, Dimension, LimitKind, LimitSpec, Measure, OnShutoff, ScopeRule, SpecFault};
pub use status::AccountStatus;
