//! What `explain` says.

use weir_query::{explain, parse};
use weir_types::metric;

use crate::memory::{Memory, at, between};

fn explained(query: &str, step_minutes: Option<i64>, tz: Option<&str>) -> String {
    let mut store = Memory::new();
    store.add(metric::LLM_REQUEST_COUNT, at("2026-03-02T00:00:00Z"), &[], &[1.0]);
    let ctx = between("2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z", step_minutes, tz);
    explain(&parse(query).unwrap(), &ctx, &store)
}

#[test]
fn a_rate_is_explained_as_two_scans() {
    insta::assert_snapshot!(explained("rate(llm.request.error) by model where {team:payments}", None, None));
}

#[test]
fn rows_are_explained_by_the_tag_that_needs_them() {
    insta::assert_snapshot!(explained("top(5, p95:llm.request.duration{*} by {session_id})", Some(60), None));
}

#[test]
fn aliases_defaults_and_earlier_times_are_spelt_out() {
    insta::assert_snapshot!(explained("token_spend / week_before(token_spend)", None, Some("Europe/Berlin")));
}

#[test]
fn what_is_wrong_with_the_time_is_said() {
    insta::assert_snapshot!(explained("sum(llm.cost.usd)", Some(0), None));
}
