//! Writes runs of the past as spans: the gateway's, and those of the applications.

use std::sync::Arc;

use serde_json::{Value, json};
use weir_meter::{Meter, PriceDetail};
use weir_types::{Content, IdGenerator, Source, Span, SpanKind, SpanStatus, TokenUsage, UnixMicros};

use super::rhythm::{Condition, condition};
use crate::company::{Company, Shape};
use crate::dialogue::{Dialogue, Turn, is_anthropic, with_documents};
use crate::simulator::{Model, lognormal};
use crate::traffic::run::{Asked, Place, Run, documents_json};
use crate::traffic::{QUESTION_MODEL, THINKING_MS};

/// Writes the past.
pub(super) struct Historian<'a> {
    pub meter: &'a Meter,
    pub ids: IdGenerator,
    pub now: UnixMicros,
}

/// A run while it is written.
struct Story<'a> {
    historian: &'a Historian<'a>,
    run: Run,
    rng: fastrand::Rng,
    at: UnixMicros,
    spans: &'a mut Vec<Span>,
}

/// What was given to a model and what came back.
struct Exchanged {
    input: String,
    output: String,
    tools: Option<String>,
    finish_reason: &'static str,
}

/// The call failed, and with it the run.
struct Failed;

/// The agent that goes in circles does so this often before it is stopped.
const CIRCLES: usize = 9;
const CIRCLING_AGENT: &str = "remediation-agent";

impl Historian<'_> {
    /// Writes one run of any kind.
    pub(super) fn write_run(&self, start: UnixMicros, rng: &mut fastrand::Rng, spans: &mut Vec<Span>) {
        // Few and short documents: the past is for charts, and should be quick to store.
        let run = Run::draw(rng, 0);
        let shape = run.scenario.shape;
        let mut story = Story { historian: self, run, rng: rng.fork(), at: start, spans };
        // A failed call ends the run, and its span tells.
        let _ = match shape {
            Shape::Chat => story.chat(),
            Shape::Rag => story.rooted(SpanKind::Workflow, Story::rag),
            Shape::Agent => story.rooted(SpanKind::Agent, |story, root| story.agent(root, 1)),
            Shape::Extract => story.extract(),
            Shape::Embed => story.index(),
        };
    }

    /// Writes a run of the agent that asked the same tools over and over.
    pub(super) fn write_circling_run(
        &self,
        start: UnixMicros,
        rng: &mut fastrand::Rng,
        spans: &mut Vec<Span>,
    ) {
        let company = Company::bundled();
        let Some(scenario) = company.scenarios.iter().find(|scenario| scenario.id == CIRCLING_AGENT) else {
            return;
        };
        let run = Run::of_scenario(scenario, rng, 0);
        let mut story = Story { historian: self, run, rng: rng.fork(), at: start, spans };
        let _ = story.rooted(SpanKind::Agent, |story, root| story.agent(root, CIRCLES));
    }
}

