//! Holds a file against the JSON Schema of [`File`], so that every mistake is found, not only the first.
//!
//! serde stops at the first mistake and knows no lines. The schema, which comes from the same structs, knows which
//! keys exist, of what type they are and which words they may hold; walking it beside the parsed file, which knows
//! where everything stands, gives all mistakes with their places.

use std::ops::Range;

use serde::Deserialize as _;
use serde_json::Value as Json;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::file::File;
use super::problem::Problem;

/// How alike two words must be (Jaro-Winkler, 0 to 1) for one to be suggested for the other.
const SUGGESTION_MIN: f64 = 0.75;

/// The file, if it could be read, and all mistakes.
pub fn check(text: &str) -> (Option<File>, Vec<Problem>) {
    let (table, syntax_errors) = DeTable::parse_recoverable(text);
    if !syntax_errors.is_empty() {
        let place = |error: &toml::de::Error| error.span().unwrap_or(text.len()..text.len());
        return (None, syntax_errors.iter().map(|e| Problem::at(place(e), "", e.message().trim())).collect());
    }
    let root = super::json_schema();
    let mut walk = Walk { root: &root, problems: Vec::new() };
    let span = table.span();
    walk.table(table.get_ref(), span, &root, "");
    let problems = walk.problems;
    if !problems.is_empty() {
        return (None, problems);
    }
    match File::deserialize(toml::Deserializer::from(table)) {
        Ok(file) => (Some(file), Vec::new()),
        Err(error) => (None, vec![Problem::at(error.span().unwrap_or(0..0), "", error.message())]),
    }
}

struct Walk<'a> {
    root: &'a Json,
    problems: Vec<Problem>,
}

impl<'a> Walk<'a> {
    /// Follows `$ref` to where the schema is defined.
    fn resolve(&self, schema: &'a Json) -> &'a Json {
        let Some(reference) = schema.get("$ref").and_then(Json::as_str) else { return schema };
        reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer)).unwrap_or(schema)
    }

    fn value(&mut self, value: &Spanned<DeValue<'_>>, schema: &'a Json, key: &str) {
        let schema = self.resolve(schema);
        if let Some(alternatives) = alternatives(schema) {
            return self.alternatives(value, alternatives, schema, key);
        }
        if let Some(expected) = schema.get("type").filter(|types| !type_fits(types, value.get_ref())) {
            let expected = type_words(expected);
            let found = value.get_ref().type_str();
            return self.report(value.span(), key, format!("expected {expected}, found {found}"), schema);
        }
        match value.get_ref() {
            DeValue::Table(table) => self.table(table, value.span(), schema, key),
            DeValue::Array(items) => self.array(items, value.span(), schema, key),
            DeValue::Integer(number) => {
                let number = i64::from_str_radix(number.as_str(), number.radix()).ok();
                self.range(number, value.span(), schema, key);
            }
            _ => {}
        }
    }

    fn table(&mut self, table: &DeTable<'_>, span: Range<usize>, schema: &'a Json, key: &str) {
        let schema = self.resolve(schema);
        let properties = schema.get("properties").and_then(Json::as_object);
        for (name, value) in table {
            let path = join(key, name.get_ref());
            let known = properties.and_then(|properties| properties.get(name.get_ref().as_ref()));
            let other = schema.get("additionalProperties").filter(|other| other.is_object());
            if let Some(schema) = known.or(other) {
                self.value(value, schema, &path);
            } else {
                let keys = properties.into_iter().flat_map(|p| p.keys().map(String::as_str));
                let problem = Problem::at(name.span(), path, "there is no such key");
                self.problems.push(with_suggestion(problem, name.get_ref(), keys));
            }
        }
        let required =
            schema.get("required").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
        for name in required.filter(|name| !table.contains_key(*name)) {
            let meaning = properties.and_then(|properties| properties.get(name));
            self.report(span.clone(), key, format!("the key `{name}` is missing"), meaning.unwrap_or(schema));
        }
    }

    fn array(&mut self, items: &toml::de::DeArray<'_>, span: Range<usize>, schema: &'a Json, key: &str) {
        let length_min = schema.get("minItems").and_then(Json::as_u64).unwrap_or(0);
        if (items.len() as u64) < length_min {
            self.report(span, key, format!("expected at least {length_min} entry, found none"), schema);
        }
        let Some(of) = schema.get("items") else { return };
        for (i, item) in items.iter().enumerate() {
            self.value(item, of, &format!("{key}[{i}]"));
        }
    }

    fn range(&mut self, number: Option<i64>, span: Range<usize>, schema: &'a Json, key: &str) {
        let bound = |name: &str| schema.get(name).and_then(Json::as_f64);
        let (min, max) = (bound("minimum"), bound("maximum"));
        let fits =
            number.is_some_and(|n| min.is_none_or(|m| n as f64 >= m) && max.is_none_or(|m| n as f64 <= m));
        if !fits {
            let expected = match (min, max) {
                (Some(min), Some(max)) => format!("a number from {min} to {max}"),
                (Some(min), None) => format!("a number of at least {min}"),
                (None, Some(max)) => format!("a number of at most {max}"),
                (None, None) => "a number that fits 64 bits".to_owned(),
            };
            self.report(span, key, format!("expected {expected}"), schema);
        }
    }

    /// One of several shapes: a word of a set, or a table or a text. The mistakes of the shape that fits best are told.
    fn alternatives(
        &mut self,
        value: &Spanned<DeValue<'_>>,
        options: &'a [Json],
        schema: &'a Json,
        key: &str,
    ) {
        let options: Vec<&Json> = options
            .iter()
            .map(|s| self.resolve(s))
            .filter(|s| s.get("type") != Some(&Json::from("null")))
            .collect();
        let words: Vec<&str> = options.iter().flat_map(|option| words(option)).collect();
        let is_table = |option: &&Json| option.get("type") == Some(&Json::from("object"));
        let tables: Vec<&Json> = options.iter().copied().filter(is_table).collect();
        if !words.is_empty() && (tables.is_empty() || !value.get_ref().is_table()) {
            let found = value.get_ref().as_str();
            if found.is_some_and(|found| words.contains(&found)) {
                return;
            }
            let expected = words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" or ");
            let found_text =
                found.map_or_else(|| value.get_ref().type_str().to_owned(), |f| format!("\"{f}\""));
            let problem = Problem::at(value.span(), key, format!("expected {expected}, found {found_text}"));
            self.problems.push(with_suggestion(problem, found.unwrap_or_default(), words.into_iter()));
            return;
        }
        let options = if words.is_empty() { options } else { tables };
        let attempts = options.iter().map(|option| {
            let mut attempt = Walk { root: self.root, problems: Vec::new() };
            attempt.value(value, option, key);
            attempt.problems
        });
        let attempts: Vec<Vec<Problem>> = attempts.collect();
        if attempts.iter().any(Vec::is_empty) {
            return;
        }
        if let (1, Some(only)) = (attempts.len(), attempts.first()) {
            self.problems.extend(only.iter().cloned());
            return;
        }
        let shapes = options.iter().filter_map(|option| option.get("description")).filter_map(Json::as_str);
        let shapes = shapes.map(first_sentence).collect::<Vec<_>>().join("\n        or: ");
        let problem =
            Problem::at(value.span(), key, format!("found {}, which has none of the shapes", article(value)));
        self.problems.push(if shapes.is_empty() {
            problem.hint(describe(schema))
        } else {
            problem.hint(shapes)
        });
    }

    fn report(&mut self, span: Range<usize>, key: &str, message: String, schema: &Json) {
        let problem = Problem::at(span, key, message);
        let meaning = describe(schema);
        self.problems.push(if meaning.is_empty() { problem } else { problem.hint(meaning) });
    }
}

