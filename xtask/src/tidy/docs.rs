//! Pages: every link leads somewhere, and every path of the tree that a page names is there.

use std::collections::BTreeSet;

use super::Finding;
use super::manifests::crates;
use crate::tree::Tree;

/// The page whose every file name is checked, with the crate that its section is about.
const MAP: &str = "ARCHITECTURE.md";

/// Folders that are made by building or running, and so are not in the tree.
const MADE: [&str; 4] = ["target", "ui/dist", "ui/node_modules", "weir-data"];

/// Characters of patterns and placeholders: `cmd_<name>.rs`, `src/*.rs`, `{a,b}`, `path …`.
const NOT_IN_PATHS: [char; 9] = ['<', '>', '*', '{', '}', '$', ' ', '…', '"'];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.ending(".md") {
        for (index, line) in prose(text) {
            let targets = links(line).filter_map(|target| broken(tree, path, target));
            findings.extend(targets.map(|why| Finding::line(path, index, why)));
            let names = code_spans(line).filter(|name| is_missing(tree, name));
            findings.extend(
                names.map(|name| {
                    Finding::line(path, index, format!("names {name}, which is not in the tree"))
                }),
            );
        }
    }
    findings.extend(file_names_of_map(tree));
    findings
}

/// The lines outside of code blocks.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut in_block = false;
    text.lines().enumerate().filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        in_block ^= fence;
        !in_block && !fence
    })
}

/// The targets of `[text](target)` and `[text](target "title")`.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next())
}

/// What is between backticks.
fn code_spans(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// Why a link leads nowhere.
fn broken(tree: &Tree, page: &str, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") || target.is_empty() {
        return None;
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = if file.is_empty() { Some(page.to_owned()) } else { resolve(page, file) };
    let Some(path) = path.filter(|path| tree.contains(path)) else {
        return Some(format!("links to {target}, which is not there"));
    };
    let is_heading = anchor.is_empty() || tree.get(&path).is_none_or(|text| anchors(text).contains(anchor));
    (!is_heading).then(|| format!("links to {target}, but {path} has no such heading"))
}

/// The path that a link in `page` means; `None` when it climbs out of the tree.
fn resolve(page: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// The anchors of a page's headings, as code hosts make them: lower case, words joined by hyphens.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text).filter(|(_, line)| line.starts_with('#'));
    headings
        .map(|(_, line)| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

/// Whether a code span is a path of this tree that is not in it. A path is one when its first part is.
fn is_missing(tree: &Tree, span: &str) -> bool {
    let Some((first, rest)) = span.split_once('/') else { return false };
    let is_path =
        !rest.is_empty() && !span.contains(NOT_IN_PATHS) && !first.is_empty() && tree.contains(first);
    let is_made = MADE
        .iter()
        .any(|made| span.strip_prefix(made).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
    is_path && !is_made && !tree.contains(span)
}

/// The map has a section for each crate, and each file that a section names is in that crate.
fn file_names_of_map(tree: &Tree) -> Vec<Finding> {
    let Some(map) = tree.get(MAP) else { return Vec::new() };
    let mut findings = Vec::new();
    let mut section = "";
    let mut sections = BTreeSet::new();
    for (index, line) in prose(map) {
        if line.starts_with('#') {
            section = line.trim_matches(['#', ' ', '`']);
            sections.insert(section);
        }
        let source = format!("crates/{section}/");
        for name in code_spans(line).filter(|name| is_source(name)) {
            let end = format!("/{name}");
            if tree.contains(&source) && !tree.ending(&end).any(|(path, _)| path.starts_with(&source)) {
                findings.push(Finding::line(MAP, index, format!("names {name}, which is not in {source}")));
            }
        }
    }
    let missing = crates(tree).filter(|(_, manifest)| !sections.contains(manifest.name));
    findings.extend(
        missing.map(|(_, manifest)| Finding::file(MAP, format!("has no section for {}", manifest.name))),
    );
    findings
}

fn is_source(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, extension)| extension == "rs") && !name.contains(NOT_IN_PATHS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::found;

    fn check_page(text: &str) -> Vec<String> {
        let files = [
            ("docs/guide/page.md", text),
            ("docs/guide/other.md", "# Other page\n\n## Why `so`?\n"),
            ("README.md", "# Weir\n"),
            ("crates/weir-x/src/lib.rs", ""),
        ];
        found(check, &files)
    }

    #[test]
    fn links_lead_somewhere() {
        for good in [
            "[a](other.md) [b](other.md#other-page) [c](other.md#why-so)",
            "[a](../../README.md) [b](..) [c](https://example.com/x) [d](../../crates/weir-x)",
            "# Here\n[a](#here)",
            "```\n[a](gone.md)\n```",
        ] {
            assert_eq!(check_page(good), [""; 0], "{good}");
        }
        for bad in
            ["[a](gone.md)", "[a](other.md#gone)", "[a](../README.md)", "[a](../../../x.md)", "[a](#gone)"]
        {
            assert_eq!(check_page(bad).len(), 1, "{bad}");
        }
    }

    #[test]
    fn paths_that_a_page_names_are_there() {
        for good in [
            "`crates/weir-x/src/lib.rs`",
            "`crates/weir-x`",
            "`/v1/models`",
            "`a/b`",
            "`crates/<name>/src`",
            "`docs/`",
        ] {
            assert_eq!(check_page(good), [""; 0], "{good}");
        }
        assert_eq!(
            check_page("x\nsee `crates/weir-x/src/gone.rs`"),
            ["docs/guide/page.md:2: names crates/weir-x/src/gone.rs, which is not in the tree"]
        );
    }

    #[test]
    fn the_map_has_each_crate_and_names_its_files() {
        let check_map = |map: &str| {
            let manifest = "[package]\nname = \"weir-x\"\n";
            found(
                check,
                &[(MAP, map), ("crates/weir-x/Cargo.toml", manifest), ("crates/weir-x/src/lib.rs", "")],
            )
        };
        assert_eq!(check_map("### `weir-x`\n`lib.rs` holds, `cmd_<name>.rs` runs.\n"), [""; 0]);
        assert_eq!(
            check_map("### `weir-x`\n`gone.rs`\n"),
            ["ARCHITECTURE.md:2: names gone.rs, which is not in crates/weir-x/"]
        );
        assert_eq!(check_map("# Map\n"), ["ARCHITECTURE.md: has no section for weir-x"]);
    }
}
