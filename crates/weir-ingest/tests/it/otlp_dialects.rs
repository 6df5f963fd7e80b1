//! The same call told in each dialect becomes the same span.

use bytes::Bytes;
use prost::Message as _;
use weir_ingest::otlp::decode;
use weir_ingest::otlp::wire::{Event, KeyValue, Span as WireSpan};
use weir_types::{Content, Record, Source, Span, SpanKind};

use crate::kept::NOW;
use crate::otlp::{number, request, span, text};

fn decoded(wire: WireSpan) -> Span {
    let records = decode::traces(&Bytes::from(request(vec![wire]).encode_to_vec()), false, NOW).unwrap();
    let Some(Record::Span(span)) = records.into_iter().next() else { panic!("a span") };
    *span
}

fn of(attributes: Vec<KeyValue>) -> Span {
    decoded(span(1, attributes))
}

fn json(content: Option<&Content>) -> serde_json::Value {
    serde_json::from_str(content.expect("it was sent").expose()).unwrap()
}

#[track_caller]
fn check_call(span: &Span) {
    assert_eq!(span.kind, SpanKind::Llm);
    assert_eq!(span.provider.as_deref(), Some("openai"));
    assert_eq!(span.model.as_deref(), Some("gpt-4o"));
    assert_eq!((span.tokens.input, span.tokens.output), (Some(30), Some(9)));
    assert_eq!(span.tokens.cache_read, Some(10));
    assert_eq!(span.finish_reason.as_deref(), Some("stop"));
    assert_eq!(span.session.as_deref(), Some("s1"));
    let input = json(span.input.as_ref()).to_string();
    assert!(input.contains("why?") && input.contains("user"), "{input}");
    let output = json(span.output.as_ref()).to_string();
    assert!(output.contains("because"), "{output}");
}

#[test]
fn the_older_convention_with_numbered_messages() {
    check_call(&of(vec![
        text("llm.request.type", "chat"),
        text("gen_ai.system", "OpenAI"),
        text("gen_ai.request.model", "gpt-4o"),
        number("gen_ai.usage.prompt_tokens", 30),
        number("gen_ai.usage.completion_tokens", 9),
        number("gen_ai.usage.cache_read_input_tokens", 10),
        text("gen_ai.prompt.0.role", "user"),
        text("gen_ai.prompt.0.content", "why?"),
        text("gen_ai.completion.0.role", "assistant"),
        text("gen_ai.completion.0.content", "because"),
        text("gen_ai.response.finish_reason", "stop"),
        text("traceloop.association.properties.session_id", "s1"),
    ]));
}

