//! Trimming, case by case: what goes, what stays and what is said about it.

use serde_json::{Value, json};
use weir_control::trim::{OnOver, Prompt, Shorter, Size, TokenBudget, size_up};
use weir_dialect::{Dialect, read_request};
use weir_meter::{Meter, PriceBook};

/// A budget whose target is `target`: acts above it, cuts to it.
pub fn budget(target: u64) -> TokenBudget {
    TokenBudget { max_input_tokens: Some(target), threshold: 1.0, truncate_to: 1.0, ..TokenBudget::default() }
}

pub fn size_of(dialect: Dialect, model: &str, body: &str, budget: &TokenBudget) -> Size {
    let meter = Meter::new(PriceBook::bundled());
    let facts = read_request(dialect, body.as_bytes()).unwrap();
    let counter = meter.counter("provider", model);
    size_up(&Prompt { dialect, body, facts: &facts, counter }, budget)
}

/// The request made smaller, and read again.
fn shortened(dialect: Dialect, model: &str, body: &Value, target: u64) -> (Shorter, Value) {
    match size_of(dialect, model, &body.to_string(), &budget(target)) {
        Size::Over { shorter: Some(shorter), .. } => {
            let value = serde_json::from_str(&shorter.body).unwrap();
            (shorter, value)
        }
        other => panic!("not shortened: {other:?}"),
    }
}

/// A text of this many words, each a token.
fn words(count: usize) -> String {
    vec!["word"; count].join(" ")
}

fn say(role: &str, text: &str) -> Value {
    json!({"role": role, "content": text})
}

#[test]
fn a_prompt_within_its_budget_is_left_alone() {
    let body = json!({"model": "gpt-4o", "messages": [say("user", &words(90))]}).to_string();
    let strict = TokenBudget { max_input_tokens: Some(121), ..TokenBudget::default() };
    assert_eq!(strict.act_above(), Some(96));
    assert!(matches!(size_of(Dialect::OpenAiChat, "gpt-4o", &body, &strict), Size::Over { .. }));
    let enough = TokenBudget { max_input_tokens: Some(122), ..TokenBudget::default() };
    assert_eq!(size_of(Dialect::OpenAiChat, "gpt-4o", &body, &enough), Size::Within);
    let none = TokenBudget::default();
    assert_eq!(size_of(Dialect::OpenAiChat, "gpt-4o", &body, &none), Size::Within);
}

#[test]
fn the_oldest_turns_go_first_and_whole() {
    let messages = [
        say("system", "rules"),
        say("user", &words(50)),
        say("assistant", &words(50)),
        say("user", "second"),
        say("assistant", &words(20)),
        say("user", "third"),
    ];
    let body = json!({"model": "gpt-4o", "messages": messages, "temperature": 1});
    let (shorter, value) = shortened(Dialect::OpenAiChat, "gpt-4o", &body, 60);
    let left = [&messages[0], &messages[3], &messages[4], &messages[5]];
    assert_eq!(value, json!({"model": "gpt-4o", "messages": left, "temperature": 1}));
    assert!(shorter.is_within_target && shorter.tokens.is_exact);
    assert_eq!((shorter.cut.entries, shorter.cut.texts), (2, 0));

    let (_, value) = shortened(Dialect::OpenAiChat, "gpt-4o", &body, 20);
    assert_eq!(value["messages"], json!([messages[0], messages[5]]));
}

#[test]
fn a_tool_call_goes_with_its_result_and_the_last_step_stays() {
    let call = |id: &str| {
        json!({"role": "assistant", "content": null, "tool_calls":
            [{"id": id, "type": "function", "function": {"name": "look", "arguments": "{}"}}]})
    };
    let result = |id: &str| json!({"role": "tool", "tool_call_id": id, "content": words(60)});
    let messages =
        [say("user", "go"), call("a"), result("a"), call("b"), result("b"), call("c"), result("c")];
    let (_, value) = shortened(Dialect::OpenAiChat, "gpt-4o", &json!({"messages": messages}), 190);
    assert_eq!(value["messages"], json!([messages[0], messages[3], messages[4], messages[5], messages[6]]));
    let (shorter, value) = shortened(Dialect::OpenAiChat, "gpt-4o", &json!({"messages": messages}), 60);
    assert_eq!(value["messages"].as_array().unwrap().len(), 3);
    assert_eq!((&value["messages"][0], &value["messages"][1]), (&messages[0], &messages[5]));
    let found = value["messages"][2]["content"].as_str().unwrap();
    assert!(
        found.starts_with("word word") && found.ends_with("word word") && found.contains("bytes cut here")
    );
    assert_eq!((shorter.cut.entries, shorter.cut.texts), (4, 1));
}

