//! Makes a valid instance of a JSON schema: what structured output and tool arguments are filled with.
//!
//! The subset is the one that providers accept for structured output. Values are chosen by name and format so that they
//! look like what was asked for. Depth is bounded: a schema that refers to itself ends in its smallest instance.

use serde_json::{Map, Number, Value, json};

/// Levels below which optional parts are left out and arrays stay empty; real answers rarely nest deeper.
const DEPTH_MAX: usize = 8;

/// An instance of the schema. `question` lends its words to free text.
pub(crate) fn instance(schema: &Value, question: &str, rng: &mut fastrand::Rng) -> Value {
    Maker { root: schema, question, rng }.make(schema, "", 0)
}

struct Maker<'a> {
    root: &'a Value,
    question: &'a str,
    rng: &'a mut fastrand::Rng,
}

impl Maker<'_> {
    fn make(&mut self, schema: &Value, name: &str, depth: usize) -> Value {
        let schema = self.resolve(schema);
        if let Some(fixed) = schema.get("const") {
            return fixed.clone();
        }
        if let Some(choices) = schema.get("enum").and_then(Value::as_array) {
            return self.pick(choices);
        }
        for key in ["anyOf", "oneOf"] {
            if let Some(choices) = schema.get(key).and_then(Value::as_array) {
                return self.one_of(choices, name, depth);
            }
        }
        if let Some(parts) = schema.get("allOf").and_then(Value::as_array) {
            return self.all_of(parts, name, depth);
        }
        match type_of(&schema) {
            "object" => self.object(&schema, depth),
            "array" => self.array(&schema, name, depth),
            "integer" => Value::Number(Number::from(self.integer(&schema))),
            "number" => self.number(&schema),
            "boolean" => Value::Bool(self.rng.bool()),
            "null" => Value::Null,
            _ => Value::String(self.string(&schema, name)),
        }
    }

    /// Follows references within the schema. A chain longer than its depth allows is a circle and means anything.
    fn resolve(&self, schema: &Value) -> Value {
        let mut current = schema;
        for _ in 0..DEPTH_MAX {
            let Some(reference) = current.get("$ref").and_then(Value::as_str) else { return current.clone() };
            let Some(target) = self.root.pointer(reference.trim_start_matches('#')) else { break };
            current = target;
        }
        Value::Bool(true)
    }

    fn pick(&mut self, choices: &[Value]) -> Value {
        self.rng.choice(choices).cloned().unwrap_or_default()
    }

    /// One of several schemas; `null` only below the greatest depth.
    fn one_of(&mut self, choices: &[Value], name: &str, depth: usize) -> Value {
        let is_null = |choice: &&Value| choice.get("type").and_then(Value::as_str) == Some("null");
        if depth >= DEPTH_MAX && choices.iter().any(|choice| is_null(&choice)) {
            return Value::Null;
        }
        let choice = choices.iter().find(|choice| !is_null(choice)).cloned();
        choice.map_or(Value::Null, |choice| self.make(&choice, name, depth + 1))
    }

    fn all_of(&mut self, parts: &[Value], name: &str, depth: usize) -> Value {
        let mut merged = Map::new();
        for part in parts {
            match self.make(part, name, depth + 1) {
                Value::Object(fields) => merged.extend(fields),
                other => return other,
            }
        }
        Value::Object(merged)
    }

    fn object(&mut self, schema: &Value, depth: usize) -> Value {
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
            return if schema.as_bool() == Some(true) {
                json!({"result": "ok", "summary": self.words()})
            } else {
                json!({})
            };
        };
        let required = schema.get("required").and_then(Value::as_array);
        let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|other| other == name));
        let wanted = properties.iter().filter(|(name, _)| depth < DEPTH_MAX || is_required(name));
        let fields: Vec<_> = wanted.map(|(name, property)| (name.clone(), property.clone())).collect();
        Value::Object(
            fields
                .into_iter()
                .map(|(name, property)| (name.clone(), self.make(&property, &name, depth + 1)))
                .collect(),
        )
    }

    fn array(&mut self, schema: &Value, name: &str, depth: usize) -> Value {
        let limit = |key: &str| schema.get(key).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
        let least = limit("minItems").unwrap_or(0);
        let most = limit("maxItems").unwrap_or(usize::MAX);
        let wanted = if depth >= DEPTH_MAX { 0 } else { 2 };
        let items = schema.get("items").cloned().unwrap_or(json!({"type": "string"}));
        let length = wanted.max(least).min(most);
        Value::Array((0..length).map(|_| self.make(&items, name, depth + 1)).collect())
    }

    fn integer(&mut self, schema: &Value) -> i64 {
        let bound = |key: &str| schema.get(key).and_then(Value::as_i64);
        let low = bound("minimum").or(bound("exclusiveMinimum").map(|low| low.saturating_add(1)));
        let high = bound("maximum").or(bound("exclusiveMaximum").map(|high| high.saturating_sub(1)));
        let low = low.unwrap_or_else(|| high.map_or(1, |high| high.min(1)));
        let high = high.unwrap_or_else(|| low.saturating_add(40)).max(low);
        let value = self.rng.i64(low..=high);
        match bound("multipleOf") {
            Some(step) if step > 0 => {
                value - value.rem_euclid(step) + if value.rem_euclid(step) == 0 { 0 } else { step }
            }
            _ => value,
        }
    }

    fn number(&mut self, schema: &Value) -> Value {
        let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
        let low = bound("minimum").unwrap_or(0.0);
        let high = bound("maximum").unwrap_or(low + 100.0);
        let value = low + (high - low) * (0.1 + 0.8 * self.rng.f64());
        let rounded = (value * 100.0).round() / 100.0;
        let fits = rounded >= low && rounded <= high;
        Number::from_f64(if fits { rounded } else { value }).map_or(Value::Null, Value::Number)
    }

    fn string(&mut self, schema: &Value, name: &str) -> String {
        let text = match schema.get("format").and_then(Value::as_str) {
            Some("date") => "2026-11-14".to_owned(),
            Some("date-time") => "2026-11-14T09:30:00Z".to_owned(),
            Some("time") => "09:30:00Z".to_owned(),
            Some("email") => "dana.ortiz@example.com".to_owned(),
            Some("uri") => "https://example.com/status".to_owned(),
            Some("uuid") => "3f2b8c1e-6d4a-4f0e-9a57-1c2d3e4f5a6b".to_owned(),
            _ => self.named_string(name),
        };
        let limit = |key: &str| schema.get(key).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
        let mut text: String = text.chars().take(limit("maxLength").unwrap_or(usize::MAX)).collect();
        let missing = limit("minLength").unwrap_or(0).saturating_sub(text.chars().count());
        text.extend(std::iter::repeat_n('x', missing));
        text
    }

    fn named_string(&mut self, name: &str) -> String {
        let name = name.to_ascii_lowercase();
        let has = |part: &str| name.contains(part);
        match () {
            () if has("city") || has("location") || has("place") => self.place(),
            () if has("country") => "Germany".to_owned(),
            () if has("unit") => "celsius".to_owned(),
            () if has("date") || has("day") => "2026-11-14".to_owned(),
            () if has("email") => "dana.ortiz@example.com".to_owned(),
            () if has("currency") => "USD".to_owned(),
            () if has("id") && name.len() <= 12 => format!("A-{}", self.rng.u32(10_000..99_999)),
            () if has("name") => "Dana Ortiz".to_owned(),
            () => self.words(),
        }
    }

    /// The place that the question names: its last word with a capital that does not begin it.
    fn place(&self) -> String {
        let words = self.question.split_whitespace().skip(1);
        let capital = words.filter(|word| word.starts_with(char::is_uppercase) && word.len() > 2).last();
        capital.map_or("Berlin", |word| word.trim_matches(|c: char| !c.is_alphanumeric())).to_owned()
    }

    fn words(&self) -> String {
        let words: Vec<&str> = self.question.split_whitespace().take(8).collect();
        if words.is_empty() { "as requested".to_owned() } else { words.join(" ") }
    }
}

