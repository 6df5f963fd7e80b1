//! Checks that need no model: cheap, exact about what they look for, and blind to everything else.
//!
//! | check | metric | value |
//! |---|---|---|
//! | `json` | `custom.llm.json_valid` | 1 when an answer that was asked for as JSON is JSON |
//! | `schema` | `custom.llm.schema_valid` | 1 when it fits the schema that was asked for, or a configured one |
//! | `refusal` | `custom.llm.refusal` | 1 when the answer declines |
//! | `language` | `custom.llm.language` | the language of the answer, as a label |
//! | `toxicity` | `custom.llm.toxicity` | 1 when the answer has a word of a small list |

mod language;
mod refusal;
mod schema;
mod toxicity;

use serde_json::Value;
use weir_types::{ScoreValue, SpanKind};

use crate::judgement::Judgement;
use crate::subject::Subject;

pub use language::language_of;
pub use refusal::refusal_in;
pub use schema::schema_fault;
pub use toxicity::toxic_word;

/// Of all checks together.
pub const VERSION: u32 = 1;

/// One of the checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Check {
    /// JSON that parses.
    Json,
    /// JSON that fits its schema.
    Schema,
    /// A refusal.
    Refusal,
    /// The language.
    Language,
    /// A word of the list.
    Toxicity,
}

impl Check {
    /// Every check.
    pub const ALL: &'static [Self] =
        &[Self::Json, Self::Schema, Self::Refusal, Self::Language, Self::Toxicity];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Schema => "schema",
            Self::Refusal => "refusal",
            Self::Language => "language",
            Self::Toxicity => "toxicity",
        }
    }

    /// The metric that its scores are samples of.
    pub const fn metric(self) -> &'static str {
        match self {
            Self::Json => "custom.llm.json_valid",
            Self::Schema => "custom.llm.schema_valid",
            Self::Refusal => "custom.llm.refusal",
            Self::Language => "custom.llm.language",
            Self::Toxicity => "custom.llm.toxicity",
        }
    }

    /// The check with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|check| check.name() == name)
    }

    /// What it says of a subject; `None` where it has nothing to look at. `schema` is a configured one, for answers that were
    /// not asked for with their own.
    pub fn judge(self, subject: &Subject, schema: Option<&Value>) -> Option<Judgement> {
        if subject.span.kind != SpanKind::Llm {
            return None;
        }
        let answer = subject.answer.as_deref()?;
        match self {
            Self::Json => {
                asked_format(subject).filter(|format| format.is_json)?;
                let fault = serde_json::from_str::<Value>(answer).err().map(|error| error.to_string());
                Some(self.valid("the answer is JSON", fault))
            }
            Self::Schema => {
                let asked = asked_format(subject).and_then(|format| format.schema);
                let schema = asked.as_ref().or(schema)?;
                let fault = match serde_json::from_str::<Value>(answer) {
                    Ok(value) => schema_fault(schema, &value),
                    Err(error) => Some(format!("it is no JSON: {error}")),
                };
                Some(self.valid("the answer fits its schema", fault))
            }
            Self::Refusal => {
                Some(self.found(refusal_in(answer), "the answer declines", "the answer does not decline"))
            }
            Self::Toxicity => {
                Some(self.found(toxic_word(answer), "a word of the list", "no word of the list"))
            }
            Self::Language => {
                let language = language_of(answer)?;
                let summary = format!("the answer is in {language}");
                Some(Judgement::new(self.metric(), ScoreValue::Label(language.into()), summary))
            }
        }
    }

    fn valid(self, good: &str, fault: Option<String>) -> Judgement {
        let value = f64::from(u8::from(fault.is_none()));
        Judgement::new(self.metric(), ScoreValue::Number(value), fault.unwrap_or_else(|| good.to_owned()))
    }

    fn found(self, found: Option<&str>, yes: &str, no: &str) -> Judgement {
        let value = f64::from(u8::from(found.is_some()));
        let summary = found.map_or_else(|| no.to_owned(), |words| format!("{yes}: {words:?}"));
        Judgement::new(self.metric(), ScoreValue::Number(value), summary)
    }
}

