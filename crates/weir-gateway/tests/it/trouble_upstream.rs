//! Providers that break off or talk nonsense.

use weir_types::SpanStatus;

use crate::support::*;

#[tokio::test]
async fn a_stream_that_is_cut_is_cut_for_the_client_too_and_the_record_says_so() {
    let mut steps = event_stream(&[EVENTS[0], EVENTS[1], EVENTS[2]]);
    *steps.last_mut().unwrap() = Step::Close;
    let provider = Provider::doing(steps).await;
    let weir = Weir::before(&provider);
    let response = weir.chat(chat(r#","stream":true"#)).await;
    assert!(response.is_cut, "an orderly end would be a lie");
    assert_eq!(response.text(), EVENTS[..3].concat(), "all that arrived before the cut is passed on");
    let call = weir.call().await;
    assert_eq!((call.status, call.error_type.as_deref()), (SpanStatus::Error, Some("upstream_cut")));
    assert_eq!((call.http_status, call.tokens.output, call.tokens_estimated), (Some(200), Some(2), true));
}

#[tokio::test]
async fn a_stream_that_ends_before_its_last_event_is_recorded_as_cut() {
    let provider = Provider::doing(event_stream(&EVENTS[..2])).await;
    let weir = Weir::before(&provider);
    let response = weir.chat(chat(r#","stream":true"#)).await;
    assert!(!response.is_cut, "the provider ended it in order, and so does Weir");
    assert_eq!(weir.call().await.error_type.as_deref(), Some("upstream_cut"));
}

#[tokio::test]
async fn a_stream_without_done_is_complete_when_its_choices_are() {
    let provider = Provider::doing(event_stream(&[&EVENTS.concat(), USAGE_EVENT])).await;
    let weir = Weir::before(&provider);
    weir.chat(chat(r#","stream":true"#)).await;
    assert_eq!(weir.call().await.status, SpanStatus::Ok);
}

#[tokio::test]
async fn an_error_in_a_stream_passes_and_is_recorded() {
    let error = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";
    let provider = Provider::doing(event_stream(&[error])).await;
    let weir = Weir::before(&provider);
    let body = r#"{"model":"claude-sonnet-4-5","max_tokens":5,"stream":true,"messages":[]}"#;
    assert_eq!(weir.post("/v1/messages", &[], body).await.text(), error);
    let call = weir.call().await;
    assert_eq!((call.status, call.error_type.as_deref()), (SpanStatus::Error, Some("overloaded")));
}

#[tokio::test]
async fn a_whole_answer_that_is_cut_is_a_bad_gateway() {
    let half = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{\"id\":";
    let provider = Provider::doing(vec![Step::Write(half.as_bytes().to_vec()), Step::Close]).await;
    let weir = Weir::before(&provider);
    let response = weir.chat(chat("")).await;
    assert_eq!((response.status, response.header("weir-error")), (502, Some("upstream_cut")));
    let call = weir.call().await;
    assert_eq!((call.error_type.as_deref(), call.http_status), (Some("upstream_cut"), Some(502)));
}

#[tokio::test]
async fn a_provider_that_does_not_speak_http_is_a_bad_gateway() {
    let provider =
        Provider::doing(vec![Step::Write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n".to_vec()), Step::Hang]).await;
    let weir = Weir::before(&provider);
    let response = weir.chat(chat("")).await;
    assert_eq!((response.status, response.header("weir-error")), (502, Some("upstream_invalid")));
    assert_eq!(weir.chat(chat("")).await.status, 502, "and Weir goes on");
}

#[tokio::test]
async fn garbage_in_a_stream_passes_unchanged() {
    let garbage = "data: {not json\n\n\u{0}\u{1}: what\ndata: [1,2\n\n";
    let provider = Provider::doing(event_stream(&[EVENTS[0], garbage, EVENTS[3], DONE])).await;
    let weir = Weir::before(&provider);
    let response = weir.chat(chat(r#","stream":true"#)).await;
    assert_eq!(response.text(), [EVENTS[0], garbage, EVENTS[3], DONE].concat());
    assert_eq!(weir.call().await.status, SpanStatus::Ok);
}

#[tokio::test]
async fn a_compressed_answer_passes_unread() {
    let provider =
        Provider::doing(vec![json_answer(200, &[("content-encoding", "gzip")], "\u{1f}not really gzip")])
            .await;
    let weir = Weir::before(&provider);
    let response = weir.post("/v1/chat/completions", &[("accept-encoding", "gzip")], chat("")).await;
    assert_eq!(
        (response.text(), response.header("content-encoding")),
        ("\u{1f}not really gzip", Some("gzip"))
    );
    assert_eq!(provider.only().header("accept-encoding"), Some("identity"), "it was asked not to");
    assert!(weir.call().await.tokens_estimated);
}
