//! Traces of a running Weir, over its API.

use std::sync::Arc;

use serde_json::{Value, json};
use weir_api::wire::{ScoreItem, ScoresKept, SpanItem, SpanList, TraceItem};
use weir_evaluate::{EvaluateError, KINDS, Page, Traces, WholeTrace, each_once};
use weir_types::{Content, Record, Score, ScoreValue, Span, SpanId, TimeRange, TraceId, UnixMicros};

use crate::client::Client;

/// Spans of a page.
const PAGE: &str = "500";

/// See the module.
pub struct RemoteTraces<'a>(pub &'a Client);

// The client blocks, and is used by one thread at a time.
impl Traces for RemoteTraces<'_> {
    fn page(&self, range: TimeRange, after: Option<String>) -> Result<Page, EvaluateError> {
        let [from, to] = [range.from, range.to].map(|at| at.as_millis().to_string());
        let kinds: Vec<String> = KINDS.iter().map(|kind| format!("kind:{kind}")).collect();
        let filter = kinds.join(" OR ");
        let mut parameters =
            vec![("from", &*from), ("to", &*to), ("filter", &*filter), ("sort", "start"), ("limit", PAGE)];
        if let Some(after) = &after {
            parameters.push(("after", after));
        }
        let list: SpanList = self.0.get("/api/spans", &parameters).map_err(failed)?;
        let found = list.spans.iter().filter_map(|span| Some((span.trace_id.parse().ok()?, start(span))));
        Ok(Page { traces: each_once(found), next: list.next })
    }

    fn whole(&self, traces: &[TraceId], _: TimeRange) -> Result<Vec<WholeTrace>, EvaluateError> {
        let whole = traces.iter().map(|id| {
            let trace: TraceItem = self.0.get(&format!("/api/traces/{id}"), &[]).map_err(failed)?;
            let spans = trace.spans.iter().filter_map(span).collect();
            Ok((spans, trace.scores.iter().filter_map(|item| score(*id, item)).collect()))
        });
        whole.collect()
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err asks for")]
fn failed(error: anyhow::Error) -> EvaluateError {
    EvaluateError::Store(format!("{error:#}"))
}

#[expect(clippy::cast_possible_truncation, reason = "an instant in microseconds is far from the limits")]
fn start(item: &SpanItem) -> UnixMicros {
    UnixMicros((item.start_ms * 1_000.0).round() as i64)
}

/// A span as far as evaluators look at it.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "durations are positive and small"
)]
fn span(item: &SpanItem) -> Option<Span> {
    let text = |field: &Option<String>| field.as_deref().map(Arc::from);
    let content = |field: &Option<String>| field.as_deref().map(Content::new);
    let (trace_id, span_id) = (item.trace_id.parse().ok()?, item.span_id.parse().ok()?);
    Some(Span {
        duration_us: (item.duration_ms * 1_000.0) as u64,
        parent_id: item.parent_id.as_deref().and_then(|id| id.parse().ok()),
        name: Arc::from(&*item.name),
        status: item.status.0,
        provider: text(&item.provider),
        model: text(&item.model),
        team: text(&item.team),
        app: text(&item.app),
        agent: text(&item.agent),
        session: text(&item.session),
        user: text(&item.user),
        env: text(&item.env),
        service: text(&item.service),
        same_as: item.same_as.as_deref().and_then(|id| id.parse::<SpanId>().ok()),
        finish_reason: text(&item.finish_reason),
        input: content(&item.input),
        output: content(&item.output),
        documents: content(&item.documents),
        tools: content(&item.tools),
        attributes: content(&item.attributes),
        ..Span::new(trace_id, span_id, item.kind.0, item.source.0, start(item))
    })
}

#[expect(clippy::cast_possible_truncation, reason = "an instant in microseconds is far from the limits")]
fn score(trace_id: TraceId, item: &ScoreItem) -> Option<Score> {
    let value = item.value.map(ScoreValue::Number);
    Some(Score {
        time: UnixMicros((item.time_ms * 1_000.0).round() as i64),
        trace_id,
        span_id: item.span_id.as_deref().and_then(|id| id.parse().ok()),
        by_span_alone: false,
        name: Arc::from(&*item.name),
        value: value.or_else(|| item.label.as_deref().map(|label| ScoreValue::Label(Arc::from(label))))?,
        judge: Arc::from(&*item.judge),
        rationale: None,
        tags: weir_types::Tags::new(),
    })
}

/// Sends scores to be kept.
pub fn keep(client: &Client, records: Vec<Record>) -> Result<(), EvaluateError> {
    let scores: Vec<Value> = records
        .into_iter()
        .filter_map(|record| match record {
            Record::Score(score) => Some(sent(&score)),
            _ => None,
        })
        .collect();
    if scores.is_empty() {
        return Ok(());
    }
    let kept: Result<ScoresKept, _> = client.post("/api/scores", &json!({ "scores": scores }));
    kept.map(drop).map_err(failed)
}

fn sent(score: &Score) -> Value {
    let mut sent = json!({
        "trace_id": score.trace_id.to_string(),
        "span_id": score.span_id.map(|id| id.to_string()),
        "name": &*score.name,
        "judge": &*score.judge,
        "rationale": score.rationale.as_ref().map(Content::expose),
        "tags": score.tags.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect::<std::collections::BTreeMap<_, _>>(),
        "time": score.time.as_millis().to_string(),
    });
    match &score.value {
        ScoreValue::Number(number) => sent["value"] = json!(number),
        ScoreValue::Label(label) => sent["label"] = json!(&**label),
    }
    sent
}
