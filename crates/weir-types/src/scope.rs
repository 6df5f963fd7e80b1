//! A scope: which spans or series a query is about, by their tags.

use std::fmt;
use std::sync::Arc;

use crate::TagKey;

/// A condition on tags. A tag that is absent matches nothing but `Not`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Scope {
    /// Everything.
    #[default]
    All,
    /// The tag has this value; `*` stands for any run of characters.
    Is(TagKey, Arc<str>),
    /// The tag has one of these values; `*` as above.
    In(TagKey, Vec<Arc<str>>),
    /// The condition does not hold.
    Not(Box<Scope>),
    /// All of these hold.
    And(Vec<Scope>),
    /// At least one of these holds.
    Or(Vec<Scope>),
}

impl Scope {
    /// Whether the condition holds for these tags.
    pub fn matches<'a>(&self, tag: &impl Fn(&str) -> Option<&'a str>) -> bool {
        match self {
            Self::All => true,
            Self::Is(key, pattern) => tag(key.as_str()).is_some_and(|value| wildcard_matches(pattern, value)),
            Self::In(key, patterns) => {
                tag(key.as_str()).is_some_and(|value| patterns.iter().any(|p| wildcard_matches(p, value)))
            }
            Self::Not(inner) => !inner.matches(tag),
            Self::And(parts) => parts.iter().all(|part| part.matches(tag)),
            Self::Or(parts) => parts.iter().any(|part| part.matches(tag)),
        }
    }

    /// Both conditions together, without needless nesting.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::All, scope) | (scope, Self::All) => scope,
            (Self::And(mut parts), Self::And(more)) => {
                parts.extend(more);
                Self::And(parts)
            }
            (Self::And(mut parts), scope) => {
                parts.push(scope);
                Self::And(parts)
            }
            (first, second) => Self::And(vec![first, second]),
        }
    }

    /// Every tag that the condition looks at, in the order of appearance, repeats included.
    pub fn keys(&self) -> Vec<&TagKey> {
        match self {
            Self::All => Vec::new(),
            Self::Is(key, _) | Self::In(key, _) => vec![key],
            Self::Not(inner) => inner.keys(),
            Self::And(parts) | Self::Or(parts) => parts.iter().flat_map(Self::keys).collect(),
        }
    }
}

impl fmt::Display for Scope {
    /// As the expression language writes it, without the outer braces.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |f: &mut fmt::Formatter<'_>, parts: &[Scope], word: &str| {
            f.write_str("(")?;
            for (i, part) in parts.iter().enumerate() {
                if i > 0 {
                    write!(f, " {word} ")?;
                }
                write!(f, "{part}")?;
            }
            f.write_str(")")
        };
        match self {
            Self::All => f.write_str("*"),
            Self::Is(key, value) => write!(f, "{key}:{}", Quoted(value)),
            Self::In(key, values) => {
                write!(f, "{key} IN (")?;
                for (i, value) in values.iter().enumerate() {
                    write!(f, "{}{}", if i > 0 { ", " } else { "" }, Quoted(value))?;
                }
                f.write_str(")")
            }
            Self::Not(inner) => write!(f, "!{inner}"),
            Self::And(parts) => joined(f, parts, "AND"),
            Self::Or(parts) => joined(f, parts, "OR"),
        }
    }
}

/// A tag value as the language writes it: bare where it may be, in double quotes otherwise.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bare = |c: char| c.is_alphanumeric() || "_-./*:@".contains(c);
        if !self.0.is_empty() && self.0.chars().all(bare) {
            return f.write_str(self.0);
        }
        write!(f, "\"{}\"", self.0.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

/// Whether a value matches a pattern in which `*` stands for any run of characters. Linear in practice: after a
/// mismatch only the last `*` is tried again.
pub fn wildcard_matches(pattern: &str, value: &str) -> bool {
    let (pattern, value) = (pattern.as_bytes(), value.as_bytes());
    let (mut p, mut v) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while v < value.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p + 1, v));
                p += 1;
            }
            Some(byte) if *byte == value[v] => {
                p += 1;
                v += 1;
            }
            _ => {
                let Some((after_star, from)) = retry else { return false };
                retry = Some((after_star, from + 1));
                p = after_star;
                v = from + 1;
            }
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_any_run() {
        for (pattern, value, expected) in [
            ("gpt-*", "gpt-4o", true),
            ("*-mini", "gpt-4o-mini", true),
            ("g*4*mini", "gpt-4o-mini", true),
            ("gpt-4", "gpt-4o", false),
            ("*", "", true),
            ("", "x", false),
        ] {
            assert_eq!(wildcard_matches(pattern, value), expected, "{pattern} on {value}");
        }
    }

    #[test]
    fn an_absent_tag_matches_only_a_negation() {
        let is = Scope::Is(TagKey::new("team"), Arc::from("*"));
        let absent = |_: &str| None;
        assert!(!is.matches(&absent));
        assert!(Scope::Not(Box::new(is)).matches(&absent));
    }
}
