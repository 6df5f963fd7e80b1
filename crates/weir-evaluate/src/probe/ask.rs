//! One probe's call through Weir's own gateway, as an OpenAI chat completion.
//!
//! It is asked once: whether a model answers is what a probe wants to know. The gateway's own retries and fallbacks are part of
//! what is probed. Answers from the cache are not: the call asks for a new one.

use std::time::Instant;

use http::header::CACHE_CONTROL;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use serde_json::{Value, json};
use weir_types::{IdGenerator, OwnMark, Secret, Source, SpanId, TraceId, UnixMicros};

use super::expect::ProbeAnswer;
use super::{APP, Probe};
use crate::gateway::{self, Gateway, Unsent};

/// Characters of an error that are kept.
const ERROR_CHARS_MAX: usize = 300;

/// What came of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The trace of the call.
    pub trace_id: TraceId,
    /// Its span; `None` where the gateway could not be reached.
    pub span_id: Option<SpanId>,
    /// The answer, or in words why there is none.
    pub answer: Result<ProbeAnswer, String>,
}

/// Asks through a gateway.
pub struct ProbeClient {
    gateway: Gateway,
    ids: IdGenerator,
}

impl ProbeClient {
    /// A client of the gateway at this address, such as `http://127.0.0.1:7070`. The key is a virtual one, or the
    /// provider's own where the gateway has none; without one the gateway's key is used.
    pub fn new(
        address: &Uri,
        api_key: Option<&Secret>,
        own_mark: Option<&OwnMark>,
    ) -> Result<Self, http::Error> {
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, no-store"));
        headers.insert("weir-app", HeaderValue::from_static(APP));
        let gateway = Gateway::new(address, headers, api_key, Source::Probe, own_mark)?;
        Ok(Self { gateway, ids: IdGenerator::new() })
    }

    /// Asks this in a trace of its own.
    pub async fn ask(&self, probe: &Probe, now: UnixMicros) -> Asked {
        let (trace_id, parent) = (self.ids.trace_id(now), self.ids.span_id(now));
        let mut asked = Asked { trace_id, span_id: None, answer: Err(String::new()) };
        let started = Instant::now();
        let traceparent = format!("00-{trace_id}-{parent}-01");
        let answered = self.exchange(probe, &traceparent, &mut asked.span_id);
        let answer = match tokio::time::timeout(probe.timeout, answered).await {
            Ok(answer) => answer,
            Err(_) => Err(format!("no answer within {} s", probe.timeout.as_secs())),
        };
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        asked.answer = answer.map(|answer| ProbeAnswer { duration_ms, ..answer });
        asked
    }

    async fn exchange(
        &self,
        probe: &Probe,
        traceparent: &str,
        span_id: &mut Option<SpanId>,
    ) -> Result<ProbeAnswer, String> {
        let instructions = probe.instructions.iter().map(|text| json!({ "role": "system", "content": text }));
        let question = json!({ "role": "user", "content": probe.prompt });
        let body = json!({
            "model": &*probe.model,
            "max_tokens": probe.max_tokens,
            "temperature": 0,
            "messages": instructions.chain([question]).collect::<Vec<_>>(),
        });
        let mut more = HeaderMap::new();
        let tags = format!("probe={}", probe.name);
        for (name, value) in [("traceparent", traceparent), ("weir-tags", &tags)] {
            // A name that no header can carry is in the score all the same.
            more.extend(
                HeaderValue::try_from(value).ok().map(|value| (HeaderName::from_static(name), value)),
            );
        }
        let response = self.gateway.send(&body, more).await.map_err(|unsent| match unsent {
            Unsent::Invalid(reason) => reason,
            Unsent::Unreached(reason) => format!("the gateway cannot be reached: {reason}"),
        })?;
        let (head, body) = response.into_parts();
        let named = head.headers.get("weir-span-id").and_then(|value| value.to_str().ok());
        *span_id = named.and_then(|text| text.parse().ok());
        let body = gateway::read(body).await.map_err(|reason| format!("the answer broke off: {reason}"))?;
        let value = serde_json::from_slice::<Value>(&body);
        if !head.status.is_success() {
            let value = value.unwrap_or_default();
            let message = gateway::error_message(&value).unwrap_or_default();
            let message: String = message.chars().take(ERROR_CHARS_MAX).collect();
            return Err(format!("status {}: {message}", head.status.as_u16()));
        }
        let value = value.map_err(|error| format!("the answer is no JSON: {error}"))?;
        Ok(ProbeAnswer {
            text: gateway::content(&value).ok_or("the answer has no content")?.to_owned(),
            duration_ms: 0,
            output_tokens: value.pointer("/usage/completion_tokens").and_then(Value::as_u64),
        })
    }
}
