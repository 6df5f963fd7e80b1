//! The traffic of `weir demo`: a company at work.
//!
//! Runs begin at the times of a bundled excerpt of a real arrival trace, over and over, slowed down to what a laptop
//! shows comfortably. Each run performs one scenario through the gateway: conversations, retrieval, agents with tools,
//! extraction, indexing. What goes wrong is the simulated provider's doing, or a reader's who leaves.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use weir_types::{IdGenerator, RecordSink, Secret};

use crate::client::Gateway;
use crate::simulator::mix;
use crate::trace::parse_trace;
use crate::{Arrival, DemoError};

mod live;
pub(crate) mod run;

use live::Stage;
pub(crate) use live::{QUESTION_MODEL, THINKING_MS};
use run::Run;

/// What the demo's traffic needs.
#[derive(Clone)]
pub struct DemoTraffic {
    /// The gateway, such as `http://127.0.0.1:7070`.
    pub gateway_url: String,
    /// The key to show to the gateway; most gateways in pass-through mode need none for the simulated provider.
    pub api_key: Option<Secret>,
    /// Where the application's own spans (agents, tools, retrieval) go, as if its tracing had reported them. Without it
    /// only the gateway's spans are there.
    pub sink: Option<Arc<dyn RecordSink>>,
    /// What everything random is drawn from.
    pub seed: u64,
    /// How much busier than [`RUNS_PER_SECOND`] the company is.
    pub pace: f64,
}

/// The runs that begin in a second at pace 1: about two calls a second, which a laptop shows comfortably.
pub const RUNS_PER_SECOND: f64 = 0.9;
/// Runs at once; more are not started, so that a gateway that hangs is not buried.
const RUNS_MAX: usize = 64;

const TRACE: &[u8] = include_bytes!("../../../data/demo/azure_llm_2023_conv_sample.csv");
const TRACE_NAME: &str = "data/demo/azure_llm_2023_conv_sample.csv";

/// Makes traffic until `shutdown` is ready; then runs are broken off. Failing calls do not end it.
pub async fn drive_traffic(
    traffic: DemoTraffic,
    shutdown: impl Future<Output = ()>,
) -> Result<(), DemoError> {
    let stage = Arc::new(Stage {
        gateway: Gateway::parse(&traffic.gateway_url)?,
        api_key: traffic.api_key,
        sink: traffic.sink,
        ids: IdGenerator::new(),
    });
    if !(traffic.pace.is_finite() && traffic.pace > 0.0) {
        let value = traffic.pace.to_string();
        return Err(DemoError::Config { what: "the pace", value, expected: "a number above 0" });
    }
    let arrivals = bundled_arrivals()?;
    let slowdown = slowdown(&arrivals) / traffic.pace;
    let mut runs = JoinSet::new();
    tokio::select! {
        () = shutdown => {}
        () = start_runs(&stage, &arrivals, slowdown, traffic.seed, &mut runs) => {}
    }
    runs.shutdown().await;
    Ok(())
}

/// The arrivals that come with the program.
fn bundled_arrivals() -> Result<Vec<Arrival>, DemoError> {
    parse_trace(Path::new(TRACE_NAME), TRACE)
}

/// How much slower than recorded the excerpt goes at pace 1.
fn slowdown(arrivals: &[Arrival]) -> f64 {
    let seconds = arrivals.last().map_or(1.0, |last| last.at_us as f64 / 1e6).max(1.0);
    arrivals.len() as f64 / seconds / RUNS_PER_SECOND
}

/// Starts runs at their times, for ever.
async fn start_runs(
    stage: &Arc<Stage>,
    arrivals: &[Arrival],
    slowdown: f64,
    seed: u64,
    runs: &mut JoinSet<()>,
) {
    let mut rng = fastrand::Rng::with_seed(mix(seed));
    let mut round_started_at = Instant::now();
    loop {
        for arrival in arrivals {
            let offset = Duration::from_micros(arrival.at_us).mul_f64(slowdown);
            sleep_until(round_started_at + offset).await;
            while runs.try_join_next().is_some() {}
            while runs.len() >= RUNS_MAX {
                runs.join_next().await;
            }
            let run = Run::draw(&mut rng, arrival.input_tokens);
            let (stage, rng) = (Arc::clone(stage), rng.fork());
            runs.spawn(async move { live::perform(&stage, &run, rng).await });
        }
        round_started_at = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_excerpt_is_a_trace_of_five_minutes() {
        let arrivals = bundled_arrivals().unwrap();
        assert!(arrivals.len() > 1_000);
        assert!(arrivals.last().unwrap().at_us > 290_000_000);
    }
}