impl Story<'_> {
    fn chat(&mut self) -> Result<(), Failed> {
        let mut dialogue = self.run.dialogue();
        for at in 0..self.run.exchanges.len() {
            let asked = &self.run.exchanges[at];
            let reply = asked.reply();
            dialogue.turns.push(Turn::User(asked.question()));
            let place = Place::root(&self.historian.ids, self.at);
            self.call(&dialogue, place, &said(&dialogue, &reply, "stop"))?;
            dialogue.turns.push(Turn::Model(reply));
            let thinking_ms = self.rng.u64(THINKING_MS);
            self.wait_us(thinking_ms * 1_000);
        }
        Ok(())
    }

    fn extract(&mut self) -> Result<(), Failed> {
        let mut dialogue = self.run.dialogue();
        let Some(asked) = self.run.exchanges.first() else { return Ok(()) };
        let reply = asked.reply();
        dialogue.turns.push(Turn::User(asked.question()));
        let place = Place::root(&self.historian.ids, self.at);
        self.call(&dialogue, place, &said(&dialogue, &reply, "stop"))
    }

    fn index(&mut self) -> Result<(), Failed> {
        let texts: Vec<&str> =
            self.run.scenario.documents.iter().map(|document| document.text.as_str()).collect();
        let input = json!(texts).to_string();
        let place = Place::root(&self.historian.ids, self.at);
        self.embed(self.run.model, input, place)
    }

    /// Writes a run below a span of its own.
    fn rooted(
        &mut self,
        kind: SpanKind,
        steps: impl FnOnce(&mut Self, Place) -> Result<(), Failed>,
    ) -> Result<(), Failed> {
        let start = self.at;
        let place = Place::root(&self.historian.ids, start);
        let result = steps(self, place);
        let name = self.run.scenario.agent.as_deref().unwrap_or(&self.run.scenario.id);
        let duration_us = u64::try_from(self.at.0 - start.0).unwrap_or(0);
        let mut span = self.run.span(&place, kind, name, start, duration_us);
        span.input = self.run.exchanges.first().map(|asked| text(&asked.question()));
        if result.is_ok() {
            span.output = self.run.exchanges.first().map(|asked| text(&asked.reply()));
        } else {
            span.status = SpanStatus::Error;
            span.error_type = Some(Arc::from("model_call_failed"));
        }
        self.spans.push(span);
        result
    }

    fn rag(&mut self, root: Place) -> Result<(), Failed> {
        let Some(asked) = self.run.exchanges.first() else { return Ok(()) };
        let (question, reply) = (asked.question(), asked.reply());
        let place = root.child(&self.historian.ids, self.at);
        self.embed(QUESTION_MODEL, json!([question]).to_string(), place)?;
        let place = root.child(&self.historian.ids, self.at);
        let duration_us = self.rng.u64(8_000..60_000);
        let mut retrieval =
            self.run.span(&place, SpanKind::Retrieval, "search articles", self.at, duration_us);
        retrieval.input = Some(text(&question));
        retrieval.documents = Some(Content::new(documents_json(&self.run.documents, &mut self.rng)));
        self.spans.push(retrieval);
        self.wait_us(duration_us);
        let mut dialogue = self.run.dialogue();
        dialogue.turns.push(Turn::User(with_documents(&question, &self.run.documents)));
        let place = root.child(&self.historian.ids, self.at);
        self.call(&dialogue, place, &said(&dialogue, &reply, "stop"))
    }

    fn agent(&mut self, root: Place, rounds: usize) -> Result<(), Failed> {
        let Some(asked) = self.run.exchanges.first() else { return Ok(()) };
        let (reply, tools) = (asked.reply(), asked.tools().collect::<Vec<_>>());
        let mut dialogue = self.run.dialogue();
        dialogue.turns.push(Turn::User(Asked::question(asked)));
        for tool in tools.iter().cycle().take(tools.len() * rounds) {
            let place = root.child(&self.historian.ids, self.at);
            let id = format!("call_{}", place.span_id);
            let turn =
                Turn::Call { id: id.clone(), name: tool.name.to_owned(), arguments: tool.arguments.clone() };
            self.call(&dialogue, place, &called(&dialogue, turn.clone()))?;
            let place = root.child(&self.historian.ids, self.at);
            let duration_us = self.rng.u64(30_000..900_000);
            let mut span = self.run.span(&place, SpanKind::Tool, tool.name, self.at, duration_us);
            span.input = Some(Content::new(tool.arguments.as_str()));
            span.output = Some(text(&tool.result));
            self.spans.push(span);
            self.wait_us(duration_us);
            dialogue.turns.push(turn);
            dialogue.turns.push(Turn::Result { id, text: tool.result.clone() });
        }
        let place = root.child(&self.historian.ids, self.at);
        self.call(&dialogue, place, &said(&dialogue, &reply, "stop"))
    }

    /// Writes a call to a model that writes.
    fn call(&mut self, dialogue: &Dialogue, place: Place, exchanged: &Exchanged) -> Result<(), Failed> {
        let model = dialogue.model;
        let tools_bytes = exchanged.tools.as_ref().map_or(0, String::len);
        let input_bytes = exchanged.input.len() + tools_bytes + dialogue.scenario.handbook.len();
        let tokens = self.usage(model, estimate(input_bytes), estimate(exchanged.output.len()));
        let stream = self.run.scenario.stream;
        let mut span = self.gateway_span(SpanKind::Llm, "chat", model, place);
        span.stream = stream;
        span.input = Some(Content::new(exchanged.input.as_str()));
        span.tools = exchanged.tools.as_deref().map(Content::new);
        let condition = self.condition(model);
        if self.rng.f64() < condition.failing {
            return self.fail(span, condition);
        }
        let (ttft_us, duration_us) = self.latency(model, tokens, condition);
        span.tokens = tokens;
        span.duration_us = duration_us;
        span.ttft_us = stream.then_some(ttft_us);
        span.output = Some(Content::new(exchanged.output.as_str()));
        span.finish_reason = Some(Arc::from(exchanged.finish_reason));
        self.finish(span);
        Ok(())
    }

    fn embed(&mut self, model: &str, input: String, place: Place) -> Result<(), Failed> {
        let mut span = self.gateway_span(SpanKind::Embedding, "embeddings", model, place);
        let condition = self.condition(model);
        span.tokens = TokenUsage { input: Some(estimate(input.len())), ..TokenUsage::default() };
        span.input = Some(Content::new(input));
        if self.rng.f64() < condition.failing {
            span.tokens = TokenUsage::default();
            return self.fail(span, condition);
        }
        let (_, duration_us) = self.latency(model, span.tokens, condition);
        span.duration_us = duration_us;
        self.finish(span);
        Ok(())
    }

    /// A span as the gateway writes it, without what the answer says.
    fn gateway_span(&self, kind: SpanKind, operation: &str, model: &str, place: Place) -> Span {
        let provider = if is_anthropic(model) { "anthropic" } else { "openai" };
        let answers_as = Model::find(model).map_or(model, |known| known.answers_as(model));
        Span {
            source: Source::Gateway,
            provider: Some(Arc::from(provider)),
            model: Some(Arc::from(model)),
            response_model: Some(Arc::from(answers_as)),
            http_status: Some(200),
            ..self.run.span(&place, kind, &format!("{operation} {model}"), self.at, 0)
        }
    }

    fn fail(&mut self, mut span: Span, condition: Condition) -> Result<(), Failed> {
        let (cause, message) = match condition.status {
            429 => ("rate_limit", "Rate limit reached on tokens per min (TPM): Limit 30000, Used 29411."),
            529 => ("overloaded", "Overloaded"),
            _ => ("server_error", "The server had an error while processing your request. Sorry about that!"),
        };
        span.status = SpanStatus::Error;
        span.http_status = Some(condition.status);
        span.error_type = Some(Arc::from(cause));
        span.error_message = Some(Arc::from(message));
        span.response_model = None;
        span.duration_us = self.rng.u64(20_000..250_000);
        self.finish(span);
        Err(Failed)
    }

    /// Prices the span and goes on in time.
    fn finish(&mut self, mut span: Span) {
        let (provider, model) = (span.provider.as_deref().unwrap_or(""), span.model.as_deref().unwrap_or(""));
        if let Some(priced) =
            self.historian.meter.cost(provider, model, &span.tokens, &PriceDetail::default())
        {
            span.cost = Some(priced.cost);
            span.price_version = Some(priced.version);
        }
        self.wait_us(span.duration_us);
        self.spans.push(span);
    }

    fn condition(&self, model: &str) -> Condition {
        condition(is_anthropic(model), self.at.0 - self.historian.now.0)
    }

    fn usage(&mut self, model: &str, input: u64, output: u64) -> TokenUsage {
        const CACHED_FROM_TOKENS: u64 = 1_024;
        let is_warm = input >= CACHED_FROM_TOKENS && self.rng.u32(..4) > 0;
        let reasons = Model::find(model).is_some_and(Model::reasons);
        let reasoning = reasons.then(|| self.rng.u64(1..=8) * 64);
        TokenUsage {
            input: Some(input),
            output: Some(output + reasoning.unwrap_or(0)),
            cache_read: Some(if is_warm { input / 128 * 128 } else { 0 }),
            cache_write: None,
            reasoning,
        }
    }

    /// Times to the first token and to the last, in microseconds.
    fn latency(&mut self, model: &str, tokens: TokenUsage, condition: Condition) -> (u64, u64) {
        let Some(known) = Model::find(model) else { return (0, 0) };
        let ttft_ms = lognormal(&mut self.rng, known.ttft_ms, 0.45) * condition.slowdown;
        let output = tokens.output.unwrap_or(0) as f64;
        let total_ms = ttft_ms + lognormal(&mut self.rng, known.token_ms, 0.25) * condition.slowdown * output;
        (micros(ttft_ms), micros(total_ms))
    }

    fn wait_us(&mut self, us: u64) {
        self.at = self.at.saturating_add_us(i64::try_from(us).unwrap_or(i64::MAX));
    }
}

