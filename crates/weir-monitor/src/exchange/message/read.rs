//! Messages of Datadog's as Weir's.
//!
//! A placeholder is kept when Weir's own loader takes it. Blocks that Weir lacks are taken apart: what a match chooses by is
//! said always, what is for a rare notice is left out.

use crate::condition::{Condition, Judged, Shape};
use crate::definition::known;
use crate::exchange::loss::Losses;
use crate::template::{self, Known};

/// Bytes after a placeholder that may be its unit.
const UNIT_BYTES: usize = 4;

/// A message of Datadog's as Weir's. What comes out loads with the condition.
pub(in crate::exchange) fn from_datadog(
    written: &str,
    name: &str,
    condition: &Condition,
    losses: &mut Losses,
) -> String {
    let known = known(condition);
    let is_anomaly =
        matches!(&condition.judged, Judged::Metric(rule) if matches!(rule.shape, Shape::Anomaly(_)));
    let handles: Vec<&str> = handles(written).collect();
    if !handles.is_empty() {
        losses.add(
            format!("notifies {}", handles.join(", ")),
            "names in the text of a message notify nobody",
            "name the receivers in `notify`",
        );
    }
    let mut reader = Reader { known: &known, is_anomaly, text: String::new(), open: Vec::new(), losses };
    reader.read(written);
    let text = reader.text.trim().to_owned();
    if text.is_empty() {
        return name.to_owned();
    }
    match template::parse(&text, &known) {
        Ok(_) => text,
        Err(why) => {
            losses.add("placeholders of the message", why, "write them again; see the reference of messages");
            text.replace('{', "(").replace('}', ")")
        }
    }
}

/// `@slack-ops`: who a message notifies. An address within a word is none.
fn handles(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| c.is_whitespace() || "{}(),;\"'".contains(c));
    words
        .filter(|word| word.len() > 1 && word.starts_with('@'))
        .map(|word| word.trim_end_matches(['.', ':', '!']))
}

/// What is done with the inside of a block.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    /// It stays a block.
    Kept,
    /// Its content stays, for every notice.
    Bare,
    /// Its content goes.
    Gone,
}

struct Reader<'a> {
    known: &'a Known,
    is_anomaly: bool,
    text: String,
    /// The blocks around the place, with the names that they have in Weir.
    open: Vec<(String, Inside)>,
    losses: &'a mut Losses,
}