/// The type a schema names, or the one it must mean.
fn type_of(schema: &Value) -> &'static str {
    const TYPES: [&str; 7] = ["object", "array", "integer", "number", "boolean", "string", "null"];
    let named = match schema.get("type") {
        Some(Value::String(name)) => Some(name.as_str()),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).find(|name| *name != "null"),
        _ => None,
    };
    match named.and_then(|name| TYPES.iter().find(|known| **known == name)) {
        Some(known) => known,
        None if schema.get("properties").is_some() => "object",
        // Any object will do where the schema says nothing at all.
        None if schema.as_bool() == Some(true) => "object",
        None => "string",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(schema: &Value) -> Value {
        instance(schema, "What is the weather in Lisbon today?", &mut fastrand::Rng::with_seed(1))
    }

    #[test]
    fn an_instance_has_the_types_names_and_bounds_of_its_schema() {
        let schema = json!({
            "type": "object",
            "required": ["city", "steps", "level", "share", "maybe"],
            "properties": {
                "city": {"type": "string"},
                "steps": {"type": "array", "items": {"$ref": "#/$defs/step"}, "minItems": 3},
                "level": {"enum": ["low", "high"]},
                "share": {"type": "number", "minimum": 0, "maximum": 1},
                "maybe": {"anyOf": [{"type": "null"}, {"type": "integer", "minimum": 5, "maximum": 5}]}
            },
            "$defs": {"step": {"type": "object", "properties": {"done": {"type": "boolean"}}}}
        });
        let made = made(&schema);
        assert_eq!(made["city"], "Lisbon");
        assert_eq!(made["steps"].as_array().unwrap().len(), 3);
        assert!(made["steps"][0]["done"].is_boolean());
        assert!(["low", "high"].contains(&made["level"].as_str().unwrap()));
        assert!((0.0..=1.0).contains(&made["share"].as_f64().unwrap()));
        assert_eq!(made["maybe"], 5);
    }

    #[test]
    fn a_schema_that_refers_to_itself_ends() {
        let schema = json!({
            "type": "object",
            "properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}
        });
        assert!(made(&schema).is_object());
    }
}
