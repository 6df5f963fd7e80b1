//! Why spend changed and what the month will come to, from a store.

use weir_query::QueryContext;
use weir_query::cost::{CostChange, Forecast, change, forecast};
use weir_types::{
    NanoUsd, PicoUsdPerToken, PriceSource, Scope, TagKey, TimeRange, TokenRates, UnixMicros, metric,
};

use crate::memory::{Memory, at};

/// A dollar for a million tokens read, a tenth of that from caches, two written.
struct OnePrice;

impl PriceSource for OnePrice {
    fn rates(&self, _: &str, model: &str) -> Option<TokenRates> {
        let rate = PicoUsdPerToken;
        let rates = TokenRates { input: rate(1_000_000), cache_read: rate(100_000), output: rate(2_000_000) };
        (model != "unlisted").then_some(rates)
    }
}

/// One call of a model.
fn call(store: &mut Memory, time: &str, model: &str, [input, cached, output]: [f64; 3], usd: f64) {
    let (time, tags) = (at(time), [("provider", "p"), ("model", model), ("team", "t")]);
    store.add(metric::LLM_REQUEST_COUNT, time, &tags, &[1.0]);
    store.add(metric::LLM_TOKENS_INPUT, time, &tags, &[input]);
    store.add(metric::LLM_TOKENS_CACHED, time, &tags, &[cached]);
    store.add(metric::LLM_TOKENS_OUTPUT, time, &tags, &[output]);
    store.add(metric::LLM_COST_USD, time, &tags, &[usd]);
}

const BEFORE: &str = "2026-03-25T10:00:00Z";
const AFTER: &str = "2026-04-01T10:00:00Z";

/// The change of the week to 4 April 2026 in Berlin, where clocks were put forward in the week before it ended.
fn changed(store: &Memory) -> CostChange {
    let range = TimeRange { from: at("2026-03-28T23:00:00Z"), to: at("2026-04-04T23:00:00Z") };
    let ctx = QueryContext { range, step_us: None, tz: Some("Europe/Berlin".to_owned()) };
    change(&ctx, &Scope::All, &TagKey::new("model"), &OnePrice, store).unwrap()
}

/// The parts in thousandths of a dollar: volume, mix, tokens, price, cache.
fn parts(store: &Memory) -> [i64; 5] {
    let change = changed(store);
    let sum: NanoUsd = change.parts.iter().copied().sum();
    assert_eq!(sum, change.after - change.before, "parts add up");
    change.parts.map(|part| (part.0 + 500_000).div_euclid(1_000_000))
}

#[test]
fn more_calls_are_volume_and_longer_ones_are_tokens() {
    let mut store = Memory::new();
    call(&mut store, BEFORE, "m", [1e6, 0.0, 0.0], 1.0);
    call(&mut store, AFTER, "m", [1e6, 0.0, 0.0], 1.0);
    call(&mut store, AFTER, "m", [1e6, 0.0, 0.0], 1.0);
    assert_eq!(parts(&store), [1_000, 0, 0, 0, 0]);

    let mut store = Memory::new();
    call(&mut store, BEFORE, "m", [1e6, 0.0, 0.0], 1.0);
    call(&mut store, AFTER, "m", [1e6, 0.0, 1e6], 3.0);
    assert_eq!(parts(&store), [0, 0, 2_000, 0, 0]);
}

#[test]
fn what_caches_save_is_told_apart_from_prices() {
    let mut store = Memory::new();
    call(&mut store, BEFORE, "m", [1e6, 0.0, 0.0], 1.0);
    call(&mut store, AFTER, "m", [1e6, 1e6, 0.0], 0.1);
    assert_eq!(parts(&store), [0, 0, 0, 0, -900]);

    let mut store = Memory::new();
    call(&mut store, BEFORE, "m", [1e6, 0.0, 0.0], 1.0);
    call(&mut store, AFTER, "m", [1e6, 0.0, 0.0], 0.5);
    assert_eq!(parts(&store), [0, 0, 0, -500, 0]);
}

#[test]
fn another_model_is_mix_also_where_it_is_not_on_the_list() {
    let mut store = Memory::new();
    call(&mut store, BEFORE, "unlisted", [1e6, 0.0, 0.0], 5.0);
    call(&mut store, AFTER, "m", [1e6, 0.0, 0.0], 1.0);
    assert_eq!(parts(&store), [0, -4_000, 0, 0, 0]);
    let values: Vec<_> =
        changed(&store).by.into_iter().map(|v| (v.value.unwrap().to_string(), v.before, v.after)).collect();
    let usd = NanoUsd::from_usd;
    let expected = [("unlisted".to_owned(), usd(5.0), usd(0.0)), ("m".to_owned(), usd(0.0), usd(1.0))];
    assert_eq!(values, expected, "what changed most comes first");
}

