//! Which statements users may run: one `SELECT` that touches nothing but tables.
//!
//! The statement is judged by DuckDB's own parser, as a syntax tree, before anything of it is prepared. That is one of
//! three walls: the transaction is read-only, and the connection has neither files nor extensions nor settings to change.
//! The tree is needed because a `SELECT` can call functions that write logs, force checkpoints, or run other SQL.

use duckdb::Connection;
use serde_json::Value;
use weir_types::BrowseError;

/// Functions that may stand in `FROM`. Any other is refused: among them are ones that read files, take addresses of
/// memory, run SQL given as text, and change the database.
const TABLE_FUNCTIONS: [&str; 19] = [
    "duckdb_columns",
    "duckdb_functions",
    "duckdb_keywords",
    "duckdb_memory",
    "duckdb_schemas",
    "duckdb_tables",
    "duckdb_types",
    "duckdb_views",
    "generate_series",
    "generate_subscripts",
    "json_each",
    "json_tree",
    "pragma_database_size",
    "pragma_show",
    "pragma_storage_info",
    "pragma_table_info",
    "range",
    "repeat",
    "unnest",
];

/// Functions of values that do more than compute.
const SCALAR_FUNCTIONS_REFUSED: [&str; 4] = ["currval", "getenv", "nextval", "write_log"];

/// Judges a statement. `Ok` means that it may be prepared and run in a read-only transaction.
pub(crate) fn check(connection: &Connection, statement: &str) -> Result<(), BrowseError> {
    let tree = parse(connection, without_explain(statement))?;
    let statements = tree["statements"].as_array().map_or(0, Vec::len);
    match statements {
        0 => Err(invalid("there is no statement")),
        1 => check_node(&tree),
        many => Err(invalid(&format!("there are {many} statements; one is allowed"))),
    }
}

/// `EXPLAIN` and `EXPLAIN ANALYZE` show how a statement runs; what they explain is judged.
fn without_explain(statement: &str) -> &str {
    let strip = |text: &'_ str, word: &str| {
        let text = text.trim_start();
        let (head, rest) = text.split_at_checked(word.len())?;
        let is_word = head.eq_ignore_ascii_case(word) && rest.starts_with(char::is_whitespace);
        is_word.then_some(text.len() - rest.len()).map(|at| at + statement.len() - text.len())
    };
    let Some(after_explain) = strip(statement, "explain") else { return statement };
    let rest = &statement[after_explain..];
    match strip(rest, "analyze") {
        Some(_) => rest.trim_start()["analyze".len()..].trim_start(),
        None => rest,
    }
}

fn parse(connection: &Connection, statement: &str) -> Result<Value, BrowseError> {
    let json: String = connection
        .query_row("SELECT json_serialize_sql(?::VARCHAR)", [statement], |row| row.get(0))
        .map_err(|error| invalid(&error.to_string()))?;
    let tree: Value = serde_json::from_str(&json).map_err(|error| BrowseError::Store(error.to_string()))?;
    if tree["error"] != Value::Bool(true) {
        return Ok(tree);
    }
    let message = tree["error_message"].as_str().unwrap_or("the statement cannot be parsed");
    if tree["error_type"] == "not implemented" {
        return Err(invalid(
            "only SELECT (also WITH, FROM, VALUES, DESCRIBE, SHOW, SUMMARIZE, EXPLAIN) is allowed",
        ));
    }
    let place = tree["position"].as_str().map(|at| format!(" (at character {at})")).unwrap_or_default();
    Err(invalid(&format!("{message}{place}")))
}

/// Looks at every node of the tree.
fn check_node(node: &Value) -> Result<(), BrowseError> {
    match node {
        Value::Array(nodes) => nodes.iter().try_for_each(check_node),
        Value::Object(fields) => {
            check_fields(node)?;
            fields.values().try_for_each(check_node)
        }
        _ => Ok(()),
    }
}

fn check_fields(node: &Value) -> Result<(), BrowseError> {
    if node["type"] == "TABLE_FUNCTION" {
        let name = node["function"]["function_name"].as_str().unwrap_or_default().to_ascii_lowercase();
        if !TABLE_FUNCTIONS.contains(&name.as_str()) {
            return Err(invalid(&format!("the table function {name:?} is not allowed")));
        }
    }
    if node["class"] == "FUNCTION" {
        let name = node["function_name"].as_str().unwrap_or_default().to_ascii_lowercase();
        if SCALAR_FUNCTIONS_REFUSED.contains(&name.as_str()) {
            return Err(invalid(&format!("the function {name:?} is not allowed")));
        }
    }
    if node["class"] == "PARAMETER" {
        return Err(invalid("the statement has a parameter; write its value instead"));
    }
    Ok(())
}

fn invalid(message: &str) -> BrowseError {
    BrowseError::Invalid(message.to_owned())
}
