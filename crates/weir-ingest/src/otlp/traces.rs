//! A request of spans becomes records.

use std::collections::HashMap;
use std::sync::Arc;

use weir_types::{Record, Span, SpanId, SpanKind, UnixMicros};

use super::export::{Decoded, RECORDS_MAX};
use super::facts::ATTRIBUTES_MAX;
use super::resource::{Origin, facts_of};
use super::span::{convert, source};
use super::wire::TraceRequest;

/// The beginning of the attributes that only MLflow's exporter sets.
const MLFLOW: &str = "mlflow.";

/// How far up the nearest agent is looked for.
const ANCESTORS_MAX: usize = 64;

/// Converts a request. `is_mlflow` when the client said that it is MLflow; spans that carry MLflow's attributes need not.
pub(crate) fn records(request: &TraceRequest, is_mlflow: bool, now: UnixMicros) -> Decoded {
    let mut decoded = Decoded::default();
    let mut spans = Vec::new();
    for group in &request.resource_spans {
        let resource = facts_of(group.resource.as_ref());
        for scoped in &group.scope_spans {
            let is_mlflow = is_mlflow
                || scoped.spans.first().is_some_and(|span| {
                    span.attributes.iter().take(ATTRIBUTES_MAX).any(|pair| pair.key.starts_with(MLFLOW))
                });
            let origin = Origin::new(source(is_mlflow), &resource, scoped.scope.as_ref());
            for span in &scoped.spans {
                let converted = match spans.len() {
                    RECORDS_MAX.. => Err(Decoded::too_many()),
                    _ => convert(span, &origin, now),
                };
                match converted {
                    Ok(span) => spans.push(Box::new(span)),
                    Err(refused) => decoded.refuse(&format!("span {:?}", shown(&span.name)), &refused),
                }
            }
        }
    }
    inherit_agents(&mut spans);
    decoded.records.extend(spans.into_iter().map(Record::Span));
    decoded
}

/// Gives each span the nearest agent above it, as far as the batch holds its ancestors.
fn inherit_agents(spans: &mut [Box<Span>]) {
    if !spans.iter().any(|span| span.kind == SpanKind::Agent) {
        return;
    }
    let known: HashMap<SpanId, (Option<SpanId>, Option<Arc<str>>)> =
        spans.iter().map(|span| (span.span_id, (span.parent_id, span.agent.clone()))).collect();
    for span in spans.iter_mut().filter(|span| span.agent.is_none()) {
        let mut above = span.parent_id;
        for _ in 0..ANCESTORS_MAX {
            let Some((parent, agent)) = above.and_then(|id| known.get(&id)) else { break };
            if agent.is_some() {
                span.agent.clone_from(agent);
                break;
            }
            above = *parent;
        }
    }
}

/// A name short enough for an answer.
fn shown(name: &str) -> &str {
    const SHOWN_BYTES_MAX: usize = 60;
    &name[..name.floor_char_boundary(SHOWN_BYTES_MAX)]
}
