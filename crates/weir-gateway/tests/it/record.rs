//! What is recorded, and when.

use std::io::ErrorKind;
use std::sync::{Arc, Mutex};

use weir_gateway::Bodies;
use weir_types::{SinkError, SpanStatus};

use crate::support::*;

/// What had arrived at the client when its call was recorded, and the whole answer. The client reads nothing before the
/// record is made, and on loopback what was sent has arrived, so nothing can hide.
async fn arrived_before_record(provider: Provider, path: &str, request: String) -> (String, Response) {
    let weir = Weir::before(&provider);
    let client = weir.client().await.into_std();
    let arrived = Arc::new(Mutex::new(None));
    let (peeked, socket) = (Arc::clone(&arrived), client.try_clone().unwrap());
    weir.on_append(move || {
        let mut buffer = vec![0; 1 << 20];
        let length = match socket.peek(&mut buffer) {
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(error) => panic!("{error}"),
        };
        buffer.truncate(length);
        *peeked.lock().unwrap() = Some(String::from_utf8(buffer).unwrap());
    });
    let mut client = Client::from_std(client);
    client.post(path, &[], request).await;
    weir.call().await;
    provider.go_on();
    let response = client.response().await;
    let arrived = arrived.lock().unwrap().take().unwrap();
    (arrived, response)
}

#[tokio::test]
async fn a_whole_answer_is_recorded_before_any_of_it_leaves() {
    let provider = Provider::answering(200, ANSWER).await;
    let (arrived, response) = arrived_before_record(provider, "/v1/chat/completions", chat("")).await;
    assert_eq!(arrived, "");
    assert_eq!(response.text(), ANSWER);
}

