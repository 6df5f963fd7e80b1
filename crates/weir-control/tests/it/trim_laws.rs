//! Laws of trimming, over random conversations in every dialect.

use std::collections::HashSet;

use proptest::prelude::*;
use serde_json::{Value, json};
use weir_control::trim::Size;
use weir_dialect::{Dialect, read_request};
use weir_meter::{Meter, PriceBook};

use crate::trim::{budget, size_of};

/// One turn of an abstract conversation.
#[derive(Debug, Clone)]
struct Turn {
    user: Vec<String>,
    /// Steps: results of the calls that each makes at once.
    steps: Vec<Vec<String>>,
    answer: Option<String>,
}

#[derive(Debug, Clone)]
struct Talk {
    system: Option<String>,
    turns: Vec<Turn>,
    tools: bool,
}

fn text() -> impl Strategy<Value = String> {
    let piece = r"([a-z]{1,9} |[A-Z][a-z]{2,8}|[0-9]{1,4}|\n|é|€|😀|[一-鿿]{1,3}|[!-/]|\PC){0,30}";
    (piece, 1_usize..12).prop_map(|(piece, times)| piece.repeat(times))
}

fn turn() -> impl Strategy<Value = Turn> {
    let steps = prop::collection::vec(prop::collection::vec(text(), 1..3), 0..3);
    (prop::collection::vec(text(), 1..3), steps, prop::option::of(text()))
        .prop_map(|(user, steps, answer)| Turn { user, steps, answer })
}

fn talk() -> impl Strategy<Value = Talk> {
    (prop::option::of(text()), prop::collection::vec(turn(), 1..6), any::<bool>())
        .prop_map(|(system, turns, tools)| Talk { system, turns, tools })
}

