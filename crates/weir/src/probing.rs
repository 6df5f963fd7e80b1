//! Asks probes while Weir serves, each on its own schedule.
//!
//! A probe is asked once when Weir serves, and then at even times. Probes do not wait for each other, and one that is still waiting for
//! its answer is not asked again meanwhile.
//!
//! Failure: an answer that does not come is a probe that was not passed. A score that cannot be kept is logged.

use std::sync::Arc;

use anyhow::Context as _;
use tokio::task::JoinSet;
use weir_evaluate::probe::{Probe, ProbeClient};
use weir_types::{Clock, Record, RecordSink};

use crate::config::KeyedProbe;
use crate::even_times::{EvenTimes, WAKE_EVERY};
use crate::own_gateway::OwnGateway;

/// Probes that have not been asked yet.
pub struct Probing {
    probes: Vec<(Probe, ProbeClient)>,
    sink: Arc<dyn RecordSink>,
    clock: Arc<dyn Clock>,
}

/// Probes that are being asked; they end when this is dropped.
pub struct ProbesRunning(#[expect(dead_code, reason = "dropping it ends the tasks")] JoinSet<()>);

impl Probing {
    /// The probes of a configuration, to be asked at this gateway.
    pub fn new(
        probes: Vec<KeyedProbe>,
        gateway: &OwnGateway,
        sink: Arc<dyn RecordSink>,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let with_client = |KeyedProbe { probe, api_key }: KeyedProbe| {
            let client = ProbeClient::new(&gateway.url, api_key.as_ref(), gateway.mark.as_ref());
            Ok((probe, client.context("a probe's key is none that can be sent in a header")?))
        };
        let probes = probes.into_iter().map(with_client).collect::<anyhow::Result<_>>()?;
        Ok(Self { probes, sink, clock })
    }

    /// Begins to ask.
    pub fn start(self) -> ProbesRunning {
        let mut tasks = JoinSet::new();
        for (probe, client) in self.probes {
            tasks.spawn(run(probe, client, Arc::clone(&self.sink), Arc::clone(&self.clock)));
        }
        ProbesRunning(tasks)
    }
}

async fn run(probe: Probe, client: ProbeClient, sink: Arc<dyn RecordSink>, clock: Arc<dyn Clock>) {
    let mut wake = tokio::time::interval(WAKE_EVERY);
    wake.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut times = EvenTimes::every(probe.every);
    loop {
        wake.tick().await;
        if !times.has_come(clock.now()) {
            continue;
        }
        let asked = client.ask(&probe, clock.now()).await;
        let score = probe.score(&asked, clock.now());
        if let Err(error) = sink.append(&[Record::Score(Box::new(score))]) {
            tracing::warn!(%error, probe = %probe.name, "what a probe met is not recorded");
        }
    }
}
