//! Faithfulness: is what the model said in the documents that it was given?
//!
//! An answer is cut into claims, each claim is held against the documents, and the score is the share that they support. A model
//! does both when one is configured ([`judged`]); otherwise words, numbers and names are compared ([`local`]), which is an
//! estimate, and its scores say so.

pub mod judged;
pub mod local;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use weir_types::{ScoreValue, SpanKind};

use crate::judgement::Judgement;
use crate::subject::Subject;

/// The metric.
pub const METRIC: &str = "custom.llm.faithfulness_score";

/// The evaluator's name.
pub const NAME: &str = "faithfulness";

/// Of prompt and method: raise it when a change may change scores.
pub const VERSION: u32 = 1;

/// What the documents say of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// They say so.
    Supported,
    /// They do not say.
    NotSupported,
    /// They say otherwise.
    Contradicted,
}

/// One claim, as the rationale of a score keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// What is claimed.
    pub text: String,
    /// What the documents say.
    pub verdict: Verdict,
    /// Where it begins in the answer's text, in bytes of UTF-8; absent when it is not found there word by word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<usize>,
    /// Where it ends, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<usize>,
    /// Where the documents say so, or otherwise.
    #[serde(default)]
    pub evidence: Vec<Evidence>,
}

/// A place in a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Which document, from 0, in the order in which they were found.
    pub document: usize,
    /// The words there.
    pub quote: String,
}

/// Whether a subject can be judged: an answer, and documents with texts.
pub fn applies(subject: &Subject) -> bool {
    subject.span.kind == SpanKind::Llm
        && subject.answer.is_some()
        && subject.documents.iter().any(|document| !document.text.is_empty())
}

/// The score of an answer with these claims; `None` when it claims nothing.
pub fn judgement(claims: &[Claim], is_estimate: bool) -> Option<Judgement> {
    if claims.is_empty() {
        return None;
    }
    let supported = claims.iter().filter(|claim| claim.verdict == Verdict::Supported).count();
    let contradicted = claims.iter().filter(|claim| claim.verdict == Verdict::Contradicted).count();
    let mut summary = format!("{supported} of {} claims supported", claims.len());
    if contradicted > 0 {
        summary = format!("{summary}, {contradicted} contradicted");
    }
    let value = ScoreValue::Number(supported as f64 / claims.len() as f64);
    let judgement = Judgement::new(METRIC, value, summary);
    let judgement = if is_estimate { judgement.because("estimate", true) } else { judgement };
    let claims = serde_json::to_value(claims).unwrap_or(Value::Null);
    Some(judgement.because("claims", claims))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_score_is_the_share_of_supported_claims() {
        let claim =
            |verdict| Claim { text: "t".to_owned(), verdict, start: None, end: None, evidence: Vec::new() };
        let claims =
            [Verdict::Supported, Verdict::Supported, Verdict::NotSupported, Verdict::Contradicted].map(claim);
        let judgement = judgement(&claims, true).unwrap();
        assert_eq!(judgement.value, ScoreValue::Number(0.5));
        assert_eq!(judgement.rationale["summary"], "2 of 4 claims supported, 1 contradicted");
        assert_eq!(judgement.rationale["estimate"], true);
        assert_eq!(judgement.rationale["claims"][3]["verdict"], "contradicted");
        assert!(super::judgement(&[], false).is_none(), "an answer without claims has no score");
    }
}
