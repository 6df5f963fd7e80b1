//! `weir demo`: Weir with a simulated provider and believable traffic, so that a newcomer sees a page that lives.
//!
//! Everything but the provider is the real thing. The first start writes a day of the past, so that charts have
//! something to show; later starts continue. With `--incident` a Weir of its own plays a script ([`incident`]).

mod incident;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use http::Uri;
use weir_control::Mode;
use weir_control::trim::{AgentBudgets, TokenBudget};
use weir_demo::{
    DemoTraffic, Incidents, Latency, RunningProvider, SimulatedProvider, SimulatorConfig, backfill,
    drive_traffic,
};
use weir_evaluate::faithfulness;
use weir_gateway::{GatewayConfig, ProviderConfig, ProviderKind};
use weir_guard::GuardedSink;
use weir_types::{Clock as _, Record, RecordSink as _, SystemClock};

use crate::cli::{DemoArgs, ServeArgs};
use crate::cmd_serve::configured;
use crate::wire::{self, Weir};
use crate::{log, output};

/// Where the demo keeps its data unless told otherwise: never among real data.
const DATA_DIR: &str = "./weir-demo-data";
/// How much past a first start writes.
const PAST_HOURS: u32 = 24;
/// The seed of everything random, so that the demo looks the same each time.
const SEED: u64 = 1;

/// Serves the demo until the process is asked to end, or plays incidents.
pub fn run(args: &DemoArgs) -> anyhow::Result<ExitCode> {
    match args.incident {
        Some(name) => incident::run(name, &args.serve),
        None => show(&args.serve),
    }
}

fn show(args: &ServeArgs) -> anyhow::Result<ExitCode> {
    let mut config = configured(args)?;
    if args.data_dir.is_none() && args.config.is_none() {
        config.store.data_dir = PathBuf::from(DATA_DIR);
    }
    log::start(&config.log)?;
    wire::background_runtime()?.block_on(async {
        let provider = SimulatedProvider::start(SimulatorConfig {
            seed: SEED,
            latency: Latency::Realistic,
            incidents: Incidents::Sometimes,
            ..SimulatorConfig::default()
        })
        .await?;
        config.gateway.providers = simulated_providers(&provider, &config.gateway)?;
        config.gateway.routes.clear();
        if config.gateway.agents.is_empty() {
            config.gateway.agents = token_budgets();
        }
        config.gateway.cache.get_or_insert_default();
        // What the simulated provider says is made up: holding it against documents would only show that.
        config.evaluation.evaluators.retain(|evaluator| evaluator.name() != faithfulness::NAME);
        let weir = Weir::open(config, Arc::new(SystemClock), true).await?;
        write_past(&weir).await?;
        output::print(&welcome(&weir))?;
        let traffic = DemoTraffic {
            gateway_url: format!("http://{}", weir.address),
            api_key: None,
            sink: Some(Arc::clone(&weir.sink)),
            seed: SEED,
            pace: 1.0,
        };
        let traffic = tokio::spawn(drive_traffic(traffic, wire::asked_to_end()));
        weir.serve(wire::asked_to_end()).await?;
        traffic.await??;
        provider.stop().await;
        anyhow::Ok(())
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The simulated provider under the names of the two it imitates.
fn simulated_providers(
    provider: &RunningProvider,
    configured: &GatewayConfig,
) -> anyhow::Result<Vec<ProviderConfig>> {
    let url: Uri = provider.openai_base_url().parse()?;
    let named = |name: &str, kind| {
        let mut simulated = ProviderConfig::new(name, kind, url.clone());
        simulated.timeouts = Some(configured.timeouts);
        simulated
    };
    Ok(vec![named("openai", ProviderKind::OpenAi), named("anthropic", ProviderKind::Anthropic)])
}

/// The token budgets of the article that Weir began with: for its three agents, and for all others. Those others are
/// watched only, so that the demo shows both what was saved and what would be.
fn token_budgets() -> AgentBudgets {
    let of = |tokens, mode| TokenBudget { max_input_tokens: Some(tokens), mode, ..TokenBudget::default() };
    let named = [("agentic-remediation", 2_000), ("report-generator", 8_000), ("chat-assistant", 1_500)];
    let named = named.map(|(agent, tokens)| (Arc::from(agent), of(tokens, Mode::Enforce)));
    AgentBudgets { named: named.into(), others: Some(of(2_000, Mode::Observe)) }
}

/// Writes a day of the past when there is none: past the guard as it would have been, but nobody judges it now or sees it as live.
async fn write_past(weir: &Weir) -> anyhow::Result<()> {
    let (store, meter) = (Arc::clone(&weir.store), Arc::clone(&weir.meter));
    let sink = GuardedSink::new(store.sink(), Arc::clone(&weir.guard));
    let written = tokio::task::spawn_blocking(move || {
        if store.browse().extent()?.is_some() {
            return anyhow::Ok(false);
        }
        for minute in backfill(SystemClock.now(), PAST_HOURS, SEED, &meter) {
            let records: Vec<Record> = minute.into_iter().map(|span| Record::Span(Box::new(span))).collect();
            sink.append(&records)?;
        }
        Ok(true)
    })
    .await??;
    if written {
        weir.store.flush().await?;
    }
    Ok(())
}

fn welcome(weir: &Weir) -> String {
    let address = weir.address;
    format!(
        "\n  Weir's demo is at  http://{address}\n\n  Point a client of yours at it, any key will do:\n    \
         OPENAI_BASE_URL=http://{address}/v1 OPENAI_API_KEY=demo python your_app.py\n    \
         ANTHROPIC_BASE_URL=http://{address} ANTHROPIC_API_KEY=demo python your_app.py\n\n  The provider is simulated; \
         Ctrl-C ends the demo.\n\n"
    )
}
