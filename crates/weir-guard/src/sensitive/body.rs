//! Redaction of what a span holds: JSON text stays JSON text, and plain text plain.

use serde::{Deserialize, Serialize};

use super::Detector;
use super::kind::{Class, Kind};
use crate::Place;
use crate::tape::{Shape, Tape, quoted};

/// Digits that a bare number of JSON needs to be looked at.
const NUMBER_DIGITS_MIN: usize = 13;

/// What was found at one place of a call. Never the value itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Whether it is a secret or personal data.
    pub class: Class,
    /// What it is.
    pub kind: Kind,
    /// Which part of the call; `None` for what stands beside it (attributes, error messages).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// A JSON pointer to the string within that part; empty where the part is plain text.
    pub path: String,
    /// How many.
    pub count: usize,
}

/// A text of which something was taken out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedactedBody {
    /// What is left: JSON where it was JSON.
    pub text: String,
    /// For each string that was changed: where it stood in the text before, and what was in it.
    pub strings: Vec<RedactedString>,
}

/// A string of which something was taken out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedactedString {
    /// A JSON pointer to it; empty where the whole is plain text.
    pub path: String,
    /// Where it began in the text before.
    pub start: usize,
    /// What was in it.
    pub kinds: Vec<Kind>,
}

impl Detector {
    /// Takes out of a text what the detector finds: of the strings of JSON (names among them, and numbers of cards), of plain text
    /// as a whole. Every byte outside of a string that held something stays. `None` when there was nothing.
    pub fn redact_body(&self, text: &str) -> Option<RedactedBody> {
        if !self.may_find(text) {
            return None;
        }
        self.redact_read(text, Tape::read(text).as_ref())
    }

    /// The same for a text that has been read, because [`Detector::may_find`] said yes to it: as JSON, or as plain text where
    /// there is no tape.
    pub(crate) fn redact_read(&self, text: &str, tape: Option<&Tape<'_>>) -> Option<RedactedBody> {
        if let Some(tape) = tape {
            return self.redact_tape(text, tape);
        }
        let (redacted, kinds) = self.redact(text)?;
        let strings = vec![RedactedString { path: String::new(), start: 0, kinds }];
        Some(RedactedBody { text: redacted, strings })
    }

    /// The same for JSON.
    pub(super) fn redact_tape(&self, text: &str, tape: &Tape<'_>) -> Option<RedactedBody> {
        let mut strings = Vec::new();
        let (mut out, mut kept_to) = (String::new(), 0);
        for (number, node) in tape.nodes().iter().enumerate() {
            let written = tape.written(node);
            let (replacement, kinds) = match node.shape {
                Shape::String | Shape::Name => {
                    let said = tape.said(node);
                    let Some((redacted, kinds)) = self.redact_named(tape.name(node).as_deref(), &said) else {
                        continue;
                    };
                    (quoted(&redacted, written), kinds)
                }
                Shape::Number if written.len() >= NUMBER_DIGITS_MIN => {
                    let Some((redacted, kinds)) = self.redact(written) else { continue };
                    (quoted(&redacted, "\"\""), kinds)
                }
                _ => continue,
            };
            out.push_str(&text[kept_to..node.at.start]);
            out.push_str(&replacement);
            kept_to = node.at.end;
            strings.push(RedactedString { path: tape.pointer(number), start: node.at.start, kinds });
        }
        if strings.is_empty() {
            return None;
        }
        out.push_str(&text[kept_to..]);
        Some(RedactedBody { text: out, strings })
    }
}

impl RedactedBody {
    /// What was found, by string and kind.
    pub fn found(&self, place: Option<Place>) -> Vec<Found> {
        let mut all: Vec<Found> = Vec::new();
        for string in &self.strings {
            for kind in &string.kinds {
                let same = |found: &&mut Found| found.path == string.path && found.kind == *kind;
                if let Some(found) = all.iter_mut().find(same) {
                    found.count += 1;
                    continue;
                }
                let path = string.path.clone();
                all.push(Found { class: kind.class(), kind: *kind, place, path, count: 1 });
            }
        }
        all
    }
}
