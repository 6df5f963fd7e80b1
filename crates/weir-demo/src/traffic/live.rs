//! Performs a run through the gateway, and reports the application's own spans as its tracing would.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use serde_json::Value;
use tokio::time::sleep;
use weir_types::{
    Clock as _, Content, IdGenerator, Record, RecordSink, Secret, Span, SpanKind, SpanStatus, SystemClock,
};

use super::run::{Asked, Place, Run, documents_json};
use crate::client::{Connection, Gateway};
use crate::company::Shape;
use crate::dialogue::{Dialogue, Turn, embeddings_body, with_documents};

/// What all runs share.
pub(crate) struct Stage {
    pub gateway: Gateway,
    pub api_key: Option<Secret>,
    /// Where the application's own spans go.
    pub sink: Option<Arc<dyn RecordSink>>,
    pub ids: IdGenerator,
}

/// A run under way.
struct Performance<'a> {
    stage: &'a Stage,
    run: &'a Run,
    rng: fastrand::Rng,
    connection: Connection,
}

/// A call failed; the gateway has recorded how.
struct Failed;

/// One stream in so many is left by its reader before the end.
const LEAVES_ONE_IN: u32 = 60;
/// How long people read and type before their next question.
pub(crate) const THINKING_MS: std::ops::Range<u64> = 2_000..14_000;
/// What turns questions into vectors.
pub(crate) const QUESTION_MODEL: &str = "text-embedding-3-small";
/// Texts of one call of the indexer.
const INDEXED_AT_ONCE: std::ops::Range<usize> = 4..24;

/// Performs one run. Failures are part of the show and end it.
pub(crate) async fn perform(stage: &Stage, run: &Run, rng: fastrand::Rng) {
    let connection = Connection::new(stage.gateway.clone());
    let mut performance = Performance { stage, run, rng, connection };
    // A failed call has ended the run, and its span tells.
    let _ = match run.scenario.shape {
        Shape::Chat => performance.chat().await,
        Shape::Rag => performance.rag().await,
        Shape::Agent => performance.agent().await,
        Shape::Extract => performance.extract().await,
        Shape::Embed => performance.index().await,
    };
}

