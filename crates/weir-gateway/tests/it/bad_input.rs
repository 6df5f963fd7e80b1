//! Bad input gets a clear error, is recorded, and stops nobody.

use weir_gateway::GatewayConfig;
use weir_types::SpanStatus;

use crate::support::*;

/// Headers of a request.
type Headers<'a> = &'a [(&'a str, &'a str)];

/// What is answered, and that the provider saw nothing, a record was made and the next call works.
async fn refused(headers: Headers<'_>, body: impl AsRef<[u8]>) -> (u16, String, String) {
    let provider = Provider::answering(200, ANSWER).await;
    let weir = WeirBuilder::new(vec![
        provider_config("openai", provider.url("/v1")),
        provider_config("local", provider.url("/v1")),
    ])
    .start();
    let response = weir.post("/v1/chat/completions", headers, body).await;
    assert!(provider.seen().is_empty());
    let call = weir.call().await;
    assert_eq!((call.status, call.http_status), (SpanStatus::Error, Some(response.status)));
    assert_eq!(call.error_type.as_deref(), response.header("weir-error"));
    assert_eq!(weir.chat(chat("")).await.status, 200);
    let message = response.json()["error"]["message"].as_str().unwrap().to_owned();
    (response.status, response.header("weir-error").unwrap().to_owned(), message)
}

#[tokio::test]
async fn every_fault_says_what_and_where() {
    let cases: &[(Headers<'_>, &[u8])] = &[
        (&[], b"{\"model\":\"gpt-4o\",}"),
        (&[], b"{\"model\":\"gpt-4o\""),
        (&[], b""),
        (&[], b"[1]"),
        (&[], b"{\"model\":\"\xff\"}"),
        (&[], b"{\"messages\":[]}"),
        (&[], b"{\"model\":7}"),
        (&[], b"{\"model\":\"llama-3\"}"),
        (&[("content-encoding", "zstd")], b"{}"),
    ];
    let mut report = String::new();
    for (headers, body) in cases {
        let (status, code, message) = refused(headers, body).await;
        report += &format!("{}\n    {status} {code}: {message}\n", String::from_utf8_lossy(body));
    }
    insta::assert_snapshot!(report);
}

#[tokio::test]
async fn a_wrong_content_type_is_refused_and_a_missing_one_is_not() {
    let provider = Provider::answering(200, ANSWER).await;
    let weir = Weir::before(&provider);
    let body = chat("");
    for (line, status) in [
        ("content-type: text/plain\r\n", 400),
        ("content-type: application/x-www-form-urlencoded\r\n", 400),
        ("content-type: application/json; charset=utf-8\r\n", 200),
        ("", 200),
    ] {
        let mut client = weir.client().await;
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: weir\r\n{line}content-length: {}\r\n\r\n",
            body.len()
        );
        client.send(format!("{head}{body}").as_bytes()).await;
        assert_eq!(client.response().await.status, status, "{line}");
    }
}

#[tokio::test]
async fn reading_a_call_with_get_is_refused() {
    let provider = Provider::answering(200, ANSWER).await;
    let weir = Weir::before(&provider);
    let mut client = weir.client().await;
    client.get("/v1/chat/completions", &[]).await;
    let response = client.response().await;
    assert_eq!((response.status, response.header("weir-error")), (405, Some("method_not_allowed")));
}

