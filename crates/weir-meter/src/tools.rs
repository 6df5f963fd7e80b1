//! How OpenAI shows tools to its models: as a TypeScript namespace in a system message.
//!
//! The rendering and its overhead are not documented; they were observed by many from the token counts that the API
//! states, and counts come out within a few tokens. Hence counts with tools are never called exact.

use std::fmt::Write;

use serde_json::{Map, Value};

/// Tokens around the namespace.
pub(crate) const AROUND_NAMESPACE: u64 = 9;
/// Tokens that are saved when there is a system message already, which the namespace is added to.
pub(crate) const WITHIN_SYSTEM_MESSAGE: u64 = 4;

/// Descriptions of properties deeper than this are not shown.
const DESCRIBED_DEPTH_MAX: usize = 2;
/// Spaces for each level of nested objects.
const INDENT: usize = 2;

/// Tools as the model sees them.
pub(crate) struct Namespace {
    /// The TypeScript text.
    pub text: String,
    /// Bytes of JSON of tools that are not functions (hosted tools, unknown shapes).
    pub unknown_bytes: usize,
}

/// Renders a request's tools: chat completions' `{type, function}`, responses' flat functions, and legacy functions.
pub(crate) fn namespace(tools: &[Value]) -> Namespace {
    let mut text = String::from("namespace functions {\n\n");
    let mut unknown_bytes = 0;
    for tool in tools {
        let function = tool.get("function").unwrap_or(tool);
        match function.get("name").and_then(Value::as_str) {
            Some(name) => write_function(&mut text, name, function),
            None => unknown_bytes += tool.to_string().len(),
        }
    }
    text.push_str("} // namespace functions");
    Namespace { text, unknown_bytes }
}

fn write_function(out: &mut String, name: &str, function: &Value) {
    write_description(out, 0, function);
    match function.get("parameters").and_then(properties) {
        Some((properties, required)) if !properties.is_empty() => {
            let _ = writeln!(out, "type {name} = (_: {{");
            write_properties(out, 0, properties, required);
            out.push_str("}) => any;\n\n");
        }
        _ => {
            let _ = writeln!(out, "type {name} = () => any;\n");
        }
    }
}

fn write_description(out: &mut String, depth: usize, of: &Value) {
    if let Some(description) = of.get("description").and_then(Value::as_str).filter(|text| !text.is_empty()) {
        let _ = writeln!(out, "{:indent$}// {description}", "", indent = depth * INDENT);
    }
}

type Properties<'a> = (&'a Map<String, Value>, &'a [Value]);

/// The properties of an object's schema and which of them are required.
fn properties(schema: &Value) -> Option<Properties<'_>> {
    let required = schema.get("required").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    Some((schema.get("properties")?.as_object()?, required))
}

fn write_properties(out: &mut String, depth: usize, properties: &Map<String, Value>, required: &[Value]) {
    for (name, schema) in properties {
        if depth < DESCRIBED_DEPTH_MAX {
            write_description(out, depth, schema);
        }
        let optional = if required.iter().any(|required| required == name) { "" } else { "?" };
        let _ = write!(out, "{:indent$}{name}{optional}: ", "", indent = depth * INDENT);
        write_type(out, depth, schema);
        out.push_str(",\n");
    }
}

fn write_type(out: &mut String, depth: usize, schema: &Value) {
    if let Some(values) = schema.get("enum").or_else(|| schema.get("const")) {
        let values = values.as_array().map_or(std::slice::from_ref(values), Vec::as_slice);
        return write_union(out, values, |out, value| {
            let _ = write!(out, "{value}");
        });
    }
    if let Some(variants) = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array) {
        return write_union(out, variants, |out, variant| write_type(out, depth, variant));
    }
    match schema.get("type") {
        Some(Value::Array(types)) => {
            write_union(out, types, |out, name| write_named(out, depth, name, schema));
        }
        Some(name) => write_named(out, depth, name, schema),
        None => out.push_str("any"),
    }
}

fn write_union(out: &mut String, parts: &[Value], mut write_part: impl FnMut(&mut String, &Value)) {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            out.push_str(" | ");
        }
        write_part(out, part);
    }
}

fn write_named(out: &mut String, depth: usize, name: &Value, schema: &Value) {
    match name.as_str() {
        Some("integer" | "number") => out.push_str("number"),
        Some("array") => {
            match schema.get("items") {
                Some(items) => write_type(out, depth, items),
                None => out.push_str("any"),
            }
            out.push_str("[]");
        }
        Some("object") => match properties(schema) {
            Some((properties, required)) => {
                out.push_str("{\n");
                write_properties(out, depth + 1, properties, required);
                let _ = write!(out, "{:indent$}}}", "", indent = depth * INDENT);
            }
            None => out.push_str("object"),
        },
        Some(other) => out.push_str(other),
        None => out.push_str("any"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(json: &str) -> Namespace {
        let tools: Vec<Value> = serde_json::from_str(json).expect("the test's JSON");
        namespace(&tools)
    }

    #[test]
    fn tools_are_rendered_as_the_model_sees_them() {
        let namespace = rendered(
            r#"[{"type":"function","function":{"name":"get_weather","description":"Get the weather","parameters":
                {"type":"object","required":["city"],"properties":{
                    "city":{"type":"string","description":"The city"},
                    "days":{"type":["integer","null"]},
                    "place":{"type":"object","properties":{"lat":{"type":"number","description":"Degrees"}}},
                    "tags":{"type":"array","items":{"type":"string"}},
                    "unit":{"type":"string","enum":["celsius","fahrenheit"]}}}}},
               {"name":"now"},{"type":"web_search"}]"#,
        );
        let expected = "namespace functions {\n\n\
            // Get the weather\n\
            type get_weather = (_: {\n\
            // The city\n\
            city: string,\n\
            days?: number | null,\n\
            place?: {\n\
            \x20 // Degrees\n\
            \x20 lat?: number,\n\
            },\n\
            tags?: string[],\n\
            unit?: \"celsius\" | \"fahrenheit\",\n\
            }) => any;\n\n\
            type now = () => any;\n\n\
            } // namespace functions";
        assert_eq!(namespace.text, expected);
        assert_eq!(namespace.unknown_bytes, r#"{"type":"web_search"}"#.len());
    }
}
