//! What the token budget of a request costs: `cargo bench -p weir-control --bench trim`.
//!
//! `cargo bench -p weir-control --bench trim -- PART` runs the lines whose name holds PART. No statistics: each line is the
//! best of many rounds, in microseconds. The number to watch is that of 200 kB cut to 1,000 tokens (target: a millisecond).

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark prints and may panic")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Instant;

use serde_json::{Value, json};
use weir_control::trim::{OnOver, Prompt, Size, TokenBudget, size_up};
use weir_dialect::{Dialect, read_request};
use weir_meter::{Meter, PriceBook};

const ROUNDS: u32 = 200;

fn measure(name: &str, model: &str, body: &str, budget: &TokenBudget) {
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    if wanted.is_some_and(|part| !name.contains(&part)) {
        return;
    }
    let meter = Meter::new(PriceBook::bundled());
    let facts = read_request(Dialect::OpenAiChat, body.as_bytes()).unwrap();
    let prompt =
        Prompt { dialect: Dialect::OpenAiChat, body, facts: &facts, counter: meter.counter("p", model) };
    let outcome = match size_up(&prompt, budget) {
        Size::Within => "within".to_owned(),
        Size::Over { tokens, shorter: None } => format!("over: {}", tokens.count),
        Size::Over { tokens, shorter: Some(shorter) } => {
            format!("{} to {}", tokens.count, shorter.tokens.count)
        }
    };
    let best = (0..ROUNDS)
        .map(|_| {
            let started = Instant::now();
            black_box(size_up(black_box(&prompt), budget));
            started.elapsed()
        })
        .min()
        .unwrap();
    println!("{name:<58} {:>9.1} us   {outcome}", best.as_nanos() as f64 / 1e3);
}

/// Prose with names and numbers in it, so that no two lines are alike.
fn prose(bytes: usize) -> String {
    let lines: Vec<&str> = include_str!("../../../ARCHITECTURE.md").lines().collect();
    let mut text = String::new();
    for number in 0.. {
        if text.len() >= bytes {
            break;
        }
        let _ = writeln!(text, "{} ({number})", lines[number % lines.len()]);
    }
    text.truncate(text.floor_char_boundary(bytes));
    text
}

fn chat(messages: &[(&str, String)]) -> String {
    let messages: Vec<Value> =
        messages.iter().map(|(role, text)| json!({"role": role, "content": text})).collect();
    json!({"model": "gpt-4o", "messages": messages}).to_string()
}

fn main() {
    let to =
        |tokens: u64| TokenBudget { max_input_tokens: Some(tokens * 10 / 7 + 1), ..TokenBudget::default() };
    let turns: Vec<(&str, String)> = (0..200)
        .map(|number| (["user", "assistant"][number % 2], prose(1_000)))
        .chain([("user", "And what follows?".to_owned())])
        .collect();
    let document = chat(&[("system", "Be brief.".to_owned()), ("user", prose(200_000))]);
    let agent = chat(&turns);
    // As Python writes what is not English.
    let escaped =
        format!(r#"{{"messages":[{{"role":"user","content":"{}"}}]}}"#, r"\u4e2d\u6587 ".repeat(16_000));
    for (name, model) in [("exact", "gpt-4o"), ("estimated", "claude-x")] {
        measure(&format!("one document of 200 kB to 1,000 tokens, {name}"), model, &document, &to(1_000));
        measure(&format!("200 messages of 1 kB to 1,000 tokens, {name}"), model, &agent, &to(1_000));
    }
    measure("a document full of escapes to 1,000 tokens, exact", "gpt-4o", &escaped, &to(1_000));
    let small = chat(&[("user", prose(1_000))]);
    measure("1 kB within 2,000 tokens, by its length", "gpt-4o", &small, &to(1_400));
    let medium = chat(&[("user", prose(4_000))]);
    measure("4 kB within 2,000 tokens, counted", "gpt-4o", &medium, &to(1_400));
    let reject =
        TokenBudget { on_over: OnOver::Reject, max_input_tokens: Some(2_000), ..TokenBudget::default() };
    measure("200 kB refused at 2,000 tokens", "gpt-4o", &document, &reject);
}