impl Reader<'_> {
    fn read(&mut self, mut rest: &str) {
        while let Some(at) = rest.find("{{") {
            self.literal(&rest[..at]);
            let braces = rest[at..].bytes().take(3).take_while(|byte| *byte == b'{').count();
            let inner = &rest[at + braces..];
            let Some(end) = inner.find(&"}}}"[..braces]) else {
                // What is never closed is text.
                self.literal(&rest[at..at + braces]);
                rest = inner;
                continue;
            };
            let after = &inner[end + braces..];
            let dropped = self.tag(inner[..end].trim(), after);
            rest = &after[dropped..];
        }
        self.literal(rest);
    }

    fn is_gone(&self) -> bool {
        self.open.iter().any(|(_, inside)| *inside == Inside::Gone)
    }

    fn push(&mut self, text: &str) {
        if !self.is_gone() {
            self.text.push_str(text);
        }
    }

    /// Text: single braces around a word are a placeholder in Weir and none in Datadog.
    fn literal(&mut self, mut text: &str) {
        while let Some(at) = text.find('{') {
            self.push(&text[..at]);
            text = &text[at..];
            let length = match template::placeholder(text) {
                Some((inside, after)) if !text.starts_with("{{") => {
                    let shown = format!("{{ {inside} }}");
                    self.push(&shown);
                    text.len() - after.len()
                }
                _ => {
                    self.push("{");
                    1
                }
            };
            text = &text[length..];
        }
        self.push(text);
    }

    /// What stands in braces; how many bytes after it belong to it and are left out.
    fn tag(&mut self, inside: &str, after: &str) -> usize {
        if let Some(block) = inside.strip_prefix('#').or_else(|| inside.strip_prefix('^')) {
            self.opened(block.trim(), inside.starts_with('^'));
        } else if inside.starts_with('/') {
            if let Some((name, inside)) = self.open.pop()
                && inside == Inside::Kept
            {
                let close = format!("{{{{/{name}}}}}");
                self.push(&close);
            }
        } else if inside == "else" {
            match self.open.last_mut() {
                Some((_, Inside::Kept)) | None => self.push("{{else}}"),
                Some((_, inside)) => *inside = Inside::Gone,
            }
        } else {
            return self.variable(inside, after);
        }
        0
    }

    fn opened(&mut self, block: &str, is_negated: bool) {
        let name = block.split_whitespace().next().unwrap_or_default();
        let mark = if is_negated { '^' } else { '#' };
        let loads =
            |name: &str| template::parse(&format!("{{{{{mark}{name}}}}}{{{{/{name}}}}}"), self.known).is_ok();
        if block == name && loads(name) {
            let open = format!("{{{{{mark}{name}}}}}");
            self.push(&open);
            self.open.push((name.to_owned(), Inside::Kept));
            return;
        }
        let near = match name {
            "is_alert_recovery" | "is_warning_recovery" | "is_no_data_recovery" => Some("is_recovery"),
            "is_alert_to_warning" => Some("is_warning"),
            _ => None,
        };
        let shown = format!("{{{{{mark}{block}}}}} in the message");
        if let Some(near) = near.filter(|_| !self.is_gone()) {
            self.losses.add(shown, format!("messages do not tell it from {near}"), "");
            let open = format!("{{{{{mark}{near}}}}}");
            self.push(&open);
            self.open.push((near.to_owned(), Inside::Kept));
            return;
        }
        // What a match chooses by is still said, by all; what is for a rare notice is not.
        let inside = if name.contains("match") || is_negated { Inside::Bare } else { Inside::Gone };
        let why = if inside == Inside::Bare {
            "messages have no such block; its text is said always"
        } else {
            "messages have no such block; its text is left out"
        };
        self.losses.add(shown, why, "split the monitor in two, or say it for all");
        self.open.push((name.to_owned(), inside));
    }

    fn variable(&mut self, inside: &str, after: &str) -> usize {
        if self.is_gone() {
            return 0;
        }
        let written = if self.is_anomaly && inside == "value" { "fraction" } else { inside };
        let placeholder = format!("{{{{{written}}}}}");
        let unit_end =
            (0..=UNIT_BYTES.min(after.len())).rev().find(|end| after.is_char_boundary(*end)).unwrap_or(0);
        let unit = after[..unit_end].split('{').next().unwrap_or_default();
        let dollars = if self.text.ends_with('$') { "$" } else { "" };
        let loads = |text: &str| template::parse(text, self.known).is_ok();
        if loads(&format!("{dollars}{placeholder}{unit}")) {
            self.push(&placeholder);
            return 0;
        }
        if loads(&placeholder) {
            // The number is known and is not in the unit that follows: Datadog prints whatever is there.
            if !dollars.is_empty() {
                self.text.pop();
            }
            self.push(&placeholder);
            let word = unit.trim_start();
            let length = if word.starts_with('%') {
                1
            } else {
                word.find(|c: char| !c.is_alphanumeric()).unwrap_or(word.len())
            };
            let dropped =
                if loads(&format!("{placeholder}{unit}")) { 0 } else { unit.len() - word.len() + length };
            self.losses.add(
                format!("the unit at {placeholder} in the message"),
                "the value has another unit, so it is left out",
                "write the unit of the value; Weir converts it",
            );
            return dropped;
        }
        self.losses.add(
            format!("{{{{{inside}}}}} in the message"),
            "messages do not know it",
            "see the placeholders in the reference of messages",
        );
        let bare: String = inside.chars().filter(|c| !"{}\"'".contains(*c)).collect();
        self.push(&format!("({bare})"));
        0
    }
}
