//! Writes docs/reference/attributes.md from the mapping table, and fails when the page is stale.

use std::fmt::Write as _;
use std::path::Path;

use weir_types::SpanKind;

use super::kinds::{FIRST_TOKEN_EVENTS, WORDS};
use super::mapping::{COLUMNS, ROWS};

const PAGE: &str = "docs/reference/attributes.md";

const INTRODUCTION: &str = "# Attributes

What Weir makes of the attributes of OpenTelemetry spans. The page is written from the table in the code
(`crates/weir-ingest/src/otlp/mapping.rs`); `key.*` stands for a family such as `llm.input_messages.0.message.role`.

Where a span carries several of a row, the leftmost column wins. Attributes that stand in no row are kept as they are in
`attributes`. Tokens and cost count on calls to models only; what any other span says of them repeats a call within it and
is kept as `attributes.reported_usage`. Token counts are inclusive: `input` holds the cached part.
";

fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    let headings: Vec<&str> = COLUMNS.iter().map(|(heading, _)| *heading).collect();
    let _ = write!(page, "\n| becomes | {} |\n|---|{}\n", headings.join(" | "), "---|".repeat(COLUMNS.len()));
    for row in ROWS {
        let cells = COLUMNS
            .iter()
            .map(|(_, keys)| keys(row).iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", "));
        let _ = writeln!(page, "| {} | {} |", row.meaning, cells.collect::<Vec<_>>().join(" | "));
    }
    page.push_str("\n## Words for `kind`\n\n| kind | words, in any case |\n|---|---|\n");
    for kind in SpanKind::ALL {
        let words = WORDS.iter().filter(|(_, means)| means == kind).map(|(word, _)| format!("`{word}`"));
        let words = words.collect::<Vec<_>>().join(", ");
        if !words.is_empty() {
            let _ = writeln!(page, "| `{kind}` | {words} |");
        }
    }
    let events = FIRST_TOKEN_EVENTS.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let _ = write!(page, "\n## Events that mark the first token\n\n{events}\n");
    page
}

#[test]
fn the_reference_is_what_the_table_says() {
    let page = page();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(PAGE);
    if std::env::var_os("WEIR_UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == page, "{PAGE} is stale: run `cargo xtask reference`");
}
