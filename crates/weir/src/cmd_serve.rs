//! `weir serve`: the real thing.

use std::process::ExitCode;
use std::sync::Arc;

use weir_types::SystemClock;

use crate::cli::ServeArgs;
use crate::config::{self, Config, Source};
use crate::wire::{self, Weir};
use crate::{log, output};

/// Serves until the process is asked to end.
pub fn run(args: &ServeArgs) -> anyhow::Result<ExitCode> {
    let config = configured(args)?;
    log::start(&config.log)?;
    wire::background_runtime()?.block_on(async {
        let weir = Weir::open(config, Arc::new(SystemClock), false).await?;
        output::print(&format!("Weir listens on http://{}\n", weir.address))?;
        weir.serve(wire::asked_to_end()).await
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The configuration with what the command line overrides.
pub fn configured(args: &ServeArgs) -> anyhow::Result<Config> {
    let source = Source::find(args.config.as_deref())?;
    let overrides = config::Overrides { listen: args.listen.clone(), data_dir: args.data_dir.clone() };
    config::load(&source, &overrides, &|name| std::env::var(name).ok())
        .map_err(|problems| anyhow::anyhow!("the configuration has mistakes\n{problems}"))
}
