//! Asking a model to judge, through Weir's own gateway.
//!
//! Calls are an OpenAI chat completion with `response_format` of type `json_schema`, as agent and application `weir-evaluator`, so
//! that they are metered, budgeted and shown like any other, and marked so that they are never judged themselves. Answers are kept
//! for the same prompt, inputs and model.
//!
//! On failure: what may pass (408, 429, 5xx, no connection, no answer in time) is tried again, after a pause that is drawn from a range that
//! doubles; what will not (a budget that is used up, any other refusal) is not. An answer in another shape is asked for once more,
//! and then counted; there is no score then. At most as many calls are under way as configured.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue, StatusCode, Uri};
use moka::sync::Cache;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;
use weir_types::{EVALUATOR, OwnMark, Secret, Source};

use crate::error::EvaluateError;
use crate::gateway::{self, Gateway, Unsent};

/// Answers that are kept: a day of judging at one a minute, some megabytes.
const KEPT_MAX: u64 = 2_000;

/// The first pause is up to this long; it doubles each time.
const PAUSE: Duration = Duration::from_millis(500);

/// The longest pause, also when a provider asks for more: another judgement can be made meanwhile.
const PAUSE_MAX: Duration = Duration::from_secs(20);

/// How judges are reached.
#[derive(Debug, Clone)]
pub struct JudgeConfig {
    /// Weir's own gateway: `http://127.0.0.1:7070`.
    pub gateway: Uri,
    /// What is shown to the gateway: a virtual key, or the provider's own where the gateway has none.
    pub api_key: Option<Secret>,
    /// How long an answer may take, in milliseconds.
    pub timeout_ms: u64,
    /// How often a call is tried again.
    pub retries_max: u32,
    /// Calls that are under way at once.
    pub concurrency: usize,
    /// What proves to the gateway that calls are Weir's own; without it they are inspected like any client's.
    pub own_mark: Option<OwnMark>,
}

/// What a judge is asked.
#[derive(Debug, Clone)]
pub struct Question {
    /// The model.
    pub model: Arc<str>,
    /// The prompt's name and version: the name of the schema, and part of the key of what is kept.
    pub prompt: String,
    /// What the judge is told to do.
    pub instructions: String,
    /// What it shall judge.
    pub material: String,
    /// The JSON Schema of the answer.
    pub schema: Value,
}

/// What a judge answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// JSON, in the shape of the schema as far as the model held to it.
    pub value: Value,
    /// What it cost in US dollars, for display; `None` where the gateway did not say. 0 where it was kept from before.
    pub cost_usd: Option<f64>,
}

/// What happened to questions so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JudgeStats {
    /// Calls that were made, each try counted.
    pub calls: u64,
    /// Questions whose answer was kept from before.
    pub kept: u64,
    /// Calls that were tried again.
    pub retried: u64,
    /// Answers in another shape.
    pub malformed: u64,
    /// Questions without an answer in the end.
    pub failed: u64,
    /// Questions that were refused because the evaluators' budget is used up.
    pub over_budget: u64,
}

#[derive(Default)]
struct Counters {
    calls: AtomicU64,
    kept: AtomicU64,
    retried: AtomicU64,
    malformed: AtomicU64,
    failed: AtomicU64,
    over_budget: AtomicU64,
}

/// Asks models to judge.
pub struct Judge {
    config: JudgeConfig,
    gateway: Gateway,
    places: Semaphore,
    kept: Cache<[u8; 32], Value>,
    counters: Counters,
}

/// Why one try gave nothing.
enum Failed {
    /// It may work the next time, after this pause if the provider said one.
    ForNow(String, Option<Duration>),
    Malformed(String),
    Budget,
    ForGood(String),
}

impl Judge {
    /// A judge behind this gateway. Nothing is asked yet.
    pub fn new(config: JudgeConfig) -> Result<Self, EvaluateError> {
        let mut headers = HeaderMap::new();
        for name in ["weir-agent", "weir-app"] {
            headers.insert(name, HeaderValue::from_static(EVALUATOR));
        }
        let gateway = Gateway::new(
            &config.gateway,
            headers,
            config.api_key.as_ref(),
            Source::Evaluator,
            config.own_mark.as_ref(),
        );
        let gateway = gateway.map_err(|error| EvaluateError::Judge {
            model: config.gateway.to_string(),
            reason: error.to_string(),
        })?;
        Ok(Self {
            gateway,
            places: Semaphore::new(config.concurrency.max(1)),
            kept: Cache::new(KEPT_MAX),
            counters: Counters::default(),
            config,
        })
    }

