//! Annotations of Prometheus as messages.

use super::from_datadog;
use crate::condition::Condition;
use crate::exchange::loss::Losses;

/// The text of annotations of Prometheus as a message. `{{ $value }}` and `{{ $labels.k }}` have counterparts.
pub(in crate::exchange) fn from_prometheus(
    written: &str,
    name: &str,
    condition: &Condition,
    losses: &mut Losses,
) -> String {
    let mut text = String::new();
    let mut rest = written;
    while let Some(at) = rest.find("{{") {
        text.push_str(&rest[..at]);
        let Some(end) = rest[at..].find("}}") else { break };
        let inside = rest[at + 2..at + end].trim_matches(['-', ' ', '\n', '\t']);
        rest = &rest[at + end + 2..];
        if let Some((placeholder, is_percent)) = prometheus_placeholder(inside) {
            text.push_str(&placeholder);
            if is_percent && !rest.starts_with('%') {
                text.push('%');
            }
            continue;
        }
        losses.add(
            format!("{{{{ {inside} }}}} in the annotations"),
            "messages have placeholders and no programs",
            "see the placeholders in the reference of messages",
        );
        text.push_str("(…)");
    }
    text.push_str(rest);
    from_datadog(&text, name, condition, losses)
}

/// A placeholder for an action of a template, and whether it is in percent.
fn prometheus_placeholder(action: &str) -> Option<(String, bool)> {
    let of = |text: &str| -> Option<String> {
        let text = text.trim();
        match text {
            "$value" | ".Value" => Some("{{value}}".to_owned()),
            _ => {
                let label = text.strip_prefix("$labels.").or_else(|| text.strip_prefix(".Labels."))?;
                let is_word = !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '_');
                is_word.then(|| format!("{{{{{label}}}}}"))
            }
        }
    };
    let (value, pipe) = action.split_once('|').unwrap_or((action, ""));
    let pipe = pipe.trim();
    if let Some(found) = of(value) {
        return match pipe {
            "" | "humanize" | "humanize1024" | "humanizeDuration" | "title" | "toString" => {
                Some((found, false))
            }
            "humanizePercentage" => Some((found, true)),
            pipe if pipe.starts_with("printf ") => Some((found, false)),
            _ => None,
        };
    }
    // `printf "%.2f" $value`
    let last = action.strip_prefix("printf ")?.split_whitespace().last()?;
    of(last).map(|found| (found, false))
}
