//! Matchers of Alertmanager's API: `alertname="p95-latency"`, `severity=~"warn.*"`; and scopes written as matchers.

use percent_encoding::percent_decode_str;
use regex::{Regex, RegexBuilder};
use weir_types::Scope;

use crate::error::ApiError;
use crate::wire::{Labels, ManagedMatcher};

/// Bytes of a compiled expression. The longest that a client has reason to send needs a tenth of it.
const REGEX_BYTES_MAX: usize = 256 * 1024;

/// Parameters of a query string in order, each name as often as it is given. Those that nobody knows are left to the
/// caller: the clients of these routes send parameters of newer versions.
pub(crate) fn pairs(query: &str) -> Result<Vec<(String, String)>, ApiError> {
    let decode = |text: &str| {
        let spaced = text.replace('+', " ");
        let decoded = percent_decode_str(&spaced).decode_utf8().map(std::borrow::Cow::into_owned);
        decoded.map_err(|_| ApiError::parameter("query string", text, "percent-encoded UTF-8"))
    };
    let parts = query.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            Ok((decode(name)?, decode(value)?))
        })
        .collect()
}

/// A condition on one label.
#[derive(Debug)]
pub(crate) struct Matcher {
    name: String,
    value: Value,
    is_equal: bool,
}

#[derive(Debug)]
enum Value {
    Text(String),
    Pattern(Regex),
}

impl Matcher {
    /// Reads one; the value may be quoted.
    pub fn parse(text: &str) -> Result<Self, ApiError> {
        let refuse =
            || ApiError::parameter("filter", text, "a matcher such as alertname=\"x\" or severity=~\"a|b\"");
        let at = text.find(['=', '!']).ok_or_else(refuse)?;
        let (name, rest) = text.split_at(at);
        let (operator, value) = ["=~", "!~", "!=", "="]
            .into_iter()
            .find_map(|op| Some((op, rest.strip_prefix(op)?)))
            .ok_or_else(refuse)?;
        let value = unquoted(value.trim());
        let value = if operator.ends_with('~') {
            let pattern = RegexBuilder::new(&format!("^(?:{value})$")).size_limit(REGEX_BYTES_MAX).build();
            Value::Pattern(pattern.map_err(|_| refuse())?)
        } else {
            Value::Text(value)
        };
        if name.trim().is_empty() {
            return Err(refuse());
        }
        Ok(Self { name: name.trim().to_owned(), value, is_equal: operator.starts_with('=') })
    }

    /// Whether the condition holds; a label that is absent is empty.
    pub fn holds(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.name).map_or("", String::as_str);
        let is_match = match &self.value {
            Value::Text(text) => text == value,
            Value::Pattern(pattern) => pattern.is_match(value),
        };
        is_match == self.is_equal
    }
}

fn unquoted(text: &str) -> String {
    let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    inner.map_or_else(|| text.to_owned(), |inner| inner.replace("\\\"", "\"").replace("\\\\", "\\"))
}

/// A scope as matchers. What they cannot say (`OR` between tags) is one matcher of the name `scope` with the text.
pub(crate) fn of_scope(scope: &Scope) -> Vec<ManagedMatcher> {
    let parts = match scope {
        Scope::And(parts) => parts.iter().map(of_part).collect(),
        other => of_part(other).map(|one| vec![one]),
    };
    let matcher = |name: &str, value: String, is_regex| ManagedMatcher {
        is_equal: true,
        is_regex,
        name: name.to_owned(),
        value,
    };
    match scope {
        Scope::All => vec![matcher("alertname", ".+".to_owned(), true)],
        _ => parts.unwrap_or_else(|| vec![matcher("scope", scope.to_string(), false)]),
    }
}

fn of_part(scope: &Scope) -> Option<ManagedMatcher> {
    match scope {
        Scope::Is(key, value) => Some(of_values(key.as_str(), &[value])),
        Scope::In(key, values) => {
            Some(of_values(key.as_str(), &values.iter().map(|value| &**value).collect::<Vec<_>>()))
        }
        Scope::Not(inner) => of_part(inner).map(|one| ManagedMatcher { is_equal: !one.is_equal, ..one }),
        Scope::All | Scope::And(_) | Scope::Or(_) => None,
    }
}

fn of_values(key: &str, values: &[&str]) -> ManagedMatcher {
    let name = if key == "monitor" { "alertname" } else { key }.to_owned();
    match values {
        [value] if !value.contains('*') => {
            ManagedMatcher { is_equal: true, is_regex: false, name, value: (*value).to_owned() }
        }
        _ => {
            let patterns = values.iter().map(|value| regex::escape(value).replace(r"\*", ".*"));
            let value = patterns.collect::<Vec<_>>().join("|");
            ManagedMatcher { is_equal: true, is_regex: true, name, value }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels() -> Labels {
        Labels::from([
            ("alertname".to_owned(), "p95".to_owned()),
            ("severity".to_owned(), "warning".to_owned()),
        ])
    }

    #[test]
    fn matchers_hold_as_alertmanagers_do() {
        for (text, expected) in [
            ("alertname=\"p95\"", true),
            ("alertname=p95", true),
            ("alertname != \"p95\"", false),
            ("severity=~\"warn.*|critical\"", true),
            ("severity=~\"warn\"", false),
            ("severity!~\"warn\"", true),
            ("team=\"\"", true),
            ("team!=\"\"", false),
        ] {
            assert_eq!(Matcher::parse(text).unwrap().holds(&labels()), expected, "{text}");
        }
        for text in ["", "alertname", "=x", "a=~\"(\"", "a~b"] {
            assert!(Matcher::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn scopes_are_matchers_where_matchers_can_say_them() {
        let written = |text: &str| {
            let matchers = of_scope(&weir_query::parse_scope(text).unwrap());
            let one = |m: &ManagedMatcher| {
                let operator = match (m.is_equal, m.is_regex) {
                    (true, false) => "=",
                    (true, true) => "=~",
                    (false, false) => "!=",
                    (false, true) => "!~",
                };
                format!("{}{operator}{}", m.name, m.value)
            };
            matchers.iter().map(one).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(written("monitor:p95-* AND !team:a"), "alertname=~p95\\-.* team!=a");
        assert_eq!(written("model IN (a, b.c)"), "model=~a|b\\.c");
        assert_eq!(written("*"), "alertname=~.+");
        assert!(written("team:a OR app:b").starts_with("scope="));
    }
}
