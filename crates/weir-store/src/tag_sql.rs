//! Tags and scopes as SQL: which expression of a table is the value of a tag, and a condition with exactly the meaning
//! of [`Scope::matches`].

use std::sync::Arc;

use weir_types::{Scope, metric};

use crate::derived::DerivedMetric;
use crate::duck::Params;

/// [`weir_types::Event::words`] in SQL.
const WORDS_SQL: &str = "(' ' || trim(regexp_replace(translate(title || ' ' || text, \
     'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz'), '[\\x00-/:-@\\[-^`{-\\x7f]+', ' ', 'g'), ' ') || ' ')";

/// Where tags are looked for.
#[derive(Clone, Copy)]
pub(crate) enum TagTable {
    /// `spans`, where a tag is a column; and for a metric's own tag that metric.
    Spans(Option<&'static DerivedMetric>),
    /// A table with the columns of [`metric::CELL_TAGS`] and a map of the others: cells and scores.
    Cells,
    /// `points`, where all tags are in a map.
    Points,
    /// `events`, where [`metric::EVENT_TAGS`] are columns or made of them, and a map has the others.
    Events,
}

impl TagTable {
    /// The expression of a tag's value; `None` when no row of the table has the tag.
    pub(crate) fn value_sql(self, key: &str, params: &mut Params) -> Option<String> {
        match self {
            Self::Spans(metric) => {
                let own = metric.and_then(|metric| metric.extra_sql(key));
                own.or_else(|| span_column(key)).map(str::to_owned)
            }
            Self::Cells if metric::CELL_TAGS.contains(&key) => Some(key.to_owned()),
            Self::Events if metric::EVENT_TAGS.contains(&key) => {
                Some(if key == "words" { WORDS_SQL } else { key }.to_owned())
            }
            Self::Cells | Self::Points | Self::Events => Some(format!("tags[{}]", params.text(key))),
        }
    }

    /// The condition of a scope: true for exactly the rows that the scope matches.
    pub(crate) fn scope_sql(self, scope: &Scope, params: &mut Params) -> String {
        match scope {
            Scope::All => "TRUE".to_owned(),
            Scope::Is(key, pattern) => self.any_of(key.as_str(), std::slice::from_ref(pattern), params),
            Scope::In(key, patterns) => self.any_of(key.as_str(), patterns, params),
            // An absent tag makes a comparison NULL, which `WHERE`, `AND` and `OR` treat like false; only a negation
            // must be told.
            Scope::Not(inner) => format!("NOT coalesce({}, FALSE)", self.scope_sql(inner, params)),
            Scope::And(parts) => self.join(parts, " AND ", "TRUE", params),
            Scope::Or(parts) => self.join(parts, " OR ", "FALSE", params),
        }
    }

    fn join(self, parts: &[Scope], word: &str, empty: &str, params: &mut Params) -> String {
        if parts.is_empty() {
            return empty.to_owned();
        }
        let parts: Vec<_> = parts.iter().map(|part| self.scope_sql(part, params)).collect();
        format!("({})", parts.join(word))
    }

