//! A Weir in service: how it ends, what it says of itself, what it does when a provider or its own store is away.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use weir_store::{Store, StoreConfig};
use weir_types::{
    Clock as _, Content, Record, Source, Span, SpanId, SpanKind, SystemClock, TraceId, UnixMicros,
};

use crate::support::*;

#[tokio::test]
async fn sigterm_lets_a_call_under_way_finish_and_records_it() {
    let (_simulator, mut weir) = weir_before_simulator("").await;
    let url = weir.url("/v1/chat/completions");
    let directives = "input_tokens=9;output_tokens=20;chunks=20;chunk_ms=20";
    let mut answer = HttpClient.open_post(&url, &[(SIM_HEADER, directives)], chat(true)).await.unwrap();
    let span_id = answer.headers["weir-span-id"].to_str().unwrap().to_owned();
    let first = answer.next().await.unwrap().unwrap();
    let (ended, rest) = tokio::join!(weir.stop(), answer.read());
    let text = format!("{}{}", String::from_utf8_lossy(&first), rest.unwrap().text());
    assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
    assert!(ended.unwrap().success());
    weir.restart().await.unwrap();
    let span = span(&weir, &span_id).await;
    assert_eq!(
        (&span["status"], &span["input_tokens"], &span["output_tokens"]),
        (&"ok".into(), &9.into(), &20.into())
    );
}

#[tokio::test]
async fn while_the_store_is_away_calls_go_on_and_it_shows_and_nothing_is_lost() {
    let (simulator, mut weir) = weir_before_simulator("").await;
    weir.stop().await.unwrap();
    // The tables' file is made when there is something to keep, which there was not yet.
    let in_the_way = weir.data_dir().join("weir.duckdb");
    std::fs::create_dir(&in_the_way).unwrap();
    weir.restart().await.unwrap();
    let mut answers = Vec::new();
    for _ in 0..5 {
        answers.push(ask(&weir, "input_tokens=3;output_tokens=5").await);
    }
    assert!(answers.iter().all(|answer| answer.status == 200), "a failure of the store fails no call");
    let behind = eventually("the store's failure to show", async || {
        let status = weir.get("/api/status").await.ok()?.json();
        status["store"]["last_error"].is_string().then_some(status)
    });
    assert_eq!(behind.await.unwrap()["store"]["behind_appends"], 5);
    assert_eq!(
        weir.get("/healthz").await.unwrap().status,
        200,
        "it takes calls, and that is what probes ask"
    );
    assert!(metric(&weir, "weir_store_commit_errors_total").await > 0.0);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("weir.toml"), config(&simulator, "")).unwrap();
    let doctor = weir_in(folder.path(), &["doctor", "--server", &weir.url("")]).await;
    assert_eq!(doctor.code, Some(1));
    assert!(doctor.stdout.contains("the store cannot be written"), "{}", doctor.stdout);

    std::fs::remove_dir(&in_the_way).unwrap();
    for answer in &answers {
        assert_eq!(span_of(&weir, answer).await["status"], "ok");
    }
    let doctor = weir_in(folder.path(), &["doctor", "--server", &weir.url("")]).await;
    assert_eq!(doctor.code, Some(0), "{}", doctor.stdout);
}

#[tokio::test]
async fn metrics_are_prometheus_text_and_count_what_happened() {
    let (_simulator, weir) = weir_before_simulator("[gateway.retry]\nretries_max = 0").await;
    assert_serves(&weir).await;
    ask(&weir, "status=500").await;
    everything_stored(&weir).await;
    let page = weir.get("/metrics").await.unwrap();
    assert!(page.header("content-type").starts_with("text/plain; version=0.0.4"));
    assert_prometheus_text(&page.text());
    for (name, value) in [
        ("weir_gateway_calls_started_total", 2.0),
        ("weir_gateway_calls_failed_total", 1.0),
        ("weir_gateway_records_lost_total", 0.0),
        ("weir_store_records_total{kind=\"span\"}", 2.0),
        ("weir_upstream_attempts_total{provider=\"openai\"}", 2.0),
        ("weir_upstream_failures_total{provider=\"openai\"}", 1.0),
    ] {
        let found = metric(&weir, name).await;
        assert!((found - value).abs() < f64::EPSILON, "{name} is {found}");
    }
}

/// Every sample belongs to a family that was announced once, and no series comes twice.
fn assert_prometheus_text(text: &str) {
    let (mut families, mut series) = (BTreeSet::new(), BTreeSet::new());
    for line in text.lines() {
        if let Some(family) = line.strip_prefix("# TYPE ") {
            let (name, kind) = family.split_once(' ').unwrap();
            assert!(["counter", "gauge", "histogram", "summary"].contains(&kind), "{line}");
            assert!(families.insert(name.to_owned()), "announced twice: {line}");
        } else if !line.starts_with("# HELP ") {
            let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no sample: {line:?}"));
            assert!(value.parse::<f64>().is_ok(), "{line}");
            assert!(families.contains(name.split('{').next().unwrap()), "not announced: {line}");
            assert!(series.insert(name.to_owned()), "twice: {line}");
        }
    }
    assert!(!series.is_empty());
}

async fn metric(weir: &WeirProcess, series: &str) -> f64 {
    let text = weir.get("/metrics").await.unwrap().text();
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("there is no {series} in:\n{text}")).parse().unwrap()
}

