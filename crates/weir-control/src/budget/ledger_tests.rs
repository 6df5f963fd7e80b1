//! The ledger from outside: what callers see of reserving and settling.

use jiff::tz::TimeZone;
use weir_types::NanoUsd;

use super::super::{LimitKind, Measure, OnShutoff, Period, ScopeRule};
use super::*;

const NOON: UnixMicros = UnixMicros(1_800_014_400_000_000);

fn limit(name: &str, scope: &[(Dimension, &str)], measure: Measure, amount: Amount) -> LimitSpec {
    LimitSpec {
        name: Arc::from(name),
        kind: LimitKind::Budget,
        scope: ScopeRule(scope.iter().map(|(dimension, value)| (*dimension, Arc::from(*value))).collect()),
        measure,
        amount,
        period: Period::Day,
        timezone: TimeZone::UTC,
        warn_at: vec![0.8, 1.0],
        shutoff_at: 1.0,
        on_shutoff: OnShutoff::Reject,
        mode: Mode::Enforce,
    }
}

fn payer(team: &str, user: &str) -> Payer {
    Payer { team: Some(Arc::from(team)), user: Some(Arc::from(user)), ..Payer::default() }
}

fn usd(cost: i64) -> Charge {
    Charge { cost: NanoUsd(cost), tokens: 10 }
}

fn reserve(ledger: &Ledger, payer: &Payer, cost: i64) -> Result<Reservation, Denial> {
    ledger.reserve(payer, &usd(cost), &[], NOON)
}

#[test]
fn a_call_is_reserved_with_every_limit_or_with_none() {
    let ledger = Ledger::new(vec![
        limit("all", &[], Measure::Usd, 1_000),
        limit("team", &[(Dimension::Team, "payments")], Measure::Usd, 100),
    ]);
    let held = reserve(&ledger, &payer("payments", "ann"), 60).unwrap();
    let denial = reserve(&ledger, &payer("payments", "ann"), 60).unwrap_err();
    assert_eq!(&*denial.limit.name, "team");
    assert_eq!((denial.settled, denial.reserved, denial.wanted), (0, 60, 60));
    assert_eq!(denial.until, Some(UnixMicros(1_800_057_600_000_000)));
    // What the first limit had held for the refused call was given back.
    assert_eq!(ledger.status(NOON)[0].reserved, 60);
    held.settle(&usd(5));
    let status = ledger.status(NOON);
    assert_eq!((status[0].settled, status[0].reserved), (5, 0));
    assert_eq!((status[1].settled, status[1].reserved), (5, 0));
}

#[test]
fn a_star_has_an_account_for_each_value_and_a_call_without_a_value_has_none() {
    let ledger = Ledger::new(vec![limit("each", &[(Dimension::User, "*")], Measure::Usd, 100)]);
    let ann = reserve(&ledger, &payer("a", "ann"), 100).unwrap();
    let ben = reserve(&ledger, &payer("a", "ben"), 100).unwrap();
    assert!(reserve(&ledger, &payer("b", "ann"), 1).is_err());
    assert!(reserve(&ledger, &Payer::default(), 1_000).unwrap().is_empty());
    drop((ann, ben));
    let names: Vec<_> = ledger.status(NOON).iter().map(AccountStatus::values_text).collect();
    assert_eq!(names, ["user:ann", "user:ben"]);
}

#[test]
fn what_is_dropped_is_given_back() {
    let ledger = Ledger::new(vec![limit("all", &[], Measure::Usd, 100)]);
    drop(reserve(&ledger, &payer("a", "ann"), 100).unwrap());
    assert!(reserve(&ledger, &payer("a", "ann"), 100).is_ok());
}

#[test]
fn a_limit_that_observes_counts_and_refuses_nothing() {
    let observing = LimitSpec { mode: Mode::Observe, ..limit("all", &[], Measure::Usd, 100) };
    let ledger = Ledger::new(vec![observing]);
    let held = reserve(&ledger, &payer("a", "ann"), 250).unwrap();
    assert_eq!(held.observed.len(), 1);
    held.settle(&usd(200));
    assert_eq!(ledger.status(NOON)[0].settled, 200);
}