#[test]
fn the_week_before_is_made_of_local_days() {
    let mut store = Memory::new();
    // An hour before the local midnight that the period before begins with, and the first hour after it.
    call(&mut store, "2026-03-21T22:30:00Z", "m", [1e6, 0.0, 0.0], 100.0);
    call(&mut store, "2026-03-21T23:30:00Z", "m", [1e6, 0.0, 0.0], 1.0);
    let change = changed(&store);
    assert_eq!((change.before, change.after), (NanoUsd::from_usd(1.0), NanoUsd(0)));
}

/// Spend at noon UTC of each day from `from` on, by the place of the day in a week.
fn daily(from: &str, days: i64, usd: impl Fn(i64) -> f64) -> Memory {
    let mut store = Memory::new();
    for day in 0..days {
        let noon = at(from).saturating_add_us(day * UnixMicros::DAY + 12 * UnixMicros::HOUR);
        store.add(metric::LLM_COST_USD, noon, &[("team", "t")], &[usd(day)]);
    }
    store
}

fn projected(store: &Memory, now: &str) -> Forecast {
    forecast(at(now), None, &Scope::All, store).unwrap()
}

#[test]
fn a_steady_month_comes_to_its_days_times_what_a_day_costs() {
    // 10 dollars on five days of the week and 2 on the others, since the Monday six weeks before June.
    let store = daily("2026-04-20T00:00:00Z", 56, |day| if day % 7 < 5 { 10.0 } else { 2.0 });
    let month = projected(&store, "2026-06-15T00:00:00Z");
    assert_eq!((month.month.as_str(), month.days.len(), month.basis_days), ("2026-06", 30, 56));
    // Two whole weeks of June are over: 14 days with 108 dollars; 16 days to come have 12 and 4.
    assert_eq!(month.spent, NanoUsd::from_usd(108.0));
    let outlook = month.outlook.unwrap();
    let expected = 108.0 + 12.0 * 10.0 + 4.0 * 2.0;
    assert!((outlook.projected.as_usd() - expected).abs() < 4.0, "{outlook:?}");
    assert!(outlook.low <= outlook.projected && outlook.projected <= outlook.high);
    assert!(outlook.low > month.spent && outlook.high.as_usd() < 1.2 * expected, "{outlook:?}");
    assert!(month.backtest_error.unwrap() < 0.1);
    let (over, to_come) = (&month.days[13], &month.days[20]);
    assert_eq!((over.spent, over.outlook), (Some(NanoUsd::from_usd(2.0)), None));
    assert_eq!((to_come.day.as_str(), to_come.spent), ("2026-06-21", None));
    assert!(to_come.outlook.unwrap().projected.as_usd() < 4.0, "a Sunday is cheap");
}

#[test]
fn a_part_of_today_is_known_and_the_rest_expected() {
    let store = daily("2026-04-20T00:00:00Z", 57, |_| 10.0);
    let today = &projected(&store, "2026-06-15T18:00:00Z").days[14];
    assert_eq!(today.spent, Some(NanoUsd::from_usd(10.0)));
    let expected = today.outlook.unwrap().projected.as_usd();
    assert!(
        (expected - 12.5).abs() < 0.2,
        "six hours of a day that costs ten dollars are to come: {expected}"
    );
}

#[test]
fn without_a_week_of_history_there_is_no_number_and_a_reason() {
    let store = daily("2026-06-10T00:00:00Z", 5, |_| 10.0);
    let month = projected(&store, "2026-06-15T00:00:00Z");
    assert_eq!((month.basis_days, month.spent), (5, NanoUsd::from_usd(50.0)));
    let reason = month.outlook.unwrap_err();
    assert!(reason.contains("7 whole days") && reason.contains("5 so far"), "{reason}");
    assert!(month.days.iter().all(|day| day.outlook.is_none()));
    let none = projected(&Memory::new(), "2026-06-15T00:00:00Z");
    assert_eq!((none.basis_days, none.spent), (0, NanoUsd(0)));
}

#[test]
fn a_month_is_the_month_of_the_time_zone() {
    let store = daily("2026-04-01T00:00:00Z", 60, |_| 1.0);
    let now = at("2026-05-31T23:30:00Z");
    let berlin = forecast(now, Some("Europe/Berlin"), &Scope::All, &store).unwrap();
    assert_eq!((berlin.month.as_str(), berlin.days[0].day.as_str()), ("2026-06", "2026-06-01"));
    assert_eq!(forecast(now, None, &Scope::All, &store).unwrap().month, "2026-05");
    assert!(forecast(now, Some("Mars/Olympus"), &Scope::All, &store).is_err());
}