#[test]
fn the_longest_text_is_cut_in_its_middle_and_the_question_stays_whole() {
    let document = format!("BEGIN {} END", words(500));
    let question = words(40);
    let messages = json!([say("system", "be brief"), say("user", &question), {"role": "assistant", "tool_calls": [{"id": "1"}]},
        {"role": "tool", "tool_call_id": "1", "content": [{"type": "text", "text": document}, {"type": "text", "text": "short"}]}]);
    let (shorter, value) = shortened(Dialect::OpenAiChat, "gpt-4", &json!({"messages": messages}), 150);
    let parts = &value["messages"][3]["content"];
    let cut = parts[0]["text"].as_str().unwrap();
    assert!(cut.starts_with("BEGIN word") && cut.ends_with("word END"), "{cut}");
    assert_eq!(value["messages"][1]["content"], question);
    assert_eq!(value["messages"][0]["content"], "be brief");
    assert_eq!(parts[1]["text"], "short");
    assert!(shorter.is_within_target && !shorter.tokens.is_exact);
}

#[test]
fn a_question_that_is_too_long_by_itself_is_cut_too() {
    let body = json!({"messages": [say("system", "be brief"), say("user", &words(3_000))]});
    let (shorter, value) = shortened(Dialect::OpenAiChat, "gpt-4o", &body, 200);
    assert_eq!(value["messages"][0]["content"], "be brief");
    assert!(value["messages"][1]["content"].as_str().unwrap().contains("bytes cut here"));
    assert!((150..=200).contains(&shorter.tokens.count), "{:?}", shorter.tokens);
}

#[test]
fn what_cannot_be_made_small_enough_says_so_and_keeps_its_question() {
    let tools: Vec<Value> = (0..40)
        .map(|n| json!({"type": "function", "function": {"name": format!("tool_{n}"), "description": words(20)}}))
        .collect();
    let messages = [say("user", &words(100)), say("assistant", "yes"), say("user", &words(30))];
    let body = json!({"messages": messages, "tools": tools});
    let (shorter, value) = shortened(Dialect::OpenAiChat, "gpt-4o", &body, 100);
    assert!(!shorter.is_within_target);
    assert_eq!(value["messages"], json!([messages[2]]));
    let alone = json!({"messages": [messages[2]], "tools": tools}).to_string();
    let size = size_of(Dialect::OpenAiChat, "gpt-4o", &alone, &budget(100));
    assert!(matches!(size, Size::Over { shorter: None, .. }), "{size:?}");
}

#[test]
fn a_refusal_is_for_what_is_over_the_whole_limit() {
    let reject =
        TokenBudget { on_over: OnOver::Reject, max_input_tokens: Some(100), ..TokenBudget::default() };
    let of_words = |count| json!({"messages": [say("user", &words(count))]}).to_string();
    assert_eq!(size_of(Dialect::OpenAiChat, "gpt-4o", &of_words(93), &reject), Size::Within);
    let Size::Over { tokens, shorter } = size_of(Dialect::OpenAiChat, "gpt-4o", &of_words(94), &reject)
    else {
        panic!("94 words and 7 tokens around them are over 100")
    };
    assert_eq!((tokens.count, tokens.is_exact, shorter), (101, true, None));
}

#[test]
fn claude_keeps_the_order_of_roles_and_its_signatures() {
    let block = |text: &str| json!([{"type": "text", "text": text}]);
    let body = json!({"model": "claude-x", "system": "rules", "max_tokens": 9, "messages": [
        {"role": "user", "content": words(300)},
        {"role": "assistant", "content": block("old")},
        {"role": "user", "content": block("find it")},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": words(9), "signature": "s"}, {"type": "tool_use", "id": "t", "name": "f", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": words(900)}]},
    ]});
    let (shorter, value) = shortened(Dialect::AnthropicMessages, "claude-x", &body, 300);
    let messages = value["messages"].as_array().unwrap();
    assert_eq!(messages[..2], body["messages"].as_array().unwrap()[2..4]);
    assert!(messages[2]["content"][0]["content"].as_str().unwrap().contains("bytes cut here"));
    assert_eq!(value["system"], "rules");
    assert!(shorter.is_within_target && !shorter.tokens.is_exact);
}

