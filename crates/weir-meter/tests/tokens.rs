//! Counts compared with those of OpenAI's own tokenizer, which `testdata/tokens/generate.py` wrote down.

use serde::Deserialize;
use serde_json::value::RawValue;
use weir_meter::{Meter, PriceBook, TokenCount};

#[derive(Deserialize)]
struct Texts {
    texts: Vec<Counted>,
}

#[derive(Deserialize)]
struct Counted {
    text: String,
    cl100k_base: u64,
    o200k_base: u64,
}

#[derive(Deserialize)]
struct Chats {
    chats: Vec<Chat>,
}

#[derive(Deserialize)]
struct Chat {
    model: String,
    messages: Box<RawValue>,
    tokens: u64,
}

fn meter() -> Meter {
    Meter::new(PriceBook::bundled())
}

fn exactly(tokens: u64) -> TokenCount {
    TokenCount { tokens, exact: true }
}

fn texts() -> Vec<Counted> {
    let golden: Texts =
        serde_json::from_str(include_str!("../../../testdata/tokens/texts.json")).expect("golden file");
    assert!(golden.texts.len() > 400);
    golden.texts
}

#[test]
fn texts_have_as_many_tokens_as_tiktoken_says() {
    let meter = meter();
    for golden in texts() {
        let old = meter.count_text("openai", "gpt-4", &golden.text);
        let new = meter.count_text("openai", "gpt-4o", &golden.text);
        assert_eq!(old, exactly(golden.cl100k_base), "cl100k_base of {:?}", golden.text);
        assert_eq!(new, exactly(golden.o200k_base), "o200k_base of {:?}", golden.text);
    }
}

#[test]
fn a_text_fits_within_its_own_count_and_no_less() {
    let meter = meter();
    for golden in texts() {
        let fits = |limit| meter.fits_within("openai", "gpt-4o", &golden.text, limit);
        assert!(fits(golden.o200k_base), "{:?}", golden.text);
        assert!(golden.o200k_base == 0 || !fits(golden.o200k_base - 1), "{:?}", golden.text);
    }
}

#[test]
fn chats_have_as_many_tokens_as_the_cookbook_says() {
    let golden: Chats =
        serde_json::from_str(include_str!("../../../testdata/tokens/chats.json")).expect("golden file");
    let meter = meter();
    assert!(golden.chats.len() >= 60);
    for chat in golden.chats {
        let count = meter.count_chat("openai", &chat.model, chat.messages.get(), None);
        assert_eq!(count, exactly(chat.tokens), "{} {}", chat.model, chat.messages);
    }
}