    fn any_of(self, key: &str, patterns: &[Arc<str>], params: &mut Params) -> String {
        let Some(value) = self.value_sql(key, params) else { return "FALSE".to_owned() };
        let (wild, plain): (Vec<&Arc<str>>, Vec<_>) =
            patterns.iter().partition(|pattern| pattern.contains('*'));
        let mut conditions = Vec::new();
        match plain.as_slice() {
            [] => {}
            [one] => conditions.push(format!("{value} = {}", params.text(one))),
            many => {
                let texts: Vec<_> = many.iter().map(|text| params.text(text)).collect();
                conditions.push(format!("{value} IN ({})", texts.join(", ")));
            }
        }
        for pattern in wild {
            conditions.push(format!("{value} LIKE {} ESCAPE '\\'", params.text(&like_pattern(pattern))));
        }
        if conditions.is_empty() { "FALSE".to_owned() } else { format!("({})", conditions.join(" OR ")) }
    }
}

/// The column of `spans` that holds a tag; the names of [`weir_types::Span::tag`].
pub(crate) fn span_column(key: &str) -> Option<&'static str> {
    Some(match key {
        "provider" => "provider",
        "model" => "model",
        "response_model" => "response_model",
        "team" => "team",
        "app" => "app",
        "agent" => "agent",
        "session" => "session",
        "user" => "\"user\"",
        "env" => "env",
        "service" => "service",
        "key_id" => "key_id",
        "client" => "client",
        "response_id" => "response_id",
        "error_type" => "error_type",
        "finish_reason" => "finish_reason",
        "name" => "name",
        "kind" => "kind",
        "status" => "status",
        "source" => "source",
        "cache" => "cache",
        _ => return None,
    })
}

/// A pattern with `*` as `LIKE` spells it.
fn like_pattern(pattern: &str) -> String {
    let mut like = String::with_capacity(pattern.len());
    for character in pattern.chars() {
        match character {
            '*' => like.push('%'),
            '%' | '_' | '\\' => {
                like.push('\\');
                like.push(character);
            }
            other => like.push(other),
        }
    }
    like
}

/// A text as part of a `LIKE` pattern, standing for itself.
pub(crate) fn like_literal(text: &str) -> String {
    let mut like = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '%' | '_' | '\\') {
            like.push('\\');
        }
        like.push(character);
    }
    like
}

#[cfg(test)]
mod tests {
    use duckdb::{Connection, params_from_iter};
    use proptest::prelude::*;
    use weir_types::TagKey;

    use super::*;

    /// Texts that are likely to match each other, and all that SQL and `LIKE` treat specially.
    fn text() -> impl Strategy<Value = String> {
        "[ab%_\\\\'\"*é\n\0]{0,4}"
    }

    fn scope() -> impl Strategy<Value = Scope> {
        let key = || prop::sample::select(vec!["team", "model", "user", "nothing"]).prop_map(TagKey::new);
        let leaf = prop_oneof![
            1 => Just(Scope::All),
            4 => (key(), text()).prop_map(|(key, text)| Scope::Is(key, Arc::from(text))),
            2 => (key(), prop::collection::vec(text(), 0..3)).prop_map(|(key, texts)| {
                Scope::In(key, texts.into_iter().map(Arc::from).collect())
            }),
        ];
        leaf.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                inner.clone().prop_map(|scope| Scope::Not(Box::new(scope))),
                prop::collection::vec(inner.clone(), 0..3).prop_map(Scope::And),
                prop::collection::vec(inner, 0..3).prop_map(Scope::Or),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn sql_means_what_the_scope_means(
            scope in scope(),
            team in prop::option::of(text()),
            model in prop::option::of(text()),
            user in prop::option::of(text()),
        ) {
            thread_local! {
                static DATABASE: Connection = Connection::open_in_memory().unwrap();
            }
            let tag = |key: &str| match key {
                "team" => team.as_deref(),
                "model" => model.as_deref(),
                "user" => user.as_deref(),
                _ => None,
            };
            let mut params = Params::default();
            let mut bind = |value: &Option<String>| match value {
                Some(text) => params.text(text),
                None => "NULL::VARCHAR".to_owned(),
            };
            let row = format!("SELECT {} AS team, {} AS model, {} AS \"user\"", bind(&team), bind(&model), bind(&user));
            let condition = TagTable::Spans(None).scope_sql(&scope, &mut params);
            let sql = format!("SELECT count(*) FROM ({row}) WHERE {condition}");
            let matched: i64 = DATABASE.with(|database| {
                database.query_row(&sql, params_from_iter(params.values()), |row| row.get(0)).unwrap()
            });
            prop_assert_eq!(matched == 1, scope.matches(&tag), "{}", sql);
        }
    }
}
