//! A request of log records: those that are GenAI events are kept, all others are refused, because Weir is no log store.
//!
//! An evaluation becomes a score of its span. Messages, which some instrumentations log instead of putting them into the
//! span, become a span of their own below the call: the call's span comes by another way, at another time, and two
//! reports under one id would compete. Such a span has no duration, tokens or cost, so nothing is counted twice, and its id is
//! made from what it holds, so that a batch that is sent twice is kept once.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::sync::Arc;

use weir_types::{
    Content, Record, Score, ScoreValue, Source, Span, SpanId, SpanKind, Tags, TraceId, UnixMicros,
};

use super::export::Decoded;
use super::facts::Facts;
use super::mapping::Field;
use super::resource::facts_of;
use super::span::{AHEAD_MAX_US, Refused, instant, span_id, tag, trace_id};
use super::value::{number, text, write_content};
use super::wire::{Event, KeyValue, LogRecord, LogsRequest, Value};

/// What the names of GenAI events begin with.
const GEN_AI: &str = "gen_ai.";

/// The event of a judgement.
const EVALUATION: &str = "gen_ai.evaluation.result";

/// The attribute that held the name of an event before log records had a field for it.
const EVENT_NAME: &str = "event.name";

/// The name of the span that holds messages.
const MESSAGES: &str = "gen_ai.messages";

/// Messages of one call in one request.
struct Messages {
    time: UnixMicros,
    service: Option<Arc<str>>,
    client: Option<Arc<str>>,
    events: Vec<Event>,
}

/// Converts a request.
pub(crate) fn records(request: &LogsRequest, now: UnixMicros) -> Decoded {
    let mut decoded = Decoded::default();
    let mut messages: BTreeMap<(TraceId, SpanId), Messages> = BTreeMap::new();
    for group in &request.resource_logs {
        let resource = facts_of(group.resource.as_ref());
        let service = resource.text(Field::Service).map(|name| tag(&name));
        for scoped in &group.scope_logs {
            let client = scoped.scope.as_ref().map(|scope| tag(&scope.name)).filter(|name| !name.is_empty());
            for log in &scoped.log_records {
                let name = event_name(log);
                let kept = identify(log, &name, now).and_then(|(ids, time)| {
                    if &*name == EVALUATION {
                        decoded.records.push(Record::Score(Box::new(score(log, ids, time)?)));
                        return Ok(());
                    }
                    let of_call = messages.entry(ids).or_insert_with(|| Messages {
                        time,
                        service: service.clone(),
                        client: client.clone(),
                        events: Vec::new(),
                    });
                    of_call.events.push(event(log, name.to_string()));
                    Ok(())
                });
                if let Err(refused) = kept {
                    decoded.refuse(&format!("log record {:?}", &*tag(&name)), &refused);
                }
            }
        }
    }
    decoded
        .records
        .extend(messages.into_iter().map(|(ids, messages)| Record::Span(Box::new(span(ids, &messages)))));
    decoded
}

fn event_name(log: &LogRecord) -> Arc<str> {
    if !log.event_name.is_empty() {
        return Arc::from(log.event_name.as_str());
    }
    let named = log.attributes.iter().find(|pair| pair.key == EVENT_NAME);
    let named = named.and_then(|pair| text(pair.value.as_ref()?.value.as_ref()?));
    Arc::from(named.as_deref().unwrap_or_default())
}

fn identify(
    log: &LogRecord,
    name: &str,
    now: UnixMicros,
) -> Result<((TraceId, SpanId), UnixMicros), Refused> {
    if !name.starts_with(GEN_AI) {
        return Err(Refused::new("not_genai", "only GenAI events are kept; send other logs to a log store"));
    }
    let nanos = if log.time_unix_nano == 0 { log.observed_time_unix_nano } else { log.time_unix_nano };
    let time = if nanos == 0 { now } else { instant(nanos) };
    if time.0.saturating_sub(now.0) > AHEAD_MAX_US {
        return Err(Refused::new("future", "its time is more than a day ahead of this Weir's clock"));
    }
    Ok(((trace_id(&log.trace_id)?, span_id(&log.span_id)?), time))
}

fn score(
    log: &LogRecord,
    (trace_id, span_id): (TraceId, SpanId),
    time: UnixMicros,
) -> Result<Score, Refused> {
    let attribute = |key: &str| {
        log.attributes
            .iter()
            .find(|pair| pair.key == key)
            .and_then(|pair| pair.value.as_ref()?.value.as_ref())
    };
    let of_text = |key| attribute(key).and_then(text);
    let name = of_text("gen_ai.evaluation.name");
    let name = name.ok_or_else(|| Refused::new("no_name", "an evaluation without gen_ai.evaluation.name"))?;
    let value = attribute("gen_ai.evaluation.score.value").and_then(number).map(ScoreValue::Number);
    let label = of_text("gen_ai.evaluation.score.label").map(|label| ScoreValue::Label(tag(&label)));
    let value = value.or(label).ok_or_else(|| {
        Refused::new("no_value", "an evaluation without gen_ai.evaluation.score.value or .label")
    })?;
    Ok(Score {
        time,
        trace_id,
        span_id: Some(span_id),
        by_span_alone: false,
        name: tag(&name),
        value,
        judge: of_text("gen_ai.evaluation.evaluator").map_or_else(|| Arc::from("otlp"), |judge| tag(&judge)),
        rationale: of_text("gen_ai.evaluation.explanation").map(|why| Content::new(why.as_ref())),
        tags: Tags::new(),
    })
}

/// A log record as the event of a span: its attributes, and its body where that is an object.
fn event(log: &LogRecord, name: String) -> Event {
    let mut attributes = log.attributes.clone();
    match log.body.as_ref().and_then(|body| body.value.as_ref()) {
        Some(Value::Map(body)) => attributes.extend(body.values.iter().cloned()),
        Some(_) => attributes.push(KeyValue { key: "content".to_owned(), value: log.body.clone() }),
        None => {}
    }
    attributes.retain(|pair| pair.key != EVENT_NAME);
    Event { time_unix_nano: log.time_unix_nano, name, attributes }
}

fn span((trace_id, call_id): (TraceId, SpanId), messages: &Messages) -> Span {
    let mut facts = Facts::of_attributes(&[]);
    messages.events.iter().for_each(|event| facts.event(event));
    let own_id = derived_id(call_id, messages);
    let mut made = Span::new(trace_id, own_id, SpanKind::Other, Source::Otlp, messages.time);
    made.parent_id = Some(call_id);
    made.name = Arc::from(MESSAGES);
    made.service.clone_from(&messages.service);
    made.app.clone_from(&messages.service);
    made.client.clone_from(&messages.client);
    let content = |text: String| (!text.is_empty()).then(|| Content::new(text));
    made.input = content(facts.json(Field::Input));
    made.output = content(facts.json(Field::Output));
    made
}

/// The same events make the same id, whoever sends them and how often.
fn derived_id(call: SpanId, messages: &Messages) -> SpanId {
    let mut hasher = DefaultHasher::new();
    call.as_bytes().hash(&mut hasher);
    for event in &messages.events {
        (event.time_unix_nano, &event.name).hash(&mut hasher);
        let mut content = String::new();
        for value in event.attributes.iter().filter_map(|pair| pair.value.as_ref()?.value.as_ref()) {
            write_content(value, &mut content);
        }
        content.hash(&mut hasher);
    }
    // Not all zero, which is no id.
    SpanId::from_bytes((hasher.finish() | 1).to_be_bytes())
}
