//! Puts `libduckdb.so` where the binaries of this build look for it.
//!
//! The linker finds the library in `DUCKDB_LIB_DIR` (set in `.cargo/config.toml`). At run time a binary looks beside
//! itself, because of the `$ORIGIN` rpath set there too; so the library is linked or copied into the profile's folder,
//! and into its `deps` and `examples`, where tests, benches and examples live. With the feature `bundled` DuckDB is
//! part of the binary and there is nothing to do.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

const LIBRARY: &str = "libduckdb.so";

fn main() {
    // Migrations are compiled in.
    println!("cargo:rerun-if-changed=migrations");
    println!("cargo:rerun-if-env-changed=DUCKDB_LIB_DIR");
    if env::var_os("CARGO_FEATURE_BUNDLED").is_some()
        || env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("linux")
    {
        return;
    }
    if let Err(message) = place_library() {
        // The one way a build script has to fail with a readable text.
        println!("cargo::error={message}");
    }
}

fn place_library() -> Result<(), String> {
    let folder = env::var_os("DUCKDB_LIB_DIR").map(PathBuf::from).unwrap_or_default();
    let library = folder.join(LIBRARY);
    println!("cargo:rerun-if-changed={}", library.display());
    let library = library.canonicalize().map_err(|e| {
        format!("cannot find DuckDB's library at {}: {e}; run `make deps`", library.display())
    })?;
    let out = env::var_os("OUT_DIR").map(PathBuf::from).unwrap_or_default();
    // OUT_DIR is <profile>/build/<package>-<hash>/out.
    let profile = out.ancestors().nth(3).ok_or_else(|| format!("unexpected OUT_DIR {}", out.display()))?;
    place(profile, |to| fs::hard_link(&library, to).or_else(|_| fs::copy(&library, to).map(drop)))?;
    for folder in ["deps", "examples"] {
        place(&profile.join(folder), |to| std::os::unix::fs::symlink(Path::new("..").join(LIBRARY), to))?;
    }
    Ok(())
}

fn place(folder: &Path, create: impl Fn(&Path) -> io::Result<()>) -> Result<(), String> {
    let to = folder.join(LIBRARY);
    let placed = fs::create_dir_all(folder).and_then(|()| {
        match fs::remove_file(&to) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        create(&to)
    });
    placed.map_err(|e| format!("cannot place DuckDB's library at {}: {e}", to.display()))
}
