//! `weir simulate`: only the simulated provider, for tests and benchmarks of anything.

use std::process::ExitCode;

use weir_demo::{Incidents, Latency, SimulatedProvider, SimulatorConfig};

use crate::cli::SimulateArgs;
use crate::{output, wire};

/// Serves until the process is asked to end.
pub fn run(args: &SimulateArgs) -> anyhow::Result<ExitCode> {
    wire::background_runtime()?.block_on(async {
        let config = SimulatorConfig {
            listen: args.listen,
            seed: args.seed,
            latency: if args.fast { Latency::Off } else { Latency::Realistic },
            incidents: Incidents::Never,
            key_required: args.key_required,
        };
        let provider = SimulatedProvider::start(config).await?;
        output::print(&format!("the simulated provider listens on http://{}\n", provider.address()))?;
        wire::asked_to_end().await;
        provider.stop().await;
        anyhow::Ok(())
    })?;
    Ok(ExitCode::SUCCESS)
}