#[test]
fn a_limit_that_is_waived_counts_what_goes_to_a_cheaper_model() {
    let ledger = Ledger::new(vec![limit("all", &[], Measure::Usd, 100)]);
    assert!(reserve(&ledger, &payer("a", "ann"), 250).is_err());
    let held = ledger.reserve(&payer("a", "ann"), &usd(250), &[Arc::from("all")], NOON).unwrap();
    assert!(held.observed.is_empty());
    held.settle(&usd(30));
    assert_eq!(ledger.status(NOON)[0].settled, 30);
}

#[test]
fn calls_and_calls_under_way_are_limits_like_money() {
    let calls = LimitSpec { period: Period::Minute, ..limit("calls", &[], Measure::Calls, 2) };
    let at_once = LimitSpec { period: Period::AtOnce, ..limit("at once", &[], Measure::Concurrent, 1) };
    let ledger = Ledger::new(vec![calls, at_once]);
    let ann = payer("a", "ann");
    let first = reserve(&ledger, &ann, 0).unwrap();
    let denial = reserve(&ledger, &ann, 0).unwrap_err();
    assert_eq!((&*denial.limit.name, denial.until), ("at once", None));
    first.settle(&usd(0));
    reserve(&ledger, &ann, 0).unwrap().settle(&usd(0));
    assert_eq!(&*reserve(&ledger, &ann, 0).unwrap_err().limit.name, "calls");
    let next_minute = NOON.saturating_add_us(UnixMicros::MINUTE);
    assert!(ledger.reserve(&ann, &usd(0), &[], next_minute).is_ok());
}

#[test]
fn a_call_settles_in_the_period_in_which_it_was_reserved() {
    let ledger = Ledger::new(vec![limit("all", &[], Measure::Usd, 100)]);
    let held = reserve(&ledger, &payer("a", "ann"), 100).unwrap();
    let tomorrow = NOON.saturating_add_us(24 * UnixMicros::HOUR);
    let next = ledger.reserve(&payer("a", "ann"), &usd(100), &[], tomorrow).unwrap();
    held.settle(&usd(100));
    next.settle(&usd(40));
    assert_eq!(ledger.status(tomorrow)[0].settled, 40);
}

#[test]
fn a_changed_amount_keeps_what_was_counted_and_a_changed_scope_does_not() {
    let ledger = Ledger::new(vec![limit("all", &[], Measure::Usd, 100)]);
    reserve(&ledger, &payer("a", "ann"), 100).unwrap().settle(&usd(100));
    ledger.set_limits(vec![limit("all", &[], Measure::Usd, 300)]);
    assert_eq!(ledger.status(NOON)[0].settled, 100);
    ledger.set_limits(vec![limit("all", &[(Dimension::Team, "a")], Measure::Usd, 300)]);
    assert_eq!(ledger.status(NOON)[0].settled, 0);
}

#[test]
fn each_threshold_warns_once_a_period() {
    let ledger = Ledger::new(vec![limit("all", &[], Measure::Usd, 100)]);
    let spend = |cost| reserve(&ledger, &payer("a", "ann"), cost).unwrap().settle(&usd(cost));
    spend(79);
    assert!(ledger.take_warnings(NOON).is_empty());
    spend(1);
    assert_eq!(ledger.take_warnings(NOON).iter().map(|(at, _)| *at).collect::<Vec<_>>(), [0.8]);
    assert!(ledger.take_warnings(NOON).is_empty());
    spend(20);
    assert_eq!(ledger.take_warnings(NOON).iter().map(|(at, _)| *at).collect::<Vec<_>>(), [1.0]);
}

#[test]
fn what_was_spent_before_a_restart_counts() {
    let ledger = Ledger::new(vec![limit("each", &[(Dimension::User, "*")], Measure::Usd, 100)]);
    ledger.seed("each", &[Arc::from("ann")], 90, NOON);
    assert!(reserve(&ledger, &payer("a", "ann"), 20).is_err());
    assert!(reserve(&ledger, &payer("a", "ben"), 20).is_ok());
}
