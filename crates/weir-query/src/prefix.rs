//! An expression at the start of a longer text: how monitors read `EXPR > 5000ms over 5m` and Datadog's
//! `avg(last_5m):EXPR > 5`, of which only the expression is this crate's.
//!
//! Places of the expression and of errors are bytes of the whole text. Datadog's methods on points (`.rollup`, `.fill`)
//! say how a window is cut into points; a query has a step for that and refuses them, a monitor reads them from here.

use crate::error::QueryError;
use crate::place::Place;
use crate::{Query, check, parser};

/// An expression and where it ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Prefix {
    /// The expression, checked.
    pub query: Query,
    /// The first byte after it.
    pub end: usize,
    /// The methods on points that stand in it, from left to right.
    pub methods: Vec<SeriesMethod>,
}

/// A method on points: `.rollup(sum, 60)`.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesMethod {
    /// `rollup` or `fill`.
    pub name: String,
    /// What it is given, as written.
    pub arguments: Vec<String>,
    /// Where it stands.
    pub place: Place,
}

/// Parses and checks the expression that starts at byte `start` and goes on as far as it can. As an argument of a call
/// (`is_argument`) a bare list of tags ends at the first comma. Never panics, whatever the text and the place.
pub fn parse_prefix(text: &str, start: usize, is_argument: bool) -> Result<Prefix, QueryError> {
    let parser::ExprPrefix { expr, end, methods } = parser::parse_prefix(text, start, is_argument)?;
    let unit = check::check(&expr)?.measure.unit();
    Ok(Prefix { query: Query { expr, unit }, end, methods })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_ends_where_a_comparison_or_a_clause_starts() {
        for (text, expected) in [
            ("sum(a) / sum(b) by model, team > 0.05 over 5m", "sum(a) / sum(b) by {model, team}"),
            ("p95(llm.request.duration) over 5m", "p95(llm.request.duration)"),
            ("sum:a{x:y}.rollup(sum, 60).as_count() >= 3", "sum(a{x:y})"),
        ] {
            let prefix = parse_prefix(text, 0, false).unwrap();
            assert_eq!(prefix.query.to_string(), expected);
            assert!(
                [" over", " > ", " >= "].iter().any(|rest| text[prefix.end..].starts_with(rest)),
                "{text}"
            );
        }
    }

    #[test]
    fn an_argument_ends_at_the_comma_and_methods_are_noted() {
        let text = "anomaly(sum(a).rollup(sum, 300).fill(zero) by agent, 'agile')";
        let prefix = parse_prefix(text, 8, true).unwrap();
        assert_eq!(prefix.query.to_string(), "sum(a) by agent");
        let methods: Vec<_> =
            prefix.methods.iter().map(|m| (m.name.as_str(), m.arguments.join(" "))).collect();
        assert_eq!(methods, [("rollup", "sum 300".to_owned()), ("fill", "zero".to_owned())]);
        assert!(text[prefix.end..].starts_with(", 'agile'"));
    }

    #[test]
    fn places_are_those_of_the_whole_text_and_no_place_panics() {
        let text = "avg(last_5m):agv:ä{*} > 1";
        assert_eq!(parse_prefix(text, 13, false).unwrap_err().span, 13..16);
        for start in 0..text.len() + 3 {
            let _ = parse_prefix(text, start, false);
        }
    }
}
