//! Rust files: each says what it is for, is short enough to be read, and has a name that says something.

use super::Finding;
use crate::tree::Tree;

/// Lines of a file at most: what a reader can hold in mind.
const LINES_MAX: usize = 600;

/// Lines from which a file is listed: time to think about where it parts.
const LINES_NOTED: usize = 400;

/// Names that hold anything and say nothing.
const EMPTY_NAMES: [&str; 8] =
    ["util", "utils", "helper", "helpers", "common", "manager", "managers", "misc"];

/// What marks unfinished work. An issue must follow: `TODO(#12): …`.
const MARKS: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];

/// Ends of the names of files in which marks are looked for.
const CODE: [&str; 8] = [".rs", ".ts", ".svelte", ".js", ".mjs", ".py", ".sh", ".css"];

/// Only the binary reads the environment. Build scripts, tests (`…tests.rs` among the sources) and the testkit are told
/// by cargo through it.
const ENVIRONMENT: &str = concat!("env::", "var");

/// Crates whose code may read the environment.
const MAY_READ_ENVIRONMENT: [&str; 3] = ["crates/weir/", "crates/weir-testkit/", "xtask/"];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.ending(".rs") {
        findings.extend(header(path, text));
        findings.extend(name(path));
        findings.extend(environment(path, text));
        let lines = text.lines().count();
        if lines > LINES_MAX {
            findings.push(Finding::file(path, format!("has {lines} lines; {LINES_MAX} is the limit")));
        }
    }
    for (path, text) in tree.iter().filter(|(path, _)| CODE.iter().any(|end| path.ends_with(end))) {
        findings.extend(unfinished(path, text));
    }
    findings
}

/// Files that come near to the limit.
pub fn long_files(tree: &Tree) -> Vec<Finding> {
    let lines = tree.ending(".rs").map(|(path, text)| (path, text.lines().count()));
    lines
        .filter(|(_, lines)| (LINES_NOTED + 1..=LINES_MAX).contains(lines))
        .map(|(path, lines)| {
            Finding::file(path, format!("has {lines} lines; files of {LINES_NOTED} read best"))
        })
        .collect()
}

fn header(path: &str, text: &str) -> Option<Finding> {
    let opens = text.lines().next().is_some_and(|line| line.starts_with("//! ") && line.len() > "//! ".len());
    (!opens).then(|| Finding::file(path, "does not open with `//!` and what it is for"))
}

fn name(path: &str) -> Option<Finding> {
    if path.ends_with("/mod.rs") {
        return Some(Finding::file(path, "is a mod.rs: name the file like the module, beside its folder"));
    }
    let parts = path.trim_end_matches(".rs").split('/').flat_map(|part| part.split(['-', '_', '.']));
    let empty = parts.into_iter().find(|word| EMPTY_NAMES.contains(word))?;
    Some(Finding::file(path, format!("is named {empty:?}, which says nothing of what it holds")))
}

fn environment(path: &str, text: &str) -> Vec<Finding> {
    let may = MAY_READ_ENVIRONMENT.iter().any(|start| path.starts_with(start));
    let is_told = path.ends_with("/build.rs") || path.ends_with("tests.rs") || !path.contains("/src/");
    if may || is_told || !path.starts_with("crates/") {
        return Vec::new();
    }
    lines_with(text, ENVIRONMENT)
        .map(|(index, _)| Finding::line(path, index, "reads the environment, which only the binary does"))
        .collect()
}

fn unfinished(path: &str, text: &str) -> Vec<Finding> {
    let lines =
        MARKS.iter().flat_map(|mark| lines_with(text, mark).map(move |(index, rest)| (mark, index, rest)));
    lines
        .filter(|(_, _, rest)| {
            !names_issue(rest) && !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_')
        })
        .map(|(mark, index, _)| {
            Finding::line(path, index, format!("{mark} names no issue: write {mark}(#12)"))
        })
        .collect()
}

fn names_issue(rest: &str) -> bool {
    rest.strip_prefix("(#").is_some_and(|number| number.starts_with(|digit: char| digit.is_ascii_digit()))
}

/// Lines that contain a text, with what follows it; none where it is the end of a longer word.
fn lines_with<'a>(text: &'a str, part: &'a str) -> impl Iterator<Item = (usize, &'a str)> {
    text.lines().enumerate().filter_map(move |(index, line)| {
        let (before, rest) = line.split_once(part)?;
        let within_word = before.ends_with(|last: char| last.is_alphanumeric() || last == '_');
        (!within_word).then_some((index, rest))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::found;

    #[test]
    fn a_file_with_header_and_name_is_fine() {
        assert_eq!(found(check, &[("crates/x/src/journal.rs", "//! Appends.\nfn f() {}\n")]), [""; 0]);
    }

    #[test]
    fn a_file_says_what_it_is_for() {
        for text in ["", "fn f() {}\n", "// Appends.\n", "//!\n", "//! \n", "\n//! Late.\n"] {
            assert_eq!(found(check, &[("a.rs", text)]).len(), 1, "{text:?}");
        }
    }

    #[test]
    fn a_file_is_short() {
        let lines = |count: usize| format!("//! Long.\n{}", "\n".repeat(count - 1));
        for (count, findings, notes) in [(400, 0, 0), (401, 0, 1), (600, 0, 1), (601, 1, 0)] {
            let text = lines(count);
            assert_eq!(found(check, &[("a.rs", &text)]).len(), findings, "{count}");
            assert_eq!(found(long_files, &[("a.rs", &text)]).len(), notes, "{count}");
        }
    }

    #[test]
    fn a_name_says_something() {
        for path in [
            "src/util.rs",
            "src/span_utils.rs",
            "crates/weir-common/src/lib.rs",
            "tests/helpers/x.rs",
            "src/x/mod.rs",
        ] {
            assert_eq!(found(check, &[(path, "//! X.\n")]).len(), 1, "{path}");
        }
        assert_eq!(found(check, &[("src/utility_bill.rs", "//! X.\n")]), [""; 0]);
    }

    #[test]
    fn unfinished_work_names_an_issue() {
        let mark = MARKS[0];
        for (line, count) in [
            (format!("// {mark}: later"), 1),
            (format!("// {mark}(me): later"), 1),
            (format!("// {mark}(#12): later"), 0),
            (format!("let {mark}S = 1;"), 0),
            (format!("let MY_{mark} = 1;"), 0),
        ] {
            assert_eq!(found(check, &[("a.ts", &line)]).len(), count, "{line}");
        }
    }

    #[test]
    fn only_the_binary_reads_the_environment() {
        let text = format!("//! X.\nfn f() {{ std::{ENVIRONMENT}(\"X\"); }}\n");
        for (path, count) in [
            ("crates/weir-store/src/a.rs", 1),
            ("crates/weir-store/build.rs", 0),
            ("crates/weir-store/tests/a.rs", 0),
            ("crates/weir/src/a.rs", 0),
        ] {
            assert_eq!(found(check, &[(path, &text)]).len(), count, "{path}");
        }
    }
}
