//! What commands print: tables for people, JSON and CSV for programs.
//!
//! A closed pipe (`weir sql … | head`) ends a command quietly, as people expect of a Unix command.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use serde_json::Value;
use weir_types::{Table, UnixMicros};

use crate::cli::Format;

/// Writes to standard output.
pub fn print(text: &str) -> io::Result<()> {
    quiet_on_closed_pipe(io::stdout().write_all(text.as_bytes()))
}

/// Writes to standard error.
pub fn print_error(text: &str) -> io::Result<()> {
    quiet_on_closed_pipe(io::stderr().write_all(text.as_bytes()))
}

/// Tells an error with its causes.
pub fn error(error: &anyhow::Error) {
    let said_first = error.to_string();
    // Errors that point at a place in an expression are headed already.
    let head = if said_first.starts_with("error: ") { "" } else { "error: " };
    let mut text = format!("{head}{said_first}\n");
    let mut said = said_first;
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        if !said.contains(&cause) {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  because: {cause}");
            said = cause;
        }
    }
    // Nothing is left to be done when standard error is closed.
    let _ = print_error(&text);
}

fn quiet_on_closed_pipe(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        other => other,
    }
}

/// An instant as RFC 3339 writes it.
pub fn time(at: UnixMicros) -> String {
    jiff::Timestamp::from_microsecond(at.0).map_or_else(|_| at.0.to_string(), |time| time.to_string())
}

/// A result of SQL in the wanted form.
pub fn table(table: &Table, format: Format) -> anyhow::Result<String> {
    let header: Vec<String> = table.columns.iter().map(|column| column.name.clone()).collect();
    match format {
        Format::Json => Ok(serde_json::to_string(table)? + "\n"),
        Format::Csv => csv(&header, table.rows.iter().map(|row| row.iter().map(text_of).collect())),
        Format::Table => {
            let numeric = |i: usize| {
                table.rows.iter().all(|row| row.get(i).is_none_or(|v| v.is_number() || v.is_null()))
            };
            let right: Vec<bool> = (0..header.len()).map(numeric).collect();
            let rows = table.rows.iter().map(|row| row.iter().map(text_of).collect());
            let cut = if table.truncated { "(more rows were left out; add a LIMIT)\n" } else { "" };
            Ok(aligned(&header, rows, &right) + cut)
        }
    }
}

/// Rows as comma-separated values.
pub fn csv(header: &[String], rows: impl Iterator<Item = Vec<String>>) -> anyhow::Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(header)?;
    for row in rows {
        writer.write_record(row)?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}

/// Rows in columns, numbers to the right.
pub fn aligned(header: &[String], rows: impl Iterator<Item = Vec<String>>, right: &[bool]) -> String {
    let mut table = comfy_table::Table::new();
    table.load_preset("     ──            ");
    table.set_header(header);
    for row in rows {
        table.add_row(row);
    }
    for (i, column) in table.column_iter_mut().enumerate() {
        if right.get(i).copied().unwrap_or(false) {
            column.set_cell_alignment(comfy_table::CellAlignment::Right);
        }
    }
    format!("{}\n", table.trim_fmt())
}

fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