/// The conversation as a request. The last answer is left out: something is to be said.
fn request(talk: &Talk, dialect: Dialect) -> Value {
    let mut id = 0;
    let mut items = Vec::new();
    let is_claude = dialect == Dialect::AnthropicMessages;
    if let (Some(system), Dialect::OpenAiChat) = (&talk.system, dialect) {
        items.push(json!({"role": "system", "content": system}));
    }
    for (number, turn) in talk.turns.iter().enumerate() {
        items.extend(turn.user.iter().map(|text| json!({"role": "user", "content": text})));
        for results in &turn.steps {
            let ids: Vec<String> = results
                .iter()
                .map(|_| {
                    id += 1;
                    format!("call_{id}")
                })
                .collect();
            match dialect {
                Dialect::OpenAiChat => {
                    let call = |id: &String| json!({"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}});
                    items.push(json!({"role": "assistant", "content": null, "tool_calls": ids.iter().map(call).collect::<Vec<_>>()}));
                    items.extend(
                        ids.iter()
                            .zip(results)
                            .map(|(id, found)| json!({"role": "tool", "tool_call_id": id, "content": found})),
                    );
                }
                Dialect::OpenAiResponses => {
                    items.extend(ids.iter().map(
                        |id| json!({"type": "function_call", "call_id": id, "name": "f", "arguments": "{}"}),
                    ));
                    items.extend(ids.iter().zip(results).map(
                        |(id, found)| json!({"type": "function_call_output", "call_id": id, "output": found}),
                    ));
                }
                _ => {
                    let call = |id: &String| json!({"type": "tool_use", "id": id, "name": "f", "input": {}});
                    let found = |(id, found): (&String, &String)| json!({"type": "tool_result", "tool_use_id": id, "content": [{"type": "text", "text": found}]});
                    items.push(
                        json!({"role": "assistant", "content": ids.iter().map(call).collect::<Vec<_>>()}),
                    );
                    items.push(json!({"role": "user", "content": ids.iter().zip(results).map(found).collect::<Vec<_>>()}));
                }
            }
        }
        if let Some(answer) = turn.answer.as_ref().filter(|_| number + 1 < talk.turns.len()) {
            items.push(json!({"role": "assistant", "content": answer}));
        }
    }
    let input = if dialect == Dialect::OpenAiResponses { "input" } else { "messages" };
    let mut body = json!({"model": "m", input: items, "unknown": {"kept": [1.50, null]}});
    if talk.tools {
        body["tools"] = json!([{"type": "function", "function": {"name": "f", "description": "looks", "parameters": {"type": "object"}}}]);
    }
    match (&talk.system, dialect) {
        (Some(system), Dialect::OpenAiResponses) => body["instructions"] = json!(system),
        (Some(system), _) if is_claude => body["system"] = json!(system),
        _ => {}
    }
    body
}

fn items(body: &Value) -> &Vec<Value> {
    body.get("input").or(body.get("messages")).unwrap().as_array().unwrap()
}

/// Ids that are called, and ids that are answered, wherever they stand.
#[derive(Debug, Default, PartialEq, Eq)]
struct Ids {
    called: HashSet<String>,
    answered: HashSet<String>,
}

impl Ids {
    fn of(items: &[Value]) -> Self {
        let mut ids = Self::default();
        for item in items {
            ids.read(item);
        }
        ids
    }

    fn read(&mut self, value: &Value) {
        match value {
            Value::Object(members) => {
                let text = |name: &str| members.get(name).and_then(Value::as_str).map(str::to_owned);
                match text("type").unwrap_or_default().as_str() {
                    "function_call_output" => self.answered.extend(text("call_id")),
                    "function_call" => self.called.extend(text("call_id")),
                    "function" | "tool_use" => self.called.extend(text("id")),
                    "tool_result" => self.answered.extend(text("tool_use_id")),
                    _ => self.answered.extend(text("tool_call_id")),
                }
                members.values().for_each(|value| self.read(value));
            }
            Value::Array(values) => values.iter().for_each(|value| self.read(value)),
            _ => {}
        }
    }
}

/// Tokens as the meter says of the whole.
fn count(dialect: Dialect, model: &str, body: &str) -> u64 {
    let meter = Meter::new(PriceBook::bundled());
    let facts = read_request(dialect, body.as_bytes()).unwrap();
    let instructions = facts.instructions.map_or(0, |text| {
        let said: String = serde_json::from_str(text).unwrap();
        meter.count_text("provider", model, &said).tokens
    });
    meter.count_chat("provider", model, facts.input.unwrap(), facts.tools).tokens + instructions
}

const DIALECTS: [Dialect; 3] = [Dialect::OpenAiChat, Dialect::OpenAiResponses, Dialect::AnthropicMessages];

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_shortened_request_is_valid_and_means_what_it_meant(talk in talk(), dialect in 0_usize..3, target in 60_u64..600, exact in any::<bool>()) {
        // Nobody knows how an OpenAI model would be given what Anthropic's dialect says of tools.
        let is_exact = exact && DIALECTS[dialect] != Dialect::AnthropicMessages;
        let (dialect, model) = (DIALECTS[dialect], if is_exact { "gpt-4o" } else { "claude-x" });
        let before = request(&talk, dialect);
        let body = before.to_string();
        let total = count(dialect, model, &body);
        let size = size_of(dialect, model, &body, &budget(target));
        let Size::Over { tokens, shorter } = size else {
            prop_assert!(total <= target, "{total} tokens are not within {target}");
            return Ok(());
        };
// What is not exact is an estimate by samples, here of texts that have nothing in common.
        prop_assert!(tokens.count.abs_diff(total) * 2 <= total + 100, "{tokens:?} is not near {total}");
        let Some(shorter) = shorter else { return Ok(()) };
        let after: Value = serde_json::from_str(&shorter.body).unwrap();
        prop_assert!(shorter.body.len() < body.len());

        // Everything but the conversation is as it was.
        let rest = |body: &Value| { let mut rest = body.clone(); let all = rest.as_object_mut().unwrap();
            for name in ["messages", "input", "system", "instructions"] { all.remove(name); } rest };
        prop_assert_eq!(rest(&after), rest(&before));

        // What is left is in order, and only texts have changed.
        let marked = |value: &Value| value.to_string().contains("bytes cut here");
        let mut old = items(&before).iter();
        for item in items(&after) {
            let same_shape = |old: &&Value| if marked(item) { old["role"] == item["role"] && old["type"] == item["type"] && Ids::of(std::slice::from_ref(*old)) == Ids::of(std::slice::from_ref(item)) } else { *old == item };
            prop_assert!(old.any(|old| same_shape(&old)), "{item} is not from the request");
        }
        let ids = Ids::of(items(&after));
        prop_assert_eq!(&ids.called, &ids.answered, "a call without its result, or the other way round");
        prop_assert_eq!(&items(&after).iter().find(|item| item["role"] != "system").unwrap()["role"], "user");
        prop_assert!(!shorter.body.contains(char::REPLACEMENT_CHARACTER) || body.contains(char::REPLACEMENT_CHARACTER));

        // System prompt and last words of the user.
        let last = talk.turns.last().unwrap().user.last().unwrap();
        let is_whole = items(&after).iter().any(|item| item["content"] == json!(last));
        let system = after.get("system").or(after.get("instructions")).unwrap_or(&after["messages"][0]["content"]);
        let keeps_system = talk.system.as_ref().is_none_or(|text| system == &json!(text));
        if !(is_whole && keeps_system) {
            let alone = Talk { system: talk.system.clone(), turns: vec![Turn { user: vec![last.clone()], steps: talk.turns.last().unwrap().steps.iter().rev().take(1).map(|step| step.iter().map(|_| String::new()).collect()).collect(), answer: None }], tools: talk.tools };
            let needed = count(dialect, model, &request(&alone, dialect).to_string());
            prop_assert!(needed + 40 * (items(&after).len() as u64 + 2) > target, "{needed} tokens would have fitted {target}");
        }

        // Small enough, and shortened only once.
        let now = count(dialect, model, &shorter.body);
        if shorter.is_within_target {
            prop_assert!(now <= target, "{now} tokens are over {target}");
            prop_assert_eq!(size_of(dialect, model, &shorter.body, &budget(target)), Size::Within);
        }
        prop_assert!(now.abs_diff(shorter.tokens.count) <= 12 + now / 20, "{now} {:?}", shorter.tokens);
    }

    #[test]
    fn prompts_of_every_shape_stay_json(texts in prop::collection::vec(text(), 1..4), is_list in any::<bool>(), target in 40_u64..200) {
        let prompt = if is_list { json!(texts) } else { json!(texts[0]) };
        let body = json!({"prompt": prompt, "echo": true}).to_string();
        let model = "gpt-3.5-turbo-instruct";
        if let Size::Over { shorter: Some(shorter), .. } = size_of(Dialect::OpenAiCompletions, model, &body, &budget(target)) {
            let after: Value = serde_json::from_str(&shorter.body).unwrap();
            prop_assert_eq!(after["echo"].as_bool(), Some(true));
            if shorter.is_within_target {
                prop_assert!(count(Dialect::OpenAiCompletions, model, &shorter.body) <= target);
            }
        }
    }
}
