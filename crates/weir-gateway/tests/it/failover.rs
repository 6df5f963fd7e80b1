//! Retries, fallbacks and the circuit breaker.

use weir_gateway::{BreakerConfig, BreakerState};
use weir_types::SpanStatus;

use crate::support::*;

const OVERLOADED: &str = r#"{"error":{"message":"overloaded","type":"server_error"}}"#;

/// An address where nobody listens.
async fn nowhere() -> http::Uri {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}/v1", listener.local_addr().unwrap()).parse().unwrap()
}

#[tokio::test]
async fn a_failed_attempt_is_tried_again_and_each_attempt_is_a_child_span() {
    let provider = Provider::scripted(|n, _| match n {
        0 => vec![json_answer(503, &[], OVERLOADED)],
        1 => vec![json_answer(429, &[("retry-after", "0")], OVERLOADED)],
        _ => vec![json_answer(200, &[], ANSWER)],
    })
    .await;
    let weir = Weir::before(&provider);
    assert_eq!(weir.chat(chat("")).await.text(), ANSWER);
    assert_eq!(provider.seen().len(), 3);
    assert!(provider.seen().iter().all(|seen| seen.connection == 0), "errors do not cost the connection");

    let call = weir.call().await;
    assert_eq!((call.status, attribute(&call, "retries")), (SpanStatus::Ok, 2.into()));
    let spans = weir.spans();
    let attempts: Vec<_> = spans.iter().filter(|span| span.parent_id == Some(call.span_id)).collect();
    let statuses: Vec<_> = attempts.iter().map(|span| (span.kind.as_str(), span.http_status)).collect();
    assert_eq!(statuses, [("http", Some(503)), ("http", Some(429)), ("http", Some(200))]);
    assert!(attempts.iter().all(|span| span.trace_id == call.trace_id));
    assert_eq!(attempts[1].error_type.as_deref(), Some("rate_limit"));
}

#[tokio::test]
async fn a_call_with_one_attempt_has_one_span() {
    let provider = Provider::answering(200, ANSWER).await;
    let weir = Weir::before(&provider);
    weir.chat(chat("")).await;
    assert_eq!(weir.spans().len(), 1);
}

#[tokio::test]
async fn the_last_error_reaches_the_client_unchanged() {
    let provider = Provider::doing(vec![json_answer(503, &[("x-request-id", "r")], OVERLOADED)]).await;
    let weir = Weir::before(&provider);
    let response = weir.chat(chat("")).await;
    assert_eq!((response.status, response.text()), (503, OVERLOADED));
    assert_eq!((response.header("x-request-id"), response.header("weir-error")), (Some("r"), None));
    assert_eq!(provider.seen().len(), 3);
}

#[tokio::test]
async fn errors_of_the_request_are_not_tried_again() {
    for status in [400, 401, 403, 404, 422] {
        let provider = Provider::answering(status, OVERLOADED).await;
        let weir = Weir::before(&provider);
        assert_eq!(weir.chat(chat("")).await.status, status);
        assert_eq!(provider.seen().len(), 1);
    }
}

#[tokio::test]
async fn a_client_that_retries_by_itself_is_not_helped() {
    let provider = Provider::answering(503, OVERLOADED).await;
    let weir = Weir::before(&provider);
    weir.post("/v1/chat/completions", &[("x-stainless-retry-count", "1")], chat("")).await;
    assert_eq!(provider.seen().len(), 1);
    assert_eq!(attribute(&weir.call().await, "client_retry_count"), 1);
}

#[tokio::test]
async fn a_retry_after_that_is_too_long_is_left_to_the_client() {
    let provider = Provider::doing(vec![json_answer(429, &[("retry-after", "3600")], OVERLOADED)]).await;
    let weir = Weir::before(&provider);
    let response = weir.chat(chat("")).await;
    assert_eq!((response.status, response.header("retry-after")), (429, Some("3600")));
    assert_eq!(provider.seen().len(), 1);
}

