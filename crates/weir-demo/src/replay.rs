//! Replays an arrival-time trace through a gateway.
//!
//! Each arrival becomes one chat completion that states its exact tokens to the simulated provider (`x-sim`), at its
//! time in the trace divided by the speed. As many calls run at once as `concurrency_max` allows; when all are busy,
//! arrivals are late, and the report says by how much, but none is dropped and none is sent twice. A call that fails is
//! counted with its cause and not repeated, because a repetition could be a second call to whoever counts.
//!
//! Workers take the next arrival from one counter and sleep until it is due, so there is no queue that could grow.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue, Request};
use http_body_util::{BodyExt as _, Full};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use weir_types::{Histogram, Secret};

use crate::client::{Connection, Gateway, SendError};
use crate::simulator::{SIM_HEADER, filler};
use crate::{Arrival, DemoError};

/// How to replay a trace.
#[derive(Debug, Clone)]
pub struct ReplayConfig {
    /// The gateway, such as `http://127.0.0.1:7070`.
    pub gateway_url: String,
    /// How many times faster than it was recorded; above 0.
    pub speed: f64,
    /// The most calls at once; at least 1.
    pub concurrency_max: usize,
    /// The model to ask.
    pub model: String,
    /// The key to show to the gateway.
    pub api_key: Option<Secret>,
    /// More headers for each call, such as `weir-team`.
    pub headers: Vec<(String, String)>,
    /// Whether answers are streamed.
    pub stream: bool,
    /// Whether prompts are about as long as the trace says; short ones are quicker to keep.
    pub pad_prompts: bool,
    /// A call without an answer after this long has failed.
    pub timeout: Duration,
}

impl Default for ReplayConfig {
    /// A local Weir at the speed of the trace, 64 streams at once of `gpt-4o`, prompts as long as in the trace.
    fn default() -> Self {
        Self {
            gateway_url: "http://127.0.0.1:7070".to_owned(),
            speed: 1.0,
            concurrency_max: 64,
            model: "gpt-4o".to_owned(),
            api_key: None,
            headers: Vec::new(),
            stream: true,
            pad_prompts: true,
            timeout: Duration::from_mins(5),
        }
    }
}

/// How far a replay is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Calls of the trace.
    pub total: usize,
    /// Calls answered so far, well or not.
    pub done: usize,
    /// Calls that failed so far.
    pub failed: usize,
}

/// What came of a replay.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct ReplayReport {
    /// Calls that were sent or tried: every arrival of the trace, once.
    pub sent: u64,
    /// Calls that were answered in full.
    pub ok: u64,
    /// Calls that were not.
    pub failed: u64,
    /// Why calls failed, and how many for each cause.
    pub failures: BTreeMap<String, u64>,
    /// The sum of what the answers stated.
    pub input_tokens: u64,
    /// The sum of what the answers stated.
    pub output_tokens: u64,
    /// How long the replay took.
    pub elapsed_ms: u64,
    /// How much later than planned calls were sent: half of them at most this.
    pub lag_p50_ms: f64,
    /// How much later than planned the latest call was sent.
    pub lag_max_ms: f64,
    /// How long calls took until their last byte, in milliseconds.
    pub duration_p50_ms: f64,
    /// As above, for 95 of 100 calls.
    pub duration_p95_ms: f64,
    /// As above, for 99 of 100 calls.
    pub duration_p99_ms: f64,
}

/// Sends every arrival once and reports. `progress` is called after each call.
pub async fn replay(
    arrivals: Arc<[Arrival]>,
    config: &ReplayConfig,
    progress: impl Fn(&Progress),
) -> Result<ReplayReport, DemoError> {
    let plan = Arc::new(Plan::new(Arc::clone(&arrivals), config)?);
    let (outcomes, mut inbox) = mpsc::channel(config.concurrency_max.max(1));
    let mut workers = JoinSet::new();
    for _ in 0..config.concurrency_max.min(arrivals.len()) {
        workers.spawn(work(Arc::clone(&plan), outcomes.clone()));
    }
    drop(outcomes);
    let mut tally = Outcomes::default();
    while let Some(outcome) = inbox.recv().await {
        tally.add(outcome);
        progress(&Progress {
            total: arrivals.len(),
            done: usize::try_from(tally.report.sent).unwrap_or(usize::MAX),
            failed: usize::try_from(tally.report.failed).unwrap_or(usize::MAX),
        });
    }
    workers.join_all().await;
    Ok(tally.finish(plan.started_at.elapsed()))
}

