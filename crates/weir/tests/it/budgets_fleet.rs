//! A budget that two running Weirs share through a real Redis, one of which is killed.

use http::{Method, StatusCode};
use serde_json::json;

use crate::support::*;

/// What calls of the simulator cost here: 15 cents in and 30 out, of which the 30 are reserved.
const DEAR: &str = "input_tokens=1000000;output_tokens=500000";

/// One that is not answered before its gateway is killed.
const HANGING: &str = "input_tokens=1000000;output_tokens=500000;delay_ms=600000";

fn body() -> String {
    json!({
        "model": "gpt-4o-mini", "max_tokens": 500_000,
        "messages": [{ "role": "user", "content": "hello" }],
    })
    .to_string()
}

async fn call(weir: &WeirProcess) -> Answer {
    weir.post("/v1/chat/completions", &[(SIM_HEADER, DEAR)], body()).await.unwrap()
}

/// Settled, reserved, and what others have settled, of the one budget.
async fn stands(weir: &WeirProcess) -> (f64, f64, f64) {
    let budget = weir.get("/api/budgets").await.unwrap().json()["budgets"][0].clone();
    let amount = |name: &str| budget[name].as_f64().unwrap();
    (amount("settled"), amount("reserved"), amount("others"))
}

async fn until_stands(weir: &WeirProcess, what: &str, holds: impl Fn((f64, f64, f64)) -> bool) {
    eventually(what, async || holds(stands(weir).await).then_some(())).await.unwrap();
}

async fn until_shared(weir: &WeirProcess) {
    eventually("limits are shared by two gateways", async || {
        let page = weir.get("/metrics").await.ok()?.text();
        (page.contains("weir_fleet_limits_shared 1") && page.contains("weir_fleet_gateways 2")).then_some(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_gateway_that_is_killed_frees_what_it_held_and_keeps_what_it_had_settled() {
    let redis = RedisServer::start().unwrap();
    let shared = format!(
        "[redis]\nurl = \"{}\"\non_unavailable = \"deny\"\n\n[[budgets]]\nname = \"all\"\nperiod = \
         \"month\"\namount_usd = 1.0\nshutoff_at = 1.0\n",
        redis.url()
    );
    let (simulator, mut one) = weir_before_simulator(&shared).await;
    let other = WeirProcess::start(&config(&simulator, &shared)).await.unwrap();
    until_shared(&one).await;
    until_shared(&other).await;
    assert_eq!(call(&one).await.status, 200);
    until_stands(&other, "what the other gateway has settled", |(_, reserved, others)| {
        (others - 0.45).abs() < 1e-9 && reserved == 0.0
    })
    .await;

    // A call of one is under way, and another one does not fit beside it.
    let url = one.url("/v1/chat/completions");
    let under_way = tokio::spawn(async move {
        let opened = HttpClient.open(Method::POST, &url, &[(SIM_HEADER, HANGING)], body().into()).await;
        match opened {
            Ok(opened) => opened.read().await.is_ok(),
            Err(_) => false,
        }
    });
    until_stands(&other, "what the other gateway has reserved", |(_, reserved, _)| reserved > 0.25).await;
    assert!(!under_way.is_finished());
    let refused = call(&other).await;
    assert_eq!(
        (refused.status, refused.header("weir-error")),
        (StatusCode::TOO_MANY_REQUESTS, "budget_exceeded"),
        "{}",
        refused.text()
    );

    one.kill9().await.unwrap();
    assert!(!under_way.await.unwrap());
    until_stands(&other, "the end of what it held", |(_, reserved, others)| {
        reserved == 0.0 && (others - 0.45).abs() < 1e-9
    })
    .await;
    assert_eq!(call(&other).await.status, 200);
    until_stands(&other, "the second call", |(settled, ..)| (settled - 0.45).abs() < 1e-9).await;
    assert_eq!(call(&other).await.status, 429);

    // It comes back as the one that it was.
    one.restart().await.unwrap();
    until_shared(&one).await;
    until_stands(&one, "what both have settled", |(settled, _, others)| {
        (settled - 0.45).abs() < 1e-9 && (others - 0.45).abs() < 1e-9
    })
    .await;
    assert_eq!(call(&one).await.status, 429);
}