fn alternatives(schema: &Json) -> Option<&[Json]> {
    let listed = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Json::as_array);
    match listed {
        Some(options) => Some(options),
        None => schema.get("enum").map(|_| std::slice::from_ref(schema)),
    }
}

/// The words that a schema allows, where it allows words only.
fn words(schema: &Json) -> Vec<&str> {
    let of_enum = schema.get("enum").and_then(Json::as_array).into_iter().flatten();
    let nested = schema.get("oneOf").and_then(Json::as_array).into_iter().flatten();
    of_enum.chain(schema.get("const")).filter_map(Json::as_str).chain(nested.flat_map(words)).collect()
}

fn type_fits(types: &Json, value: &DeValue<'_>) -> bool {
    let fits = |name: &str| match name {
        "string" => value.is_str(),
        "integer" => value.is_integer(),
        "number" => value.is_integer() || value.is_float(),
        "boolean" => value.is_bool(),
        "array" => value.is_array(),
        "object" => value.is_table(),
        _ => false,
    };
    match types {
        Json::String(name) => fits(name),
        Json::Array(names) => names.iter().filter_map(Json::as_str).any(fits),
        _ => true,
    }
}

fn type_words(types: &Json) -> String {
    let word = |name: &str| match name {
        "string" => "a text in quotes",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        "array" => "a list",
        "object" => "a table",
        _ => "something else",
    };
    match types {
        Json::Array(names) => {
            let names = names.iter().filter_map(Json::as_str).filter(|name| *name != "null");
            names.map(word).collect::<Vec<_>>().join(" or ")
        }
        other => word(other.as_str().unwrap_or_default()).to_owned(),
    }
}

fn article(value: &Spanned<DeValue<'_>>) -> String {
    format!("a value of type {}", value.get_ref().type_str())
}

/// What a key is for, from its doc comment.
fn describe(schema: &Json) -> String {
    schema.get("description").and_then(Json::as_str).map(first_sentence).unwrap_or_default()
}

fn first_sentence(text: &str) -> String {
    let text = text.replace('\n', " ");
    text.split_once(". ").map_or(text.clone(), |(first, _)| format!("{first}."))
}

fn join(key: &str, name: &str) -> String {
    if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") }
}

fn with_suggestion<'k>(problem: Problem, found: &str, known: impl Iterator<Item = &'k str>) -> Problem {
    let known: Vec<&str> = known.collect();
    let best = known
        .iter()
        .map(|word| (strsim::jaro_winkler(word, found), *word))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match best {
        Some((likeness, word)) if likeness >= SUGGESTION_MIN => {
            problem.hint(format!("did you mean `{word}`?"))
        }
        _ if known.is_empty() => problem,
        _ => problem.hint(format!("keys here are: {}", known.join(", "))),
    }
}
