//! `weir.toml`: from text to a configuration that holds no surprises.
//!
//! The structs of [`file`] are the one definition: their doc comments become the JSON Schema, the schema is what
//! [`check`] holds a file against, and serde reads the file into them. A mistake is reported with file, line, key and
//! what was expected, and all mistakes are reported at once. [`resolve`] turns the checked file into what the crates
//! want: addresses parsed, secrets fetched, defaults in place.

mod agents;
mod budgets;
mod cache;
mod check;
mod drift;
pub mod embeddings;
pub mod evaluation;
pub mod file;
mod guard;
pub mod listeners;
mod monitors;
pub mod notifications;
mod probes;
mod problem;
pub mod redis;
#[cfg(test)]
mod reference;
mod resolve;
mod secrets;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

pub use embeddings::EmbeddingsPlace;
pub use evaluation::EvaluationConfig;
pub use probes::KeyedProbe;
pub use problem::Problems;
pub use redis::RedisPlace;
pub use resolve::Config;

/// The name that is looked for in the working directory when no file is named.
pub const DEFAULT_FILE: &str = "weir.toml";

/// A file's text and where it came from; defaults when there is no file.
pub struct Source {
    /// The path, for messages; `None` when the configuration is all defaults.
    pub path: Option<PathBuf>,
    /// The text.
    pub text: String,
}

impl Source {
    /// Reads the named file, or `weir.toml` when it is there, or nothing.
    pub fn find(named: Option<&Path>) -> anyhow::Result<Self> {
        let path = match named {
            Some(path) => Some(path.to_path_buf()),
            None => Some(PathBuf::from(DEFAULT_FILE)).filter(|path| path.exists()),
        };
        let text = match &path {
            Some(path) => std::fs::read_to_string(path).map_err(|error| {
                anyhow::anyhow!("cannot read the configuration {}: {error}", path.display())
            })?,
            None => String::new(),
        };
        Ok(Self { path, text })
    }

    /// The name to show for this source.
    pub fn name(&self) -> String {
        self.path.as_ref().map_or_else(|| "defaults".to_owned(), |path| path.display().to_string())
    }
}

/// Reads and checks a file, and reports all that is wrong with it.
pub fn read(source: &Source) -> Result<file::File, Problems> {
    let (checked, problems) = check::check(&source.text);
    let file = checked.filter(|_| problems.is_empty()).ok_or(problems);
    file.map_err(|problems| Problems::new(source, problems))
}

/// What the command line says in place of the file.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// In place of `server.listen`.
    pub listen: Option<String>,
    /// In place of `server.data_dir`.
    pub data_dir: Option<PathBuf>,
}

/// Reads, checks and resolves a file; `environment` looks up environment variables.
pub fn load(
    source: &Source,
    overrides: &Overrides,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Config, Problems> {
    let mut file = read(source)?;
    if let Some(listen) = &overrides.listen {
        file.server.listen.clone_from(listen);
    }
    if let Some(data_dir) = &overrides.data_dir {
        file.server.data_dir.clone_from(data_dir);
    }
    resolve::resolve(file, &source.text, environment).map_err(|problems| Problems::new(source, problems))
}

/// The JSON Schema of `weir.toml`.
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(file::File).to_value()
}
