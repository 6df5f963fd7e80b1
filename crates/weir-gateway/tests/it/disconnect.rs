//! A client that goes away takes the call with it.

use weir_types::SpanStatus;

use crate::support::*;

/// A stream that waits after its first two pieces.
fn unfinished() -> Vec<Step> {
    let mut steps = event_stream(&[EVENTS[0], EVENTS[1]]);
    steps.pop();
    steps.push(Step::Hang);
    steps
}

#[tokio::test]
async fn leaving_in_the_middle_of_a_stream_cancels_it_and_records_what_was_consumed() {
    let provider = Provider::doing(unfinished()).await;
    let weir = Weir::before(&provider);
    let mut client = weir.client().await;
    client.post("/v1/chat/completions", &[], chat(r#","stream":true"#)).await;
    client.head().await;
    client.chunks_until("Hello").await;
    drop(client);

    provider.closed_by_peer(1).await;
    let call = weir.call().await;
    assert_eq!((call.status, call.error_type.as_deref()), (SpanStatus::Error, Some("cancelled")));
    assert_eq!(call.http_status, Some(499));
    assert!(call.tokens_estimated && call.cost.is_some());
    assert_eq!((call.tokens.input, call.tokens.output), (Some(9), Some(1)), "the question, and \"Hello\"");
    assert!(call.output.unwrap().expose().contains("Hello"));
}

#[tokio::test]
async fn leaving_before_the_answer_cancels_the_call() {
    let provider = Provider::doing(vec![Step::Hang]).await;
    let weir = Weir::before(&provider);
    let mut client = weir.client().await;
    client.post("/v1/chat/completions", &[], chat("")).await;
    patiently("the request", async {
        while provider.seen().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    drop(client);
    provider.closed_by_peer(1).await;
    let call = weir.call().await;
    assert_eq!((call.error_type.as_deref(), call.http_status), (Some("cancelled"), Some(499)));
    assert_eq!(call.provider.as_deref(), Some("openai"));
}

#[tokio::test]
async fn leaving_while_sending_is_recorded() {
    let provider = Provider::answering(200, ANSWER).await;
    let weir = Weir::before(&provider);
    let mut client = weir.client().await;
    client
        .send(b"POST /v1/chat/completions HTTP/1.1\r\nhost: weir\r\ncontent-length: 100\r\n\r\n{\"model\"")
        .await;
    drop(client);
    let call = weir.call().await;
    assert_eq!((call.status, call.tokens.input), (SpanStatus::Error, None));
    assert!(provider.seen().is_empty());
}

#[tokio::test]
async fn a_finished_call_is_not_recorded_again_when_its_connection_closes() {
    let provider = Provider::answering(200, ANSWER).await;
    let weir = Weir::before(&provider);
    let mut client = weir.client().await;
    for _ in 0..3 {
        client.post("/v1/chat/completions", &[], chat("")).await;
        client.response().await;
    }
    drop(client);
    patiently("the closed connection", async {
        while weir.gateway.stats().connections_open > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let stats = weir.gateway.stats();
    assert_eq!((stats.calls_started, stats.calls_ended, stats.calls_leaked), (3, 3, 0));
    assert_eq!(weir.spans().len(), 3);
}
