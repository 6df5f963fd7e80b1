//! `docs/reference/api.md` is made from the OpenAPI document. `cargo xtask reference` writes it; otherwise it is compared.

use std::fmt::{self, Write as _};

use serde_json::Value;

use crate::contract::{document, operations, shape};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/api.md");

/// What no shape can say.
const INTRODUCTION: &str = include_str!("reference.md");

#[test]
fn the_reference_is_current() {
    let made = page(&document()).unwrap();
    if std::env::var_os("WEIR_UPDATE_DOCS").is_some() {
        std::fs::write(PAGE, &made).unwrap();
    }
    let kept = std::fs::read_to_string(PAGE).unwrap();
    assert!(kept == made, "docs/reference/api.md is old; run `cargo xtask reference`");
}

#[test]
fn the_reference_explains_each_error_code() {
    for code in document()["components"]["schemas"]["ErrorCode"]["enum"].as_array().unwrap() {
        assert!(INTRODUCTION.contains(&format!("| `{}` |", code.as_str().unwrap())), "{code}");
    }
}

fn page(document: &Value) -> Result<String, fmt::Error> {
    let mut page = INTRODUCTION.to_owned();
    for tag in document["tags"].as_array().into_iter().flatten() {
        writeln!(page, "\n## {}", text(&tag["description"]).trim_end_matches('.'))?;
        for (method, path, operation) in operations(document) {
            if operation["tags"][0] == tag["name"] {
                write_operation(&mut page, method, path, operation)?;
            }
        }
    }
    writeln!(page, "\n## Shapes")?;
    for (name, schema) in document["components"]["schemas"].as_object().into_iter().flatten() {
        write_shape(&mut page, name, schema)?;
    }
    Ok(page)
}

fn write_operation(page: &mut String, method: &str, path: &str, operation: &Value) -> fmt::Result {
    writeln!(page, "\n### `{} {path}`\n\n{}", method.to_uppercase(), text(&operation["summary"]))?;
    if let Some(description) = operation["description"].as_str() {
        writeln!(page, "\n{description}")?;
    }
    let parameters = operation["parameters"].as_array().filter(|parameters| !parameters.is_empty());
    if let Some(parameters) = parameters {
        writeln!(page, "\n| parameter | meaning | example |\n|---|---|---|")?;
        for parameter in parameters {
            let name = text(&parameter["name"]);
            let needed = if parameter["required"] == true { ", needed" } else { "" };
            let example =
                parameter["example"].as_str().map_or(String::new(), |example| format!("`{example}`"));
            writeln!(page, "| `{name}`{needed} | {} | {example} |", text(&parameter["description"]))?;
        }
    }
    if let Some(schema) = operation.pointer("/requestBody/content/application~1json/schema") {
        writeln!(page, "\nBody: {}", linked(schema))?;
    }
    writeln!(page)?;
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        if status != "default" {
            let schema = response
                .pointer("/content/application~1json/schema")
                .filter(|schema| schema["$ref"].is_string());
            let shape = schema.map_or(String::new(), |schema| format!(": {}", linked(schema)));
            writeln!(page, "- {status}{shape}. {}", text(&response["description"]))?;
        }
    }
    Ok(())
}

fn write_shape(page: &mut String, name: &str, schema: &Value) -> fmt::Result {
    writeln!(page, "\n### `{name}`\n\n{}", text(&schema["description"]))?;
    let Some(properties) = schema["properties"].as_object() else {
        return writeln!(page, "\n`{}`", shape(schema));
    };
    writeln!(page, "\n| field | type | meaning |\n|---|---|---|")?;
    for (field, schema) in properties {
        let meaning =
            schema["description"].as_str().or(schema["oneOf"][0]["description"].as_str()).unwrap_or_default();
        writeln!(page, "| `{field}` | {} | {meaning} |", linked(schema))?;
    }
    Ok(())
}

/// The name of a shape, with a link where it has a section.
fn linked(schema: &Value) -> String {
    let names = shape(schema);
    let words = names.split(' ').map(|word| match word {
        "|" => "or".to_owned(),
        word if word.starts_with(char::is_uppercase) => format!("[{word}](#{})", word.to_lowercase()),
        word => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default().trim()
}
