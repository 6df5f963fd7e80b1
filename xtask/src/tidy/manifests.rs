//! Manifests of crates: what all crates share is said once, in the workspace.

use toml::{Table, Value};

use super::Finding;
use crate::tree::Tree;

/// Fields of `[package]` that come from the workspace.
const INHERITED: [&str; 5] = ["version", "edition", "rust-version", "license", "publish"];

/// What the checks need to know of a manifest.
pub struct Manifest<'a> {
    /// The crate's name: that of its folder.
    pub name: &'a str,
    /// Names in `dependencies` and `build-dependencies`, for every target.
    pub dependencies: Vec<String>,
    /// Names in `dev-dependencies`.
    pub dev_dependencies: Vec<String>,
}

/// The manifests under `crates/`, with their paths. One that cannot be read is reported by [`check`], and absent here.
pub fn crates(tree: &Tree) -> impl Iterator<Item = (&str, Manifest<'_>)> {
    tree.ending("/Cargo.toml").filter_map(|(path, text)| {
        let name = path.strip_prefix("crates/")?.strip_suffix("/Cargo.toml")?;
        let table: Table = text.parse().ok()?;
        let dependencies = names(&table, &["dependencies", "build-dependencies"]);
        let dev_dependencies = names(&table, &["dev-dependencies"]);
        (!name.contains('/')).then_some((path, Manifest { name, dependencies, dev_dependencies }))
    })
}

pub fn check(tree: &Tree) -> Vec<Finding> {
    let manifests = tree
        .ending("Cargo.toml")
        .filter(|(path, _)| path.starts_with("crates/") || path.starts_with("xtask/"));
    manifests
        .flat_map(|(path, text)| match text.parse::<Table>() {
            Ok(table) => check_manifest(path, &table),
            Err(error) => vec![Finding::file(path, format!("is no TOML: {}", error.message()))],
        })
        .collect()
}

fn check_manifest(path: &str, manifest: &Table) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |text: String| findings.push(Finding::file(path, text));
    let package = manifest.get("package").and_then(Value::as_table);
    for field in INHERITED {
        if !package.is_some_and(|package| is_inherited(package.get(field))) {
            find(format!("`{field}` is not taken from the workspace: write `{field}.workspace = true`"));
        }
    }
    let folder = path.trim_end_matches("/Cargo.toml").rsplit('/').next();
    if package.and_then(|package| package.get("name")).and_then(Value::as_str) != folder {
        find("the package is not named like its folder".to_owned());
    }
    if !package.is_some_and(|package| package.contains_key("description")) {
        find("`description` is missing".to_owned());
    }
    if !is_inherited(manifest.get("lints")) {
        find("the workspace's lints are not used: write `[lints]` and `workspace = true`".to_owned());
    }
    for (name, dependency) in sections(manifest, &["dependencies", "build-dependencies", "dev-dependencies"])
    {
        if !is_inherited(Some(dependency)) {
            find(format!(
                "dependency {name} is not taken from the workspace: write `{name}.workspace = true`"
            ));
        }
    }
    findings
}

/// Whether a field says `workspace = true`, alone or beside other keys.
fn is_inherited(field: Option<&Value>) -> bool {
    field.and_then(|field| field.get("workspace")).and_then(Value::as_bool) == Some(true)
}

fn names(manifest: &Table, kinds: &[&str]) -> Vec<String> {
    sections(manifest, kinds).map(|(name, _)| name.clone()).collect()
}

/// The entries of these sections, those under `[target.…]` included.
fn sections<'a>(manifest: &'a Table, kinds: &'a [&str]) -> impl Iterator<Item = (&'a String, &'a Value)> {
    let targets = manifest.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
    let tables = std::iter::once(manifest).chain(targets.filter_map(Value::as_table));
    tables.flat_map(|table| kinds.iter().filter_map(|kind| table.get(*kind)?.as_table())).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::found;

    const GOOD: &str = "[package]\nname = \"weir-x\"\ndescription = \"x\"\nversion.workspace = true\n\
        edition.workspace = true\nrust-version.workspace = true\nlicense.workspace = true\npublish.workspace = true\n\
        [dependencies]\nserde = { workspace = true, features = [\"rc\"] }\n[lints]\nworkspace = true\n";

    fn check_text(text: &str) -> Vec<String> {
        found(check, &[("crates/weir-x/Cargo.toml", text)])
    }

    #[test]
    fn a_manifest_that_inherits_is_fine() {
        assert_eq!(check_text(GOOD), [""; 0]);
    }

    #[test]
    fn what_is_said_again_or_not_at_all_is_found() {
        for (good, bad, part) in [
            ("edition.workspace = true", "edition = \"2021\"", "`edition` is not taken"),
            ("license.workspace = true\n", "", "`license` is not taken"),
            ("[lints]\nworkspace = true", "", "lints are not used"),
            ("serde = { workspace = true, features = [\"rc\"] }", "serde = \"1\"", "dependency serde"),
            (
                "[dependencies]\n",
                "[target.'cfg(unix)'.dependencies]\nlibc = \"1\"\n[dependencies]\n",
                "dependency libc",
            ),
            ("name = \"weir-x\"", "name = \"weir-y\"", "not named like its folder"),
            ("description = \"x\"\n", "", "`description` is missing"),
            ("[package]", "[package", "is no TOML"),
        ] {
            let findings = check_text(&GOOD.replace(good, bad));
            assert!(findings.len() == 1 && findings[0].contains(part), "{bad}: {findings:?}");
        }
    }
}
