//! The token budget of one request, seen from both ends.

use std::sync::Arc;

use serde_json::{Value, json};
use weir_control::Mode;
use weir_control::trim::{AgentBudgets, OnOver, TokenBudget};
use weir_types::{NanoUsd, Span};

use crate::support::*;

/// A gateway where the agent "bot" has this budget.
fn weir_with(provider: &Provider, budget: TokenBudget) -> Weir {
    let named = [(Arc::from("bot"), budget)].into();
    WeirBuilder::new(vec![provider_config("openai", provider.url("/v1"))])
        .with(|config| config.agents = AgentBudgets { named, others: None })
        .start()
}

fn budget(max_input_tokens: u64) -> TokenBudget {
    TokenBudget { max_input_tokens: Some(max_input_tokens), ..TokenBudget::default() }
}

/// What is kept of a [`conversation`].
const KEPT: &str = r#"[{"role":"system","content":"be brief"},{"role":"user","content":"what now?"}]"#;

/// A conversation with a long past.
fn conversation(more: &str) -> String {
    let past = "something that was said before ".repeat(20);
    let past = format!(r#"{{"role":"user","content":"{past}"}},{{"role":"assistant","content":"{past}"}},"#);
    let (system, user) = KEPT.split_at(KEPT.find(r#"{"role":"user""#).unwrap());
    format!(r#"{{"model":"gpt-4o", "messages":{system}{past}{user}{more}}}"#)
}

const BOT: (&str, &str) = ("weir-agent", "bot");

async fn post(weir: &Weir, body: &str) -> Response {
    weir.post("/v1/chat/completions", &[BOT], body).await
}

fn messages(seen: &Seen) -> usize {
    serde_json::from_str::<Value>(seen.text()).unwrap()["messages"].as_array().unwrap().len()
}

/// Action and detail of what the token budget decided.
fn decided(span: &Span) -> Vec<(String, String)> {
    let of_budget = span.policy.iter().filter(|decision| &*decision.policy == "token_budget");
    of_budget
        .map(|decision| {
            (decision.action.to_string(), decision.detail.as_deref().unwrap_or_default().to_owned())
        })
        .collect()
}

#[tokio::test]
async fn a_prompt_over_the_budget_reaches_the_provider_shorter_and_what_that_saved_is_noted() {
    let provider = Provider::answering(200, ANSWER).await;
    let weir = weir_with(&provider, budget(100));
    let response = post(&weir, &conversation(r#", "x":  1.50"#)).await;
    assert_eq!(response.status, 200);
    assert_eq!(response.header("weir-policy"), Some("token_budget;agent=bot;action=truncated"));
    let sent = format!(r#"{{"model":"gpt-4o", "messages":{KEPT}, "x":  1.50}}"#);
    assert_eq!(provider.only().text(), sent);

    let call = weir.call().await;
    let decided = decided(&call);
    assert_eq!(decided.len(), 1);
    let (action, detail) = &decided[0];
    assert_eq!(action, "truncated");
    assert_eq!(detail, "agent \"bot\": 226 tokens of 100, 16 left; 2 messages gone, 0 texts cut");
    assert_eq!(call.input.as_ref().unwrap().expose(), KEPT, "the span has what was sent");
    // gpt-4o reads a token for 2,500 nano-dollars.
    assert_eq!(call.saved, Some(NanoUsd((226 - 16) * 2_500)));
    assert_eq!(call.policy[0].saved, call.saved);
}

#[tokio::test]
async fn a_streamed_call_is_shortened_like_any_other() {
    let usage = r#"data: {"choices":[],"usage":{"prompt_tokens":16,"completion_tokens":1}}"#;
    let delta =
        r#"data: {"model":"gpt-4o","choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]}"#;
    let pieces = [format!("{delta}\n\n"), format!("{usage}\n\ndata: [DONE]\n\n")];
    let provider = Provider::doing(event_stream(&[&pieces[0], &pieces[1]])).await;
    let weir = weir_with(&provider, budget(100));
    let response = post(&weir, &conversation(r#","stream":true"#)).await;
    assert_eq!(response.status, 200);
    assert!(response.text().contains("[DONE]"));
    assert_eq!(messages(&provider.only()), 2);
    let call = weir.call().await;
    assert!(call.stream);
    assert_eq!(call.saved, Some(NanoUsd((226 - 16) * 2_500)));
}

#[tokio::test]
async fn other_agents_have_no_budget_unless_all_others_have_one() {
    let provider = Provider::answering(200, ANSWER).await;
    let weir = weir_with(&provider, budget(100));
    weir.chat(conversation("")).await;
    assert_eq!(provider.only().text(), conversation(""));
    assert!(weir.call().await.policy.is_empty());

    let provider = Provider::answering(200, ANSWER).await;
    let named = [(Arc::from("bot"), budget(10_000))].into();
    let weir = WeirBuilder::new(vec![provider_config("openai", provider.url("/v1"))])
        .with(|config| config.agents = AgentBudgets { named, others: Some(budget(100)) })
        .start();
    weir.chat(conversation("")).await;
    post(&weir, &conversation("")).await;
    assert_eq!(provider.seen().iter().map(messages).collect::<Vec<_>>(), [2, 4]);
    let calls = weir.calls(2).await;
    assert!(decided(&calls[0])[0].1.starts_with("calls without an agent: 226 tokens"));
    assert!(calls[1].policy.is_empty());
}

#[tokio::test]
async fn who_observes_changes_nothing_and_tells_what_would_be_saved() {
    for (mode, on_over, header) in [
        (Mode::Observe, OnOver::Truncate, None),
        (Mode::Enforce, OnOver::Observe, None),
        (Mode::Warn, OnOver::Truncate, Some("token_budget;agent=bot;action=would_truncate")),
    ] {
        let answer = ANSWER.replace(r#""prompt_tokens":10"#, r#""prompt_tokens":226"#);
        let provider = Provider::answering(200, &answer).await;
        let weir = weir_with(&provider, TokenBudget { mode, on_over, ..budget(100) });
        let response = post(&weir, &conversation("")).await;
        assert_eq!((response.status, response.header("weir-policy")), (200, header));
        assert_eq!(provider.only().text(), conversation(""));
        let call = weir.call().await;
        assert_eq!(decided(&call)[0].0, "would_truncate");
        assert_eq!(call.saved, None, "what would have been saved is not saved");
        assert!(call.policy[0].saved.is_some_and(|saved| saved > NanoUsd::ZERO), "{:?}", call.policy);
    }
}

#[tokio::test]
async fn a_refusal_says_how_long_the_prompt_is_and_what_to_do() {
    let provider = Provider::answering(200, ANSWER).await;
    let reject = TokenBudget { on_over: OnOver::Reject, ..budget(200) };
    let weir = weir_with(&provider, reject);
    let refused = post(&weir, &conversation("")).await;
    assert_eq!((refused.status, refused.header("weir-error")), (400, Some("context_length_exceeded")));
    assert_eq!(refused.header("weir-policy"), Some("token_budget;agent=bot;action=rejected"));
    let error = &refused.json()["error"];
    assert_eq!(
        (&error["code"], &error["type"]),
        (&"context_length_exceeded".into(), &"invalid_request_error".into())
    );
    assert_eq!(
        error["message"],
        "the prompt has 226 tokens, and calls of agent \"bot\" may have 200; send a shorter prompt, or have \
         `agents.\"bot\".max_input_tokens` raised"
    );
    assert!(provider.seen().is_empty());
    let call = weir.call().await;
    assert_eq!(call.error_type.as_deref(), Some("context_length_exceeded"));
    assert_eq!((call.model.as_deref(), call.agent.as_deref()), (Some("gpt-4o"), Some("bot")));
    assert_eq!(decided(&call)[0].0, "rejected");

    let claude = format!(
        r#"{{"model":"gpt-4o","max_tokens":5,"messages":[{{"role":"user","content":"{}"}}]}}"#,
        "word ".repeat(900)
    );
    let refused = weir.post("/openai/v1/messages", &[BOT], &claude).await;
    assert_eq!((refused.status, &refused.json()["error"]["type"]), (400, &"invalid_request_error".into()));
}

#[tokio::test]
async fn the_output_is_capped_by_the_name_that_the_model_knows() {
    let provider = Provider::answering(200, ANSWER).await;
    let weir = weir_with(&provider, TokenBudget { max_output_tokens: Some(50), ..TokenBudget::default() });
    let of = |model: &str, more: &str| {
        format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"hi"}}]{more}}}"#)
    };
    for (asked, sent) in [
        (of("gpt-4o", ""), of("gpt-4o", r#","max_tokens":50"#)),
        (of("o3-mini", ""), of("o3-mini", r#","max_completion_tokens":50"#)),
        (of("gpt-4o", r#","max_completion_tokens":900"#), of("gpt-4o", r#","max_completion_tokens":50"#)),
        (of("gpt-4o", r#","max_tokens":20"#), of("gpt-4o", r#","max_tokens":20"#)),
    ] {
        post(&weir, &asked).await;
        assert_eq!(provider.seen().last().unwrap().text(), sent);
    }
    let calls = weir.calls(4).await;
    assert_eq!(decided(&calls[0])[0].0, "capped");
    assert_eq!(decided(&calls[2])[0].1, "agent \"bot\": output of at most 50 tokens instead of 900");
    assert_eq!(attribute(&calls[2], "max_output_tokens"), 50);
    assert!(calls[3].policy.is_empty());
}

#[tokio::test]
async fn prompt_and_output_are_cut_in_one_request() {
    let provider = Provider::answering(200, ANSWER).await;
    let weir = weir_with(&provider, TokenBudget { max_output_tokens: Some(50), ..budget(100) });
    let response = post(&weir, &conversation("")).await;
    assert_eq!(response.header("weir-policy"), Some("token_budget;agent=bot;action=truncated,capped"));
    let sent: Value = serde_json::from_str(provider.only().text()).unwrap();
    assert_eq!((sent["max_tokens"].clone(), sent["messages"].as_array().unwrap().len()), (50.into(), 2));
}

#[tokio::test]
async fn a_long_document_is_cut_on_another_thread_and_the_call_goes_on() {
    let provider = Provider::answering(200, ANSWER).await;
    let weir = weir_with(&provider, budget(20_000));
    let document = "A document of many words. ".repeat(20_000);
    let body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": document}]}).to_string();
    assert_eq!(post(&weir, &body).await.status, 200);
    let sent: Value = serde_json::from_str(provider.only().text()).unwrap();
    let text = sent["messages"][0]["content"].as_str().unwrap();
    assert!(text.contains("bytes cut here") && text.len() < document.len() / 5);
    assert_eq!(decided(&weir.call().await)[0].0, "truncated");
}

#[tokio::test]
async fn a_prompt_that_cannot_be_cut_goes_on_and_its_span_says_so() {
    let provider = Provider::answering(200, ANSWER).await;
    let weir = weir_with(&provider, budget(10));
    let body = chat("");
    let response = post(&weir, &body).await;
    assert_eq!((response.status, response.header("weir-policy")), (200, None));
    assert_eq!(provider.only().text(), body);
    let call = weir.call().await;
    let (action, detail) = &decided(&call)[0];
    assert_eq!((action.as_str(), call.saved), ("unchanged", None));
    assert!(detail.ends_with("nothing in it can be cut"), "{detail}");
}