fn small(config: &mut GatewayConfig) {
    config.limits.request_bytes_max = 1_000;
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_after_it_was_taken_in() {
    let provider = Provider::answering(200, ANSWER).await;
    let weir = WeirBuilder::new(vec![provider_config("openai", provider.url("/v1"))]).with(small).start();
    let long = vec![b' '; 5_000_000];
    let response = weir.chat(&long).await;
    assert_eq!((response.status, response.header("weir-error")), (413, Some("body_too_large")));

    let mut client = weir.client().await;
    client
        .send(b"POST /v1/chat/completions HTTP/1.1\r\nhost: weir\r\ntransfer-encoding: chunked\r\n\r\n")
        .await;
    client.send(format!("{:x}\r\n", long.len()).as_bytes()).await;
    client.send(&long).await;
    client.send(b"\r\n0\r\n\r\n").await;
    assert_eq!(client.response().await.status, 413, "without a content-length too");
    client.post("/v1/chat/completions", &[], chat("")).await;
    assert_eq!(client.response().await.status, 200, "the connection is still good");
    assert_eq!(weir.calls(3).await[0].error_type.as_deref(), Some("body_too_large"));
}

#[tokio::test]
async fn a_client_that_asks_first_need_not_send_what_is_too_long() {
    let provider = Provider::answering(200, ANSWER).await;
    let weir = WeirBuilder::new(vec![provider_config("openai", provider.url("/v1"))]).with(small).start();
    let mut client = weir.client().await;
    client
        .send(b"POST /v1/chat/completions HTTP/1.1\r\nhost: weir\r\nexpect: 100-continue\r\ncontent-length: 5000\r\n\r\n")
        .await;
    assert_eq!(client.response().await.status, 413);
}

#[tokio::test]
async fn a_body_that_trickles_is_refused() {
    let provider = Provider::answering(200, ANSWER).await;
    let weir = WeirBuilder::new(vec![provider_config("openai", provider.url("/v1"))])
        .with(|config| config.limits.request_ms_max = 30)
        .start();
    let mut client = weir.client().await;
    client.send(b"POST /v1/chat/completions HTTP/1.1\r\nhost: weir\r\ncontent-length: 100\r\n\r\n{").await;
    let response = client.response().await;
    assert_eq!((response.status, response.header("weir-error")), (408, Some("body_timeout")));
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn a_head_that_trickles_costs_the_connection_and_no_other() {
    let provider = Provider::answering(200, ANSWER).await;
    let mut builder = WeirBuilder::new(vec![provider_config("openai", provider.url("/v1"))]);
    builder.front.header_timeout_ms = 30;
    let weir = builder.start();
    let (mut silent, mut slow) = (weir.client().await, weir.client().await);
    slow.send(b"POST /v1/chat/completions HTTP/1.1\r\nhost: we").await;
    assert!(slow.is_closed().await && silent.is_closed().await);
    assert_eq!(weir.chat(chat("")).await.status, 200);
}

#[tokio::test]
async fn a_head_over_the_limit_is_refused() {
    let provider = Provider::answering(200, ANSWER).await;
    let weir = Weir::before(&provider);
    let mut client = weir.client().await;
    let long = format!("GET /v1/models HTTP/1.1\r\nhost: weir\r\nx-long: {}\r\n\r\n", "x".repeat(1 << 20));
    client.try_send(long.as_bytes()).await;
    assert_eq!(client.head().await.status, 431);
    assert_eq!(weir.chat(chat("")).await.status, 200);
}

#[tokio::test]
async fn what_is_not_http_costs_the_connection_and_no_other() {
    let provider = Provider::answering(200, ANSWER).await;
    let weir = Weir::before(&provider);
    for garbage in [&b"\x16\x03\x01\x02\x00\x01\x00"[..], b"GET\r\n\r\n", b"\0\0\0\0\r\n\r\n"] {
        let mut client = weir.client().await;
        client.send(garbage).await;
        assert!(client.is_closed().await);
    }
    assert_eq!(weir.chat(chat("")).await.status, 200);
}

#[tokio::test]
async fn over_the_limit_connections_wait_for_a_place() {
    let provider = Provider::answering(200, ANSWER).await;
    let mut builder = WeirBuilder::new(vec![provider_config("openai", provider.url("/v1"))]);
    builder.front.connections_max = 1;
    let weir = builder.start();
    let mut first = weir.client().await;
    first.post("/v1/chat/completions", &[], chat("")).await;
    first.response().await;
    let mut second = weir.client().await;
    second.post("/v1/chat/completions", &[], chat("")).await;
    first.post("/v1/chat/completions", &[], chat("")).await;
    first.response().await;
    assert_eq!(provider.seen().len(), 2, "the second waits");
    drop(first);
    assert_eq!(second.response().await.status, 200);
}
