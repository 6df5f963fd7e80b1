//! Usage is exact: asked for where the client did not, taken out again, counted where nobody states it.

use crate::support::*;

const STREAM: &str = r#","stream":true"#;

#[tokio::test]
async fn usage_is_asked_for_and_the_client_sees_nothing_of_it() {
    let with_null = EVENTS.map(|event| event.replace("\"choices\"", "\"usage\":null,\"choices\""));
    let pieces: Vec<&str> = with_null.iter().map(String::as_str).chain([USAGE_EVENT, DONE]).collect();
    let provider = Provider::doing(event_stream(&pieces)).await;
    let weir = Weir::before(&provider);
    let response = weir.chat(chat(STREAM)).await;

    assert_eq!(
        response.text(),
        EVENTS.concat() + DONE,
        "what the provider would have sent to the client itself"
    );
    let expected = chat(STREAM)
        .replace(r#""stream":true}"#, r#""stream":true,"stream_options":{"include_usage":true}}"#);
    assert_eq!(provider.only().text(), expected);
    let call = weir.call().await;
    assert_eq!((call.tokens.input, call.tokens.output, call.tokens_estimated), (Some(10), Some(5), false));
    // 10 x $2.50 and 5 x $10.00 for a million.
    assert_eq!(call.cost.map(|cost| cost.0), Some(75_000));
    assert_eq!(call.response_model.as_deref(), Some("gpt-4o-2024-08-06"));
    assert_eq!(call.finish_reason.as_deref(), Some("stop"));
}

#[tokio::test]
async fn an_upstream_that_refuses_stream_options_is_not_asked_again() {
    let provider = Provider::scripted(|_, seen| {
        if seen.text().contains("stream_options") {
            vec![json_answer(400, &[], r#"{"error":{"message":"unknown field stream_options"}}"#)]
        } else {
            event_stream(&[&EVENTS.concat(), DONE])
        }
    })
    .await;
    let weir = Weir::before(&provider);
    for _ in 0..2 {
        assert_eq!(weir.chat(chat(STREAM)).await.text(), EVENTS.concat() + DONE);
    }
    assert_eq!(provider.seen().len(), 3, "asked, refused, and then twice without");
    let calls = weir.calls(2).await;
    assert!(calls.iter().all(|call| call.tokens_estimated && call.tokens.output == Some(2)), "{calls:#?}");
}

#[tokio::test]
async fn a_400_for_another_reason_passes_unchanged() {
    let error = r#"{"error":{"message":"messages must not be empty"}}"#;
    let provider = Provider::answering(400, error).await;
    let weir = Weir::before(&provider);
    let response = weir.chat(chat(STREAM)).await;
    assert_eq!((response.status, response.text()), (400, error));
    assert_eq!(provider.seen().len(), 1);
}

#[tokio::test]
async fn a_provider_that_is_not_to_be_asked_is_not() {
    let provider = Provider::doing(event_stream(&[&EVENTS.concat(), DONE])).await;
    let mut config = provider_config("openai", provider.url("/v1"));
    config.ask_for_usage = false;
    let weir = WeirBuilder::new(vec![config]).start();
    weir.chat(chat(STREAM)).await;
    assert_eq!(provider.only().text(), chat(STREAM));
    let call = weir.call().await;
    assert!(call.tokens_estimated);
    // "Say hello" and what OpenAI puts around one message; "Hello there".
    assert_eq!((call.tokens.input, call.tokens.output), (Some(9), Some(2)));
}

#[tokio::test]
async fn the_cost_of_a_whole_answer_is_in_a_header() {
    let provider = Provider::answering(200, ANSWER).await;
    let weir = Weir::before(&provider);
    let response = weir.chat(chat("")).await;
    assert_eq!(response.header("weir-cost-usd"), Some("0.000075"));
    let call = weir.call().await;
    assert_eq!(response.header("weir-span-id"), Some(&*call.span_id.to_string()));
}
