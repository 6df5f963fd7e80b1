//! Budgets and rate limits: what is reserved before a call, settled after it, and refused.

use std::sync::Arc;

use jiff::tz::TimeZone;
use weir_control::Mode;
use weir_control::budget::{Dimension, LimitKind, LimitSpec, Measure, OnShutoff, Period, ScopeRule};

use crate::support::*;

/// What [`ANSWER`] costs with `gpt-4o`: 10 tokens at $2.50 and 5 at $10 a million.
const ANSWER_NANO_USD: i64 = 75_000;

fn budget(scope: &[(Dimension, &str)], nano_usd: i64) -> LimitSpec {
    LimitSpec {
        name: "spend".into(),
        kind: LimitKind::Budget,
        scope: ScopeRule(scope.iter().map(|(dimension, value)| (*dimension, Arc::from(*value))).collect()),
        measure: Measure::Usd,
        amount: nano_usd,
        period: Period::Day,
        timezone: TimeZone::UTC,
        warn_at: vec![],
        shutoff_at: 1.0,
        on_shutoff: OnShutoff::Reject,
        mode: Mode::Enforce,
    }
}

fn decisions(span: &weir_types::Span) -> Vec<String> {
    span.policy.iter().map(|decision| format!("{} {}", decision.policy, decision.action)).collect()
}

fn settled(weir: &Weir) -> (i64, i64) {
    let status = weir.ledger.status(weir.now());
    (status[0].settled, status[0].reserved)
}

/// A call that reserves up to 125,000 nano-dollars when its ten tokens of input are counted, and more by its bytes.
fn short_chat() -> String {
    chat(r#","max_tokens":10"#)
}

async fn team_call(weir: &Weir, team: &str) -> Response {
    weir.post("/v1/chat/completions", &[("weir-team", team)], short_chat()).await
}

#[tokio::test]
async fn a_call_is_settled_at_what_it_cost_and_refused_when_it_could_cost_too_much() {
    let provider = Provider::answering(200, ANSWER).await;
    let limit = budget(&[(Dimension::Team, "payments")], 200_000);
    let weir =
        WeirBuilder::new(vec![provider_config("openai", provider.url("/v1"))]).limits(vec![limit]).start();
    assert_eq!(team_call(&weir, "payments").await.status, 200);
    weir.calls(1).await;
    assert_eq!(settled(&weir), (ANSWER_NANO_USD, 0));
    // Bounded by its bytes the call does not fit; counted it does, once more.
    assert_eq!(team_call(&weir, "payments").await.status, 200);
    let refused = team_call(&weir, "payments").await;
    assert_eq!((refused.status, refused.header("weir-error")), (429, Some("budget_exceeded")));
    assert_eq!(refused.header("weir-policy"), Some("budget;name=spend"));
    let message = refused.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(
        message.starts_with("budget \"spend\" (team:payments): $0.00015 of $0.0002 used in this day"),
        "{message}"
    );
    let pause: i64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=24 * 3_600).contains(&pause), "{pause}");
    assert_eq!(team_call(&weir, "search").await.status, 200);
    let calls = weir.calls(4).await;
    assert_eq!(decisions(&calls[2]), ["budget rejected"]);
    assert_eq!(calls[2].error_type.as_deref(), Some("budget_exceeded"));
    assert_eq!(provider.seen().len(), 3);
}

#[tokio::test]
async fn the_next_period_begins_with_nothing_spent() {
    let provider = Provider::answering(200, ANSWER).await;
    let weir = WeirBuilder::new(vec![provider_config("openai", provider.url("/v1"))])
        .limits(vec![budget(&[], 130_000)])
        .start();
    assert_eq!(weir.chat(short_chat()).await.status, 200);
    assert_eq!(weir.chat(short_chat()).await.status, 429);
    weir.turn_clock_ms(24 * 3_600_000);
    assert_eq!(weir.chat(short_chat()).await.status, 200);
}

