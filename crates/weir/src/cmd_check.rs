//! `weir check`: everything that is wrong with a configuration, at once.

use std::process::ExitCode;

use crate::cli::CheckArgs;
use crate::config::{self, Overrides, Source};
use crate::output;

/// Validates a configuration file; the exit status is 1 when it has mistakes.
pub fn run(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    if args.schema {
        output::print(&(serde_json::to_string_pretty(&config::json_schema())? + "\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let source = Source::find(args.config.as_deref())?;
    match config::load(&source, &Overrides::default(), &|name| std::env::var(name).ok()) {
        Ok(config) => {
            output::print(&format!("{}: no mistakes\n{}", source.name(), config.summary()))?;
            Ok(ExitCode::SUCCESS)
        }
        Err(problems) => {
            let plural = if problems.len() == 1 { "mistake" } else { "mistakes" };
            output::print_error(&format!("{problems}\n{}: {} {plural}\n", source.name(), problems.len()))?;
            Ok(ExitCode::FAILURE)
        }
    }
}
