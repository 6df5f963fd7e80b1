//! Nobody waits for ever.

use weir_gateway::Timeouts;

use crate::support::*;

const SHORT: Timeouts = Timeouts { connect_ms: 1_000, first_byte_ms: 50, idle_stream_ms: 50 };

fn impatient(provider: &Provider) -> Weir {
    let weir = WeirBuilder::new(vec![provider_config("openai", provider.url("/v1"))]);
    weir.with(|config| config.timeouts = SHORT).start()
}

#[tokio::test]
async fn a_provider_that_does_not_answer_is_a_timeout_and_is_asked_once() {
    let provider = Provider::doing(vec![Step::Hang]).await;
    let weir = impatient(&provider);
    let response = weir.chat(chat("")).await;
    assert_eq!((response.status, response.header("weir-error")), (504, Some("upstream_timeout")));
    let message = response.json()["error"]["message"].as_str().unwrap().to_owned();
    assert_eq!(message, "provider \"openai\" gave no answer within 50 ms");
    provider.closed_by_peer(1).await;
    assert_eq!(provider.seen().len(), 1);
    let call = weir.call().await;
    assert_eq!((call.error_type.as_deref(), call.http_status), (Some("timeout"), Some(504)));
}

#[tokio::test]
async fn anthropics_clients_get_a_timeout_in_their_own_shape() {
    let provider = Provider::doing(vec![Step::Hang]).await;
    let weir = impatient(&provider);
    let body = r#"{"model":"claude-sonnet-4-5","max_tokens":5,"messages":[{"role":"user","content":"Hi"}]}"#;
    let response = weir.post("/v1/messages", &[], body).await;
    assert_eq!(response.status, 504);
    assert_eq!(
        (&response.json()["type"], &response.json()["error"]["type"]),
        (&"error".into(), &"timeout_error".into())
    );
}

#[tokio::test]
async fn a_provider_that_hangs_gives_way_to_the_next() {
    let (hanging, second) = (Provider::doing(vec![Step::Hang]).await, Provider::answering(200, ANSWER).await);
    let weir = WeirBuilder::new(vec![
        provider_config("hanging", hanging.url("/v1")),
        provider_config("second", second.url("/v1")),
    ])
    .route("*", &["hanging", "second"])
    .with(|config| config.timeouts = SHORT)
    .start();
    assert_eq!(weir.chat(chat("")).await.text(), ANSWER);
}

#[tokio::test]
async fn a_stream_that_falls_silent_is_cut() {
    let mut steps = event_stream(&[EVENTS[0], EVENTS[1]]);
    steps.pop();
    steps.push(Step::Hang);
    let provider = Provider::doing(steps).await;
    let weir = impatient(&provider);
    let response = weir.chat(chat(r#","stream":true"#)).await;
    assert!(response.is_cut);
    assert_eq!(response.text(), EVENTS[..2].concat());
    provider.closed_by_peer(1).await;
    let call = weir.call().await;
    assert_eq!((call.error_type.as_deref(), call.http_status), (Some("timeout"), Some(200)));
    assert_eq!((call.tokens.output, call.tokens_estimated), (Some(1), true));
}

#[tokio::test]
async fn a_whole_answer_that_stops_halfway_is_a_timeout() {
    let half = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{\"id\":";
    let provider = Provider::doing(vec![Step::Write(half.as_bytes().to_vec()), Step::Hang]).await;
    let weir = impatient(&provider);
    let response = weir.chat(chat("")).await;
    assert_eq!((response.status, response.header("weir-error")), (504, Some("upstream_timeout")));
}

#[tokio::test]
async fn one_provider_can_have_timeouts_of_its_own() {
    let provider = Provider::doing(vec![Step::Hang]).await;
    let mut config = provider_config("openai", provider.url("/v1"));
    config.timeouts = Some(SHORT);
    let weir = WeirBuilder::new(vec![config]).start();
    assert_eq!(weir.chat(chat("")).await.status, 504);
}