#[tokio::test]
async fn a_failed_call_gives_back_what_it_held() {
    let provider =
        Provider::answering(400, r#"{"error":{"message":"no","type":"invalid_request_error"}}"#).await;
    let weir = WeirBuilder::new(vec![provider_config("openai", provider.url("/v1"))])
        .limits(vec![budget(&[], 130_000)])
        .start();
    for _ in 0..3 {
        assert_eq!(weir.chat(short_chat()).await.status, 400);
    }
    weir.calls(3).await;
    assert_eq!(settled(&weir), (0, 0));
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_nothing_reserved() {
    let provider = Provider::doing(vec![Step::Hang]).await;
    let weir = WeirBuilder::new(vec![provider_config("openai", provider.url("/v1"))])
        .limits(vec![budget(&[], 130_000)])
        .start();
    let mut client = weir.client().await;
    client.post("/v1/chat/completions", &[], short_chat()).await;
    patiently("the request", async {
        while provider.seen().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(settled(&weir).1 > 0);
    drop(client);
    weir.calls(1).await;
    assert_eq!(settled(&weir).1, 0);
}

#[tokio::test]
async fn two_hundred_clients_at_once_never_pass_the_limit() {
    let provider = Provider::answering(200, ANSWER).await;
    let limit = 20 * ANSWER_NANO_USD + 130_000;
    let weir = WeirBuilder::new(vec![provider_config("openai", provider.url("/v1"))])
        .limits(vec![budget(&[], limit)])
        .threads(2)
        .start();
    let weir = Arc::new(weir);
    let calls: Vec<_> = (0..200)
        .map(|_| {
            let weir = Arc::clone(&weir);
            tokio::spawn(async move { weir.chat(short_chat()).await.status })
        })
        .collect();
    let mut statuses = Vec::new();
    for call in calls {
        statuses.push(call.await.unwrap());
    }
    assert!(statuses.iter().all(|status| matches!(status, 200 | 429)), "{statuses:?}");
    let spans = weir.calls(200).await;
    let spent: i64 = spans.iter().filter_map(|span| span.cost).map(|cost| cost.0).sum();
    assert!(spent <= limit, "{spent} of {limit}");
    assert_eq!(settled(&weir), (spent, 0));
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), provider.seen().len());
}

#[tokio::test]
async fn a_budget_that_is_used_up_sends_calls_to_a_cheaper_model() {
    let cheap = ANSWER.replace("gpt-4o-2024-08-06", "gpt-4o-mini-2024-07-18");
    let provider = Provider::scripted(move |_, seen| {
        let answer = if seen.text().contains("gpt-4o-mini") { &cheap } else { ANSWER };
        vec![json_answer(200, &[], answer)]
    })
    .await;
    let limit =
        LimitSpec { on_shutoff: OnShutoff::CheaperModel("gpt-4o-mini".into()), ..budget(&[], 130_000) };
    let weir =
        WeirBuilder::new(vec![provider_config("openai", provider.url("/v1"))]).limits(vec![limit]).start();
    assert_eq!(weir.chat(short_chat()).await.header("weir-policy"), None);
    let rerouted = weir.chat(short_chat()).await;
    assert_eq!((rerouted.status, rerouted.header("weir-policy")), (200, Some("budget;name=spend")));
    assert_eq!(weir.chat(short_chat().replace("gpt-4o", "gpt-4o-mini")).await.status, 200);
    let calls = weir.calls(3).await;
    assert_eq!(decisions(&calls[1]), ["budget rerouted"]);
    assert_eq!(calls[1].response_model.as_deref(), Some("gpt-4o-mini-2024-07-18"));
    assert!(calls[1].saved.is_some_and(|saved| saved.0 > 0), "{:?}", calls[1].saved);
}

#[tokio::test]
async fn a_limit_that_observes_notes_what_it_would_have_done() {
    let provider = Provider::answering(200, ANSWER).await;
    let limit = LimitSpec { mode: Mode::Observe, ..budget(&[], 1) };
    let weir =
        WeirBuilder::new(vec![provider_config("openai", provider.url("/v1"))]).limits(vec![limit]).start();
    let answered = weir.chat(short_chat()).await;
    assert_eq!((answered.status, answered.header("weir-policy")), (200, None));
    assert_eq!(decisions(&weir.call().await), ["budget would_reject"]);
}

#[tokio::test]
async fn a_rate_limit_counts_calls_and_says_when_to_come_back() {
    let provider = Provider::answering(200, ANSWER).await;
    let rate = |measure, amount, period| LimitSpec {
        name: "pace".into(),
        kind: LimitKind::Rate,
        measure,
        period,
        ..budget(&[(Dimension::User, "*")], amount)
    };
    let weir = WeirBuilder::new(vec![provider_config("openai", provider.url("/v1"))])
        .limits(vec![rate(Measure::Calls, 1, Period::Minute)])
        .start();
    let call = async |user| weir.post("/v1/chat/completions", &[("weir-user", user)], short_chat()).await;
    assert_eq!(call("ann").await.status, 200);
    let refused = call("ann").await;
    assert_eq!((refused.status, refused.header("weir-error")), (429, Some("rate_limited")));
    assert!(refused.header("retry-after").unwrap().parse::<u64>().unwrap() <= 60);
    assert_eq!(call("ben").await.status, 200);
    weir.turn_clock_ms(60_000);
    assert_eq!(call("ann").await.status, 200);
}