#[test]
fn the_older_convention_with_messages_as_events() {
    let event = |name: &str, attributes| Event { name: name.to_owned(), attributes, ..Event::default() };
    let mut wire = span(
        1,
        vec![
            text("gen_ai.operation.name", "chat"),
            text("gen_ai.system", "openai"),
            text("gen_ai.request.model", "gpt-4o"),
            number("gen_ai.usage.input_tokens", 30),
            number("gen_ai.usage.output_tokens", 9),
            number("gen_ai.usage.cache_read.input_tokens", 10),
            text("gen_ai.response.finish_reasons", "stop"),
            text("gen_ai.conversation.id", "s1"),
        ],
    );
    wire.events = vec![
        event("gen_ai.user.message", vec![text("role", "user"), text("content", "why?")]),
        event("gen_ai.choice", vec![text("message", r#"{"content":"because"}"#)]),
    ];
    check_call(&decoded(wire));
}

#[test]
fn openinference() {
    let span = of(vec![
        text("openinference.span.kind", "LLM"),
        text("llm.system", "openai"),
        text("llm.model_name", "gpt-4o-2024-08-06"),
        text("llm.invocation_parameters", r#"{"model":"gpt-4o","stream":true}"#),
        number("llm.token_count.prompt", 30),
        number("llm.token_count.completion", 9),
        number("llm.token_count.prompt_details.cache_read", 10),
        text("llm.input_messages.0.message.role", "user"),
        text("llm.input_messages.0.message.content", "why?"),
        text("llm.output_messages.0.message.role", "assistant"),
        text("llm.output_messages.0.message.content", "because"),
        text("output.value", r#"{"id":"chatcmpl-7","model":"gpt-4o-2024-08-06"}"#),
        text("llm.finish_reason", "stop"),
        text("session.id", "s1"),
    ]);
    check_call(&span);
    assert_eq!(span.response_model.as_deref(), Some("gpt-4o-2024-08-06"));
    assert_eq!(span.response_id.as_deref(), Some("chatcmpl-7"));
    assert!(span.stream);
}

#[test]
fn the_vercel_ai_sdk() {
    let span = of(vec![
        text("ai.operationId", "ai.streamText.doStream"),
        text("ai.model.provider", "openai.chat"),
        text("ai.model.id", "gpt-4o"),
        number("ai.usage.inputTokens", 30),
        number("ai.usage.outputTokens", 9),
        number("ai.usage.cachedInputTokens", 10),
        text("ai.prompt.messages", r#"[{"role":"user","content":"why?"}]"#),
        text("ai.response.text", "because"),
        text("ai.response.toolCalls", r#"[{"toolName":"f"}]"#),
        text("ai.response.finishReason", "stop"),
        number("ai.response.msToFirstChunk", 120),
        text("ai.telemetry.metadata.sessionId", "s1"),
    ]);
    check_call(&span);
    assert_eq!((span.ttft_us, span.stream), (Some(120_000), true));
    assert_eq!(json(span.output.as_ref())[0]["tool_calls"][0]["toolName"], "f");
}

#[test]
fn mlflow() {
    let span = of(vec![
        text("mlflow.spanType", "\"CHAT_MODEL\""),
        text("mlflow.llm.provider", "\"openai\""),
        text("mlflow.llm.model", "\"gpt-4o\""),
        text(
            "mlflow.chat.tokenUsage",
            r#"{"input_tokens":30,"output_tokens":9,"cache_read_input_tokens":10}"#,
        ),
        text("mlflow.spanInputs", r#"{"messages":[{"role":"user","content":"why?"}]}"#),
        text("mlflow.spanOutputs", r#"{"id":"chatcmpl-7","choices":[{"message":{"content":"because"}}]}"#),
        text("gen_ai.response.finish_reasons", "stop"),
        text("mlflow.trace.session", "\"s1\""),
    ]);
    check_call(&span);
    assert_eq!((span.source, span.response_id.as_deref()), (Source::Mlflow, Some("chatcmpl-7")));
}

#[test]
fn a_retriever_keeps_its_documents_with_their_scores() {
    let span = of(vec![
        text("openinference.span.kind", "RETRIEVER"),
        text("input.value", "why?"),
        text("retrieval.documents.0.document.id", "sky.md"),
        text("retrieval.documents.0.document.content", "light"),
        number("retrieval.documents.0.document.score", 1),
        text("retrieval.documents.0.document.metadata", r#"{"page":3}"#),
    ]);
    assert_eq!(span.kind, SpanKind::Retrieval);
    let expected = r#"[{"id":"sky.md","content":"light","score":1,"metadata":{"page":3}}]"#;
    assert_eq!(span.documents.unwrap().expose(), expected);
    assert_eq!(span.input.unwrap().expose(), "\"why?\"");
}

#[test]
fn tokens_that_are_stated_beside_the_cache_are_added_up() {
    let span = of(vec![
        text("gen_ai.operation.name", "chat"),
        number("gen_ai.usage.input_tokens", 5),
        number("gen_ai.usage.cache_read.input_tokens", 100),
    ]);
    assert_eq!(span.tokens.input, Some(105));
}

#[test]
fn a_cost_that_the_client_states_stays() {
    let span = of(vec![text("openinference.span.kind", "LLM"), text("llm.cost.total", "0.25")]);
    assert_eq!(span.cost, Some(weir_types::NanoUsd(250_000_000)));
}

#[test]
fn an_http_call_is_context() {
    let span = of(vec![text("http.request.method", "POST"), number("http.response.status_code", 429)]);
    assert_eq!((span.kind, span.http_status), (SpanKind::Http, Some(429)));
}
