//! What each kind of file is read as.

use jiff::civil::date;
use serde_json::json;

use super::*;

fn charge(day: Date, model: Option<&str>, usd: f64) -> Charge {
    Charge { day, model: model.map(str::to_owned), amount: NanoUsd::from_usd(usd) }
}

#[test]
fn pages_of_openai_are_in_dollars_and_may_follow_each_other() {
    let page = |start: i64, results: Value| {
        json!({"object": "page", "has_more": false, "data": [
            {"object": "bucket", "start_time": start, "end_time": start + 86_400, "results": results}]})
    };
    let first = page(
        1_730_419_200,
        json!([{"object": "organization.costs.result", "amount": {"value": 0.06, "currency": "usd"},
                "line_item": "gpt-4o-2024-08-06, input", "project_id": null}]),
    );
    let second = page(1_730_505_600, json!([]));
    let export = Export::read(format!("{first}\n{second}").as_bytes()).unwrap();
    assert_eq!(export.provider, Some("openai"));
    assert_eq!(export.charges, [charge(date(2024, 11, 1), Some("gpt-4o"), 0.06)]);
    assert_eq!(export.days, BTreeSet::from([date(2024, 11, 1), date(2024, 11, 2)]));
}

#[test]
fn pages_of_anthropic_are_in_cents() {
    let page = json!({"data": [{"starting_at": "2025-08-01T00:00:00Z", "ending_at": "2025-08-02T00:00:00Z", "results": [
        {"currency": "USD", "amount": "123.78912", "model": "claude-sonnet-4-20250514", "cost_type": "tokens"}]}]});
    let export = Export::read(json!([page]).to_string().as_bytes()).unwrap();
    assert_eq!(export.provider, Some("anthropic"));
    assert_eq!(export.charges, [charge(date(2025, 8, 1), Some("claude-sonnet-4"), 1.237_891_2)]);
}

#[test]
fn the_csv_of_openais_console_has_days_without_amounts() {
    let text = "start_time,end_time,start_time_iso,end_time_iso,amount_value,amount_currency,line_item,project_id\n\
                1759622400,1759708800,2025-10-05T00:00:00+00:00,2025-10-06T00:00:00+00:00,0.8958740000000000,usd,,\n\
                1759968000,1760054400,2025-10-09T00:00:00+00:00,2025-10-10T00:00:00+00:00,,,,\n";
    let export = Export::read(text.as_bytes()).unwrap();
    assert_eq!(export.provider, Some("openai"));
    assert_eq!(export.charges, [charge(date(2025, 10, 5), None, 0.895_874)]);
    assert_eq!(export.days.len(), 2);
}

#[test]
fn any_csv_with_a_day_and_an_amount_will_do() {
    let text = "\u{feff}Date, Model, Cost\n2026-11-01, llama-3, $1.50\n";
    let export = Export::read(text.as_bytes()).unwrap();
    assert_eq!(export.provider, None);
    assert_eq!(export.charges, [charge(date(2026, 11, 1), Some("llama-3"), 1.5)]);
}

#[test]
fn what_cannot_be_read_is_refused_with_its_place() {
    for (text, says) in [
        ("", "it is empty"),
        ("{\"data\": [{}]}", "expected buckets with `start_time`"),
        ("{}", "expected a page"),
        ("day,price\n2026-11-01,1\n", "expected a column with the amount in dollars: amount_value, cost_usd"),
        ("price\n1\n", "expected a column with the day"),
        ("date,cost\nyesterday,1\n", "line 2: expected a day"),
        ("date,cost\n2026-11-01,NaN\n", "line 2: expected an amount, found \"NaN\""),
        ("date,cost,currency\n2026-11-01,1,EUR\n", "line 2: expected dollars, found EUR"),
    ] {
        let error = format!("{:#}", Export::read(text.as_bytes()).unwrap_err());
        assert!(error.contains(says), "{text:?}: {error}");
    }
}

#[test]
fn names_of_models_lose_their_dates_and_nothing_else() {
    for (model, name) in [
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("claude-3-5-haiku-20241022", "claude-3-5-haiku"),
        ("gpt-4-0613", "gpt-4-0613"),
        ("o1", "o1"),
        ("a-20-30", "a-20-30"),
        ("", ""),
    ] {
        assert_eq!(undated(model), name);
    }
}