#[test]
fn responses_keep_reasoning_with_what_it_led_to() {
    let item = |value: Value| value;
    let body = json!({"model": "gpt-4o", "instructions": "rules", "input": [
        {"role": "user", "content": words(80)},
        item(json!({"type": "reasoning", "id": "r1", "summary": []})),
        item(json!({"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"})),
        item(json!({"type": "function_call_output", "call_id": "a", "output": words(80)})),
        item(json!({"type": "reasoning", "id": "r2", "summary": []})),
        item(json!({"type": "function_call", "call_id": "b", "name": "f", "arguments": "{}"})),
        item(json!({"type": "function_call_output", "call_id": "b", "output": "found"})),
    ]});
    let (_, value) = shortened(Dialect::OpenAiResponses, "gpt-4o", &body, 180);
    let input = body["input"].as_array().unwrap();
    assert_eq!(value["input"], json!([input[0], input[4], input[5], input[6]]));
    let (_, value) =
        shortened(Dialect::OpenAiResponses, "gpt-4o", &json!({"input": words(2_000), "x": 1}), 100);
    assert!(value["input"].as_str().unwrap().contains("bytes cut here"));
}

#[test]
fn a_result_of_a_call_that_the_provider_keeps_stays() {
    let body = json!({"previous_response_id": "r", "input": [
        {"type": "function_call_output", "call_id": "kept elsewhere", "output": words(300)},
        {"role": "user", "content": "and now?"}]});
    let (_, value) = shortened(Dialect::OpenAiResponses, "gpt-4o", &body, 100);
    assert_eq!(value["input"].as_array().unwrap().len(), 2);
    assert!(value["input"][0]["output"].as_str().unwrap().contains("bytes cut here"));
}

#[test]
fn prompts_of_a_batch_are_cut_and_none_is_lost() {
    let body = json!({"model": "gpt-3.5-turbo-instruct", "prompt": ["short", words(400), words(500)]});
    let (shorter, value) = shortened(Dialect::OpenAiCompletions, "gpt-3.5-turbo-instruct", &body, 200);
    let prompts = value["prompt"].as_array().unwrap();
    assert_eq!((prompts.len(), &prompts[0]), (3, &json!("short")));
    assert_eq!((shorter.cut.entries, shorter.cut.texts), (0, 2));
    assert!(shorter.is_within_target);
}

#[test]
fn embeddings_and_token_ids_are_left_alone() {
    let body = json!({"input": words(500)}).to_string();
    assert_eq!(
        size_of(Dialect::OpenAiEmbeddings, "text-embedding-3-small", &body, &budget(50)),
        Size::Within
    );
    let ids = json!({"prompt": vec![1; 500]}).to_string();
    let size = size_of(Dialect::OpenAiCompletions, "gpt-3.5-turbo-instruct", &ids, &budget(50));
    assert!(matches!(size, Size::Over { shorter: None, .. }), "{size:?}");
}

#[test]
fn escapes_of_every_client_survive_a_cut() {
    // As Python's json writes it: every character beyond ASCII as an escape.
    let escaped = r"\ud83d\ude00\u00e9\u4e2d ".repeat(4_000);
    let body = format!(r#"{{"messages":[{{"role":"user","content":"{escaped}"}}]}}"#);
    for model in ["gpt-4o", "claude-x"] {
        let Size::Over { shorter: Some(shorter), .. } =
            size_of(Dialect::OpenAiChat, model, &body, &budget(300))
        else {
            panic!("not shortened")
        };
        let value: Value = serde_json::from_str(&shorter.body).unwrap();
        let text = value["messages"][0]["content"].as_str().unwrap();
        assert!(text.starts_with("😀é中") && text.ends_with("中 ") && !text.contains('\u{fffd}'), "{model}");
    }
}

#[test]
fn what_goes_is_estimated_near_what_it_had() {
    let meter = Meter::new(PriceBook::bundled());
    let prose = include_str!("../../../../ARCHITECTURE.md").repeat(5);
    let body = json!({"messages": [say("user", &prose)]}).to_string();
    let real = meter.count_text("openai", "gpt-4o", &prose).tokens as f64;
    let Size::Over { tokens, .. } = size_of(Dialect::OpenAiChat, "gpt-4o", &body, &budget(500)) else {
        panic!()
    };
    assert!((tokens.count as f64 / real - 1.0).abs() < 0.1, "{tokens:?} {real}");
    assert!(!tokens.is_exact);
}
