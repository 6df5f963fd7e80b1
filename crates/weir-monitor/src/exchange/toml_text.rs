//! Definitions as a file that people read and go on with.

use std::fmt::Write as _;

use serde::Serialize;

use super::Imported;
use crate::definition::Entry;

/// The file: each entry under a comment that says where it comes from. Keys stand in the order of the reference.
pub(super) fn print(monitors: &[Imported]) -> String {
    #[derive(Serialize)]
    struct File<'a> {
        monitors: [&'a Entry; 1],
    }
    let mut text = String::new();
    for (index, imported) in monitors.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        if !imported.origin.is_empty() {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "# {}", one_line(&imported.origin));
        }
        // An entry holds nothing that TOML cannot; one at a time, so that each has its comment.
        text.push_str(&toml::to_string_pretty(&File { monitors: [&imported.entry] }).unwrap_or_default());
    }
    text
}

/// A text without line breaks and other control characters, which a comment cannot hold.
fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_control())
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}
