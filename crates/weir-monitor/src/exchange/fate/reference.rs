//! The tables of fates as the reference prints them.

use std::fmt::Write as _;

use super::{FROM_DATADOG, FROM_WEIR, Fate};

/// The tables for the reference: what becomes of Datadog's options, and of Weir's keys.
pub fn reference() -> String {
    let mut page = String::new();
    let told = |why: &str, instead: &str| {
        if instead.is_empty() { format!("lost: {why}") } else { format!("lost: {why}; {instead}") }
    };
    // Writing to a String cannot fail.
    page.push_str("| Datadog | becomes |\n|---|---|\n");
    let mut last: Option<(String, Vec<&str>)> = None;
    let mut flush = |last: &mut Option<(String, Vec<&str>)>| {
        if let Some((fate, names)) = last.take() {
            let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            let _ = writeln!(page, "| {} | {fate} |", names.join(", "));
        }
    };
    for row in FROM_DATADOG {
        let fate = match row.fate {
            Fate::Kept(as_key, _) | Fate::Elsewhere(as_key) => as_key.to_owned(),
            Fate::Ignored(why) => format!("left out: {why}"),
            Fate::Lost(why, instead) => told(why, instead),
        };
        let name = row.path.strip_prefix("options.").unwrap_or(row.path);
        match &mut last {
            Some((known, names)) if *known == fate => names.push(name),
            _ => {
                flush(&mut last);
                last = Some((fate, vec![name]));
            }
        }
    }
    flush(&mut last);
    page.push_str("\n| Weir | in Datadog and Terraform | in Prometheus |\n|---|---|---|\n");
    for row in FROM_WEIR {
        let datadog = match row.datadog {
            Fate::Kept(text, _) | Fate::Elsewhere(text) | Fate::Ignored(text) => text.to_owned(),
            Fate::Lost(why, instead) => told(why, instead),
        };
        let prometheus = match row.prometheus {
            Fate::Kept(text, ()) | Fate::Elsewhere(text) | Fate::Ignored(text) => text.to_owned(),
            Fate::Lost(why, instead) => told(why, instead),
        };
        let _ = writeln!(page, "| `{}` | {datadog} | {prometheus} |", row.key);
    }
    page
}
