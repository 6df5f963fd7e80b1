//! What `cargo xtask tidy` checks. Each file below holds the checks of one kind, and its tests show each of them failing.

mod arrows;
mod docs;
mod foreign;
mod manifests;
mod sources;

use std::fmt;

use crate::tree::Tree;

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    path: String,
    /// Counted from one; `None` for the file as a whole.
    line: Option<usize>,
    text: String,
}

impl Finding {
    fn file(path: &str, text: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line: None, text: text.into() }
    }

    /// `index` counts from zero, as `enumerate` does.
    fn line(path: &str, index: usize, text: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line: Some(index + 1), text: text.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.path, self.text),
            None => write!(f, "{}: {}", self.path, self.text),
        }
    }
}

/// What all checks found.
#[derive(Debug, Default)]
pub struct Report {
    /// What must be changed.
    pub findings: Vec<Finding>,
    /// What may become a finding soon.
    pub notes: Vec<Finding>,
}

/// Runs every check.
pub fn check(tree: &Tree) -> Report {
    let mut findings = Vec::new();
    findings.extend(arrows::check(tree));
    findings.extend(manifests::check(tree));
    findings.extend(sources::check(tree));
    findings.extend(docs::check(tree));
    findings.extend(foreign::check(tree));
    findings.sort();
    Report { findings, notes: sources::long_files(tree) }
}

/// Runs one check on a tree of these files, and returns what it found as text; for tests.
#[cfg(test)]
fn found(check: impl Fn(&Tree) -> Vec<Finding>, files: &[(&str, &str)]) -> Vec<String> {
    check(&files.iter().copied().collect()).iter().map(ToString::to_string).collect()
}