impl Performance<'_> {
    /// A conversation: each answer is a trace of its own, all are one session.
    async fn chat(&mut self) -> Result<(), Failed> {
        let mut dialogue = self.run.dialogue();
        for asked in &self.run.exchanges {
            dialogue.turns.push(Turn::User(asked.question()));
            self.ask(&dialogue, None).await?;
            dialogue.turns.push(Turn::Model(asked.reply()));
            sleep(Duration::from_millis(self.rng.u64(THINKING_MS))).await;
        }
        Ok(())
    }

    async fn extract(&mut self) -> Result<(), Failed> {
        let mut dialogue = self.run.dialogue();
        dialogue.turns.extend(self.run.exchanges.iter().map(|asked| Turn::User(asked.question())));
        self.ask(&dialogue, None).await.map(drop)
    }

    /// Embeds the question, finds documents, answers from them.
    async fn rag(&mut self) -> Result<(), Failed> {
        let Some(asked) = self.run.exchanges.first() else { return Ok(()) };
        let started_at = SystemClock.now();
        let root = Place::root(&self.stage.ids, started_at);
        let result = self.rag_steps(root, asked).await;
        let output = result.is_ok().then(|| asked.reply());
        self.report_root(&root, SpanKind::Workflow, started_at, &asked.question(), output);
        result
    }

    async fn rag_steps(&mut self, root: Place, asked: &Asked) -> Result<(), Failed> {
        let question = asked.question();
        self.embed(QUESTION_MODEL, &[&question], Some(&root)).await?;
        let place = root.child(&self.stage.ids, SystemClock.now());
        let start = SystemClock.now();
        sleep(Duration::from_millis(self.rng.u64(8..60))).await;
        let mut retrieval = self.span(&place, SpanKind::Retrieval, "search articles", start);
        retrieval.input = Some(Content::new(Value::String(question.clone()).to_string()));
        retrieval.documents = Some(Content::new(documents_json(&self.run.documents, &mut self.rng)));
        self.report(retrieval);
        let mut dialogue = self.run.dialogue();
        dialogue.turns.push(Turn::User(with_documents(&question, &self.run.documents)));
        self.ask(&dialogue, Some(&root)).await.map(drop)
    }

    /// Lets the model call tools until it knows the answer.
    async fn agent(&mut self) -> Result<(), Failed> {
        let Some(asked) = self.run.exchanges.first() else { return Ok(()) };
        let started_at = SystemClock.now();
        let root = Place::root(&self.stage.ids, started_at);
        let result = self.agent_steps(root, asked).await;
        let output = result.is_ok().then(|| asked.reply());
        self.report_root(&root, SpanKind::Agent, started_at, &asked.question(), output);
        result
    }

    async fn agent_steps(&mut self, root: Place, asked: &Asked) -> Result<(), Failed> {
        let mut dialogue = self.run.dialogue();
        dialogue.turns.push(Turn::User(asked.question()));
        for tool in asked.tools() {
            let answer = self.ask(&dialogue, Some(&root)).await?;
            let place = root.child(&self.stage.ids, SystemClock.now());
            let start = SystemClock.now();
            sleep(Duration::from_millis(self.rng.u64(30..900))).await;
            let mut span = self.span(&place, SpanKind::Tool, tool.name, start);
            span.input = Some(Content::new(tool.arguments.as_str()));
            span.output = Some(Content::new(Value::String(tool.result.clone()).to_string()));
            self.report(span);
            let id = call_id(&answer).unwrap_or_else(|| format!("call_{}", place.span_id));
            let (name, arguments) = (tool.name.to_owned(), tool.arguments);
            dialogue.turns.push(Turn::Call { id: id.clone(), name, arguments });
            dialogue.turns.push(Turn::Result { id, text: tool.result });
        }
        self.ask(&dialogue, Some(&root)).await.map(drop)
    }

    /// Turns a batch of texts into vectors.
    async fn index(&mut self) -> Result<(), Failed> {
        let count = self.rng.usize(INDEXED_AT_ONCE);
        let texts: Vec<&str> =
            self.run.scenario.documents.iter().map(|document| document.text.as_str()).collect();
        let texts: Vec<&str> = texts.into_iter().cycle().take(count).collect();
        self.embed(self.run.model, &texts, None).await
    }

    async fn embed(&mut self, model: &str, texts: &[&str], place: Option<&Place>) -> Result<(), Failed> {
        let response = self.send("/v1/embeddings", embeddings_body(model, texts), place).await?;
        read(response).await.map(drop)
    }

    async fn ask(&mut self, dialogue: &Dialogue, place: Option<&Place>) -> Result<Bytes, Failed> {
        let response = self.send(dialogue.path(), dialogue.body(), place).await?;
        if self.run.scenario.stream && self.rng.u32(..LEAVES_ONE_IN) == 0 {
            return self.leave(response).await;
        }
        read(response).await
    }

    /// Reads the beginning of a stream and goes away.
    async fn leave(&mut self, response: Response<Incoming>) -> Result<Bytes, Failed> {
        let mut body = response.into_body();
        for _ in 0..self.rng.u32(3..20) {
            if body.frame().await.is_none() {
                break;
            }
        }
        drop(body);
        self.connection = Connection::new(self.stage.gateway.clone());
        Err(Failed)
    }

    async fn send(
        &mut self,
        path: &str,
        body: Vec<u8>,
        place: Option<&Place>,
    ) -> Result<Response<Incoming>, Failed> {
        let request = self.request(path, body, place).map_err(|error| {
            tracing::warn!(%error, "the demo made a request that HTTP does not allow");
            Failed
        })?;
        let response = self.connection.send(request).await.map_err(|error| {
            tracing::debug!(%error, "a call of the demo was not answered");
            Failed
        })?;
        if response.status().is_success() {
            return Ok(response);
        }
        // Read to its end, so that the connection can be used again.
        read(response).await?;
        Err(Failed)
    }

    fn request(
        &self,
        path: &str,
        body: Vec<u8>,
        place: Option<&Place>,
    ) -> Result<Request<Full<Bytes>>, http::Error> {
        let Run { scenario, session, user, .. } = self.run;
        let mut request = self
            .stage
            .gateway
            .post(path)
            .header("weir-team", &scenario.team)
            .header("weir-app", &scenario.app)
            .header("weir-session", &**session)
            .header("weir-user", *user)
            .header("weir-tags", format!("env={},service={}", scenario.env, scenario.service));
        if let Some(place) = place {
            request = request.header("traceparent", format!("00-{}-{}-01", place.trace_id, place.span_id));
        }
        if let Some(agent) = &scenario.agent {
            request = request.header("weir-agent", agent);
        }
        if path == "/v1/messages" {
            request = request.header("anthropic-version", "2023-06-01");
        }
        if let Some(key) = &self.stage.api_key {
            let mut bearer = HeaderValue::from_str(&format!("Bearer {}", key.expose()))?;
            bearer.set_sensitive(true);
            request = request.header(http::header::AUTHORIZATION, bearer);
        }
        request.body(Full::new(Bytes::from(body)))
    }

    fn span(&self, place: &Place, kind: SpanKind, name: &str, start: weir_types::UnixMicros) -> Span {
        let duration_us = u64::try_from(SystemClock.now().0 - start.0).unwrap_or(0);
        self.run.span(place, kind, name, start, duration_us)
    }

    /// Reports the span that the others are below of.
    fn report_root(
        &self,
        place: &Place,
        kind: SpanKind,
        start: weir_types::UnixMicros,
        question: &str,
        output: Option<String>,
    ) {
        let name = self.run.scenario.agent.as_deref().unwrap_or(&self.run.scenario.id);
        let mut span = self.span(place, kind, name, start);
        span.input = Some(Content::new(Value::String(question.to_owned()).to_string()));
        if let Some(output) = output {
            span.output = Some(Content::new(Value::String(output).to_string()));
        } else {
            span.status = SpanStatus::Error;
            span.error_type = Some(Arc::from("model_call_failed"));
        }
        self.report(span);
    }

    fn report(&self, span: Span) {
        let Some(sink) = &self.stage.sink else { return };
        if let Err(error) = sink.append(&[Record::Span(Box::new(span))]) {
            tracing::warn!(%error, "a span of the demo was not kept");
        }
    }
}

async fn read(response: Response<Incoming>) -> Result<Bytes, Failed> {
    let body = response.into_body().collect().await.map_err(|error| {
        tracing::debug!(%error, "an answer to the demo broke off");
        Failed
    })?;
    Ok(body.to_bytes())
}

/// The id of the tool call in an answer, in either format.
fn call_id(answer: &[u8]) -> Option<String> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    let openai = answer.pointer("/choices/0/message/tool_calls/0/id");
    let is_call = |block: &&Value| block["type"] == "tool_use";
    let anthropic = || answer.get("content")?.as_array()?.iter().find(is_call)?.get("id");
    openai.or_else(anthropic).and_then(Value::as_str).map(str::to_owned)
}
