//! What one span says, sorted by the mapping table.
//!
//! One pass over the attributes finds for each field the best attribute that says it. What the table does not know is kept
//! as it is. The attributes of the events that conventions use in place of attributes are read by the same table, behind
//! the span's own.

use std::borrow::Cow;

use weir_types::{NanoUsd, SpanKind, TokenUsage};

use super::fold::fold;
use super::kinds;
use super::mapping::{FIELDS, Field, MAPPING, Place};
use super::named::Named;
use super::value::{count, number, text, truth, whole, write_content};
use super::wire::{Event, KeyValue, Span, Value};

/// Attributes of a span that are read. A conversation of a thousand messages has some five thousand.
pub(crate) const ATTRIBUTES_MAX: usize = 8_192;

/// Added to the rank of what an event says.
const EVENT_RANK: u8 = 100;

/// Events that carry a message each, in older conventions, and what they say.
const MESSAGE_EVENTS: [(&str, Field); 5] = [
    ("gen_ai.system.message", Field::Input),
    ("gen_ai.user.message", Field::Input),
    ("gen_ai.assistant.message", Field::Input),
    ("gen_ai.tool.message", Field::Input),
    ("gen_ai.choice", Field::Output),
];

/// Events that carry attributes of the table.
const ATTRIBUTE_EVENTS: [&str; 3] =
    ["gen_ai.content.prompt", "gen_ai.content.completion", "gen_ai.client.inference.operation.details"];

/// Events that carry a found document each.
const DOCUMENT_EVENTS: [&str; 2] = ["db.query.result", "db.search.result"];

/// The event of an error.
pub(crate) const EXCEPTION: &str = "exception";

/// The best attribute for a field.
#[derive(Clone, Copy)]
struct Found<'a> {
    rank: u8,
    value: &'a Value,
}