/// An answer in words.
fn said(dialogue: &Dialogue, reply: &str, finish_reason: &'static str) -> Exchanged {
    let (output, finish_reason) = if dialogue.is_anthropic() {
        (json!({"role": "assistant", "content": [{"type": "text", "text": reply}]}), "end_turn")
    } else {
        (json!({"role": "assistant", "content": reply}), finish_reason)
    };
    exchanged(dialogue, &output, finish_reason)
}

/// An answer that calls a tool.
fn called(dialogue: &Dialogue, call: Turn) -> Exchanged {
    let mut after = Dialogue::new(dialogue.scenario, dialogue.model);
    after.turns.push(call);
    let finish_reason = if dialogue.is_anthropic() { "tool_use" } else { "tool_calls" };
    exchanged(dialogue, &after.last_message(), finish_reason)
}

fn exchanged(dialogue: &Dialogue, output: &Value, finish_reason: &'static str) -> Exchanged {
    Exchanged {
        input: dialogue.input_json(),
        // A list of messages, as the gateway keeps it.
        output: json!([output]).to_string(),
        tools: dialogue.tools_json(),
        finish_reason,
    }
}

/// Tokens of JSON text, about.
fn estimate(bytes: usize) -> u64 {
    (bytes as u64 * 10).div_ceil(43)
}

fn text(words: &str) -> Content {
    Content::new(Value::String(words.to_owned()).to_string())
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "latencies are positive and far below 2^53"
)]
fn micros(ms: f64) -> u64 {
    (ms * 1_000.0).round() as u64
}
