//! Makes the table of web assets that `web.rs` serves: every file of `ui/dist`, compressed where that helps, with its
//! content type and entity tag.
//!
//! Why not an embedding crate: they hash at run time, keep no compressed form and read from the disk in debug builds, so
//! that tests would run on other code than releases. What is left to do is this one page.
//!
//! A checkout whose web app was not built gets a page that says so. The folder is made (it is ignored by git) because cargo
//! can only watch a path that exists.

use std::fmt::Write as _;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

/// The page that is served when the web app was not built.
const PLACEHOLDER: &str = "web/placeholder.html";

/// Compressed forms are kept when they are smaller than this share of the file, in hundredths.
const WORTH_COMPRESSING_PERCENT: usize = 90;

fn main() -> io::Result<()> {
    let manifest_dir = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let out_dir = PathBuf::from(variable("OUT_DIR")?);
    let dist = manifest_dir.join("../../ui/dist");
    if fs::create_dir_all(&dist).is_ok() {
        println!("cargo::rerun-if-changed={}", dist.display());
    }
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={PLACEHOLDER}");

    let mut files = Vec::new();
    if dist.join("index.html").is_file() {
        collect(&dist, &dist, &mut files)?;
    } else {
        files.push(("index.html".to_owned(), manifest_dir.join(PLACEHOLDER)));
    }
    files.sort();

    let mut table = String::from("&[\n");
    for (number, (path, file)) in files.iter().enumerate() {
        entry(&mut table, &out_dir, number, path, file)?;
    }
    table.push(']');
    fs::write(out_dir.join("assets.rs"), table)
}

fn variable(name: &str) -> io::Result<String> {
    std::env::var(name).map_err(|error| io::Error::other(format!("{name}: {error}")))
}

/// All files below `folder` with their paths below `root`, parts joined by `/`.
fn collect(root: &Path, folder: &Path, files: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let file = entry?.path();
        if file.is_dir() {
            collect(root, &file, files)?;
        } else if let Ok(below) = file.strip_prefix(root) {
            let parts: Vec<_> = below.components().map(|part| part.as_os_str().to_string_lossy()).collect();
            files.push((parts.join("/"), fs::canonicalize(&file)?));
        }
    }
    Ok(())
}

/// Adds one `Asset { … }` to the table.
fn entry(table: &mut String, out_dir: &Path, number: usize, path: &str, file: &Path) -> io::Result<()> {
    let bytes = fs::read(file)?;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&bytes)?;
    let gzip = encoder.finish()?;
    let gzip_field = if gzip.len() * 100 < bytes.len() * WORTH_COMPRESSING_PERCENT {
        let compressed = out_dir.join(format!("{number}.gz"));
        fs::write(&compressed, &gzip)?;
        format!("Some(include_bytes!({}))", literal(&compressed))
    } else {
        "None".to_owned()
    };
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    writeln!(
        table,
        "    Asset {{ path: {path:?}, content_type: {:?}, etag: \"\\\"{:016x}\\\"\", bytes: include_bytes!({}), gzip: {gzip_field} }},",
        content_type(path),
        hasher.finish(),
        literal(file),
    )
    .map_err(io::Error::other)
}

/// A path as a string literal of Rust.
fn literal(path: &Path) -> String {
    format!("{:?}", path.to_string_lossy())
}

/// The content types of what a web build contains. `nosniff` is sent, so a script without its type would not run.
fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