/// In what form an answer was asked for.
struct AskedFormat {
    is_json: bool,
    schema: Option<Value>,
}

/// What the request said of the answer's form, where the span tells: `response_format` of OpenAI's chat, `text.format` of its
/// responses, or OpenTelemetry's `gen_ai.output.type`.
fn asked_format(subject: &Subject) -> Option<AskedFormat> {
    let attributes = subject.span.attributes.as_ref()?.expose();
    let attributes: Value = serde_json::from_str(attributes).ok()?;
    let named = ["response_format", "gen_ai.request.response_format", "llm.response_format"];
    let format = named.iter().find_map(|name| attributes.get(*name).map(as_json));
    if let Some(format) = format {
        let kind = format.get("type").and_then(Value::as_str).unwrap_or_default();
        let schema = format.pointer("/json_schema/schema").or_else(|| format.get("schema")).cloned();
        return Some(AskedFormat { is_json: matches!(kind, "json_object" | "json_schema"), schema });
    }
    let output = attributes.get("gen_ai.output.type").and_then(Value::as_str)?;
    Some(AskedFormat { is_json: output == "json", schema: None })
}

/// Attributes of tracers are often JSON as a text.
fn as_json(value: &Value) -> Value {
    let text = value.as_str().and_then(|text| serde_json::from_str(text).ok());
    text.unwrap_or_else(|| value.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::tests::{content, span};

    fn judged(check: Check, answer: &str, attributes: &str) -> Option<ScoreValue> {
        let mut span = span(SpanKind::Llm, 1);
        (span.output, span.attributes) = (content(answer), content(attributes));
        check.judge(&Subject::of_trace(&[span])[0], None).map(|judgement| judgement.value)
    }

    const BAD: Option<ScoreValue> = Some(ScoreValue::Number(0.0));
    const GOOD: Option<ScoreValue> = Some(ScoreValue::Number(1.0));

    #[test]
    fn json_is_checked_where_it_was_asked_for() {
        let asked = r#"{"response_format":{"type":"json_object"}}"#;
        let quoted = r#"[{"role":"assistant","content":"{\"a\":1}"}]"#;
        assert_eq!(judged(Check::Json, quoted, asked), GOOD);
        assert_eq!(judged(Check::Json, "Sure, here you are", asked), BAD);
        assert_eq!(judged(Check::Json, "Sure", r#"{"gen_ai.output.type":"json"}"#), BAD);
        assert_eq!(judged(Check::Json, "Sure", r#"{"response_format":{"type":"text"}}"#), None);
        assert_eq!(judged(Check::Json, "Sure", "{}"), None);
    }

    #[test]
    fn an_answer_is_held_against_the_schema_that_was_asked_for() {
        let asked = r#"{"response_format":{"type":"json_schema","json_schema":{"name":"x","schema":
            {"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]}}}}"#;
        let said = |text: &str| serde_json::json!([{ "role": "assistant", "content": text }]).to_string();
        assert_eq!(judged(Check::Schema, &said(r#"{"a":1}"#), asked), GOOD);
        assert_eq!(judged(Check::Schema, &said(r#"{"a":"1"}"#), asked), BAD);
        assert_eq!(judged(Check::Schema, &said("no"), asked), BAD);
        assert_eq!(judged(Check::Schema, &said("no"), "{}"), None);
    }

    #[test]
    fn every_check_is_found_by_its_name() {
        for check in Check::ALL {
            assert_eq!(Check::named(check.name()), Some(*check));
        }
        assert_eq!(judged(Check::Refusal, "I'm sorry, but I can't help with that.", "{}"), GOOD);
        assert_eq!(judged(Check::Toxicity, "Thank you for the scunthorpe tickets.", "{}"), BAD);
    }
}
