//! `weir monitor import` and `export`: definitions go to standard output or a file, losses to standard error, so that one can be
//! piped on while the other is read.
//!
//! With losses the exit status is 0: they are told, and what to do about them is for people. It is 1 when there is nothing
//! that could be written.

use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;

use weir_monitor::{Loss, Monitor, System, shown_losses};

use crate::cli::{DefinitionArgs, SystemArg};
use crate::output;

impl From<SystemArg> for System {
    fn from(system: SystemArg) -> Self {
        match system {
            SystemArg::Datadog => Self::Datadog,
            SystemArg::Terraform => Self::Terraform,
            SystemArg::Prometheus => Self::Prometheus,
        }
    }
}

/// Reads a file of another system and writes definitions.
pub(super) fn import(system: SystemArg, file: &Path, to: Option<&Path>) -> anyhow::Result<ExitCode> {
    let text = read(file)?;
    let import = weir_monitor::import(system.into(), &file.display().to_string(), &text)?;
    let definitions = import.to_toml();
    match to {
        Some(to) => {
            // An existing file may hold definitions that people changed since.
            let mut options = std::fs::OpenOptions::new();
            let opened = options.write(true).create_new(true).open(to);
            let written =
                opened.and_then(|mut file| std::io::Write::write_all(&mut file, definitions.as_bytes()));
            written
                .map_err(|error| anyhow::anyhow!("cannot write the definitions {}: {error}", to.display()))?;
            let count = import.monitors.len();
            let noun = if count == 1 { "monitor" } else { "monitors" };
            output::print(&format!("{count} {noun} written to {}\n", to.display()))?;
        }
        None => output::print(&definitions)?,
    }
    tell(&import.losses)?;
    Ok(ExitCode::SUCCESS)
}

/// Writes monitors for another system.
pub(super) fn export(
    system: SystemArg,
    names: &[String],
    definitions: &DefinitionArgs,
) -> anyhow::Result<ExitCode> {
    let monitors = match super::load(definitions)? {
        Ok(monitors) => monitors,
        Err(errors) => {
            output::print_error(&super::told(&errors))?;
            return Ok(ExitCode::FAILURE);
        }
    };
    let chosen = chosen(monitors, names)?;
    let export = weir_monitor::export(system.into(), &chosen);
    output::print(&export.text)?;
    tell(&export.losses)?;
    Ok(ExitCode::SUCCESS)
}

/// The monitors of these names in the order of the definitions; all when none is named.
fn chosen(monitors: Vec<Monitor>, names: &[String]) -> anyhow::Result<Vec<Monitor>> {
    check_names(&monitors, names)?;
    Ok(monitors.into_iter().filter(|monitor| names.is_empty() || names.contains(&monitor.name)).collect())
}

/// That there is a monitor of each name.
pub(super) fn check_names(monitors: &[Monitor], names: &[String]) -> anyhow::Result<()> {
    for name in names {
        if !monitors.iter().any(|monitor| monitor.name == *name) {
            let known = monitors.iter().map(|monitor| monitor.name.as_str());
            let hint =
                weir_query::did_you_mean(name, known).unwrap_or_else(|| "see `weir monitor list`".to_owned());
            anyhow::bail!("there is no monitor {name}; {hint}");
        }
    }
    Ok(())
}

fn read(file: &Path) -> anyhow::Result<String> {
    if file == Path::new("-") {
        let mut text = String::new();
        let read = std::io::stdin().read_to_string(&mut text);
        read.map_err(|error| anyhow::anyhow!("cannot read standard input: {error}"))?;
        return Ok(text);
    }
    std::fs::read_to_string(file).map_err(|error| anyhow::anyhow!("cannot read {}: {error}", file.display()))
}

fn tell(losses: &[Loss]) -> anyhow::Result<()> {
    if !losses.is_empty() {
        output::print_error(&shown_losses(losses))?;
    }
    Ok(())
}
