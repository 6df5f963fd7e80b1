//! What the guard found in a call. It is kept as the attribute `weir.guard` of the call's span and in the rationale of
//! scores, and read by the dashboard, so names and units here are a contract.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Place;

/// The name of the span's attribute that holds a [`Report`].
pub const ATTRIBUTE: &str = "weir.guard";

/// Scores of the packs for one call, and why.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Report {
    /// Share of the seed's patterns that matched, 0 to 1; `None` where that pack is off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<f64>,
    /// Score of the strong pack, 0 to 1; `None` where that pack is off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strong: Option<f64>,
    /// What the classifier thinks, 0 to 1; `None` where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classifier: Option<f64>,
    /// What matched, in the order of the call.
    #[serde(default)]
    pub matches: Vec<Match>,
}

/// A rule that matched at a place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Match {
    /// Which pack the rule is of: `seed`, `strong`, or the name of a custom one.
    pub pack: Arc<str>,
    /// The rule's name.
    pub rule: Arc<str>,
    /// What kind of attempt it is: `override`, `role_change`, `exfiltration`, …
    pub category: Arc<str>,
    /// How much it says by itself, 0 to 1.
    pub weight: f64,
    /// Which part of the call.
    pub place: Place,
    /// A JSON pointer to the string within that part; empty where the part is plain text.
    pub path: String,
    /// Where the match begins in that string as it came, in bytes of UTF-8.
    pub start: usize,
    /// Where it ends, likewise.
    pub end: usize,
    /// The matching text, shortened for people.
    pub text: String,
    /// How it was hidden, where it was: `base64`, `spacing`, `confusables`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<Arc<str>>,
}

impl Report {
    /// Whether any rule matched.
    pub fn has_matches(&self) -> bool {
        !self.matches.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_reads_back_what_it_wrote_and_leaves_out_packs_that_are_off() {
        let report = Report {
            seed: Some(0.2),
            matches: vec![Match {
                pack: "seed".into(),
                rule: "ignore-previous-instructions".into(),
                category: "override".into(),
                weight: 0.2,
                place: Place::Input,
                path: "/0/content".to_owned(),
                start: 7,
                end: 35,
                text: "ignore previous instructions".to_owned(),
                via: None,
            }],
            ..Report::default()
        };
        let text = serde_json::to_string(&report).unwrap();
        assert!(!text.contains("strong") && !text.contains("via"), "{text}");
        assert!(text.contains(r#""place":"input""#), "{text}");
        assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
    }
}
