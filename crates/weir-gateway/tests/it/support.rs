//! The three parties of every test.

mod client;
mod provider;
pub mod redis;
mod weir;

pub use client::{Client, Response};
pub use provider::{Provider, Seen, Step, chunked, event_stream, json_answer};
pub use weir::{Weir, WeirBuilder, attribute, provider_config};
pub use weir_testkit::RedisServer;

use std::time::Duration;

/// How long a test waits for a condition before it fails. No test passes by waiting this long.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for a condition that must come true.
pub async fn patiently<T>(what: &str, condition: impl Future<Output = T>) -> T {
    let outcome = tokio::time::timeout(PATIENCE, condition).await;
    outcome.unwrap_or_else(|_| panic!("still waiting for {what}"))
}

/// A chat request to `gpt-4o`, with more members.
pub fn chat(more: &str) -> String {
    format!(r#"{{"model":"gpt-4o","messages":[{{"role":"user","content":"Say hello"}}]{more}}}"#)
}

/// What a provider answers to it: ten tokens in, five out.
pub const ANSWER: &str = r#"{"id":"chatcmpl-1","object":"chat.completion","model":"gpt-4o-2024-08-06","choices":[{"index":0,"message":{"role":"assistant","content":"Hello there"},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15},"x_unknown":{"kept": 1.50}}"#;

/// The events of the same answer as a stream, without usage.
pub const EVENTS: [&str; 4] = [
    "data: {\"id\":\"chatcmpl-1\",\"model\":\"gpt-4o-2024-08-06\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"chatcmpl-1\",\"model\":\"gpt-4o-2024-08-06\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hello\"},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"chatcmpl-1\",\"model\":\"gpt-4o-2024-08-06\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" there\"},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"chatcmpl-1\",\"model\":\"gpt-4o-2024-08-06\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
];

/// The event that `include_usage` adds.
pub const USAGE_EVENT: &str = "data: {\"id\":\"chatcmpl-1\",\"model\":\"gpt-4o-2024-08-06\",\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":15}}\n\n";

/// The end of every stream.
pub const DONE: &str = "data: [DONE]\n\n";
