//! What the answer to a probe must be like.

use regex::Regex;
use serde_json::Value;

/// What is expected, as it is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expectation {
    /// Texts that the answer must hold, whatever their case.
    pub contains: Vec<String>,
    /// Texts that it must not hold, whatever their case.
    pub contains_not: Vec<String>,
    /// A regular expression that must match somewhere in it.
    pub matches: Option<String>,
    /// Whether it must be JSON.
    pub json: bool,
    /// The longest it may take, in milliseconds.
    pub duration_ms_max: Option<u64>,
    /// The most tokens it may have.
    pub output_tokens_max: Option<u64>,
}

/// A pattern that is no regular expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{pattern:?} is no regular expression: {reason}")]
pub struct BadPattern {
    /// What was written.
    pub pattern: String,
    /// What is wrong with it.
    pub reason: String,
}

/// What is expected, ready to be held against answers.
#[derive(Debug, Clone)]
pub struct Expected {
    written: Expectation,
    matches: Option<Regex>,
}

/// What a model answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeAnswer {
    /// The text of its message.
    pub text: String,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// How many tokens it has, where the provider said so.
    pub output_tokens: Option<u64>,
}

impl Expected {
    /// Reads what is expected.
    pub fn new(written: Expectation) -> Result<Self, BadPattern> {
        let matches = written.matches.as_ref().map(|pattern| {
            Regex::new(pattern)
                .map_err(|error| BadPattern { pattern: pattern.clone(), reason: error.to_string() })
        });
        Ok(Self { matches: matches.transpose()?, written })
    }

    /// What the answer is not, in words for people; nothing where it is as expected.
    pub fn unmet(&self, answer: &ProbeAnswer) -> Vec<String> {
        let written = &self.written;
        let folded = answer.text.to_lowercase();
        let holds = |text: &String| folded.contains(&text.to_lowercase());
        let mut unmet = Vec::new();
        unmet.extend(
            written.contains.iter().filter(|text| !holds(text)).map(|text| format!("lacks {text:?}")),
        );
        unmet.extend(
            written.contains_not.iter().filter(|text| holds(text)).map(|text| format!("holds {text:?}")),
        );
        if let Some(pattern) = self.matches.as_ref().filter(|pattern| !pattern.is_match(&answer.text)) {
            unmet.push(format!("does not match {}", pattern.as_str()));
        }
        if written.json && serde_json::from_str::<Value>(answer.text.trim()).is_err() {
            unmet.push("is no JSON".to_owned());
        }
        if let Some(max) = written.duration_ms_max.filter(|max| answer.duration_ms > *max) {
            unmet.push(format!("took {} ms, more than {max} ms", answer.duration_ms));
        }
        match (written.output_tokens_max, answer.output_tokens) {
            (Some(max), Some(tokens)) if tokens > max => {
                unmet.push(format!("has {tokens} tokens, more than {max}"));
            }
            (Some(_), None) => unmet.push("states no tokens".to_owned()),
            _ => {}
        }
        unmet
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(text: &str) -> ProbeAnswer {
        ProbeAnswer { text: text.to_owned(), duration_ms: 900, output_tokens: Some(7) }
    }

    fn unmet(written: Expectation, answer: &ProbeAnswer) -> Vec<String> {
        Expected::new(written).unwrap().unmet(answer)
    }

    #[test]
    fn an_answer_that_is_as_expected_leaves_nothing_unmet() {
        let written = Expectation {
            contains: vec!["paris".to_owned()],
            contains_not: vec!["sorry".to_owned()],
            matches: Some(r"^\s*\{".to_owned()),
            json: true,
            duration_ms_max: Some(900),
            output_tokens_max: Some(7),
        };
        assert!(unmet(written, &answer(r#"{"capital": "Paris"}"#)).is_empty());
    }

    #[test]
    fn everything_that_is_not_as_expected_is_named() {
        let written = Expectation {
            contains: vec!["Paris".to_owned(), "France".to_owned()],
            contains_not: vec!["SORRY".to_owned()],
            matches: Some(r"\d+".to_owned()),
            json: true,
            duration_ms_max: Some(100),
            output_tokens_max: Some(3),
        };
        assert_eq!(
            unmet(written, &answer("I am sorry, I only know France.")),
            [
                r#"lacks "Paris""#,
                r#"holds "SORRY""#,
                r"does not match \d+",
                "is no JSON",
                "took 900 ms, more than 100 ms",
                "has 7 tokens, more than 3"
            ]
        );
    }

    #[test]
    fn a_pattern_that_is_none_is_refused_with_what_is_wrong() {
        let bad = Expected::new(Expectation { matches: Some("(".to_owned()), ..Expectation::default() });
        assert!(bad.unwrap_err().to_string().contains("unclosed group"));
    }
}