#[tokio::test]
async fn the_next_target_is_asked_for_its_own_model() {
    let first = Provider::answering(500, OVERLOADED).await;
    let second = Provider::answering(200, ANSWER).await;
    let weir = WeirBuilder::new(vec![
        provider_config("first", first.url("/v1")),
        provider_config("second", second.url("/v1")),
    ])
    .route("gpt-*", &["first", "second/gpt-4o-mini"])
    .start();
    assert_eq!(weir.chat(chat("")).await.text(), ANSWER);
    assert_eq!((first.seen().len(), second.seen().len()), (3, 1));
    assert_eq!(second.only().text(), chat("").replace("gpt-4o", "gpt-4o-mini"));
    let call = weir.call().await;
    assert_eq!((call.provider.as_deref(), call.model.as_deref()), (Some("second"), Some("gpt-4o")));
    assert_eq!(attribute(&call, "routed_model"), "gpt-4o-mini");
}

#[tokio::test]
async fn an_unreachable_provider_gives_way_to_the_next() {
    let second = Provider::answering(200, ANSWER).await;
    let weir = WeirBuilder::new(vec![
        provider_config("gone", nowhere().await),
        provider_config("second", second.url("/v1")),
    ])
    .route("*", &["gone", "second"])
    .start();
    assert_eq!(weir.chat(chat("")).await.text(), ANSWER);
    assert_eq!(second.seen().len(), 1);
}

#[tokio::test]
async fn a_providers_own_words_go_before_weirs() {
    let first = Provider::answering(429, OVERLOADED).await;
    let weir = WeirBuilder::new(vec![
        provider_config("first", first.url("/v1")),
        provider_config("gone", nowhere().await),
    ])
    .route("*", &["first", "gone"])
    .start();
    let response = weir.chat(chat("")).await;
    assert_eq!((response.status, response.text()), (429, OVERLOADED));
}

#[tokio::test]
async fn when_nobody_can_be_reached_the_client_is_told_who_and_why() {
    let weir = WeirBuilder::new(vec![provider_config("gone", nowhere().await)]).start();
    let response = weir.chat(chat("")).await;
    assert_eq!((response.status, response.header("weir-error")), (503, Some("upstream_unreachable")));
    let message = response.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("\"gone\"") && message.contains("refused"), "{message}");
    let call = weir.call().await;
    assert_eq!((call.error_type.as_deref(), call.http_status), (Some("upstream_unreachable"), Some(503)));
}

#[tokio::test]
async fn a_failing_upstream_is_left_alone_and_probed_when_the_time_has_come() {
    let provider = Provider::scripted(|n, _| match n {
        0..=2 => vec![json_answer(503, &[], OVERLOADED)],
        _ => vec![json_answer(200, &[], ANSWER)],
    })
    .await;
    let weir = WeirBuilder::new(vec![provider_config("openai", provider.url("/v1"))])
        .with(|config| {
            config.retry.retries_max = 0;
            config.breaker = BreakerConfig { failures_max: 2, open_ms: 5_000, open_max_ms: 20_000 };
        })
        .start();
    let ask = async || weir.chat(chat("")).await;

    assert_eq!((ask().await.status, ask().await.status), (503, 503));
    let refused = ask().await;
    assert_eq!((refused.status, refused.header("weir-error")), (503, Some("circuit_open")));
    assert_eq!(refused.header("retry-after"), Some("5"));
    assert_eq!(provider.seen().len(), 2, "the third call did not reach it");
    assert!(matches!(weir.gateway.upstream_health()[0].breaker, BreakerState::Open { .. }));

    weir.turn_clock_ms(5_000);
    assert_eq!(ask().await.header("weir-error"), None, "the probe reaches it, and fails");
    weir.turn_clock_ms(9_999);
    assert_eq!(ask().await.header("weir-error"), Some("circuit_open"), "for twice as long");
    weir.turn_clock_ms(1);
    assert_eq!(ask().await.status, 200);
    assert_eq!(ask().await.status, 200);
    assert_eq!(provider.seen().len(), 5);
    assert_eq!(weir.calls(7).await.len(), 7, "every call is recorded, also those that went nowhere");
}

#[tokio::test]
async fn an_open_circuit_sends_calls_to_the_next_target_at_once() {
    let first = Provider::answering(503, OVERLOADED).await;
    let second = Provider::answering(200, ANSWER).await;
    let weir = WeirBuilder::new(vec![
        provider_config("first", first.url("/v1")),
        provider_config("second", second.url("/v1")),
    ])
    .route("*", &["first", "second"])
    .with(|config| {
        config.retry.retries_max = 0;
        config.breaker.failures_max = 1;
    })
    .start();
    for _ in 0..3 {
        assert_eq!(weir.chat(chat("")).await.status, 200);
    }
    assert_eq!((first.seen().len(), second.seen().len()), (1, 3));
}
