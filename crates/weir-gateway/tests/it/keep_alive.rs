//! Connections are kept and reused, on both sides, and one that was closed in the meantime hurts nobody.

use crate::support::*;

#[tokio::test]
async fn calls_share_connections_on_both_sides() {
    let provider = Provider::scripted(|n, _| match n % 2 {
        0 => vec![json_answer(200, &[], ANSWER)],
        _ => event_stream(&[&EVENTS.concat(), DONE]),
    })
    .await;
    let weir = Weir::before(&provider);
    let mut client = weir.client().await;
    for n in 0..6 {
        let stream = if n % 2 == 0 { "" } else { r#","stream":true"# };
        client.post("/v1/chat/completions", &[], chat(stream)).await;
        let response = client.response().await;
        assert!(!response.is_cut && response.status == 200);
    }
    assert!(provider.seen().iter().all(|seen| seen.connection == 0));
}

#[tokio::test]
async fn pipelined_calls_are_answered_in_order() {
    let provider = Provider::scripted(|_, seen| {
        vec![json_answer(200, &[], &format!(r#"{{"id":"{}"}}"#, seen.header("x-number").unwrap()))]
    })
    .await;
    let weir = Weir::before(&provider);
    let mut client = weir.client().await;
    for number in ["1", "2", "3"] {
        client.post("/v1/chat/completions", &[("x-number", number)], chat("")).await;
    }
    for number in ["1", "2", "3"] {
        assert_eq!(client.response().await.json()["id"], number);
    }
}

/// The connection closes after each answer, without saying so: the next request finds it dead.
#[tokio::test]
async fn a_connection_that_was_closed_while_idle_is_replaced() {
    let provider = Provider::doing(vec![json_answer(200, &[], ANSWER), Step::Close]).await;
    let weir = WeirBuilder::new(vec![provider_config("openai", provider.url("/v1"))])
        .with(|config| config.retry.retries_max = 0)
        .start();
    for _ in 0..5 {
        assert_eq!(weir.chat(chat("")).await.text(), ANSWER);
    }
    assert_eq!(provider.seen().len(), 5);
    assert_eq!(weir.spans().len(), 5, "no attempt failed that deserves a span");
}

/// The connection closes when the second request is already on its way.
#[tokio::test]
async fn a_reused_connection_that_closes_before_an_answer_is_replaced_once() {
    let provider = Provider::scripted(|n, _| match n {
        1 => vec![Step::Close],
        _ => vec![json_answer(200, &[], ANSWER)],
    })
    .await;
    let weir = WeirBuilder::new(vec![provider_config("openai", provider.url("/v1"))])
        .with(|config| config.retry.retries_max = 0)
        .start();
    for _ in 0..2 {
        assert_eq!(weir.chat(chat("")).await.text(), ANSWER);
    }
    let connections: Vec<usize> = provider.seen().iter().map(|seen| seen.connection).collect();
    assert_eq!(connections, [0, 0, 1]);
    assert_eq!(provider.seen()[1].text(), provider.seen()[2].text());
}

#[tokio::test]
async fn a_fresh_connection_that_closes_before_an_answer_is_a_failure() {
    let provider = Provider::doing(vec![Step::Close]).await;
    let weir = WeirBuilder::new(vec![provider_config("openai", provider.url("/v1"))])
        .with(|config| config.retry.retries_max = 1)
        .start();
    let response = weir.chat(chat("")).await;
    assert_eq!((response.status, response.header("weir-error")), (503, Some("upstream_unreachable")));
    assert_eq!(provider.seen().len(), 2, "tried again as any failed attempt");
}

#[tokio::test]
async fn answers_that_end_with_their_connection_pass() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n";
    let provider =
        Provider::doing(vec![Step::Write(format!("{head}{ANSWER}").into_bytes()), Step::Close]).await;
    let weir = Weir::before(&provider);
    let mut client = weir.client().await;
    for _ in 0..2 {
        client.post("/v1/chat/completions", &[], chat("")).await;
        let response = client.response().await;
        assert_eq!((response.text(), response.header("connection")), (ANSWER, None));
    }
}

/// Each worker has connections of its own to the provider, so theirs tell which worker served a client.
#[tokio::test]
async fn clients_are_spread_over_the_workers() {
    let provider = Provider::answering(200, ANSWER).await;
    let mut builder = WeirBuilder::new(vec![provider_config("openai", provider.url("/v1"))]);
    builder.front.worker_threads = 2;
    let weir = builder.start();
    let (mut first, mut second) = (weir.client().await, weir.client().await);
    for _ in 0..2 {
        for client in [&mut first, &mut second] {
            client.post("/v1/chat/completions", &[], chat("")).await;
            assert_eq!(client.response().await.status, 200);
        }
    }
    let connections: Vec<usize> = provider.seen().iter().map(|seen| seen.connection).collect();
    assert_eq!(connections, [0, 1, 0, 1]);
}
