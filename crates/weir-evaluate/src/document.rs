//! Documents that were looked up, in the shapes in which frameworks report them.

use serde_json::Value;

use crate::text;

/// A document that a retrieval found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Document {
    /// Its text; empty where only a score was reported.
    pub text: String,
    /// How well it fits, as the retriever said.
    pub score: Option<f64>,
    /// How relevant somebody says it really is: 0 for not at all, 1 or more for relevant.
    pub label: Option<f64>,
}

/// The documents of a span's `documents`, in their order.
pub(crate) fn documents(content: &str) -> Vec<Document> {
    match serde_json::from_str::<Value>(content) {
        Ok(Value::Array(items)) => items.iter().filter_map(document).collect(),
        Ok(Value::Object(fields)) => {
            let list = fields.get("documents").and_then(Value::as_array);
            list.map(|items| items.iter().filter_map(document).collect()).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

/// One document: a text, or an object as LangChain, LlamaIndex, MLflow, OpenInference or Datadog writes it.
pub(crate) fn document(value: &Value) -> Option<Document> {
    let Value::Object(fields) = value else {
        return text::text_of(value).map(|text| Document { text, ..Document::default() });
    };
    let inner = fields.get("document").or_else(|| fields.get("node")).filter(|inner| inner.is_object());
    let places = [Some(value), inner];
    let places = || places.iter().flatten();
    let metadata = || places().filter_map(|place| place.get("metadata"));
    let number = |keys: &[&str]| {
        let everywhere = || places().copied().chain(metadata());
        keys.iter().find_map(|key| everywhere().find_map(|place| as_number(place.get(*key)?)))
    };
    let text = places().find_map(|place| text::text_of(place)).unwrap_or_default();
    let score = number(&["score", "relevance_score", "similarity", "similarity_score", "document.score"]);
    let label = number(&["relevant", "is_relevant", "label", "relevance", "relevance_label"]);
    (!text.is_empty() || score.is_some()).then_some(Document { text, score, label })
}

fn as_number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::Bool(yes) => Some(f64::from(u8::from(*yes))),
        Value::String(text) => match text.as_str() {
            "relevant" | "true" | "yes" => Some(1.0),
            "irrelevant" | "not_relevant" | "false" | "no" => Some(0.0),
            other => other.parse().ok().filter(|number: &f64| number.is_finite()),
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_of_every_framework_are_read() {
        let shapes = [
            r#"[{"id":"a","text":"t","score":0.8}]"#,
            r#"[{"page_content":"t","metadata":{"score":0.8,"source":"x"}}]"#,
            r#"[{"document":{"id":"a","content":"t","score":0.8}}]"#,
            r#"[{"node":{"text":"t"},"score":0.8}]"#,
            r#"{"documents":[{"content":"t","relevance_score":"0.8"}]}"#,
        ];
        for shape in shapes {
            let expected = Document { text: "t".to_owned(), score: Some(0.8), label: None };
            assert_eq!(documents(shape), [expected], "{shape}");
        }
        assert_eq!(documents(r#"["t"]"#)[0].text, "t");
        assert_eq!(documents(r#"[{"text":"t","metadata":{"relevant":false}}]"#)[0].label, Some(0.0));
        assert!(documents("no json").is_empty() && documents(r#"[{"id":"a"}]"#).is_empty());
    }
}
