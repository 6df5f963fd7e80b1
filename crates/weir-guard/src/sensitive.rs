//! Secrets and personal data in texts: found in one pass, and taken out.
//!
//! Secrets are found by what providers put at the beginning of their keys, or by the name that a value is given; each kind
//! has a check of its own, so that a word that merely begins like a key is left alone. Personal data is found by its
//! form, with the check digits that cards and accounts carry. Nothing here knows who a key belongs to or whether it works.
//!
//! Invariants: time is linear in the text's length. What [`Detector::redact`] returns holds nothing that the detector finds, so
//! redacting twice is redacting once. A redacted text reads `[redacted:<kind>]` where the value stood.

mod assigned;
mod body;
mod kind;
mod personal;
mod secrets;

pub use body::{Found, RedactedBody, RedactedString};
pub use kind::{Class, Kind, Kinds};

use std::ops::Range;

use aho_corasick::AhoCorasick;

/// How often a text is looked through again after values were taken out: what stood beside one may read as one then.
/// What still holds one after that is taken out whole.
const ROUNDS_MAX: usize = 6;

/// What stands for a value of a text that could not be redacted piece by piece.
const ALL_REDACTED: &str = "[redacted]";

/// Looks for the kinds that were chosen.
#[derive(Debug)]
pub struct Detector {
    kinds: Kinds,
    anchors: Option<AhoCorasick>,
}

/// A value that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub kind: Kind,
    /// Where it stands, in bytes.
    pub at: Range<usize>,
}

impl Detector {
    /// A detector for these kinds.
    pub fn new(kinds: Kinds) -> Self {
        let anchors = kinds.has_any(Class::Secret).then(secrets::anchors).flatten();
        Self { kinds, anchors }
    }

    /// The kinds it looks for.
    pub const fn kinds(&self) -> Kinds {
        self.kinds
    }

    /// Whether it looks for nothing.
    pub const fn is_off(&self) -> bool {
        self.kinds.is_empty()
    }

    /// Whether a text may hold anything: plain, or JSON as it is written. A quick look that may say yes for nothing and never
    /// no for something; it reads each byte once, where finding reads JSON string by string.
    pub fn may_find(&self, text: &str) -> bool {
        let may_be_secret = |anchors: &AhoCorasick| anchors.is_match(text) || hides_letters(text);
        self.kinds.has_any(Class::Pii) || self.anchors.as_ref().is_some_and(may_be_secret)
    }

    /// What a text holds, in its order; no two overlap.
    pub fn find(&self, text: &str) -> Vec<Finding> {
        let mut found = Vec::new();
        if let Some(anchors) = &self.anchors {
            secrets::find(anchors, text, &mut found);
        }
        if self.kinds.has_any(Class::Pii) {
            personal::find(text, self.kinds, &mut found);
        }
        found.retain(|finding| self.kinds.has(finding.kind));
        without_overlaps(found)
    }

    /// The same, for the value of a member with this name: `{"password": "…"}`.
    pub fn find_named(&self, name: Option<&str>, text: &str) -> Vec<Finding> {
        let mut found = self.find(text);
        if let Some(kind) =
            name.and_then(|name| assigned::named(name, text)).filter(|kind| self.kinds.has(*kind))
            && found.is_empty()
        {
            found.push(Finding { kind, at: 0..text.len() });
        }
        found
    }

    /// The text without what was found in it, and what that was; `None` when there was nothing.
    pub fn redact(&self, text: &str) -> Option<(String, Vec<Kind>)> {
        self.redact_named(None, text)
    }

    /// The same, for the value of a member with this name.
    pub fn redact_named(&self, name: Option<&str>, text: &str) -> Option<(String, Vec<Kind>)> {
        let found = self.find_named(name, text);
        if found.is_empty() {
            return None;
        }
        let mut kinds: Vec<Kind> = found.iter().map(|finding| finding.kind).collect();
        let mut redacted = replaced(text, &found);
        for _ in 0..ROUNDS_MAX {
            let found = self.find_named(name, &redacted);
            if found.is_empty() {
                return Some((redacted, kinds));
            }
            kinds.extend(found.iter().map(|finding| finding.kind));
            redacted = replaced(&redacted, &found);
        }
        Some((ALL_REDACTED.to_owned(), kinds))
    }
}

fn replaced(text: &str, found: &[Finding]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut kept_to = 0;
    for finding in found {
        out.push_str(&text[kept_to..finding.at.start]);
        out.push_str("[redacted:");
        out.push_str(finding.kind.as_str());
        out.push(']');
        kept_to = finding.at.end;
    }
    out.push_str(&text[kept_to..]);
    out
}

/// Of findings that overlap the first stays; of two with one beginning a secret, then the longer. Kinds are declared from
/// special to general, which decides the rest.
fn without_overlaps(mut found: Vec<Finding>) -> Vec<Finding> {
    if found.len() > 1 {
        let is_pii = |finding: &Finding| finding.kind.class() == Class::Pii;
        found.sort_by_key(|finding| {
            (finding.at.start, is_pii(finding), std::cmp::Reverse(finding.at.end), finding.kind)
        });
        let mut end = 0;
        found.retain(|finding| {
            let is_free = finding.at.start >= end;
            end = end.max(finding.at.end);
            is_free
        });
    }
    found
}

/// Whether letters of what is looked for may be written as escapes of JSON. Only `\u….` and `\/` can stand for one.
fn hides_letters(text: &str) -> bool {
    let bytes = text.as_bytes();
    memchr::memchr_iter(b'\\', bytes).any(|at| matches!(bytes.get(at + 1), Some(b'u' | b'/')))
}

/// Whether a value may begin here: at the beginning, or after what is no letter or digit. The letter of an escape
/// (`\n`) in JSON that stands in a string is none.
fn begins_word(bytes: &[u8], at: usize) -> bool {
    let Some(before) = at.checked_sub(1) else { return true };
    let is_letter = bytes[before].is_ascii_alphanumeric() || bytes[before] == b'_';
    !is_letter || before.checked_sub(1).is_some_and(|escape| bytes[escape] == b'\\')
}

/// How many bytes from here on are of a set.
fn run(bytes: &[u8], at: usize, is_in: impl Fn(u8) -> bool) -> usize {
    bytes.get(at..).map_or(0, |rest| rest.iter().take_while(|byte| is_in(**byte)).count())
}

#[cfg(test)]
mod tests;
