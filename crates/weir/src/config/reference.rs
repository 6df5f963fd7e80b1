//! Writes docs/reference/configuration.md from the JSON Schema, and fails when the page is stale.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value as Json;

const PAGE: &str = "docs/reference/configuration.md";

const INTRODUCTION: &str = "# Configuration

`weir serve` reads `weir.toml` from the working directory, or the file that `--config` or `WEIR_CONFIG` names. Every key
has a default, so an empty file works, and so does none. `weir check` says all that is wrong with a file at once;
`weir check --schema` prints the JSON Schema from which this page is made.

Secrets are references, `{ env = \"NAME\" }` or `{ file = \"/path\" }`: they are never part of the file.
";

/// The page.
fn page(schema: &Json) -> String {
    let mut page = INTRODUCTION.to_owned();
    let sections = schema["properties"].as_object().into_iter().flatten();
    for (name, section) in sections {
        let (heading, table) = heading(schema, name, section);
        let _ = write!(page, "\n## `{heading}`\n\n{}\n", text(section));
        write_table(&mut page, schema, table, name, "");
    }
    page
}

/// How a section is opened in a file, and the schema of its table.
fn heading<'a>(root: &'a Json, name: &str, section: &'a Json) -> (String, &'a Json) {
    if let Some(items) = section.get("items") {
        return (format!("[[{name}]]"), resolve(root, items));
    }
    match section.get("additionalProperties").filter(|other| other.is_object()) {
        Some(other) => (format!("[{name}.<name>]"), resolve(root, other)),
        None => (format!("[{name}]"), resolve(root, section)),
    }
}

/// The keys of a table; tables and lists of tables within it come after it, as sections of their own.
fn write_table(page: &mut String, root: &Json, table: &Json, section: &str, prefix: &str) {
    let keys = table["properties"].as_object().into_iter().flatten();
    let (tables, values): (Vec<_>, Vec<_>) = keys.partition(|(_, key)| is_table(root, key));
    if !values.is_empty() {
        page.push_str("\n| key | default | meaning |\n|---|---|---|\n");
    }
    for (name, key) in values {
        let required = table["required"].as_array().is_some_and(|names| names.iter().any(|n| n == name));
        let default = if required { "required".to_owned() } else { default(table, name, key) };
        let _ = writeln!(page, "| `{prefix}{name}` | {default} | {} |", text(key).replace('|', "\\|"));
    }
    let keys = table["properties"].as_object().into_iter().flatten();
    for (name, key) in keys {
        let Some(items) = key.get("items").filter(|items| is_table(root, items)) else { continue };
        let items = resolve(root, items);
        // What may hold itself is described once.
        if items != table {
            let section = format!("{section}.{prefix}{name}");
            let _ = write!(page, "\n### `[[{section}]]`\n\n{}\n", text(items));
            write_table(page, root, items, &section, "");
        }
    }
    for (name, key) in tables {
        let _ = write!(page, "\n### `{prefix}{name}`\n\n{}\n", text(key));
        write_table(page, root, resolve(root, key), section, &format!("{prefix}{name}."));
    }
}

fn is_table(root: &Json, key: &Json) -> bool {
    resolve(root, key).get("properties").is_some()
}

fn default(table: &Json, name: &str, key: &Json) -> String {
    let default = key.get("default").or_else(|| table.get("default").and_then(|all| all.get(name)));
    match default {
        None | Some(Json::Null) => "-".to_owned(),
        Some(Json::Array(items)) if items.is_empty() => "-".to_owned(),
        Some(value) => format!("`{value}`"),
    }
}

fn resolve<'a>(root: &'a Json, schema: &'a Json) -> &'a Json {
    let reference = schema.get("$ref").and_then(Json::as_str).and_then(|path| path.strip_prefix('#'));
    reference.and_then(|pointer| root.pointer(pointer)).unwrap_or(schema)
}

fn text(schema: &Json) -> String {
    schema["description"].as_str().unwrap_or_default().replace('\n', " ")
}

#[test]
fn the_reference_is_what_the_schema_says() {
    let page = page(&super::json_schema());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(PAGE);
    if std::env::var_os("WEIR_UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == page, "{PAGE} is stale: run `cargo xtask reference`");
}
