//! Labelled examples in a file: one JSON object a line.
//!
//! | evaluator | fields |
//! |---|---|
//! | injection | `text`, `label` |
//! | `faithfulness` | `answer`, `documents`, `question` (may be absent), `label` |
//! | `relevance` | `question`, `documents`, `label` |
//! | custom judges and checks | `output`, `input` (may be absent), `documents` (may be absent), `label` |
//!
//! A label is `true` or `false`, 1 or 0, or one of the words below; judges that give labels take any text. A mistake is told with
//! its line and field.

use std::sync::Arc;

use serde_json::{Map, Value};
use weir_types::{Content, Source, Span, SpanId, SpanKind, TraceId, UnixMicros};

use crate::document::{Document, document};
use crate::subject::Subject;

/// Words for positive labels: what the evaluator's score is high for.
const YES: [&str; 12] = [
    "yes",
    "true",
    "1",
    "pass",
    "positive",
    "supported",
    "faithful",
    "relevant",
    "injection",
    "attack",
    "malicious",
    "jailbreak",
];

/// Words for negative ones.
const NO: [&str; 14] = [
    "no",
    "false",
    "0",
    "fail",
    "negative",
    "not_supported",
    "unfaithful",
    "hallucinated",
    "hallucination",
    "contradicted",
    "irrelevant",
    "benign",
    "safe",
    "clean",
];

/// One labelled example.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Example {
    /// Where it stands in its file, from 1.
    pub line: usize,
    /// What is true.
    pub label: Label,
    /// A text to be looked at alone.
    pub text: Option<String>,
    /// What was asked.
    pub question: Option<String>,
    /// Everything that went in.
    pub input: Option<String>,
    /// What was answered.
    pub answer: Option<String>,
    /// What was looked up.
    pub documents: Vec<Document>,
}

/// What is true of an example.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Label {
    /// As it stands in the file.
    pub text: String,
    /// Whether it is a positive one; `None` for a word that says neither.
    pub positive: Option<bool>,
}

impl Example {
    /// The example as if it were a call. `as_json` says that its answer was asked for as JSON.
    pub fn subject(&self, as_json: bool) -> Subject {
        let (trace, id) = (TraceId::from_bytes([1; 16]), SpanId::from_bytes([1; 8]));
        let mut span = Span::new(trace, id, SpanKind::Llm, Source::Otlp, UnixMicros(0));
        if as_json {
            span.attributes = Some(Content::new(r#"{"gen_ai.output.type":"json"}"#));
        }
        Subject {
            question: self.question.clone(),
            input: self.input.clone(),
            answer: self.answer.clone().or_else(|| self.text.clone()),
            documents: self.documents.clone(),
            span: Arc::new(span),
        }
    }
}

/// A mistake in a file of examples.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {field}{message}")]
pub struct DatasetError {
    /// The line, from 1.
    pub line: usize,
    /// The field with a colon behind it; empty for the whole line.
    field: String,
    message: String,
}

impl DatasetError {
    fn new(line: usize, field: Option<&str>, message: impl Into<String>) -> Self {
        let field = field.map(|field| format!("`{field}`: ")).unwrap_or_default();
        Self { line, field, message: message.into() }
    }
}

/// Reads a file's text. `needed` are the fields that the evaluator cannot do without, beside `label`.
pub fn examples(text: &str, needed: &[&str]) -> Result<Vec<Example>, DatasetError> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(at, line)| example(at + 1, line, needed)).collect()
}

fn example(line: usize, text: &str, needed: &[&str]) -> Result<Example, DatasetError> {
    let value: Value = serde_json::from_str(text)
        .map_err(|error| DatasetError::new(line, None, format!("this is no JSON: {error}")))?;
    let Value::Object(fields) = value else {
        return Err(DatasetError::new(line, None, "expected an object"));
    };
    if let Some(missing) = needed.iter().find(|name| !fields.contains_key(**name)) {
        return Err(DatasetError::new(line, Some(missing), "is missing"));
    }
    Ok(Example {
        line,
        label: label(line, &fields)?,
        text: string(line, &fields, &["text"])?,
        question: string(line, &fields, &["question", "query", "input"])?,
        input: string(line, &fields, &["input", "question"])?,
        answer: string(line, &fields, &["answer", "output"])?,
        documents: documents(line, &fields)?,
    })
}