/// What one span says.
pub(crate) struct Facts<'a> {
    found: [Option<Found<'a>>; FIELDS],
    families: Vec<(Place, &'a str, &'a Value)>,
    messages: Vec<(Field, &'a Event)>,
    documents: Vec<&'a Event>,
    /// The event of an error, if there is one.
    pub(crate) exception: Option<&'a Event>,
    /// When the first event of a streamed answer came, in nanoseconds since the epoch.
    pub(crate) first_token_at: Option<u64>,
    /// Attributes that the table does not know.
    pub(crate) rest: Vec<&'a KeyValue>,
    /// Events that nothing was made of.
    pub(crate) other_events: Vec<&'a Event>,
    /// JSON objects that were given as input and output as a whole, for what they name.
    question: Option<&'a Value>,
    answer: Option<&'a Value>,
}

impl<'a> Facts<'a> {
    /// Reads a span.
    pub(crate) fn of(span: &'a Span) -> Self {
        let mut facts = Self::of_attributes(&span.attributes);
        for event in &span.events {
            facts.event(event);
        }
        facts
    }

    /// Reads attributes alone: those of a resource or a log record.
    pub(crate) fn of_attributes(attributes: &'a [KeyValue]) -> Self {
        let mut facts = Self {
            found: [None; FIELDS],
            families: Vec::new(),
            messages: Vec::new(),
            documents: Vec::new(),
            exception: None,
            first_token_at: None,
            rest: Vec::new(),
            other_events: Vec::new(),
            question: None,
            answer: None,
        };
        facts.attributes(attributes, 0, true);
        facts
    }

    /// Reads one event of a span, or a log record in the place of one.
    pub(crate) fn event(&mut self, event: &'a Event) {
        let name = event.name.as_str();
        if kinds::FIRST_TOKEN_EVENTS.contains(&name) {
            self.first_token_at.get_or_insert(event.time_unix_nano);
        } else if name == EXCEPTION {
            self.exception = Some(event);
        } else if let Some((_, field)) = MESSAGE_EVENTS.iter().find(|(known, _)| *known == name) {
            self.messages.push((*field, event));
        } else if DOCUMENT_EVENTS.contains(&name) {
            self.documents.push(event);
        } else if ATTRIBUTE_EVENTS.contains(&name) {
            self.attributes(&event.attributes, EVENT_RANK, false);
        } else {
            self.other_events.push(event);
        }
    }

    fn attributes(&mut self, attributes: &'a [KeyValue], rank: u8, keep_rest: bool) {
        for pair in attributes.iter().take(ATTRIBUTES_MAX) {
            let Some(value) = pair.value.as_ref().and_then(|value| value.value.as_ref()) else { continue };
            match MAPPING.place(&pair.key) {
                Some((place, rest)) => {
                    let place = Place { rank: place.rank.saturating_add(rank), ..place };
                    self.place(place, rest, value);
                }
                None if keep_rest => self.rest.push(pair),
                None => {}
            }
        }
    }

    fn place(&mut self, place: Place, rest: Option<&'a str>, value: &'a Value) {
        let is_object = match value {
            Value::Text(text) => text.starts_with('{'),
            Value::Map(_) => true,
            _ => false,
        };
        match place.field {
            Field::Input if is_object => self.question = Some(value),
            Field::Output if is_object => self.answer = Some(value),
            _ => {}
        }
        if let Some(rest) = rest {
            self.families.push((place, rest, value));
        }
        let slot = &mut self.found[place.field as usize];
        if slot.is_none_or(|found| place.rank < found.rank) {
            *slot = Some(Found { rank: place.rank, value });
        }
    }

    fn value(&self, field: Field) -> Option<&'a Value> {
        self.found[field as usize].map(|found| found.value)
    }

    /// Whether the span says this at all.
    pub(crate) fn has(&self, field: Field) -> bool {
        self.found[field as usize].is_some()
    }

    /// A short text.
    pub(crate) fn text(&self, field: Field) -> Option<Cow<'a, str>> {
        text(self.value(field)?)
    }

    /// A count.
    pub(crate) fn count(&self, field: Field) -> Option<u64> {
        count(self.value(field)?)
    }

    /// A number.
    pub(crate) fn number(&self, field: Field) -> Option<f64> {
        number(self.value(field)?)
    }

    /// A yes or no.
    pub(crate) fn truth(&self, field: Field) -> Option<bool> {
        truth(self.value(field)?)
    }

    /// The kind of work, by the words of the dialect that says it best.
    pub(crate) fn kind(&self) -> Option<SpanKind> {
        kinds::of_word(&self.text(Field::Kind)?)
    }

    /// JSON text: an attribute, a family of attributes, or the messages that came as events. Empty when nothing was said.
    pub(crate) fn json(&self, field: Field) -> String {
        if let Some(found) = self.found[field as usize] {
            let is_family = |place: &Place| place.field == field && place.rank == found.rank;
            let family = self.families.iter().filter(|(place, ..)| is_family(place));
            let folded = fold(family.map(|(_, key, value)| (*key, *value)));
            if !folded.is_empty() {
                return folded;
            }
            let mut out = String::new();
            write_content(found.value, &mut out);
            return out;
        }
        let events: Vec<&Event> = match field {
            Field::Documents => self.documents.clone(),
            _ => self.messages.iter().filter(|(of, _)| *of == field).map(|(_, event)| *event).collect(),
        };
        json_of_events(&events)
    }

    /// Tokens, as far as they are stated. Counts are inclusive; where the cached part is larger than the whole, the client
    /// counts like Anthropic, and the parts are added.
    pub(crate) fn tokens(&self) -> TokenUsage {
        let stated = self.usage_json();
        let of = |field, names: &[&str]| {
            self.count(field).or_else(|| names.iter().find_map(|name| whole(stated.get(*name)?.as_f64()?)))
        };
        let mut tokens = TokenUsage {
            input: of(Field::InputTokens, &["input_tokens", "prompt_tokens"]),
            output: of(Field::OutputTokens, &["output_tokens", "completion_tokens"]),
            cache_read: of(Field::CacheReadTokens, &["cache_read_input_tokens"]),
            cache_write: of(Field::CacheWriteTokens, &["cache_creation_input_tokens"]),
            reasoning: of(Field::ReasoningTokens, &["reasoning_output_tokens", "reasoning_tokens"]),
        };
        let cached = tokens.cache_read.unwrap_or(0).saturating_add(tokens.cache_write.unwrap_or(0));
        tokens.input =
            tokens.input.map(|input| if cached > input { input.saturating_add(cached) } else { input });
        tokens
    }

    fn usage_json(&self) -> serde_json::Map<String, serde_json::Value> {
        serde_json::from_str(&self.json(Field::UsageJson)).unwrap_or_default()
    }

    /// The cost, where the client states one.
    pub(crate) fn cost(&self) -> Option<NanoUsd> {
        let in_json = || {
            let costs: serde_json::Value = serde_json::from_str(&self.json(Field::CostJson)).ok()?;
            costs.get("total_cost").unwrap_or(&costs).as_f64()
        };
        self.number(Field::CostUsd).or_else(in_json).filter(|usd| *usd >= 0.0).map(NanoUsd::from_usd)
    }

    /// What the question says in its own JSON: parameters where the dialect has an attribute for them, else the input.
    pub(crate) fn question(&self) -> Named<'_> {
        let mut named = self.value(Field::ModelParameters).map(Named::read).unwrap_or_default();
        if named.model.is_none() {
            let question = self.question.map(Named::read).unwrap_or_default();
            named = Named { model: question.model, stream: named.stream.or(question.stream), id: None };
        }
        named
    }

    /// What the answer says in its own JSON.
    pub(crate) fn answer(&self) -> Named<'_> {
        self.answer.map(Named::of_answer).unwrap_or_default()
    }
}

/// The attributes of events, each an object, as a JSON list. Empty when there are none.
fn json_of_events(events: &[&Event]) -> String {
    if events.is_empty() {
        return String::new();
    }
    let members = events.iter().flat_map(|event| {
        event.attributes.iter().filter_map(|pair| Some((*event, pair.key.as_str(), pair.value.as_ref()?)))
    });
    let mut out = String::from("[");
    let mut last: Option<*const Event> = None;
    for (event, key, value) in members {
        let Some(value) = &value.value else { continue };
        let is_new = last.is_none_or(|last| !std::ptr::eq(last, event));
        out.push_str(match (is_new, last.is_some()) {
            (true, false) => "{",
            (true, true) => "},{",
            (false, _) => ",",
        });
        last = Some(event);
        super::value::write_text(short_name(key), &mut out);
        out.push(':');
        write_content(value, &mut out);
    }
    out.push_str(if last.is_some() { "}]" } else { "]" });
    out
}

/// `db.query.result.score` without what every such key begins with.
fn short_name(key: &str) -> &str {
    DOCUMENT_EVENTS.iter().find_map(|event| key.strip_prefix(event)?.strip_prefix('.')).unwrap_or(key)
}
