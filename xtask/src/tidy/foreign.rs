//! Nothing in the tree depends on one person's machine: no home folders, no private registries.
//!
//! Lock files record where packages came from. Behind a mirror they record the mirror, and then nobody else can install.

use super::Finding;
use crate::tree::Tree;

/// Starts of paths that exist on one machine only.
const HOMES: [&str; 3] = [concat!("/ho", "me/"), concat!("/ro", "ot/"), concat!("/Us", "ers/")];

/// The one source that `Cargo.lock` may name.
const CRATES: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// The one host that an npm lock file may name; it may also name none.
const NPM: &str = "https://registry.npmjs.org/";

/// Settings that choose a registry or an index, and the files in which they would be found.
const SETTINGS: [(&str, &[&str]); 4] = [
    ("registry=", &[".npmrc"]),
    ("--index-url", &[".txt", ".sh", ".in", ".cfg"]),
    ("--extra-index-url", &[".txt", ".sh", ".in", ".cfg"]),
    ("replace-with", &[".toml"]),
];

pub fn check(tree: &Tree) -> Vec<Finding> {
    tree.iter()
        .flat_map(|(path, text)| {
            text.lines().enumerate().filter_map(move |(index, line)| {
                let why = home(line).or_else(|| lock_source(path, line)).or_else(|| setting(path, line));
                why.map(|why| Finding::line(path, index, why))
            })
        })
        .collect()
}

fn home(line: &str) -> Option<String> {
    HOMES
        .iter()
        .find(|start| begins_path(line, start))
        .map(|start| format!("names a folder under {start}, which is on one machine"))
}

/// Whether a path in this line begins so: `~/home/x` and `example.com/home/x` are other paths.
fn begins_path(line: &str, start: &str) -> bool {
    line.match_indices(start).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + start.len()..].chars().next();
        !before.is_some_and(|c| c.is_alphanumeric() || "._~-/}".contains(c))
            && after.is_some_and(char::is_alphanumeric)
    })
}

fn lock_source(path: &str, line: &str) -> Option<String> {
    let line = line.trim();
    if path.ends_with("Cargo.lock") {
        let source = line.strip_prefix("source = \"")?.trim_end_matches('"');
        return (source != CRATES).then(|| format!("takes a crate from {source}"));
    }
    if path.ends_with("package-lock.json") {
        let source = line.strip_prefix("\"resolved\": \"")?;
        return (!source.starts_with(NPM))
            .then(|| "takes a package from another registry than npm's".to_owned());
    }
    None
}

fn setting(path: &str, line: &str) -> Option<String> {
    let (name, _) = SETTINGS
        .iter()
        .find(|(name, ends)| line.contains(name) && ends.iter().any(|end| path.ends_with(end)))?;
    Some(format!("chooses a package registry by `{name}`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::found;

    #[test]
    fn paths_of_one_machine_are_found_in_every_file() {
        for start in HOMES {
            for line in
                [format!("{start}ann/weir"), format!("see \"{start}x\""), format!("PATH={start}x/bin")]
            {
                assert_eq!(found(check, &[("docs/x.md", &line)]).len(), 1, "{line}");
            }
            for line in [
                format!("~{start}x"),
                format!("example.com{start}x"),
                format!("$HOME{start}x"),
                start.to_owned(),
            ] {
                assert_eq!(found(check, &[("docs/x.md", &line)]), [""; 0], "{line}");
            }
        }
    }

    #[test]
    fn lock_files_name_public_registries_only() {
        for (path, line, count) in [
            ("Cargo.lock", "source = \"registry+https://github.com/rust-lang/crates.io-index\"", 0),
            ("Cargo.lock", "source = \"sparse+https://mirror.example/index/\"", 1),
            ("fuzz/Cargo.lock", "source = \"git+https://github.com/x/y#1\"", 1),
            ("ui/package-lock.json", "  \"resolved\": \"https://registry.npmjs.org/x/-/x-1.tgz\",", 0),
            ("ui/package-lock.json", "  \"resolved\": \"https://mirror.example/x-1.tgz\",", 1),
            ("ui/.npmrc", "registry=https://mirror.example/", 1),
            ("tests/requirements.txt", "--index-url https://mirror.example/simple", 1),
            (".cargo/config.toml", "replace-with = \"mirror\"", 1),
            ("docs/x.md", "registry=x", 0),
        ] {
            assert_eq!(found(check, &[(path, line)]).len(), count, "{path}: {line}");
        }
    }
}
