//! The project's own checks and generators: `cargo xtask <command>`.
//!
//! `tidy` holds the tree to what ARCHITECTURE.md and CONTRIBUTING.md promise and a machine can see. Rules that nobody
//! checks are broken within a year; a rule that cannot be checked does not belong here. Few dependencies, so that it
//! builds in seconds on a fresh clone.

mod generate;
mod tidy;
mod tree;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::tree::Tree;

const HELP: &str = "\
usage: cargo xtask <command>

  tidy        check crates' arrows, headers, lengths, names, manifests, links
  openapi     write ui/openapi.json from the code
  reference   write the generated pages of docs/reference from the code";

#[expect(clippy::print_stderr, reason = "this is a command line tool")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let command: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match command.as_slice() {
        ["tidy"] => tidy(),
        ["openapi"] => generate::openapi(root()).map(|()| true),
        ["reference"] => generate::reference(root()).map(|()| true),
        _ => {
            eprintln!("{HELP}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The checkout: the folder above this crate's.
fn root() -> &'static Path {
    let manifest_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest_dir.parent().unwrap_or(manifest_dir)
}

/// Runs every check and tells what it found. True when the tree is tidy.
#[expect(clippy::print_stdout, reason = "this is a command line tool")]
fn tidy() -> Result<bool> {
    let tree = Tree::read(root()).context("reading the checkout")?;
    let report = tidy::check(&tree);
    for note in &report.notes {
        println!("note: {note}");
    }
    for finding in &report.findings {
        println!("error: {finding}");
    }
    println!("{} files, {} errors, {} notes", tree.len(), report.findings.len(), report.notes.len());
    Ok(report.findings.is_empty())
}
