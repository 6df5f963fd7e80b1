//! What crosses the gateway stays as it was.

use crate::support::*;

#[tokio::test]
async fn a_whole_answer_reaches_the_client_byte_for_byte() {
    let provider = Provider::doing(vec![json_answer(
        200,
        &[("x-request-id", "req_1"), ("x-ratelimit-remaining-tokens", "99"), ("keep-alive", "timeout=5")],
        ANSWER,
    )])
    .await;
    let weir = Weir::before(&provider);
    let request = chat(r#", "temperature" : 1.0e0,"x_unknown":[1,  2]"#);
    let response = weir.post("/v1/chat/completions", &[("x-custom", "yes")], &request).await;

    assert_eq!((response.status, response.text()), (200, ANSWER));
    assert_eq!(response.header("x-request-id"), Some("req_1"));
    assert_eq!(response.header("x-ratelimit-remaining-tokens"), Some("99"));
    assert_eq!(response.header("keep-alive"), None);
    let seen = provider.only();
    assert_eq!(seen.line, "POST /v1/chat/completions");
    assert_eq!(seen.text(), request);
    assert_eq!(seen.header("x-custom"), Some("yes"));
    assert_eq!(seen.header("host"), Some(&*provider.address.to_string()));
}

#[tokio::test]
async fn a_stream_reaches_the_client_byte_for_byte_however_it_is_cut() {
    let whole: String = EVENTS.concat() + USAGE_EVENT + DONE;
    for size in [1, 2, 7, 64, whole.len()] {
        let pieces: Vec<String> =
            whole.as_bytes().chunks(size).map(|piece| String::from_utf8(piece.to_vec()).unwrap()).collect();
        let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
        let provider = Provider::doing(event_stream(&pieces)).await;
        let weir = Weir::before(&provider);
        let request = chat(r#","stream":true,"stream_options":{"include_usage":true}"#);
        let response = weir.chat(&request).await;

        assert_eq!(response.text(), whole, "pieces of {size}");
        assert_eq!(provider.only().text(), request);
        let call = weir.call().await;
        assert_eq!((call.tokens.input, call.tokens.output), (Some(10), Some(5)));
        assert!(!call.tokens_estimated && call.stream && call.ttft_us.is_some());
        assert_eq!(call.output.unwrap().expose(), r#"[{"role":"assistant","content":"Hello there"}]"#);
    }
}

#[tokio::test]
async fn pieces_are_forwarded_as_they_arrive() {
    let mut steps = event_stream(&[EVENTS[0]]);
    steps.pop();
    steps.extend([Step::Wait, chunked(DONE), Step::Write(b"0\r\n\r\n".to_vec())]);
    let provider = Provider::doing(steps).await;
    let weir = Weir::before(&provider);
    let mut client = weir.client().await;
    let request = chat(r#","stream":true,"stream_options":{"include_usage":true}"#);
    client.post("/v1/chat/completions", &[], request).await;
    assert_eq!(client.head().await.header("content-type"), Some("text/event-stream; charset=utf-8"));
    let first = client.chunks_until("\n\n").await;
    assert_eq!(first, EVENTS[0].as_bytes(), "it is here although the provider has not gone on");
    provider.go_on();
    assert_eq!(client.chunks_until("[DONE]").await, DONE.as_bytes());
}

#[tokio::test]
async fn a_providers_error_passes_unchanged_and_is_told_in_the_record() {
    let error = r#"{"error":{"message":"Incorrect API key","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}"#;
    let provider = Provider::doing(vec![json_answer(401, &[("www-authenticate", "Bearer")], error)]).await;
    let weir = Weir::before(&provider);
    let response = weir.chat(chat("")).await;
    assert_eq!((response.status, response.text()), (401, error));
    assert_eq!(response.header("www-authenticate"), Some("Bearer"));
    assert_eq!(response.header("weir-error"), None, "it is not Weir's error");
    let call = weir.call().await;
    assert_eq!(call.error_type.as_deref(), Some("authentication"));
    assert_eq!(call.error_message.as_deref(), Some("Incorrect API key"));
    assert_eq!((call.http_status, call.cost), (Some(401), None));
}

#[tokio::test]
async fn an_unread_path_passes_through_with_its_body_as_it_arrives() {
    let provider = Provider::answering(200, r#"{"id":"file-1"}"#).await;
    let weir = Weir::before(&provider);
    let mut client = weir.client().await;
    client
        .send(
            b"POST /openai/files?purpose=batch HTTP/1.1\r\nhost: weir\r\ncontent-type: multipart/form-data; boundary=x\r\n\
              transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        )
        .await;
    let response = client.response().await;
    assert_eq!(response.text(), r#"{"id":"file-1"}"#);
    let seen = provider.only();
    assert_eq!(seen.line, "POST /v1/files?purpose=batch");
    assert_eq!(seen.text(), "5\r\nhello\r\n0\r\n\r\n");
    let call = weir.call().await;
    assert_eq!((call.kind.as_str(), &*call.name, call.http_status), ("http", "POST /files", Some(200)));
    assert_eq!(call.provider.as_deref(), Some("openai"));
    assert_eq!(call.input, None);
}

#[tokio::test]
async fn a_known_dialect_under_a_providers_name_is_recorded_as_a_call() {
    let provider = Provider::answering(200, ANSWER).await;
    let weir = Weir::before(&provider);
    for path in ["/openai/chat/completions", "/openai/v1/chat/completions"] {
        assert_eq!(weir.post(path, &[], chat("")).await.text(), ANSWER);
    }
    for (seen, call) in provider.seen().iter().zip(weir.calls(2).await) {
        assert_eq!(seen.line, "POST /v1/chat/completions");
        assert_eq!((call.kind.as_str(), &*call.name, call.tokens.input), ("llm", "chat gpt-4o", Some(10)));
    }
}

#[tokio::test]
async fn what_is_not_the_gateways_goes_to_the_fallback() {
    let provider = Provider::answering(200, ANSWER).await;
    let weir = Weir::before(&provider);
    for path in ["/", "/api/query?expr=x", "/v1/traces", "/nobody/v1/chat/completions"] {
        let mut client = weir.client().await;
        client.get(path, &[]).await;
        let expected = format!("fallback {}", path.split('?').next().unwrap());
        assert_eq!(client.response().await.text(), expected);
    }
    assert!(provider.seen().is_empty() && weir.spans().is_empty());
}

#[tokio::test]
async fn answers_without_a_body_pass() {
    let provider =
        Provider::doing(vec![Step::Write(b"HTTP/1.1 204 No Content\r\nx-request-id: r\r\n\r\n".to_vec())])
            .await;
    let weir = Weir::before(&provider);
    let mut client = weir.client().await;
    client.send(b"DELETE /openai/files/file-1 HTTP/1.1\r\nhost: weir\r\n\r\n").await;
    let response = client.response().await;
    assert_eq!((response.status, response.header("x-request-id")), (204, Some("r")));
    assert_eq!(weir.call().await.http_status, Some(204));
}

#[tokio::test]
async fn an_answer_that_is_not_json_passes_unchanged_and_is_recorded() {
    let provider = Provider::answering(200, "<html>not what you asked for</html>").await;
    let weir = Weir::before(&provider);
    assert_eq!(weir.chat(chat("")).await.text(), "<html>not what you asked for</html>");
    let call = weir.call().await;
    assert_eq!((call.http_status, call.error_type.as_deref()), (Some(200), Some("upstream_invalid")));
    assert!(call.tokens.is_unknown() && call.cost.is_none(), "nothing is guessed of what is no answer");
}

#[tokio::test]
async fn an_answer_over_the_limit_streams_through() {
    let long = format!(r#"{{"id":"x","data":"{}"}}"#, "y".repeat(300_000));
    let provider = Provider::answering(200, &long).await;
    let weir = WeirBuilder::new(vec![provider_config("openai", provider.url("/v1"))])
        .with(|config| config.limits.response_bytes_max = 10_000)
        .start();
    let response = weir.chat(chat("")).await;
    assert_eq!(response.text(), long);
    assert_eq!(response.header("content-length"), Some(&*long.len().to_string()));
    let call = weir.call().await;
    assert_eq!(attribute(&call, "response_bytes"), long.len());
}

#[tokio::test]
async fn one_gigantic_event_passes() {
    let long = format!(
        "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{}\"}}}}]}}\n\n",
        "z".repeat(20_000_000)
    );
    let provider = Provider::doing(event_stream(&[EVENTS[0], &long, DONE])).await;
    let weir = Weir::before(&provider);
    let response = weir.chat(chat(r#","stream":true"#)).await;
    assert_eq!(response.body.len(), EVENTS[0].len() + long.len() + DONE.len());
    assert_eq!(weir.call().await.http_status, Some(200));
}
