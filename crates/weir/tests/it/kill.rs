//! `kill -9` at random moments under load, again and again on the same data: every call whose answer reached its client
//! is in the store after the restart, once, with its tokens.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::support::*;

/// How often Weir is killed.
const ROUNDS: u32 = 50;
/// How many rounds pass between two looks at the whole store.
const ROUNDS_BETWEEN_CHECKS: u32 = 10;
/// Clients that call at the same time.
const CLIENTS: u64 = 4;
/// The most answers that are awaited before a kill.
const ANSWERS_MAX: usize = 60;
/// Tokens of a call are this and its number, so that no two calls have the same.
const TOKENS_MIN: u64 = 10;

/// A call whose answer arrived in full.
#[derive(Debug)]
struct Answered {
    span_id: String,
    input_tokens: u64,
    output_tokens: u64,
}

/// A path, a body for it that asks for a stream or not, and what only the last event of a stream has.
type Call = (&'static str, fn(bool) -> String, &'static str);

/// The ways to call.
const CALLS: [Call; 3] = [
    ("/v1/chat/completions", chat, "data: [DONE]\n\n"),
    ("/v1/messages", message, "data: {\"type\":\"message_stop\"}\n\n"),
    ("/v1/responses", response, "event: response.completed\n"),
];

fn response(stream: bool) -> String {
    serde_json::json!({ "model": "gpt-4o-mini", "stream": stream, "input": "hello" }).to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_fifty_kills_every_answered_call_is_in_the_store_once() {
    let seed = fastrand::u64(..);
    eprintln!("seed of the kills: {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let (_simulator, mut weir) = weir_before_simulator("[gateway.retry]\nretries_max = 0").await;
    let numbers = Arc::new(AtomicU64::new(0));
    let mut answered = Vec::new();
    for round in 1..=ROUNDS {
        let awaited = random.usize(0..=ANSWERS_MAX);
        answered.extend(call_until_killed(&mut weir, awaited, &numbers, &mut random).await);
        weir.restart().await.unwrap();
        if round % ROUNDS_BETWEEN_CHECKS == 0 {
            assert_all_stored_once(&weir, &answered).await;
        }
    }
    eprintln!("{} calls were answered in full of {}", answered.len(), numbers.load(Ordering::Relaxed));
    assert!(answered.len() > ROUNDS as usize * 10, "there was no load");
}

/// Lets clients call until so many answers have arrived, kills Weir, and returns every call that was answered in full.
async fn call_until_killed(
    weir: &mut WeirProcess,
    awaited: usize,
    numbers: &Arc<AtomicU64>,
    random: &mut fastrand::Rng,
) -> Vec<Answered> {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let client = Client {
            base_url: weir.url(""),
            numbers: Arc::clone(numbers),
            random: random.fork(),
            answered: sender.clone(),
        };
        clients.spawn(client.call_on());
    }
    drop(sender);
    let mut answered = Vec::new();
    while answered.len() < awaited {
        // All clients have ended when there is nothing more to receive, which none may do before the kill.
        answered.push(receiver.recv().await.expect("a call failed though Weir was alive"));
    }
    weir.kill9().await.unwrap();
    while let Some(more) = receiver.recv().await {
        answered.push(more);
    }
    clients.join_all().await;
    answered
}

/// Calls one after the other until nobody answers.
struct Client {
    base_url: String,
    numbers: Arc<AtomicU64>,
    random: fastrand::Rng,
    answered: mpsc::UnboundedSender<Answered>,
}

impl Client {
    async fn call_on(mut self) {
        while let Some(answered) = self.call().await {
            // The receiver is read to the end.
            let _ = self.answered.send(answered);
        }
    }

    /// One call; `None` when its answer did not arrive in full.
    async fn call(&mut self) -> Option<Answered> {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let (input_tokens, output_tokens) = (TOKENS_MIN + number, TOKENS_MIN + number % 20);
        let (path, body, end) = CALLS[self.random.usize(..CALLS.len())];
        let stream = self.random.bool();
        // Some streams take their time, so that kills meet them in their middle.
        let pace = if self.random.bool() { "chunk_ms=1" } else { "flush=1" };
        let directives = format!("input_tokens={input_tokens};output_tokens={output_tokens};{pace}");
        let url = format!("{}{path}", self.base_url);
        let mut answer = HttpClient.open_post(&url, &[(SIM_HEADER, &directives)], body(stream)).await.ok()?;
        assert_eq!(answer.status, 200);
        let span_id = answer.headers.get("weir-span-id").unwrap().to_str().unwrap().to_owned();
        if stream {
            read_to_last_event(&mut answer, end).await?;
        } else {
            answer.read().await.ok()?;
        }
        Some(Answered { span_id, input_tokens, output_tokens })
    }
}

/// Reads until the last event is there. What follows it (the end of the body) says nothing to the client any more, so
/// the promise holds from here on.
async fn read_to_last_event(answer: &mut OpenAnswer, end: &str) -> Option<()> {
    let mut text = Vec::new();
    while let Ok(Some(piece)) = answer.next().await {
        text.extend_from_slice(&piece);
        if text.ends_with(b"\n\n") && String::from_utf8_lossy(&text).contains(end) {
            return Some(());
        }
    }
    None
}

async fn assert_all_stored_once(weir: &WeirProcess, answered: &[Answered]) {
    everything_stored(weir).await;
    let statement =
        "select span_id, input_tokens, output_tokens, status from spans where kind = 'llm' limit 10000";
    let rows = weir.sql(statement).await.unwrap();
    let mut stored: HashMap<&str, &[Value]> = HashMap::new();
    for row in &rows {
        let before = stored.insert(row[0].as_str().unwrap(), &row[1..]);
        assert!(before.is_none(), "stored twice: {row:?}");
    }
    for call in answered {
        let row = stored.get(&*call.span_id).unwrap_or_else(|| panic!("answered and lost: {call:?}"));
        let expected: [Value; 3] = [call.input_tokens.into(), call.output_tokens.into(), "ok".into()];
        assert_eq!(row[..], expected, "{call:?}");
    }
    assert_cells_agree(weir, rows.len()).await;
}

/// Cells are made in the transaction of the rows, so they hold the same calls, once.
async fn assert_cells_agree(weir: &WeirProcess, spans: usize) {
    let sums = numbers(
        weir,
        "select (select count(*) from spans), (select count(distinct span_id) from spans),
                (select sum(\"sum\")::bigint from cells_1m where metric = 'llm.request.count'),
                (select sum(input_tokens)::bigint from spans),
                (select sum(\"sum\")::bigint from cells_1m where metric = 'llm.tokens.input')",
    )
    .await;
    let spans = i64::try_from(spans).unwrap();
    assert_eq!(sums[..3], [spans, spans, spans]);
    assert_eq!(sums[3], sums[4], "tokens in spans and in cells");
    assert_eq!(whole_value_of(weir, "sum(llm.request.count)").await, spans);
}