#[tokio::test]
async fn a_trace_goes_on_from_the_client_through_weir_to_the_provider() {
    let (simulator, weir) = weir_before_simulator("").await;
    let (trace_id, parent_id) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    let traceparent = format!("00-{trace_id}-{parent_id}-01");
    let headers = [("traceparent", &*traceparent), (SIM_HEADER, "id=trace")];
    let answer = weir.post("/v1/chat/completions", &headers, chat(false)).await.unwrap();
    let span = span_of(&weir, &answer).await;
    assert_eq!((&span["trace_id"], &span["parent_id"]), (&trace_id.into(), &parent_id.into()));
    let forwarded = provider_saw(&simulator, "trace").await;
    let expected = format!("00-{trace_id}-{}-01", answer.header("weir-span-id"));
    assert!(forwarded.to_string().contains(&expected), "{forwarded}");
}

/// What the simulated provider kept of the requests with this id.
async fn provider_saw(simulator: &RunningProvider, id: &str) -> Value {
    let url = format!("http://{}/sim/requests?id={id}", simulator.address());
    HttpClient.get(&url).await.unwrap().json()
}

#[tokio::test]
async fn when_the_first_provider_is_away_the_next_one_answers() {
    let (first, second) = (start_simulator().await.unwrap(), start_simulator().await.unwrap());
    let provider = |name: &str, at: &RunningProvider| {
        format!("[providers.{name}]\nkind = \"openai\"\nbase_url = \"http://{}/v1\"\n", at.address())
    };
    let config = format!(
        "{}{}[[routes]]\nmodel = \"gpt-*\"\ntargets = [\"first\", {{ provider = \"second\", model = \"gpt-4o\" }}]\n\
         [gateway]\nretry = {{ retries_max = 0 }}\n",
        provider("first", &first),
        provider("second", &second)
    );
    let weir = WeirProcess::start(&config).await.unwrap();
    let answer = ask(&weir, "").await;
    assert_eq!(span_of(&weir, &answer).await["provider"], "first");
    first.stop().await;
    for stream in [false, true] {
        let answer = weir.post("/v1/chat/completions", &[], chat(stream)).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        let span = span_of(&weir, &answer).await;
        assert_eq!((&span["status"], &span["provider"]), (&"ok".into(), &"second".into()));
        assert_eq!(span["model"], "gpt-4o-mini", "what the client asked for");
        assert!(
            span["response_model"].as_str().unwrap().starts_with("gpt-4o-2"),
            "{}",
            span["response_model"]
        );
        let trace = span["trace_id"].as_str().unwrap();
        let attempts = format!(
            "select provider, status from spans where trace_id = '{trace}' and kind = 'http' order by start_time"
        );
        let attempts = weir.sql(&attempts).await.unwrap();
        assert_eq!(attempts, [["first", "error"], ["second", "ok"]].map(|row| row.map(Value::from).to_vec()));
    }
    assert_eq!(second.tally().requests, 2);
}

#[tokio::test]
async fn with_bodies_off_counts_are_kept_and_words_are_not() {
    let (_simulator, weir) = weir_before_simulator("[gateway]\nbodies = \"off\"").await;
    let answer = ask(&weir, "input_tokens=3;output_tokens=5").await;
    let span = span_of(&weir, &answer).await;
    assert_eq!((&span["input_tokens"], &span["output_tokens"]), (&3.into(), &5.into()));
    assert_eq!((&span["input"], &span["output"], &span["tools"]), (&Value::Null, &Value::Null, &Value::Null));
    assert!(span["cost_nano_usd"].as_i64().unwrap() > 0);
}

#[tokio::test]
async fn what_is_older_than_the_configured_days_is_gone_and_the_rest_stays() {
    let (_simulator, mut weir) =
        weir_before_simulator("[store.retention]\nspans_days = 7\nbodies_days = 1").await;
    weir.stop().await.unwrap();
    keep_spans_of(&weir.data_dir(), [3, 10]).await;
    weir.restart().await.unwrap();
    let answer = ask(&weir, "").await;
    let statement = "select name, input is not null from spans order by start_time";
    let name = span_of(&weir, &answer).await["name"].clone();
    let expected = [[Value::from("3 days ago"), false.into()], [name, true.into()]].map(Vec::from);
    eventually("the old to be forgotten", async || {
        (weir.sql(statement).await.unwrap() == expected).then_some(())
    })
    .await
    .unwrap();
}

/// Puts a span with a body of each of these ages, in days, into a data folder that no Weir uses.
async fn keep_spans_of(data_dir: &Path, ages_days: [u8; 2]) {
    let config = StoreConfig { data_dir: data_dir.to_owned(), ..StoreConfig::default() };
    let store = Store::open(config, Arc::new(SystemClock)).await.unwrap();
    for days in ages_days {
        let start = SystemClock.now().saturating_add_us(-i64::from(days) * UnixMicros::DAY);
        let (trace_id, span_id) = (TraceId::from_bytes([days; 16]), SpanId::from_bytes([days; 8]));
        let mut span = Span::new(trace_id, span_id, SpanKind::Llm, Source::Gateway, start);
        span.name = format!("{days} days ago").into();
        span.input = Some(Content::new("\"hello\""));
        store.sink().append(&[Record::Span(Box::new(span))]).unwrap();
    }
    store.flush().await.unwrap();
    store.close().await.unwrap();
}
