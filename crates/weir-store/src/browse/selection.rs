//! Which spans a question is about, as a condition.

use std::fmt::Write as _;

use weir_types::{Scope, SpanBounds, SpanSelection};

use crate::duck::Params;
use crate::tag_sql::{TagTable, like_literal};

/// Input and output tokens together, as lists sort and filter by them.
pub(crate) const TOKENS_SQL: &str = "(coalesce(input_tokens, 0) + coalesce(output_tokens, 0))";

/// The condition that holds for the spans of a selection and no others.
pub(crate) fn condition(which: &SpanSelection, params: &mut Params) -> String {
    let mut conditions = vec![
        format!("start_time >= {}", params.time(which.range.from)),
        format!("start_time < {}", params.time(which.range.to)),
    ];
    conditions.extend(condition_in_range(which, params));
    conditions.join(" AND ")
}

/// Whether a selection leaves out any span of its range.
pub(crate) fn is_filtered(which: &SpanSelection) -> bool {
    let is_unbounded = which.bounds == SpanBounds::default();
    which.scope != Scope::All || which.text.is_some() || which.roots || !is_unbounded
}

/// The parts of a selection's condition but for its range; none when the range is all there is.
fn condition_in_range(which: &SpanSelection, params: &mut Params) -> Vec<String> {
    let mut conditions = Vec::new();
    if which.scope != Scope::All {
        conditions.push(TagTable::Spans(None).scope_sql(&which.scope, params));
    }
    if which.roots {
        conditions.push("parent_id IS NULL".to_owned());
    }
    conditions.extend(bounds(&which.bounds));
    // The dearest condition last: a text is looked for in what the others leave.
    if let Some(text) = which.text.as_deref().filter(|text| !text.is_empty()) {
        conditions.push(text_condition(text, params));
    }
    conditions
}

/// Bounds are integers, which are written into the text as they are.
fn bounds(bounds: &SpanBounds) -> impl Iterator<Item = String> {
    let SpanBounds { duration_us_min, duration_us_max, cost_min, tokens_min } = *bounds;
    [
        duration_us_min.map(|us| format!("duration_us >= {us}")),
        duration_us_max.map(|us| format!("duration_us <= {us}")),
        cost_min.map(|cost| format!("cost_nano_usd >= {}", cost.0)),
        tokens_min.map(|tokens| format!("{TOKENS_SQL} >= {tokens}")),
    ]
    .into_iter()
    .flatten()
}

/// Whether input or output contain a text. They are JSON, so a text may be in them as it is, or escaped as JSON needs it,
/// or with everything escaped that is not ASCII, as some clients do.
fn text_condition(text: &str, params: &mut Params) -> String {
    let mut spellings = vec![text.to_owned(), json_escaped(text), ascii_escaped(text)];
    spellings.dedup();
    let conditions: Vec<_> = spellings
        .iter()
        .flat_map(|spelling| {
            let pattern = params.text(&format!("%{}%", like_literal(spelling)));
            ["input", "output"].map(|column| format!("{column} ILIKE {pattern} ESCAPE '\\'"))
        })
        .collect();
    format!("({})", conditions.join(" OR "))
}

fn json_escaped(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn ascii_escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in json_escaped(text).chars() {
        if character.is_ascii() {
            escaped.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing into memory does not fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_spelt_as_json_may_spell_them() {
        assert_eq!(json_escaped("a\"b\n"), "a\\\"b\\n");
        assert_eq!(ascii_escaped("é😀"), "\\u00e9\\ud83d\\ude00");
    }
}
