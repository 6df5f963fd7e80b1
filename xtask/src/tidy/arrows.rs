//! Which crate may use which.
//!
//! The table in ARCHITECTURE.md is the rule itself, not a copy of it: it is read from there, so that page and check cannot
//! differ. Beyond it, a few foreign crates are held to the places that exist to contain them.
//!
//! Tests may use more: dev-dependencies may also name the crates of [`FOR_TESTS`], and foreign crates at will.

use std::collections::{BTreeMap, BTreeSet};

use super::Finding;
use super::manifests::{Manifest, crates};
use crate::tree::Tree;

const PAGE: &str = "ARCHITECTURE.md";

/// The header of the table.
const HEADER: &str = "| crate | may use |";

/// What a row says instead of names: everything, or nothing.
const ALL: &str = "all";

/// Crates that any crate's tests may use.
const FOR_TESTS: [&str; 2] = ["weir-testkit", "weir-demo"];

/// Foreign crates, who may use them, and why nobody else.
const HELD: [(&[&str], &[&str], &str); 8] = [
    (&["duckdb", "sqlx"], &["weir-store"], "nothing but the store knows its engines"),
    (
        &["axum"],
        &["weir-api", "weir-ingest", "weir"],
        "the API and the receivers answer HTTP; the binary hands their routers on",
    ),
    (&["utoipa", "utoipa-axum"], &["weir-api"], "only the API describes itself"),
    (&["clap", "clap_complete", "indicatif"], &["weir"], "only the binary has a command line"),
    (&["anyhow"], &["weir", "xtask"], "libraries have error enums"),
    (
        &["hyper-rustls", "rustls"],
        &["weir-gateway", "weir-embed", "weir-demo", "weir-notify"],
        "only the gateway and the embedder speak to providers, and only the notifier to receivers",
    ),
    (&["lettre"], &["weir-notify"], "only the notifier writes mail"),
    (
        &["tokio", "hyper", "hyper-util", "tower", "reqwest", "ureq"],
        &[
            "weir-control",
            "weir-embed",
            "weir-evaluate",
            "weir-gateway",
            "weir-ingest",
            "weir-notify",
            "weir-store",
            "weir-api",
            "weir-demo",
            "weir-testkit",
            "weir",
        ],
        "types, dialects, prices and queries are pure",
    ),
];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let table = match read_table(tree) {
        Ok(table) => table,
        Err(finding) => return vec![finding],
    };
    let mut findings = Vec::new();
    let known: BTreeSet<&str> = crates(tree).map(|(_, manifest)| manifest.name).collect();
    for name in table.keys().filter(|name| !known.contains(name.as_str())) {
        findings.push(Finding::file(PAGE, format!("the table names {name}, which is no crate")));
    }
    for (path, manifest) in crates(tree) {
        match table.get(manifest.name) {
            Some(allowed) => findings.extend(foreign_arrows(path, &manifest, allowed, &known)),
            None => findings.push(Finding::file(PAGE, format!("the table has no row for {}", manifest.name))),
        }
        findings.extend(held_crates(path, &manifest));
    }
    findings
}

fn foreign_arrows(
    path: &str,
    manifest: &Manifest<'_>,
    allowed: &BTreeSet<String>,
    known: &BTreeSet<&str>,
) -> Vec<Finding> {
    let may = |name: &str, for_tests: bool| {
        allowed.contains(ALL) || allowed.contains(name) || (for_tests && FOR_TESTS.contains(&name))
    };
    let uses = manifest.dependencies.iter().map(|name| (name, false));
    let tests_use = manifest.dev_dependencies.iter().map(|name| (name, true));
    uses.chain(tests_use)
        .filter(|(name, for_tests)| known.contains(name.as_str()) && !may(name, *for_tests))
        .map(|(name, _)| Finding::file(path, format!("{} may not use {name}; see {PAGE}", manifest.name)))
        .collect()
}

fn held_crates(path: &str, manifest: &Manifest<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (held, holders, reason) in HELD {
        for name in &manifest.dependencies {
            if held.contains(&name.as_str()) && !holders.contains(&manifest.name) {
                findings.push(Finding::file(path, format!("{} may not use {name}: {reason}", manifest.name)));
            }
        }
    }
    findings
}

