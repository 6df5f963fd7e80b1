//! The OpenAPI document is the contract: what it says is what the server does, and a change of it is seen in review.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::client::Weir;
use crate::fakes::{SPAN, TRACE};

/// Operations whose answer does not end; they have tests of their own.
const STREAMS: [(&str, &str); 1] = [("get", "/api/live")];

/// One request: method, path in the document, path to call, body.
type Example = (&'static str, &'static str, String, Option<Value>);

/// One request for each operation of the document.
fn examples() -> Vec<Example> {
    let plain = |method, path: &'static str| (method, path, path.to_owned(), None);
    let at = |method, path, actual: &str| (method, path, actual.to_owned(), None);
    vec![
        plain("get", "/healthz"),
        plain("get", "/metrics"),
        plain("get", "/api/openapi.json"),
        plain("get", "/api/status"),
        plain("get", "/api/metrics"),
        at("get", "/api/query", "/api/query?expr=p95:llm.request.duration%7B*%7D%20by%20%7Bmodel%7D"),
        at(
            "get",
            "/api/query/instant",
            "/api/query/instant?expr=p95:llm.request.duration%7B*%7D%20by%20%7Bmodel%7D",
        ),
        at("get", "/api/query/complete", "/api/query/complete?text=p9"),
        at("get", "/api/query/explain", "/api/query/explain?expr=llm.cost.usd"),
        at("get", "/api/heatmap", "/api/heatmap?metric=llm.request.duration"),
        at("get", "/api/cost/change", "/api/cost/change?from=now-7d"),
        plain("get", "/api/cost/forecast"),
        plain("get", "/api/coverage"),
        ("post", "/api/sql", "/api/sql".to_owned(), Some(json!({"sql": "SELECT 1"}))),
        at("get", "/api/spans", "/api/spans?limit=1"),
        at("get", "/api/spans/{trace_id}/{span_id}", &format!("/api/spans/{TRACE}/{SPAN}")),
        at("get", "/api/traces/{trace_id}", &format!("/api/traces/{TRACE}")),
        at("get", "/api/facets", "/api/facets?tag=model"),
        at("get", "/api/facets/all", "/api/facets/all?tags=model,team"),
        plain("get", "/api/traces"),
        at("get", "/api/histogram", "/api/histogram?buckets=2"),
        (
            "post",
            "/api/differs",
            "/api/differs".to_owned(),
            Some(json!({"selected": {"filter": "status:error"}})),
        ),
        ("post", "/api/keys", "/api/keys".to_owned(), Some(json!({"name": "ci"}))),
        plain("get", "/api/keys"),
        at("delete", "/api/keys/{id}", "/api/keys/key_1"),
        plain("get", "/api/documents"),
        (
            "post",
            "/api/documents",
            "/api/documents".to_owned(),
            Some(json!({"kind": "view", "name": "mine", "body": {}})),
        ),
        at("get", "/api/documents/{id}", "/api/documents/doc_1"),
        (
            "put",
            "/api/documents/{id}",
            "/api/documents/doc_1".to_owned(),
            Some(json!({"name": "mine", "body": {"x": 1}, "revision": 1})),
        ),
        at("delete", "/api/documents/{id}", "/api/documents/doc_1"),
        ("post", "/api/session", "/api/session".to_owned(), Some(json!({"token": "any"}))),
        plain("get", "/api/session"),
        plain("delete", "/api/session"),
        (
            "post",
            "/api/scores",
            "/api/scores".to_owned(),
            Some(json!({"scores": [{"name": "user.thumbs", "value": 1.0, "span_id": SPAN}]})),
        ),
    ]
}

