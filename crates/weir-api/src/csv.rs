//! Tables as CSV (RFC 4180), for spreadsheets.
//!
//! Texts in Weir come from clients, and a spreadsheet runs a cell that begins with `=`, `+`, `-` or `@` as a formula; such
//! a text gets an apostrophe before it, which spreadsheets take for "this is text". Numbers are written as they are.

use axum::body::Bytes;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::Value;

use crate::answer::ANSWER_BYTES_MAX;
use crate::error::ApiError;
use crate::wire::{ErrorCode, InstantQueryAnswer, QueryAnswer, SqlAnswer, TagMap};

/// A table that is ready to be sent as a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CsvText(Bytes);

/// What can be written as a table.
pub(crate) trait Tabular {
    /// The names of the columns, then the rows.
    fn table(&self, visit: &mut dyn FnMut(Vec<Value>));
}

impl CsvText {
    /// Writes a table.
    pub fn of(table: &impl Tabular) -> Result<Self, ApiError> {
        let mut text = String::new();
        let mut is_full = false;
        table.table(&mut |cells| {
            is_full |= text.len() > ANSWER_BYTES_MAX;
            if !is_full {
                let line: Vec<_> = cells.iter().map(cell).collect();
                text.push_str(&line.join(","));
                text.push_str("\r\n");
            }
        });
        if is_full {
            let message = format!("the answer is over the limit of {ANSWER_BYTES_MAX} bytes");
            return Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::TooManyRows, message)
                .hint("ask for fewer rows, or for a longer step"));
        }
        Ok(Self(text.into()))
    }
}

impl IntoResponse for CsvText {
    fn into_response(self) -> Response {
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8; header=present")),
            (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"weir.csv\"")),
        ];
        (headers, self.0).into_response()
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => quoted(&harmless(text)),
        Value::Array(_) | Value::Object(_) => quoted(&value.to_string()),
    }
}

/// A text that no spreadsheet runs. Large integers are texts in JSON, and stay numbers here.
fn harmless(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if is_formula && text.parse::<f64>().is_err() { format!("'{text}") } else { text.to_owned() }
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\r', '\n']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text.to_owned()
}

fn tag_values<'a>(names: &'a [String], tags: &'a TagMap) -> impl Iterator<Item = Value> + 'a {
    names.iter().map(|name| {
        let found = tags.0.iter().find(|(known, _)| known == name);
        Value::from(found.and_then(|(_, value)| value.clone()))
    })
}

fn tag_names<'a>(all: impl Iterator<Item = &'a TagMap>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (name, _) in all.flat_map(|tags| &tags.0) {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

fn instant(ms: i64) -> Value {
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| Value::from(ms), |at| Value::from(at.to_string()))
}

/// One row for each point: its time, the series' tags, the value.
impl Tabular for QueryAnswer {
    fn table(&self, visit: &mut dyn FnMut(Vec<Value>)) {
        let names = tag_names(self.series.iter().map(|series| &series.tags));
        let titles = ["time".into()].into_iter().chain(names.iter().cloned().map(Value::from));
        visit(titles.chain(["value".into()]).collect());
        for series in &self.series {
            for point in &series.points {
                let cells = [instant(point.0)].into_iter().chain(tag_values(&names, &series.tags));
                visit(cells.chain([Value::from(point.1)]).collect());
            }
        }
    }
}

/// One row for each group: its tags, the value.
impl Tabular for InstantQueryAnswer {
    fn table(&self, visit: &mut dyn FnMut(Vec<Value>)) {
        let names = tag_names(self.values.iter().map(|item| &item.tags));
        visit(names.iter().cloned().map(Value::from).chain(["value".into()]).collect());
        for item in &self.values {
            visit(tag_values(&names, &item.tags).chain([Value::from(item.value)]).collect());
        }
    }
}

impl Tabular for SqlAnswer {
    fn table(&self, visit: &mut dyn FnMut(Vec<Value>)) {
        visit(self.columns.iter().map(|column| Value::from(column.name.clone())).collect());
        for row in &self.rows {
            visit(row.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_be_and_formulas_are_disarmed() {
        for (value, expected) in [
            (json!(null), ""),
            (json!(1.5), "1.5"),
            (json!("plain"), "plain"),
            (json!("a,b"), "\"a,b\""),
            (json!("say \"hi\"\n"), "\"say \"\"hi\"\"\n\""),
            (json!("=1+1"), "'=1+1"),
            (json!("-9007199254740993"), "-9007199254740993"),
            (json!("@x,y"), "\"'@x,y\""),
            (json!([1, "a"]), "\"[1,\"\"a\"\"]\""),
        ] {
            assert_eq!(cell(&value), expected, "{value}");
        }
    }
}