    /// What happened so far.
    pub fn stats(&self) -> JudgeStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        JudgeStats {
            calls: read(&self.counters.calls),
            kept: read(&self.counters.kept),
            retried: read(&self.counters.retried),
            malformed: read(&self.counters.malformed),
            failed: read(&self.counters.failed),
            over_budget: read(&self.counters.over_budget),
        }
    }

    /// Asks, and asks again where that may help. Dropping the future ends the call.
    pub async fn ask(&self, question: &Question) -> Result<Answer, EvaluateError> {
        let key = key_of(question);
        if let Some(value) = self.kept.get(&key) {
            count(&self.counters.kept);
            return Ok(Answer { value, cost_usd: Some(0.0) });
        }
        let Ok(_place) = self.places.acquire().await else { return Err(EvaluateError::Ended) };
        let result = self.insist(question).await;
        match &result {
            Ok(answer) => self.kept.insert(key, answer.value.clone()),
            Err(EvaluateError::Budget) => count(&self.counters.over_budget),
            Err(_) => count(&self.counters.failed),
        }
        result
    }

    async fn insist(&self, question: &Question) -> Result<Answer, EvaluateError> {
        let model = || question.model.to_string();
        let mut tries = 0;
        loop {
            let limit = Duration::from_millis(self.config.timeout_ms);
            count(&self.counters.calls);
            let asked = tokio::time::timeout(limit, self.ask_once(question)).await;
            let late = || Failed::ForNow(format!("no answer within {} ms", self.config.timeout_ms), None);
            let failed = match asked.unwrap_or_else(|_| Err(late())) {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            let is_last = tries >= self.config.retries_max;
            let (error, pause) = match failed {
                Failed::Budget => return Err(EvaluateError::Budget),
                Failed::ForGood(reason) => return Err(EvaluateError::Judge { model: model(), reason }),
                Failed::Malformed(reason) => {
                    count(&self.counters.malformed);
                    if tries > 0 {
                        return Err(EvaluateError::Malformed { model: model(), reason });
                    }
                    (EvaluateError::Malformed { model: model(), reason }, None)
                }
                Failed::ForNow(reason, pause) => (EvaluateError::Judge { model: model(), reason }, pause),
            };
            if is_last {
                return Err(error);
            }
            count(&self.counters.retried);
            tokio::time::sleep(pause.unwrap_or_else(|| drawn_pause(tries)).min(PAUSE_MAX)).await;
            tries += 1;
        }
    }

    async fn ask_once(&self, question: &Question) -> Result<Answer, Failed> {
        let body = json!({
            "model": &*question.model,
            "temperature": 0,
            "messages": [
                { "role": "system", "content": question.instructions },
                { "role": "user", "content": question.material },
            ],
            "response_format": {
                "type": "json_schema",
                "json_schema": { "name": schema_name(&question.prompt), "strict": true, "schema": question.schema },
            },
        });
        let response = self.gateway.send(&body, HeaderMap::new()).await.map_err(|unsent| match unsent {
            Unsent::Invalid(reason) => Failed::ForGood(reason),
            Unsent::Unreached(reason) => Failed::ForNow(reason, None),
        })?;
        let (head, body) = response.into_parts();
        let body = gateway::read(body).await.map_err(|reason| Failed::ForNow(reason, None))?;
        if !head.status.is_success() {
            return Err(refusal(head.status, &head.headers, &body));
        }
        let cost_usd = head.headers.get("weir-cost-usd").and_then(|value| value.to_str().ok()?.parse().ok());
        Ok(Answer { value: content(&body).map_err(Failed::Malformed)?, cost_usd })
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// The same question has the same key: its prompt, model and inputs.
fn key_of(question: &Question) -> [u8; 32] {
    let mut hash = Sha256::new();
    let schema = question.schema.to_string();
    for part in [&question.prompt, &*question.model, &question.instructions, &question.material, &schema] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

/// Full jitter: anything from nothing to twice the range before, so that judges that failed together do not come back together.
fn drawn_pause(tries: u32) -> Duration {
    let range = PAUSE.saturating_mul(2_u32.saturating_pow(tries)).min(PAUSE_MAX);
    range.mul_f64(fastrand::f64())
}

fn refusal(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failed {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if text("weir-error") == "budget_exceeded" {
        return Failed::Budget;
    }
    let message = serde_json::from_slice::<Value>(body).ok();
    let message = message.as_ref().and_then(gateway::error_message);
    let reason = match message {
        Some(message) => format!("{status}: {}", &message[..message.floor_char_boundary(200)]),
        None => status.to_string(),
    };
    let may_pass = status == StatusCode::REQUEST_TIMEOUT
        || status == StatusCode::TOO_MANY_REQUESTS
        || status.is_server_error();
    if !may_pass {
        return Failed::ForGood(reason);
    }
    let pause = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse::<f64>().ok());
    Failed::ForNow(reason, pause.filter(|s| (0.0..1e6).contains(s)).map(Duration::from_secs_f64))
}

/// The JSON that the model wrote, also where it put it into a fence.
fn content(body: &[u8]) -> Result<Value, String> {
    let body: Value =
        serde_json::from_slice(body).map_err(|error| format!("the completion is no JSON: {error}"))?;
    let text = gateway::content(&body).ok_or("the completion has no content")?.trim();
    let text = text.strip_prefix("```json").or_else(|| text.strip_prefix("```")).unwrap_or(text);
    let text = text.strip_suffix("```").unwrap_or(text).trim();
    serde_json::from_str(text).map_err(|error| format!("its content is no JSON: {error}"))
}

/// Providers allow letters, digits, `_` and `-` in a schema's name.
fn schema_name(prompt: &str) -> String {
    let char = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    prompt.chars().map(char).take(64).collect()
}

/// A template with `{name}` filled in, in one pass: what is filled in is not filled again.
pub(crate) fn filled(template: &str, values: &HashMap<&str, String>) -> String {
    let mut text = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        text.push_str(&rest[..open]);
        rest = &rest[open..];
        let named = rest.find('}').and_then(|close| Some((close, values.get(&rest[1..close])?)));
        if let Some((close, value)) = named {
            text.push_str(value);
            rest = &rest[close + 1..];
        } else {
            text.push('{');
            rest = &rest[1..];
        }
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_is_found_with_and_without_a_fence() {
        for content_text in [r#"{"a":1}"#, "```json\n{\"a\":1}\n```", "```\n{\"a\":1}```"] {
            let body = json!({ "choices": [{ "message": { "content": content_text } }] }).to_string();
            assert_eq!(content(body.as_bytes()), Ok(json!({ "a": 1 })), "{content_text}");
        }
        assert!(content(br#"{"choices":[]}"#).is_err());
        assert!(content(br#"{"choices":[{"message":{"content":"I think so"}}]}"#).is_err());
    }

    #[test]
    fn templates_fill_names_once_and_leave_other_braces() {
        let values = HashMap::from([("input", "{output}".to_owned()), ("output", "o".to_owned())]);
        assert_eq!(
            filled("a {input} b {output} {\"json\": {x}} {", &values),
            "a {output} b o {\"json\": {x}} {"
        );
    }

    #[test]
    fn a_used_up_budget_is_told_from_a_busy_provider() {
        let mut headers = HeaderMap::new();
        assert!(matches!(refusal(StatusCode::TOO_MANY_REQUESTS, &headers, b""), Failed::ForNow(_, None)));
        headers.insert(RETRY_AFTER, HeaderValue::from_static("2"));
        let two = Some(Duration::from_secs(2));
        assert!(
            matches!(refusal(StatusCode::SERVICE_UNAVAILABLE, &headers, b""), Failed::ForNow(_, p) if p == two)
        );
        assert!(matches!(refusal(StatusCode::BAD_REQUEST, &headers, b""), Failed::ForGood(_)));
        headers.insert("weir-error", HeaderValue::from_static("budget_exceeded"));
        assert!(matches!(refusal(StatusCode::TOO_MANY_REQUESTS, &headers, b""), Failed::Budget));
    }
}
