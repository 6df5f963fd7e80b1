//! Writes what is kept in the tree but made from the code. Tests compare each with the code, so none can go stale.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// Where the OpenAPI document is kept; the web app's types are made from it.
const OPENAPI: &str = "ui/openapi.json";

/// Crates with a test named `reference` that writes a page of `docs/reference` when [`UPDATE`] is set, and otherwise
/// compares it: package, and which of its targets holds the test.
const REFERENCES: [(&str, [&str; 2]); 4] = [
    ("weir-api", ["--test", "it"]),
    ("weir-query", ["--test", "query"]),
    ("weir-ingest", ["--lib", "--"]),
    ("weir", ["--bin", "weir"]),
];

/// Tells tests to write their pages.
const UPDATE: &str = "WEIR_UPDATE_DOCS";

/// Writes the OpenAPI document.
pub fn openapi(root: &Path) -> Result<()> {
    let output = cargo(root)
        .args(["run", "--quiet", "--package", "weir-api", "--example", "openapi"])
        .stderr(Stdio::inherit())
        .output()
        .context("running the example openapi of weir-api")?;
    ensure!(output.status.success(), "the example openapi of weir-api failed");
    fs::write(root.join(OPENAPI), output.stdout).with_context(|| format!("writing {OPENAPI}"))
}

/// Writes the generated pages of `docs/reference`.
pub fn reference(root: &Path) -> Result<()> {
    for (package, target) in REFERENCES {
        let status = cargo(root)
            .args(["test", "--quiet", "--package", package])
            .args(target)
            .arg("reference")
            .env(UPDATE, "1")
            .status()
            .with_context(|| format!("running the tests of {package}"))?;
        ensure!(status.success(), "the reference of {package} could not be written");
    }
    Ok(())
}

/// The cargo that runs this.
fn cargo(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    command
}
