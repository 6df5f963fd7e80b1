//! One run: a user or a system wants something, and the company's application goes about it.
//!
//! What a run does is drawn here, for traffic that happens and for traffic that is said to have happened alike.

use std::sync::Arc;

use weir_types::{IdGenerator, Source, Span, SpanId, SpanKind, TraceId, UnixMicros};

use crate::company::{Company, Document, Exchange, Scenario, Shape, Slots, fill};
use crate::dialogue::Dialogue;

/// One run.
pub(crate) struct Run {
    pub scenario: &'static Scenario,
    pub model: &'static str,
    /// What is asked: several things in a conversation, one otherwise.
    pub exchanges: Vec<Asked>,
    /// What retrieval finds.
    pub documents: Vec<&'static Document>,
    pub user: &'static str,
    pub session: Arc<str>,
}

/// A question with its slots filled.
pub(crate) struct Asked {
    pub exchange: &'static Exchange,
    pub slots: Slots<'static>,
}

/// A tool as it is called.
pub(crate) struct ToolCall {
    pub name: &'static str,
    pub arguments: String,
    pub result: String,
}

/// The most questions of one conversation.
const QUESTIONS_MAX: usize = 4;
/// One run in so many is a mishap, which is some twenty a day: rare enough that alerts end in between.
const MISHAP_ONE_IN: u32 = 600;
/// Tokens of a document, about; the trace says how many tokens of context a run has.
const DOCUMENT_TOKENS: u64 = 110;

impl Run {
    /// Draws a run whose context is about as long as the trace says.
    pub(crate) fn draw(rng: &mut fastrand::Rng, context_tokens: u64) -> Self {
        let company = Company::bundled();
        let scenario = draw_scenario(company, rng);
        Self::of_scenario(scenario, rng, context_tokens)
    }

    /// Draws a run of one scenario.
    pub(crate) fn of_scenario(
        scenario: &'static Scenario,
        rng: &mut fastrand::Rng,
        context_tokens: u64,
    ) -> Self {
        let company = Company::bundled();
        let questions = if scenario.shape == Shape::Chat { rng.usize(1..=QUESTIONS_MAX) } else { 1 };
        let exchanges = rng
            .choose_multiple(&scenario.exchanges, questions)
            .into_iter()
            .map(|exchange| Asked { exchange, slots: company.draw(&exchange.ask, rng) });
        let exchanges = exchanges.collect();
        let found = usize::try_from(context_tokens / DOCUMENT_TOKENS).unwrap_or(usize::MAX);
        let documents =
            rng.choose_multiple(&scenario.documents, found.clamp(2, scenario.documents.len().max(2)));
        Self {
            scenario,
            model: rng.choice(&scenario.models).map_or("gpt-4o-mini", String::as_str),
            exchanges,
            documents,
            user: rng.choice(&company.users).map_or("", String::as_str),
            session: Arc::from(format!("ses_{:012x}", rng.u64(..1 << 48))),
        }
    }

    /// A new conversation of this run.
    pub(crate) fn dialogue(&self) -> Dialogue {
        Dialogue::new(self.scenario, self.model)
    }

    /// The span of one piece of the application's own work, as its tracing would report it.
    pub(crate) fn span(
        &self,
        place: &Place,
        kind: SpanKind,
        name: &str,
        start: UnixMicros,
        duration_us: u64,
    ) -> Span {
        let text = |text: &str| Some(Arc::<str>::from(text));
        Span {
            parent_id: place.parent_id,
            name: Arc::from(name),
            duration_us,
            team: text(&self.scenario.team),
            app: text(&self.scenario.app),
            agent: self.scenario.agent.as_deref().and_then(text),
            session: Some(Arc::clone(&self.session)),
            user: text(self.user),
            env: text(&self.scenario.env),
            service: text(&self.scenario.service),
            ..Span::new(place.trace_id, place.span_id, kind, Source::Otlp, start)
        }
    }
}

/// Where a span stands in its trace.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_field_names, reason = "the names are those of the span")]
pub(crate) struct Place {
    pub trace_id: TraceId,
    pub span_id: SpanId,
    pub parent_id: Option<SpanId>,
}

impl Place {
    /// The root of a new trace.
    pub(crate) fn root(ids: &IdGenerator, now: UnixMicros) -> Self {
        Self { trace_id: ids.trace_id(now), span_id: ids.span_id(now), parent_id: None }
    }

    /// A new place below this one.
    pub(crate) fn child(&self, ids: &IdGenerator, now: UnixMicros) -> Self {
        Self { trace_id: self.trace_id, span_id: ids.span_id(now), parent_id: Some(self.span_id) }
    }
}

impl Asked {
    pub(crate) fn question(&self) -> String {
        fill(&self.exchange.ask, &self.slots)
    }

    pub(crate) fn reply(&self) -> String {
        fill(&self.exchange.reply, &self.slots)
    }

    /// The tools on the way to the answer.
    pub(crate) fn tools(&self) -> impl Iterator<Item = ToolCall> {
        self.exchange.steps.iter().map(|step| ToolCall {
            name: &step.tool,
            arguments: fill(&step.arguments, &self.slots),
            result: fill(&step.result, &self.slots),
        })
    }
}

fn draw_scenario(company: &'static Company, rng: &mut fastrand::Rng) -> &'static Scenario {
    if rng.u32(..MISHAP_ONE_IN) == 0 {
        let mishaps: Vec<_> = company.scenarios.iter().filter(|scenario| scenario.weight == 0).collect();
        if let Some(mishap) = rng.choice(mishaps) {
            return mishap;
        }
    }
    let total: u32 = company.scenarios.iter().map(|scenario| scenario.weight).sum();
    let mut at = rng.u32(..total.max(1));
    for scenario in &company.scenarios {
        match at.checked_sub(scenario.weight) {
            Some(rest) => at = rest,
            None => return scenario,
        }
    }
    company.scenarios.last().expect("the bundled company has scenarios, which a test makes sure of")
}

/// The documents that retrieval found, with how well each fits, as the store keeps them.
pub(crate) fn documents_json(documents: &[&Document], rng: &mut fastrand::Rng) -> String {
    let mut score = 0.82 + 0.12 * rng.f64();
    let found = documents.iter().map(|document| {
        score -= 0.02 + 0.08 * rng.f64();
        let shown = (score.max(0.05) * 1_000.0).round() / 1_000.0;
        serde_json::json!({"id": document.id, "text": document.text, "score": shown})
    });
    serde_json::Value::Array(found.collect()).to_string()
}
