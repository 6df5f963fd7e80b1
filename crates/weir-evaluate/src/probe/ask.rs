//! One probe's call through Weir's own gateway, as an OpenAI chat completion.
//!
//! It is asked once: whether a model answers is what a probe wants to know. The gateway's own retries and fallbacks are part of
//! what is probed. Answers from the cache are not: the call asks for a new one.

use std::time::Instant;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Request, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use weir_types::{IdGenerator, Secret, SpanId, TraceId, UnixMicros};

use super::expect::ProbeAnswer;
use super::{APP, Probe};

/// Bytes of an answer; a probe's are short.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
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
    url: Uri,
    headers: HeaderMap,
    client: Client<HttpConnector, Full<Bytes>>,
    ids: IdGenerator,
}

impl ProbeClient {
    /// A client of the gateway at this address, such as `http://127.0.0.1:7070`. The key is a virtual one, or the
    /// provider's own where the gateway has none; without one the gateway's key is used.
    pub fn new(gateway: &Uri, api_key: Option<&Secret>) -> Result<Self, http::Error> {
        let base = gateway.to_string();
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, no-store"));
        headers.insert("weir-source", HeaderValue::from_static("probe"));
        headers.insert("weir-app", HeaderValue::from_static(APP));
        if let Some(key) = api_key {
            let mut value = HeaderValue::try_from(format!("Bearer {}", key.expose()))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(Self {
            url: Uri::try_from(format!("{}/v1/chat/completions", base.trim_end_matches('/')))?,
            headers,
            client: Client::builder(TokioExecutor::new()).build_http(),
            ids: IdGenerator::new(),
        })
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
        let mut request = Request::post(self.url.clone()).header("traceparent", traceparent);
        if let Ok(tags) = HeaderValue::try_from(format!("probe={}", probe.name)) {
            request = request.header("weir-tags", tags);
        }
        if let Some(headers) = request.headers_mut() {
            headers.extend(self.headers.clone());
        }
        let request = request.body(Full::from(body.to_string())).map_err(|error| error.to_string())?;
        let response = self.client.request(request).await;
        let response = response.map_err(|error| format!("the gateway cannot be reached: {error}"))?;
        let (head, body) = response.into_parts();
        let named = head.headers.get("weir-span-id").and_then(|value| value.to_str().ok());
        *span_id = named.and_then(|text| text.parse().ok());
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| format!("the answer broke off: {error}"))?.to_bytes();
        let value = serde_json::from_slice::<Value>(&body);
        if !head.status.is_success() {
            let message =
                value.ok().and_then(|body| Some(body.pointer("/error/message")?.as_str()?.to_owned()));
            let message: String = message.unwrap_or_default().chars().take(ERROR_CHARS_MAX).collect();
            return Err(format!("status {}: {message}", head.status.as_u16()));
        }
        let value = value.map_err(|error| format!("the answer is no JSON: {error}"))?;
        let text = value.pointer("/choices/0/message/content").and_then(Value::as_str);
        Ok(ProbeAnswer {
            text: text.ok_or("the answer has no content")?.to_owned(),
            duration_ms: 0,
            output_tokens: value.pointer("/usage/completion_tokens").and_then(Value::as_u64),
        })
    }
}
