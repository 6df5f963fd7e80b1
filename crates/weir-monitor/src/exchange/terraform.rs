//! Monitors of Terraform's provider for Datadog.
//!
//! Read from `terraform show -json`, of a plan or of a state: the provider's names are Datadog's, laid flat, with numbers as
//! texts and blocks as lists. So a resource is put into the API's shape and read as any Datadog monitor is. Written as
//! HCL, where composites can refer to resources, which JSON cannot.

mod hcl;

use serde_json::{Map, Value};

use super::Imported;
use super::datadog::{self, Raw};
use super::loss::Losses;

pub(super) use hcl::export;

/// Modules within modules; serde's own limit is greater.
const DEPTH_MAX: usize = 32;

/// Arguments of the resource that are fields of a monitor; all others are options.
const FIELDS: [&str; 11] = [
    "id",
    "name",
    "type",
    "query",
    "message",
    "tags",
    "priority",
    "restricted_roles",
    "draft_status",
    "assets",
    "effective_tags",
];

/// Arguments that are about Terraform and not about monitors.
const TERRAFORMS_OWN: [&str; 3] = ["force_delete", "validate", "effective_tags"];

/// Reads what `terraform show -json` printed.
pub(super) fn import(text: &str, losses: &mut Losses) -> Result<Vec<Imported>, String> {
    let json: Value = serde_json::from_str(text)
        .map_err(|error| format!("it is no JSON: {error}; make it with `terraform show -json`"))?;
    let roots: Vec<&Value> = ["/planned_values/root_module", "/values/root_module"]
        .iter()
        .filter_map(|path| json.pointer(path))
        .collect();
    let Some(root) = roots.first() else {
        return Err(
            "it holds neither planned_values nor values; make it with `terraform show -json`".to_owned()
        );
    };
    let mut raws = Vec::new();
    collect(root, 0, &mut raws)?;
    datadog::import_raw(raws, losses)
}

fn collect(module: &Value, depth: usize, raws: &mut Vec<Raw>) -> Result<(), String> {
    if depth > DEPTH_MAX {
        return Err(format!("its modules nest deeper than {DEPTH_MAX} levels"));
    }
    let list = |name: &str| module.get(name).and_then(Value::as_array).into_iter().flatten();
    for resource in list("resources") {
        let text = |name: &str| resource.get(name).and_then(Value::as_str).unwrap_or_default();
        let Some(values) = resource.get("values").and_then(Value::as_object) else { continue };
        if text("mode") == "data" {
            continue;
        }
        let json = match text("type") {
            "datadog_monitor" => api_shape(values),
            // The provider's other resource holds the API's JSON as a text.
            "datadog_monitor_json" => {
                let inner = values.get("monitor").and_then(Value::as_str).unwrap_or("{}");
                serde_json::from_str(inner).unwrap_or(Value::Null)
            }
            _ => continue,
        };
        let title = json.get("name").and_then(Value::as_str).unwrap_or_default();
        raws.push(Raw { origin: format!("{title} ({})", text("address")), json });
    }
    for child in list("child_modules") {
        collect(child, depth + 1, raws)?;
    }
    Ok(())
}

/// The arguments of a resource as the API shapes them.
fn api_shape(values: &Map<String, Value>) -> Value {
    let mut monitor = Map::new();
    let mut options = Map::new();
    for (name, value) in values {
        let value = plain(value);
        match name.as_str() {
            name if TERRAFORMS_OWN.contains(&name) => {}
            "monitor_thresholds" => {
                options.insert("thresholds".to_owned(), value);
            }
            "monitor_threshold_windows" => {
                options.insert("threshold_windows".to_owned(), value);
            }
            // The provider's earlier spelling, which it no longer takes.
            "thresholds" | "threshold_windows" if !value.is_null() => {
                options.insert(name.clone(), value);
            }
            "thresholds" | "threshold_windows" => {}
            name if FIELDS.contains(&name) => {
                monitor.insert(name.to_owned(), value);
            }
            name => {
                options.insert(name.to_owned(), value);
            }
        }
    }
    monitor.insert("options".to_owned(), Value::Object(options));
    Value::Object(monitor)
}

/// A value without Terraform's habits: a block is a list of one, and what is absent is an empty text.
fn plain(value: &Value) -> Value {
    match value {
        Value::Array(items) if matches!(&items[..], [Value::Object(_)]) => plain(&items[0]),
        Value::Array(items) => Value::Array(items.iter().map(plain).collect()),
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(name, value)| (name.clone(), plain(value))).collect())
        }
        Value::String(text) if text.is_empty() => Value::Null,
        other => other.clone(),
    }
}
