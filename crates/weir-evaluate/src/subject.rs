//! What is judged: one span, with what its trace says about it.

use std::sync::Arc;

use serde_json::Value;
use weir_types::{Content, EVALUATOR, Source, Span, SpanKind, SpanStatus};

use crate::document::{Document, documents};
use crate::text;

/// Documents that a judge is shown; retrievers return 4 to 20.
const DOCUMENTS_MAX: usize = 50;

/// A span and the texts that evaluators look at, read once.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The span.
    pub span: Arc<Span>,
    /// What was asked; the query of a retrieval.
    pub question: Option<String>,
    /// Everything that went in.
    pub input: Option<String>,
    /// What the model answered.
    pub answer: Option<String>,
    /// The span's own documents, or those that were looked up in the trace before it began.
    pub documents: Vec<Document>,
}

impl Subject {
    /// The subjects of a trace: what a user's program did and finished, in the order of the starts. Judges' own calls and probes
    /// are none, and a call that several reports tell of is one.
    pub fn of_trace(spans: &[Span]) -> Vec<Self> {
        let told_twice = |span: &Span| span.same_as.is_some_and(|id| spans.iter().any(|s| s.span_id == id));
        let judged = spans.iter().filter(|span| may_be_judged(span) && !told_twice(span));
        judged.map(|span| Self::in_trace(span, spans)).collect()
    }

    fn in_trace(span: &Span, spans: &[Span]) -> Self {
        let own = span.documents.as_ref().map(|content| documents(content.expose())).unwrap_or_default();
        let documents =
            if own.is_empty() && span.kind == SpanKind::Llm { looked_up(span, spans) } else { own };
        let input = span.input.as_ref().map(Content::expose);
        Self {
            question: input.and_then(text::question),
            input: input.and_then(text::everything),
            answer: span.output.as_ref().and_then(|content| text::answer(content.expose())),
            documents,
            span: Arc::new(span.clone()),
        }
    }

    /// A tag of the span, by canonical name.
    pub fn tag(&self, name: &str) -> Option<&str> {
        self.span.tag(name)
    }

    /// A text among the span's attributes, by the first of these names that it has.
    pub(crate) fn attribute(&self, names: &[&str]) -> Option<String> {
        let attributes = self.span.attributes.as_ref()?;
        let attributes: Value = serde_json::from_str(attributes.expose()).ok()?;
        let tags = attributes.get("tags");
        names.iter().find_map(|name| {
            let value = attributes.get(*name).or_else(|| tags?.get(*name))?;
            value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
        })
    }
}

/// Whether a span is something that a user's program did, and did well: a failed call has no answer to judge.
pub(crate) fn may_be_judged(span: &Span) -> bool {
    let is_own = matches!(span.source, Source::Evaluator | Source::Probe)
        || span.agent.as_deref() == Some(EVALUATOR)
        || span.app.as_deref() == Some(EVALUATOR);
    let is_work = matches!(span.kind, SpanKind::Llm | SpanKind::Retrieval | SpanKind::Rerank);
    is_work && !is_own && span.status == SpanStatus::Ok
}

/// What retrievals of the trace had found when a call began. Documents that were put in order again are the better list: where a
/// reranker followed a retrieval, only what it kept is taken.
fn looked_up(span: &Span, spans: &[Span]) -> Vec<Document> {
    let before = |kind: SpanKind| {
        spans.iter().filter(move |other| other.kind == kind && other.start <= span.start).filter_map(
            |other| {
                let found = documents(other.documents.as_ref()?.expose());
                (!found.is_empty()).then_some(found)
            },
        )
    };
    let reranked: Vec<Document> = before(SpanKind::Rerank).flatten().collect();
    let mut found: Vec<Document> =
        if reranked.is_empty() { before(SpanKind::Retrieval).flatten().collect() } else { reranked };
    found.retain(|document| !document.text.is_empty());
    found.truncate(DOCUMENTS_MAX);
    found
}

#[cfg(test)]
pub(crate) mod tests {
    use weir_types::{Content, SpanId, TraceId, UnixMicros};

    use super::*;

    pub(crate) fn span(kind: SpanKind, number: u8) -> Span {
        let (trace, id) = (TraceId::from_bytes([7; 16]), SpanId::from_bytes([number; 8]));
        Span::new(trace, id, kind, Source::Otlp, UnixMicros(i64::from(number) * UnixMicros::SECOND))
    }

    #[expect(clippy::unnecessary_wraps, reason = "fields of spans are optional")]
    pub(crate) fn content(text: &str) -> Option<Content> {
        Some(Content::new(text))
    }

    #[test]
    fn a_call_is_judged_by_what_had_been_looked_up_before_it() {
        let mut retrieval = span(SpanKind::Retrieval, 2);
        retrieval.documents = content(r#"[{"text":"found","score":0.7}]"#);
        let mut late = span(SpanKind::Retrieval, 9);
        late.documents = content(r#"[{"text":"too late"}]"#);
        let spans = [span(SpanKind::Llm, 1), retrieval, span(SpanKind::Llm, 3), late];
        let subjects = Subject::of_trace(&spans);
        let found: Vec<_> = subjects.iter().map(|subject| subject.documents.len()).collect();
        assert_eq!(found, [0, 1, 1, 1]);
        assert_eq!(subjects[2].documents[0].text, "found");
    }

    #[test]
    fn judges_probes_failures_and_second_reports_are_not_judged() {
        let mut judge = span(SpanKind::Llm, 1);
        judge.source = Source::Evaluator;
        let mut by_agent = span(SpanKind::Llm, 2);
        by_agent.agent = Some(EVALUATOR.into());
        let mut failed = span(SpanKind::Llm, 3);
        failed.status = SpanStatus::Error;
        let call = span(SpanKind::Llm, 4);
        let mut second = span(SpanKind::Llm, 5);
        second.same_as = Some(call.span_id);
        let mut elsewhere = span(SpanKind::Llm, 6);
        elsewhere.same_as = Some(SpanId::from_bytes([99; 8]));
        let spans = [judge, by_agent, failed, call, second, elsewhere, span(SpanKind::Tool, 7)];
        let judged: Vec<_> = Subject::of_trace(&spans).iter().map(|s| s.span.span_id.as_bytes()[0]).collect();
        assert_eq!(judged, [4, 6]);
    }
}
