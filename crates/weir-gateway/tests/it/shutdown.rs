//! Weir stops without losing what it was doing.

use crate::support::*;

fn waiting_stream() -> Vec<Step> {
    let mut steps = event_stream(&[EVENTS[0]]);
    steps.pop();
    steps.extend([Step::Wait, chunked(EVENTS[3]), chunked(DONE), Step::Write(b"0\r\n\r\n".to_vec())]);
    steps
}

#[tokio::test]
async fn a_call_under_way_is_finished() {
    let provider = Provider::doing(waiting_stream()).await;
    let mut weir = Weir::before(&provider);
    let mut client = weir.client().await;
    client.post("/v1/chat/completions", &[], chat(r#","stream":true"#)).await;
    client.head().await;
    client.chunks_until("\n\n").await;
    weir.stop();
    patiently("a closed listener", async {
        while tokio::net::TcpStream::connect(weir.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    provider.go_on();
    let mut rest = Vec::new();
    while let Some(chunk) = client.chunk().await.filter(|chunk| !chunk.is_empty()) {
        rest.extend(chunk);
    }
    assert!(rest.ends_with(DONE.as_bytes()));
    weir.stopped().await;
    assert_eq!(weir.call().await.http_status, Some(200));
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_cut_and_recorded() {
    let provider = Provider::doing(waiting_stream()).await;
    let mut builder = WeirBuilder::new(vec![provider_config("openai", provider.url("/v1"))]);
    builder.front.shutdown_ms = 20;
    let mut weir = builder.start();
    let mut client = weir.client().await;
    client.post("/v1/chat/completions", &[], chat(r#","stream":true"#)).await;
    client.head().await;
    client.chunks_until("\n\n").await;
    weir.stop();
    weir.stopped().await;
    assert!(client.is_closed().await);
    assert_eq!(weir.call().await.error_type.as_deref(), Some("shutdown"));
}

#[tokio::test]
async fn idle_connections_do_not_hold_it_up() {
    let provider = Provider::answering(200, ANSWER).await;
    let mut weir = Weir::before(&provider);
    let mut client = weir.client().await;
    client.post("/v1/chat/completions", &[], chat("")).await;
    client.response().await;
    let _silent = weir.client().await;
    weir.stop();
    weir.stopped().await;
    assert!(client.is_closed().await);
}