/// Those of monitors, alerts and silences.
fn monitor_examples() -> Vec<Example> {
    let plain = |method, path: &'static str| (method, path, path.to_owned(), None);
    let at = |method, path, actual: &str| (method, path, actual.to_owned(), None);
    vec![
        (
            "put",
            "/api/budgets/{name}",
            "/api/budgets/payments".into(),
            Some(json!({"entry": {"amount_usd": 200.0}, "by": "ana"})),
        ),
        ("get", "/api/budgets", "/api/budgets".into(), None),
        ("delete", "/api/budgets/{name}", "/api/budgets/payments".into(), None),
        plain("get", "/api/cache"),
        at("delete", "/api/cache", "/api/cache?all=true"),
        plain("get", "/api/monitors"),
        at("get", "/api/monitors/{name}", "/api/monitors/p95-latency"),
        at("get", "/api/monitors/{name}/series", "/api/monitors/p95-latency/series"),
        at("get", "/api/monitors/{name}/verify", "/api/monitors/p95-latency/verify"),
        at("get", "/api/monitors/{name}/transitions", "/api/monitors/p95-latency/transitions"),
        (
            "put",
            "/api/monitors/{name}",
            "/api/monitors/p95-latency".to_owned(),
            Some(json!({"entry": {"threshold": "8s"}})),
        ),
        at("delete", "/api/monitors/{name}/saved", "/api/monitors/p95-latency/saved"),
        (
            "post",
            "/api/monitors/preview",
            "/api/monitors/preview".to_owned(),
            Some(json!({"entry": {"name": "p95-latency"}})),
        ),
        (
            "post",
            "/api/monitors/explain",
            "/api/monitors/explain".to_owned(),
            Some(json!({"condition": "llm.cost.usd > 5"})),
        ),
        (
            "post",
            "/api/alerts/{alert_id}/acknowledge",
            "/api/alerts/alert-1/acknowledge".to_owned(),
            Some(json!({"by": "ana"})),
        ),
        plain("get", "/api/alerts"),
        plain("get", "/api/notifications"),
        plain("get", "/api/actions"),
        plain("get", "/api/audit"),
        (
            "post",
            "/api/silences",
            "/api/silences".to_owned(),
            Some(json!({"scope": "monitor:p95-*", "ends_at": "now+2h"})),
        ),
        plain("get", "/api/silences"),
        plain("get", "/api/v2/alerts"),
        plain("get", "/api/v2/alerts/groups"),
        plain("get", "/api/v2/silences"),
        plain("get", "/api/v2/status"),
        plain("get", "/api/v1/rules"),
        plain("get", "/api/v1/alerts"),
        plain("get", "/api/v1/status/buildinfo"),
        at("delete", "/api/silences/{id}", "/api/silences/sil_1"),
    ]
}

pub fn document() -> Value {
    serde_json::to_value(weir_api::openapi()).unwrap()
}

pub fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths.iter().flat_map(|(path, item)| {
        item.as_object()
            .unwrap()
            .iter()
            .map(move |(method, operation)| (method.as_str(), path.as_str(), operation))
    })
}

#[tokio::test]
async fn every_operation_answers_in_the_shape_that_the_document_says() {
    let weir = Weir::start().await;
    let document = document();
    let examples = [examples(), monitor_examples()].concat();
    let documented: BTreeSet<_> = operations(&document).map(|(method, path, _)| (method, path)).collect();
    let examined = examples.iter().map(|(method, path, ..)| (*method, *path));
    let tried: BTreeSet<_> = examined.chain(STREAMS).collect();
    assert_eq!(documented, tried, "every operation has an example, and no example is left over");

    for (method, path, actual, body) in examples {
        let call = weir.call(&method.to_uppercase(), &actual);
        let reply = if let Some(body) = body { call.json(&body) } else { call }.send().await;
        let response = &document["paths"][path][method]["responses"][reply.status.to_string()];
        assert!(
            reply.status < 300 && response.is_object(),
            "{method} {path}: {} {}",
            reply.status,
            reply.text()
        );
        let schema = &response["content"]["application/json"]["schema"];
        if schema.is_null() {
            assert!(
                reply.header("content-type").is_none_or(|kind| !kind.contains("json")),
                "{method} {path}"
            );
        } else {
            conforms(&document, schema, &reply.json(), &format!("{method} {path}"));
        }
    }
}