/// What all workers share.
struct Plan {
    gateway: Gateway,
    arrivals: Arc<[Arrival]>,
    next: AtomicUsize,
    started_at: Instant,
    speed: f64,
    model: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    stream: bool,
    pad_prompts: bool,
    timeout: Duration,
}

/// What became of one call.
struct Outcome {
    lag: Duration,
    duration: Duration,
    /// Tokens in and out as the answer stated them, or why there is no answer.
    stated: Result<StatedUsage, String>,
}

impl Plan {
    fn new(arrivals: Arc<[Arrival]>, config: &ReplayConfig) -> Result<Self, DemoError> {
        let wrong = |what, value: String, expected| DemoError::Config { what, value, expected };
        if !(config.speed.is_finite() && config.speed > 0.0) {
            return Err(wrong("the speed", config.speed.to_string(), "a number above 0"));
        }
        if config.concurrency_max == 0 {
            return Err(wrong("concurrency_max", "0".to_owned(), "at least 1"));
        }
        Ok(Self {
            gateway: Gateway::parse(&config.gateway_url)?,
            arrivals,
            next: AtomicUsize::new(0),
            started_at: Instant::now(),
            speed: config.speed,
            model: config.model.clone(),
            headers: headers(config)?,
            stream: config.stream,
            pad_prompts: config.pad_prompts,
            timeout: config.timeout,
        })
    }

    /// The next arrival that nobody has taken.
    fn take(&self) -> Option<(usize, Arrival)> {
        let at = self.next.fetch_add(1, Ordering::Relaxed);
        self.arrivals.get(at).map(|arrival| (at, *arrival))
    }

    fn due_at(&self, arrival: Arrival) -> Instant {
        let offset = Duration::from_micros(arrival.at_us).div_f64(self.speed);
        self.started_at.checked_add(offset).unwrap_or(self.started_at)
    }

    fn request(&self, at: usize, arrival: Arrival) -> Result<Request<Full<Bytes>>, http::Error> {
        let Arrival { input_tokens, output_tokens, .. } = arrival;
        let prompt_tokens =
            if self.pad_prompts { input_tokens } else { input_tokens.min(SHORT_PROMPT_TOKENS) };
        let body = Body {
            model: &self.model,
            messages: [Message { role: "user", content: filler(prompt_tokens, at as u64) }],
            max_completion_tokens: output_tokens,
            stream: self.stream,
            stream_options: self.stream.then_some(StreamOptions { include_usage: true }),
        };
        let body = serde_json::to_vec(&body).expect("a struct of strings and numbers always serialises");
        let mut request = self
            .gateway
            .post("/v1/chat/completions")
            .header(
                SIM_HEADER,
                format!("input_tokens={input_tokens};output_tokens={output_tokens};cached_tokens=0"),
            )
            .header("weir-tags", format!("arrival={at}"))
            .body(Full::new(Bytes::from(body)))?;
        request.headers_mut().extend(self.headers.iter().cloned());
        Ok(request)
    }
}

/// Prompts of a replay that need not be as long as in the trace.
const SHORT_PROMPT_TOKENS: u64 = 24;

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: [Message; 1],
    max_completion_tokens: u64,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
}