/// The rows of the table: for each crate, what it may use.
fn read_table(tree: &Tree) -> Result<BTreeMap<String, BTreeSet<String>>, Finding> {
    let text = tree.get(PAGE).ok_or_else(|| Finding::file(PAGE, "is missing"))?;
    let rows: BTreeMap<_, _> = text
        .lines()
        .skip_while(|line| *line != HEADER)
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .filter_map(|line| {
            let mut cells = line.trim_matches('|').split('|');
            let name = cells.next()?.trim().trim_matches('`').to_owned();
            let uses = cells.next()?.split(',').map(|cell| cell.trim().trim_matches('`').to_owned());
            Some((name, uses.collect()))
        })
        .collect();
    if rows.is_empty() {
        return Err(Finding::file(PAGE, format!("has no table of crates; its header is {HEADER:?}")));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::found;

    const TABLE: &str = "# A\n\n| crate | may use |\n|---|---|\n| `weir-types` | - |\n| `weir-query` | `weir-types` |\n\
        | `weir-testkit` | `weir-types`, `weir-query` |\n| `weir` | all |\n\nText.\n";

    fn manifest(name: &str, rest: &str) -> String {
        format!("[package]\nname = \"{name}\"\n{rest}")
    }

    fn check_query(rest: &str) -> Vec<String> {
        let query = manifest("weir-query", rest);
        let (types, testkit, weir) = (
            manifest("weir-types", ""),
            manifest("weir-testkit", "[dependencies]\nweir-query.workspace = true\n"),
            manifest("weir", "[dependencies]\nweir-query.workspace = true\n"),
        );
        let files = [
            (PAGE, TABLE),
            ("crates/weir-types/Cargo.toml", types.as_str()),
            ("crates/weir-query/Cargo.toml", query.as_str()),
            ("crates/weir-testkit/Cargo.toml", testkit.as_str()),
            ("crates/weir/Cargo.toml", weir.as_str()),
        ];
        found(check, &files)
    }

    #[test]
    fn an_arrow_of_the_table_is_fine() {
        assert_eq!(
            check_query("[dependencies]\nweir-types.workspace = true\nserde.workspace = true\n"),
            [""; 0]
        );
    }

    #[test]
    fn any_other_arrow_is_found() {
        for section in
            ["dependencies", "build-dependencies", "target.'cfg(unix)'.dependencies", "dev-dependencies"]
        {
            let findings = check_query(&format!("[{section}]\nweir = {{ workspace = true }}\n"));
            assert_eq!(
                findings,
                ["crates/weir-query/Cargo.toml: weir-query may not use weir; see ARCHITECTURE.md"]
            );
        }
    }

    #[test]
    fn tests_may_use_the_testkit_and_the_code_may_not() {
        assert_eq!(check_query("[dev-dependencies]\nweir-testkit.workspace = true\n"), [""; 0]);
        assert_eq!(check_query("[dependencies]\nweir-testkit.workspace = true\n").len(), 1);
    }

    #[test]
    fn foreign_crates_stay_where_they_are_contained() {
        let findings = check_query(
            "[dependencies]\ntokio.workspace = true\n[dev-dependencies]\nduckdb.workspace = true\n",
        );
        assert_eq!(findings.len(), 1);
        assert!(findings[0].contains("may not use tokio"), "{findings:?}");
    }

    #[test]
    fn table_and_crates_name_the_same() {
        let types = manifest("weir-types", "");
        let new = manifest("weir-new", "");
        let files = [
            (PAGE, "| crate | may use |\n|---|---|\n| `weir-types` | - |\n| `weir-old` | - |\n"),
            ("crates/weir-types/Cargo.toml", types.as_str()),
            ("crates/weir-new/Cargo.toml", new.as_str()),
        ];
        let findings = found(check, &files).join("\n");
        assert!(findings.contains("names weir-old, which is no crate"), "{findings}");
        assert!(findings.contains("no row for weir-new"), "{findings}");
        assert_eq!(found(check, &[(PAGE, "text")]).len(), 1);
    }
}