/// Asserts that a value has the shape of a schema: the part of JSON Schema that the document uses.
#[track_caller]
fn conforms(document: &Value, schema: &Value, value: &Value, at: &str) {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap();
        let target = &document["components"]["schemas"][name];
        assert!(target.is_object(), "{at}: the document has no {name}");
        return conforms(document, target, value, at);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let choice = choices.iter().find(|choice| (choice["type"] == "null") == value.is_null());
        return conforms(document, choice.unwrap(), value, at);
    }
    let kinds = match &schema["type"] {
        Value::String(kind) => vec![kind.as_str()],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => return,
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    assert!(
        kinds.contains(&kind) || (kind == "integer" && kinds.contains(&"number")),
        "{at}: {value} is no {kinds:?}"
    );
    if let Some(names) = schema["enum"].as_array() {
        assert!(names.contains(value), "{at}: {value} is none of {names:?}");
    }
    conform_members(document, schema, value, at);
}

#[track_caller]
fn conform_members(document: &Value, schema: &Value, value: &Value, at: &str) {
    if let Value::Object(members) = value
        && let Some(properties) = schema["properties"].as_object()
    {
        let named: BTreeSet<_> = members.keys().collect();
        assert_eq!(named, properties.keys().collect(), "{at}: the members of the answer and of the document");
        let required: BTreeSet<_> =
            schema["required"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert_eq!(required.len(), properties.len(), "{at}: every field of an answer is required");
        for (name, member) in members {
            conforms(document, &properties[name], member, &format!("{at}.{name}"));
        }
    }
    for (number, item) in value.as_array().into_iter().flatten().enumerate() {
        let schema = schema["prefixItems"].get(number).unwrap_or(&schema["items"]);
        conforms(document, schema, item, &format!("{at}[{number}]"));
    }
}

#[test]
fn operation_names_are_unique() {
    let document = document();
    let mut seen = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        assert!(seen.insert(operation["operationId"].as_str().unwrap()), "{method} {path}");
    }
}

/// One line for each operation and shape: what a reviewer reads when the contract changes.
#[test]
fn the_contract_is_what_was_agreed() {
    let document = document();
    let mut text = String::new();
    for (method, path, operation) in operations(&document) {
        write!(text, "{} {path}", method.to_uppercase()).unwrap();
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let mark = if parameter["required"] == true { "!" } else { "?" };
            write!(text, " {}{mark}", parameter["name"].as_str().unwrap()).unwrap();
        }
        if let Some(schema) = operation.pointer("/requestBody/content/application~1json/schema") {
            write!(text, " < {}", shape(schema)).unwrap();
        }
        for (status, response) in operation["responses"].as_object().unwrap() {
            let schema = response.pointer("/content/application~1json/schema");
            write!(text, " > {status} {}", schema.map_or("-".to_owned(), shape)).unwrap();
        }
        text.push('\n');
    }
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        writeln!(text, "\n{name} = {}", shape(schema)).unwrap();
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        for (field, schema) in schema["properties"].as_object().into_iter().flatten() {
            let mark = if required.contains(&json!(field)) { "" } else { "?" };
            writeln!(text, "  {field}{mark}: {}", shape(schema)).unwrap();
        }
    }
    insta::assert_snapshot!(text);
}

pub fn shape(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str() {
        return name.rsplit('/').next().unwrap().to_owned();
    }
    let listed = |value: &Value| value.as_array().into_iter().flatten().map(shape).collect::<Vec<_>>();
    if schema["oneOf"].is_array() {
        return listed(&schema["oneOf"]).join(" | ");
    }
    if let Some(names) = schema["enum"].as_array() {
        return names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" | ");
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" | "),
        kind => kind.as_str().unwrap_or("any").to_owned(),
    };
    match (&schema["prefixItems"], &schema["items"]) {
        (Value::Array(_), _) => format!("[{}]", listed(&schema["prefixItems"]).join(", ")),
        (_, items @ Value::Object(_)) => format!("{kind} of {}", shape(items)),
        _ => kind,
    }
}

#[test]
fn the_document_for_the_web_app_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui/openapi.json");
    let kept = std::fs::read_to_string(path).unwrap();
    let made = weir_api::openapi().to_pretty_json().unwrap();
    assert!(kept.trim_end() == made.trim_end(), "ui/openapi.json is old; run `cargo xtask openapi`");
}

#[tokio::test]
async fn the_document_is_served() {
    let weir = Weir::start().await;
    assert_eq!(weir.get("/api/openapi.json").await.json(), document());
}
