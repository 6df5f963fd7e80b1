//! Budgets of a running Weir: kept across kills, changed while it runs, told of, and shown.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::*;

/// Calls of one team may cost a dollar a month, which is less than what one call reserves after the first.
const CONFIG: &str = "[[budgets]]\nname = \"payments\"\nscope = { team = \"payments\" }\nperiod = \"month\"\n\
                      amount_usd = 0.5\nshutoff_at = 1.0\n";

/// A million tokens of `gpt-4o-mini`: 15 cents in and 60 out.
const DEAR: &str = "input_tokens=1000000;output_tokens=500000";

async fn call(weir: &WeirProcess, team: &str) -> Answer {
    call_as(weir, team, "").await
}

/// A call that says this in the header `weir-source`, as Weir's own judges and probes do.
async fn call_as(weir: &WeirProcess, team: &str, source: &str) -> Answer {
    let body = json!({
        "model": "gpt-4o-mini", "max_tokens": 500_000,
        "messages": [{ "role": "user", "content": "hello" }],
    });
    let headers = [(SIM_HEADER, DEAR), ("weir-team", team), ("weir-source", source)];
    weir.post("/v1/chat/completions", &headers, body.to_string()).await.unwrap()
}

async fn send(weir: &WeirProcess, method: Method, path: &str, body: &str) -> Answer {
    let body = body.to_owned().into();
    let answer = HttpClient.open(method, &weir.url(path), &[], body).await.unwrap();
    answer.read().await.unwrap()
}

async fn budget(weir: &WeirProcess) -> Value {
    let answer = weir.get("/api/budgets").await.unwrap();
    answer.json()["budgets"][0].clone()
}

/// How much is settled, once nothing is reserved any more.
async fn settled(weir: &WeirProcess) -> f64 {
    let budget = eventually("calls are settled", async || {
        let budget = budget(weir).await;
        (budget["reserved"] == 0.0).then_some(budget)
    });
    budget.await.unwrap()["settled"].as_f64().unwrap()
}

#[tokio::test]
async fn what_was_spent_is_known_after_a_kill_and_a_budget_can_be_raised_while_weir_runs() {
    let (_simulator, mut weir) = weir_before_simulator(CONFIG).await;
    assert_eq!(call(&weir, "payments").await.status, 200);
    let spent = settled(&weir).await;
    assert!((spent - 0.45).abs() < 1e-9, "{spent}");
    assert_eq!(call(&weir, "payments").await.status, 429);

    weir.kill9().await.unwrap();
    weir.restart().await.unwrap();
    assert!((settled(&weir).await - spent).abs() < 1e-9);
    let refused = call(&weir, "payments").await;
    assert_eq!(
        (refused.status, refused.header("weir-error")),
        (StatusCode::TOO_MANY_REQUESTS, "budget_exceeded"),
        "{}",
        refused.text()
    );
    assert_eq!(call(&weir, "search").await.status, 200);

    let raised = json!({ "by": "ana", "entry": {
        "scope": { "team": "payments" }, "period": "month", "amount_usd": 2.0, "shutoff_at": 1.0,
    }});
    let put = send(&weir, Method::PUT, "/api/budgets/payments", &raised.to_string()).await;
    assert_eq!(put.status, 204, "{}", put.text());
    assert_eq!(call(&weir, "payments").await.status, 200);
    assert!((settled(&weir).await - 2.0 * spent).abs() < 1e-9);

    weir.kill9().await.unwrap();
    weir.restart().await.unwrap();
    let budget = budget(&weir).await;
    assert_eq!((&budget["amount"], &budget["defined_in"]), (&json!(2.0), &json!("dashboard")));
    let removed = send(&weir, Method::DELETE, "/api/budgets/payments?by=ana", "").await;
    assert_eq!(removed.status, 204, "{}", removed.text());
    assert_eq!(call(&weir, "payments").await.status, 429);
}

#[tokio::test]
async fn what_judges_and_probes_spend_is_known_after_a_restart_too() {
    for source in ["evaluator", "probe"] {
        let (_simulator, mut weir) = weir_before_simulator(CONFIG).await;
        let secret = std::fs::read_to_string(weir.data_dir().join("own-calls.secret")).unwrap();
        let said = format!("{source} {}", secret.trim());
        assert_eq!(call_as(&weir, "payments", &said).await.status, 200);
        let spent = settled(&weir).await;
        assert_eq!(sources(&weir).await, [source]);
        weir.restart().await.unwrap();
        assert!((settled(&weir).await - spent).abs() < 1e-9, "{source}");
        assert_eq!(call(&weir, "payments").await.status, 429);
    }
}

/// Who was behind the calls that are kept.
async fn sources(weir: &WeirProcess) -> Vec<String> {
    let sources = eventually("calls are stored", async || {
        let rows = weir.sql("SELECT source FROM spans ORDER BY start_time").await.ok()?;
        (!rows.is_empty()).then_some(rows)
    });
    let text = |row: Vec<Value>| row[0].as_str().unwrap().to_owned();
    sources.await.unwrap().into_iter().map(text).collect()
}

#[tokio::test]
async fn a_client_that_calls_itself_a_judge_is_a_client() {
    let (_simulator, weir) = weir_before_simulator(CONFIG).await;
    let wrong = format!("evaluator {}", "0".repeat(64));
    for said in ["evaluator", "probe", &wrong] {
        assert_eq!(call_as(&weir, "search", said).await.status, 200);
    }
    let all = eventually("all are stored", async || {
        let sources = sources(&weir).await;
        (sources.len() == 3).then_some(sources)
    });
    assert_eq!(all.await.unwrap(), ["gateway"; 3]);
}

#[tokio::test]
async fn thresholds_become_events_and_use_a_metric() {
    let (_simulator, weir) = weir_before_simulator(CONFIG).await;
    assert_eq!(call(&weir, "payments").await.status, 200);
    let event = eventually("the event is stored", async || {
        let rows = weir.sql("SELECT title, text, level FROM events WHERE source = 'weir'").await.ok()?;
        rows.into_iter().next()
    });
    let event = event.await.unwrap();
    assert_eq!(event[0], "Budget payments at 80 %");
    assert_eq!(event[1], "$0.45 of $0.50 are used in this month; nothing above $0.50 is let through.");
    eventually("the metric is stored", async || {
        let sql = "SELECT value FROM points WHERE name = 'weir.budget.used'";
        weir.sql(sql).await.ok().filter(|rows| !rows.is_empty())
    })
    .await
    .unwrap();
}