/// The provider does not end the body after its last event: the event alone must lead to the record.
#[tokio::test]
async fn a_stream_is_recorded_before_its_last_event_leaves() {
    let mut steps = event_stream(&[EVENTS[0], EVENTS[1], EVENTS[3], DONE]);
    steps.insert(steps.len() - 1, Step::Wait);
    let provider = Provider::doing(steps).await;
    let request = chat(r#","stream":true"#);
    let (arrived, response) = arrived_before_record(provider, "/v1/chat/completions", request).await;
    assert!(!arrived.contains("[DONE]"));
    assert!(response.text().ends_with(DONE));
}

#[tokio::test]
async fn a_stream_without_a_last_event_is_recorded_before_its_end_leaves() {
    let provider = Provider::doing(event_stream(&[EVENTS[0], EVENTS[3]])).await;
    let request = chat(r#","stream":true"#);
    let (arrived, response) = arrived_before_record(provider, "/v1/chat/completions", request).await;
    assert!(!arrived.ends_with("0\r\n\r\n"));
    assert!(!response.is_cut);
}

/// Long answers leave in several writes; the last of them must wait too, however the pieces fall.
#[tokio::test]
async fn an_unread_answer_of_known_length_is_recorded_before_its_last_bytes_leave() {
    for length in [10, 30_000, 50_000, 80_000, 120_000, 160_000] {
        let answer = format!("{}9", "0".repeat(length - 1));
        let provider = Provider::answering(200, &answer).await;
        let (arrived, response) = arrived_before_record(provider, "/openai/files", "{}".to_owned()).await;
        assert!(!arrived.ends_with('9'), "answer of {length} bytes");
        assert_eq!(response.text(), answer);
    }
}

#[tokio::test]
async fn a_span_says_all_that_is_known() {
    let answer = ANSWER.replace(
        r#""content":"Hello there""#,
        r#""content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}}]"#,
    );
    let provider = Provider::doing(vec![json_answer(200, &[("x-request-id", "req_9")], &answer)]).await;
    let weir = Weir::before(&provider);
    let tools = r#"[{"type":"function","function":{"name":"f"}}]"#;
    let headers = [
        ("user-agent", "OpenAI/Python 3.0"),
        ("x-stainless-lang", "python"),
        ("x-stainless-retry-count", "0"),
    ];
    weir.post("/v1/chat/completions", &headers, chat(&format!(r#","tools":{tools},"max_tokens":7"#))).await;

    let call = weir.call().await;
    assert_eq!((call.kind.as_str(), &*call.name, call.status), ("llm", "chat gpt-4o", SpanStatus::Ok));
    assert_eq!((call.provider.as_deref(), call.model.as_deref()), (Some("openai"), Some("gpt-4o")));
    assert_eq!(call.input.as_ref().unwrap().expose(), r#"[{"role":"user","content":"Say hello"}]"#);
    assert_eq!(call.tools.as_ref().unwrap().expose(), tools);
    assert!(call.output.as_ref().unwrap().expose().contains("call_1"));
    assert_eq!((call.ttft_us, call.stream, call.http_status), (None, false, Some(200)));
    assert!(call.price_version.is_some() && call.duration_us > 0);
    for (name, expected) in [
        ("upstream_request_id", serde_json::json!("req_9")),
        ("upstream", serde_json::json!(provider.address.to_string())),
        ("user_agent", serde_json::json!("OpenAI/Python 3.0")),
        ("client_retry_count", serde_json::json!(0)),
        ("max_output_tokens", serde_json::json!(7)),
        ("tool_calls", serde_json::json!(1)),
    ] {
        assert_eq!(attribute(&call, name), expected, "{name}");
    }
}

#[tokio::test]
async fn bodies_that_are_not_to_be_recorded_are_not() {
    let provider = Provider::answering(200, ANSWER).await;
    let weir = WeirBuilder::new(vec![provider_config("openai", provider.url("/v1"))])
        .with(|config| config.bodies = Bodies::Off)
        .start();
    weir.chat(chat("")).await;
    let call = weir.call().await;
    assert_eq!((call.input, call.output, call.tools), (None, None, None));
    assert_eq!(call.tokens.output, Some(5));
}

#[tokio::test]
async fn long_content_is_cut_at_a_character_and_marked() {
    let provider = Provider::answering(200, ANSWER).await;
    let weir = Weir::before(&provider);
    let long = chat("").replace("Say hello", &"ä".repeat(weir_types::limits::CONTENT_BYTES_MAX));
    weir.chat(&long).await;
    let call = weir.call().await;
    let length = call.input.as_ref().unwrap().len();
    assert!(
        (weir_types::limits::CONTENT_BYTES_MAX - 1..=weir_types::limits::CONTENT_BYTES_MAX).contains(&length)
    );
    assert_eq!(attribute(&call, "input_truncated"), true);
    assert_eq!(provider.only().text(), long, "what is sent is not cut");
}

#[tokio::test]
async fn a_journal_that_fails_does_not_fail_the_call() {
    let provider = Provider::answering(200, ANSWER).await;
    let weir = Weir::before(&provider);
    weir.fail_appends(SinkError::Journal("no space left on device".to_owned()));
    assert_eq!(weir.chat(chat("")).await.text(), ANSWER);
    let stats = weir.gateway.stats();
    assert_eq!((stats.records_lost, stats.calls_started, stats.calls_ended), (1, 1, 1));
}

#[tokio::test]
async fn embeddings_and_responses_and_messages_are_priced_too() {
    let embeddings = r#"{"object":"list","data":[{"embedding":[0.1]}],"model":"text-embedding-3-small","usage":{"prompt_tokens":8,"total_tokens":8}}"#;
    let responses = r#"{"id":"resp_1","object":"response","status":"completed","model":"gpt-4o-2024-08-06","output":[{"type":"message","role":"assistant","content":[{"type":"output_text","text":"Hi"}]}],"usage":{"input_tokens":10,"output_tokens":5,"total_tokens":15}}"#;
    let provider = Provider::scripted(move |_, seen| {
        let body = if seen.line.ends_with("/embeddings") { embeddings } else { responses };
        vec![json_answer(200, &[], body)]
    })
    .await;
    let weir = Weir::before(&provider);
    weir.post("/v1/embeddings", &[], r#"{"model":"text-embedding-3-small","input":"x"}"#).await;
    weir.post("/v1/responses", &[], r#"{"model":"gpt-4o","instructions":"Be brief","input":"Hi"}"#).await;
    let calls = weir.calls(2).await;
    assert_eq!((calls[0].kind.as_str(), &*calls[0].name), ("embedding", "embeddings text-embedding-3-small"));
    assert_eq!((calls[0].tokens.input, calls[0].tokens_estimated), (Some(8), false));
    assert_eq!(calls[0].cost.map(|cost| cost.0), Some(160));
    assert_eq!(calls[1].input.as_ref().unwrap().expose(), r#"{"instructions":"Be brief","input":"Hi"}"#);
    assert_eq!(calls[1].cost.map(|cost| cost.0), Some(75_000));
}