#[test]
fn inputs_of_embeddings_and_completions_have_nothing_around_them() {
    let meter = meter();
    let count = |model: &str, input: &str| meter.count_chat("openai", model, input, None);
    let hello = meter.count_text("openai", "text-embedding-3-small", "hello world").tokens;
    assert_eq!(count("text-embedding-3-small", r#""hello world""#), exactly(hello));
    assert_eq!(count("text-embedding-3-small", r#"["hello world","hello world"]"#), exactly(2 * hello));
    assert_eq!(count("text-embedding-3-small", "[[1,2,3],[4]]"), exactly(4));
    assert_eq!(count("gpt-3.5-turbo-instruct", r#""hello world""#), exactly(hello));
}

#[test]
fn images_count_by_size_and_detail() {
    let meter = meter();
    let count = |url: &str, detail: &str| {
        let messages = format!(
            r#"[{{"role":"user","content":[{{"type":"image_url","image_url":{{"url":"{url}","detail":"{detail}"}}}}]}}]"#
        );
        meter.count_chat("openai", "gpt-4o", &messages, None)
    };
    let around = 3 + 1 + 3;
    // A PNG header of 640 x 480: two tiles in a row.
    let png = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAoAAAAHg";
    assert_eq!(count(png, "high"), exactly(around + 85 + 2 * 170));
    assert_eq!(count(png, "low"), exactly(around + 85));
    assert_eq!(count("https://example.com/a.png", "low"), exactly(around + 85));
    let unknown = count("https://example.com/a.png", "high");
    assert_eq!(unknown, TokenCount { tokens: around + 765, exact: false });
}

/// Requests and answers as OpenAI's and Azure's documentation show them, with the usage that was stated. The other
/// fixtures state made-up usage.
#[test]
fn what_was_counted_is_what_providers_stated() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/dialect");
    for (case, file, model) in [
        ("openai_chat/text", "response.json", "gpt-4o"),
        ("openai_chat/azure_filter_results", "stream.sse", "gpt-4o"),
        ("openai_chat/two_choices", "stream.sse", "gpt-4o"),
        ("openai_completions/text", "response.json", "gpt-3.5-turbo-instruct"),
        ("openai_completions/stream_with_usage", "stream.sse", "gpt-3.5-turbo-instruct"),
        ("openai_embeddings/text", "response.json", "text-embedding-3-small"),
    ] {
        let read = |name| std::fs::read_to_string(format!("{folder}/{case}/{name}")).unwrap();
        let request: serde_json::Value = serde_json::from_str(&read("request.json")).unwrap();
        let input = ["messages", "input", "prompt"].into_iter().find_map(|name| request.get(name)).unwrap();
        let answer = read(file);
        let digits = answer.rsplit_once("\"prompt_tokens\":").unwrap().1.trim_start();
        let stated: u64 = digits.split(|char: char| !char.is_ascii_digit()).next().unwrap().parse().unwrap();
        let counted = meter().count_chat("openai", model, &input.to_string(), None);
        assert_eq!(counted.tokens, stated, "{case}");
    }
}

#[test]
fn tools_add_tokens_and_end_exactness() {
    let meter = meter();
    let messages =
        r#"[{"role":"system","content":"Be brief."},{"role":"user","content":"Weather in Oslo?"}]"#;
    let tools = r#"[{"type":"function","function":{"name":"get_weather","description":"Get the weather",
        "parameters":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}}]"#;
    let plain = meter.count_chat("openai", "gpt-4o", messages, None);
    let with_tools = meter.count_chat("openai", "gpt-4o", messages, Some(tools));
    let no_tools = meter.count_chat("openai", "gpt-4o", messages, Some("[]"));
    assert!(plain.exact && no_tools == plain);
    assert!(!with_tools.exact);
    assert!((20..80).contains(&(with_tools.tokens - plain.tokens)), "{with_tools:?} after {plain:?}");
}

#[test]
fn what_is_not_a_request_is_estimated_and_says_so() {
    let meter = meter();
    let deep = "[".repeat(100_000);
    let strange = [
        "",
        "{",
        "null",
        "7",
        "[1,\"x\",null,[]]",
        r#"[{"role":5,"content":{"a":1}}]"#,
        r#"[{"content":[null,{"type":"image_url"},{"type":"text"},{"type":"input_audio"}]}]"#,
        r#"[{"tool_calls":[{},null],"function_call":[]}]"#,
        "\u{0}",
        &deep,
    ];
    for messages in strange {
        for model in ["gpt-4o", "o3", "claude-sonnet-4-5"] {
            let count = meter.count_chat("p", model, messages, Some(messages));
            assert!(!count.exact, "{model} {:?}", messages.get(..40));
            assert!(count.tokens <= messages.len() as u64 * 4 + 2_000, "{model} {:?}", messages.get(..40));
        }
    }
}

proptest::proptest! {
    #[test]
    fn no_input_panics(messages in "[\\[\\]{}\":,a-z0-9_ ]{0,120}", tools in ".{0,60}") {
        let meter = meter();
        for model in ["gpt-4o", "gpt-5", "text-embedding-3-small", "mistral-large"] {
            meter.count_chat("p", model, &messages, Some(&tools));
            meter.count_text("p", model, &tools);
        }
    }
}