#[derive(Serialize)]
struct Message {
    role: &'static str,
    content: String,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

fn headers(config: &ReplayConfig) -> Result<Vec<(HeaderName, HeaderValue)>, DemoError> {
    let wrong = |name: &str| DemoError::Config {
        what: "a header",
        value: name.to_owned(),
        expected: "a name and a value that HTTP allows",
    };
    let mut headers = Vec::new();
    if let Some(key) = &config.api_key {
        let mut value =
            HeaderValue::from_str(&format!("Bearer {}", key.expose())).map_err(|_| wrong("the key"))?;
        value.set_sensitive(true);
        headers.push((AUTHORIZATION, value));
    }
    for (name, value) in &config.headers {
        let parsed = (name.parse().map_err(|_| wrong(name))?, value.parse().map_err(|_| wrong(name))?);
        headers.push(parsed);
    }
    Ok(headers)
}

/// Takes arrivals until there are none.
async fn work(plan: Arc<Plan>, outcomes: mpsc::Sender<Outcome>) {
    let mut connection = Connection::new(plan.gateway.clone());
    while let Some((at, arrival)) = plan.take() {
        let due_at = plan.due_at(arrival);
        sleep_until(due_at).await;
        let sent_at = Instant::now();
        let stated = call(&plan, &mut connection, at, arrival).await;
        let outcome =
            Outcome { lag: sent_at.saturating_duration_since(due_at), duration: sent_at.elapsed(), stated };
        if outcomes.send(outcome).await.is_err() {
            return;
        }
    }
}

async fn call(
    plan: &Plan,
    connection: &mut Connection,
    at: usize,
    arrival: Arrival,
) -> Result<StatedUsage, String> {
    let request = plan.request(at, arrival).map_err(|error| error.to_string())?;
    let answered = async {
        let response = connection.send(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await;
        let body = body.map_err(|error| SendError::Broken(error.to_string()))?.to_bytes();
        Ok::<_, SendError>((status, body))
    };
    let answered = timeout(plan.timeout, answered).await;
    let (status, body) =
        answered.unwrap_or(Err(SendError::TimedOut(plan.timeout))).map_err(|error| error.to_string())?;
    if !status.is_success() {
        return Err(format!("status {}", status.as_u16()));
    }
    if plan.stream && !body.trim_ascii_end().ends_with(b"data: [DONE]") {
        return Err("the stream ended without [DONE]".to_owned());
    }
    stated_usage(&body).ok_or_else(|| "the answer states no usage".to_owned())
}

/// What an answer says that it cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
struct StatedUsage {
    #[serde(rename = "prompt_tokens")]
    input: u64,
    #[serde(rename = "completion_tokens")]
    output: u64,
}

/// The last usage in an answer, streamed or not.
fn stated_usage(body: &[u8]) -> Option<StatedUsage> {
    const FIELD: &[u8] = b"\"usage\":{";
    let at = body.windows(FIELD.len()).rposition(|window| window == FIELD)?;
    let object = &body[at + FIELD.len() - 1..];
    serde_json::Deserializer::from_slice(object).into_iter().next()?.ok()
}

/// Outcomes added up.
#[derive(Default)]
struct Outcomes {
    report: ReplayReport,
    lags_ms: Histogram,
    durations_ms: Histogram,
}

impl Outcomes {
    fn add(&mut self, outcome: Outcome) {
        let report = &mut self.report;
        report.sent += 1;
        match outcome.stated {
            Ok(stated) => {
                report.ok += 1;
                report.input_tokens += stated.input;
                report.output_tokens += stated.output;
            }
            Err(cause) => {
                report.failed += 1;
                *report.failures.entry(cause).or_default() += 1;
            }
        }
        let lag_ms = outcome.lag.as_secs_f64() * 1_000.0;
        report.lag_max_ms = report.lag_max_ms.max(lag_ms);
        self.lags_ms.record(lag_ms);
        self.durations_ms.record(outcome.duration.as_secs_f64() * 1_000.0);
    }

    fn finish(self, elapsed: Duration) -> ReplayReport {
        let duration_ms = |q| self.durations_ms.quantile(q).unwrap_or(0.0);
        ReplayReport {
            elapsed_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            lag_p50_ms: self.lags_ms.quantile(0.5).unwrap_or(0.0),
            duration_p50_ms: duration_ms(0.5),
            duration_p95_ms: duration_ms(0.95),
            duration_p99_ms: duration_ms(0.99),
            ..self.report
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_usage_counts_wherever_it_stands() {
        let stream = br#"data: {"choices":[],"usage":null}

data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}}

data: [DONE]

"#;
        assert_eq!(stated_usage(stream), Some(StatedUsage { input: 7, output: 3 }));
        assert_eq!(stated_usage(br#"{"usage":null}"#), None);
    }
}