fn label(line: usize, fields: &Map<String, Value>) -> Result<Label, DatasetError> {
    let fault = |message: &str| DatasetError::new(line, Some("label"), message);
    match fields.get("label") {
        None | Some(Value::Null) => Err(fault("is missing")),
        Some(Value::Bool(yes)) => Ok(Label { text: yes.to_string(), positive: Some(*yes) }),
        Some(Value::Number(number)) => {
            let value = number.as_f64().unwrap_or_default();
            let positive = [(1.0, true), (0.0, false)]
                .into_iter()
                .find(|(known, _)| (value - known).abs() < f64::EPSILON);
            Ok(Label { text: number.to_string(), positive: positive.map(|(_, yes)| yes) })
        }
        Some(Value::String(text)) => {
            let lower = text.to_lowercase();
            let is_in = |words: &[&str]| words.contains(&lower.as_str());
            let positive = if is_in(&YES) { Some(true) } else { is_in(&NO).then_some(false) };
            Ok(Label { text: text.clone(), positive })
        }
        Some(_) => Err(fault("expected true, false, 0, 1 or a word")),
    }
}

fn string(line: usize, fields: &Map<String, Value>, names: &[&str]) -> Result<Option<String>, DatasetError> {
    let Some((name, value)) = names.iter().find_map(|name| Some((*name, fields.get(*name)?))) else {
        return Ok(None);
    };
    match value {
        Value::String(text) => Ok(Some(text.clone())),
        Value::Null => Ok(None),
        _ => Err(DatasetError::new(line, Some(name), "expected a text")),
    }
}

fn documents(line: usize, fields: &Map<String, Value>) -> Result<Vec<Document>, DatasetError> {
    match fields.get("documents") {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![Document { text: text.clone(), ..Document::default() }]),
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| {
                let fault =
                    || DatasetError::new(line, Some("documents"), "expected texts, or objects with a text");
                document(item).ok_or_else(fault)
            })
            .collect(),
        Some(_) => Err(DatasetError::new(line, Some("documents"), "expected a text or a list")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read_in_all_their_spellings() {
        for (written, positive) in [
            ("true", Some(true)),
            ("0", Some(false)),
            ("1", Some(true)),
            ("\"Injection\"", Some(true)),
            ("\"benign\"", Some(false)),
            ("\"rude\"", None),
            ("4", None),
        ] {
            let read = examples(&format!("{{\"text\":\"t\",\"label\":{written}}}"), &["text"]).unwrap();
            assert_eq!(read[0].label.positive, positive, "{written}");
        }
    }

    #[test]
    fn mistakes_name_line_and_field() {
        for (text, expected) in [
            (
                "{\"text\":\"t\",\"label\":1}\n\nnonsense",
                "line 3: this is no JSON: expected ident at line 1 column 2",
            ),
            ("[1]", "line 1: expected an object"),
            ("{\"label\":1}", "line 1: `text`: is missing"),
            ("{\"text\":\"t\"}", "line 1: `label`: is missing"),
            ("{\"text\":4,\"label\":1}", "line 1: `text`: expected a text"),
            ("{\"text\":\"t\",\"label\":[]}", "line 1: `label`: expected true, false, 0, 1 or a word"),
            (
                "{\"text\":\"t\",\"label\":1,\"documents\":4}",
                "line 1: `documents`: expected a text or a list",
            ),
        ] {
            assert_eq!(examples(text, &["text"]).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn documents_may_be_one_text_or_many_objects() {
        let text = "{\"question\":\"q\",\"answer\":\"a\",\"documents\":\"d\",\"label\":true}\n\
                    {\"input\":\"q\",\"output\":\"a\",\"documents\":[\"d\",{\"page_content\":\"e\"}],\"label\":false}";
        let read = examples(text, &["documents"]).unwrap();
        assert_eq!(read[0].documents.len() + read[1].documents.len(), 3);
        assert!(read.iter().all(
            |example| example.question.as_deref() == Some("q") && example.answer.as_deref() == Some("a")
        ));
    }
}
