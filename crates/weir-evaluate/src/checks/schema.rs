//! JSON Schema, as far as structured outputs use it.
//!
//! Checked: `type`, `enum`, `const`, `properties`, `required`, `additionalProperties`, `items`, `prefixItems`, bounds of numbers,
//! strings, arrays and objects, `anyOf`, `oneOf`, `allOf`, `not`, and `$ref` into the same schema. Other keywords (`pattern`, `format`)
//! are passed over: an answer is called wrong only for what was checked.

use serde_json::{Map, Value};

/// How deep schemas are followed: one that refers to itself without end is given up.
const DEPTH_MAX: usize = 64;

/// What is wrong with a value, and where; `None` when it fits.
pub fn schema_fault(schema: &Value, value: &Value) -> Option<String> {
    Walk { root: schema }.fault(schema, value, "", 0)
}

struct Walk<'a> {
    root: &'a Value,
}

impl Walk<'_> {
    fn fault(&self, schema: &Value, value: &Value, path: &str, depth: usize) -> Option<String> {
        let place = || if path.is_empty() { "the answer".to_owned() } else { path.to_owned() };
        let rules = match schema {
            Value::Bool(false) => return Some(format!("{} is not allowed", place())),
            Value::Object(rules) if depth < DEPTH_MAX => rules,
            _ => return None,
        };
        if let Some(reference) = rules.get("$ref").and_then(Value::as_str) {
            let target = self.root.pointer(reference.strip_prefix('#')?)?;
            return self.fault(target, value, path, depth + 1);
        }
        if let Some(expected) = rules.get("type").filter(|expected| !has_type(expected, value)) {
            return Some(format!("{} is not of type {expected}", place()));
        }
        if rules.get("const").is_some_and(|expected| expected != value) {
            return Some(format!("{} is not {}", place(), rules["const"]));
        }
        if rules.get("enum").and_then(Value::as_array).is_some_and(|values| !values.contains(value)) {
            return Some(format!("{} is none of the values allowed", place()));
        }
        self.combined(rules, value, path, depth)
            .or_else(|| bounds(rules, value).map(|fault| format!("{} {fault}", place())))
            .or_else(|| self.object(rules, value, path, depth))
            .or_else(|| self.array(rules, value, path, depth))
    }

    fn combined(
        &self,
        rules: &Map<String, Value>,
        value: &Value,
        path: &str,
        depth: usize,
    ) -> Option<String> {
        let list = |key: &str| rules.get(key).and_then(Value::as_array).filter(|list| !list.is_empty());
        let fits = |schema: &&Value| self.fault(schema, value, path, depth + 1).is_none();
        if let Some(all) = list("allOf")
            && let Some(fault) = all.iter().find_map(|schema| self.fault(schema, value, path, depth + 1))
        {
            return Some(fault);
        }
        if list("anyOf").is_some_and(|any| !any.iter().any(|schema| fits(&schema))) {
            return Some(format!("{path} fits none of anyOf"));
        }
        if list("oneOf").is_some_and(|one| one.iter().filter(fits).count() != 1) {
            return Some(format!("{path} does not fit exactly one of oneOf"));
        }
        rules.get("not").filter(fits).map(|_| format!("{path} fits what it must not"))
    }

    fn object(&self, rules: &Map<String, Value>, value: &Value, path: &str, depth: usize) -> Option<String> {
        let fields = value.as_object()?;
        let required =
            rules.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        if let Some(missing) = required.into_iter().find(|name| !fields.contains_key(*name)) {
            return Some(format!("{path}/{missing} is missing"));
        }
        let named = rules.get("properties").and_then(Value::as_object);
        for (name, value) in fields {
            let path = format!("{path}/{name}");
            let schema =
                named.and_then(|named| named.get(name)).or_else(|| rules.get("additionalProperties"));
            if let Some(fault) = schema.and_then(|schema| self.fault(schema, value, &path, depth + 1)) {
                return Some(fault);
            }
        }
        None
    }

    fn array(&self, rules: &Map<String, Value>, value: &Value, path: &str, depth: usize) -> Option<String> {
        let prefix = rules.get("prefixItems").and_then(Value::as_array);
        value.as_array()?.iter().enumerate().find_map(|(at, item)| {
            let schema = prefix.and_then(|prefix| prefix.get(at)).or_else(|| rules.get("items"))?;
            self.fault(schema, item, &format!("{path}/{at}"), depth + 1)
        })
    }
}

fn has_type(expected: &Value, value: &Value) -> bool {
    match expected {
        Value::Array(types) => types.iter().any(|expected| has_type(expected, value)),
        Value::String(name) => match name.as_str() {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "null" => value.is_null(),
            "number" => value.is_number(),
            "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
            _ => true,
        },
        _ => true,
    }
}

fn bounds(rules: &Map<String, Value>, value: &Value) -> Option<String> {
    let bound = |key: &str| rules.get(key).and_then(Value::as_f64);
    let size = match value {
        Value::String(text) => Some(("minLength", "maxLength", text.chars().count())),
        Value::Array(items) => Some(("minItems", "maxItems", items.len())),
        Value::Object(fields) => Some(("minProperties", "maxProperties", fields.len())),
        _ => None,
    };
    if let Some((min, max, size)) = size {
        let size = size as f64;
        if bound(min).is_some_and(|min| size < min) || bound(max).is_some_and(|max| size > max) {
            return Some(format!("is out of {min} and {max}"));
        }
    }
    let number = value.as_f64()?;
    let is_out = bound("minimum").is_some_and(|min| number < min)
        || bound("maximum").is_some_and(|max| number > max)
        || bound("exclusiveMinimum").is_some_and(|min| number <= min)
        || bound("exclusiveMaximum").is_some_and(|max| number >= max);
    is_out.then(|| "is out of its bounds".to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_does_not_fit_is_told_with_its_place() {
        let schema = json!({
            "type": "object",
            "properties": {
                "name": { "type": "string", "minLength": 2 },
                "items": { "type": "array", "items": { "$ref": "#/$defs/item" }, "maxItems": 2 },
                "kind": { "enum": ["a", "b"] },
            },
            "required": ["name"],
            "additionalProperties": false,
            "$defs": { "item": { "anyOf": [{ "type": "integer", "minimum": 0 }, { "type": "null" }] } },
        });
        for (value, expected) in [
            (json!({ "name": "ab", "items": [1, null], "kind": "a" }), None),
            (json!([]), Some("the answer is not of type \"object\"")),
            (json!({}), Some("/name is missing")),
            (json!({ "name": "a" }), Some("/name is out of minLength and maxLength")),
            (json!({ "name": "ab", "x": 1 }), Some("/x is not allowed")),
            (json!({ "name": "ab", "items": [1, -1] }), Some("/items/1 fits none of anyOf")),
            (json!({ "name": "ab", "items": [1, 2, 3] }), Some("/items is out of minItems and maxItems")),
            (json!({ "name": "ab", "kind": "c" }), Some("/kind is none of the values allowed")),
        ] {
            assert_eq!(schema_fault(&schema, &value).as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn a_schema_without_end_is_given_up() {
        let schema = json!({ "$ref": "#" });
        assert_eq!(schema_fault(&schema, &json!(1)), None);
    }
}
