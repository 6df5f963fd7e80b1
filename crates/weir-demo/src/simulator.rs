//! A provider of models that is none: the wire formats of OpenAI and Anthropic on one listener.
//!
//! What it answers is decided by the model that is asked for and by the header [`SIM_HEADER`], which tests use to
//! ask for lengths, delays, errors and misbehaviour (every directive is documented in `simulator/directive.rs`):
//!
//! ```text
//! x-sim: seed=7; output_tokens=200; ttft_ms=50; cut_after=20
//! ```
//!
//! Usage is exact: it is counted from what was really said, or stated as asked. Answers without pauses cost a few
//! microseconds and are used under load, so nothing here allocates for each chunk of a stream. `GET /sim/stats` tells
//! how many calls came, finished and were cancelled; `GET /sim/requests?id=…` what arrived.

use std::net::SocketAddr;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

mod answer;
mod anthropic_messages;
mod ask;
mod body;
mod count;
mod directive;
mod handle;
mod header;
mod identity;
mod incident;
mod log;
mod model;
mod models;
mod openai_chat;
mod openai_completions;
mod openai_embeddings;
mod openai_responses;
mod pace;
mod phrase;
mod problem;
mod reply;
mod respond;
mod route;
mod schema;
mod sse;

pub use body::Tally;
pub use directive::SIM_HEADER;
pub use incident::Incidents;
pub use pace::Latency;

pub(crate) use identity::{lognormal, mix};
pub(crate) use model::Model;

use crate::DemoError;
use handle::Simulation;

/// How the simulated provider behaves.
#[derive(Debug, Clone)]
pub struct SimulatorConfig {
    /// Where it listens; port 0 for any free one.
    pub listen: SocketAddr,
    /// What everything random is drawn from.
    pub seed: u64,
    /// How fast it answers when a call does not say.
    pub latency: Latency,
    /// Whether it has bad moments of its own.
    pub incidents: Incidents,
    /// Whether a call without a key is refused with 401. A key that contains `invalid` always is.
    pub key_required: bool,
}

impl Default for SimulatorConfig {
    /// Any free port of the loopback, seed 1, at once, without incidents, no key needed.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            seed: 1,
            latency: Latency::Off,
            incidents: Incidents::Never,
            key_required: false,
        }
    }
}

/// Starts simulated providers.
#[derive(Debug)]
pub struct SimulatedProvider;

/// A simulated provider that listens. It stops when this is dropped.
pub struct RunningProvider {
    address: SocketAddr,
    simulation: Arc<Simulation>,
    stop: watch::Sender<bool>,
    accepting: tokio::task::JoinHandle<()>,
}

impl SimulatedProvider {
    /// Starts listening. Connections are served on the current runtime.
    pub async fn start(config: SimulatorConfig) -> Result<RunningProvider, DemoError> {
        let listen = config.listen;
        let failed = |source| DemoError::Listen { address: listen, source };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let simulation = Arc::new(Simulation::new(config));
        let (stop, stopped) = watch::channel(false);
        let accepting = tokio::spawn(accept(listener, Arc::clone(&simulation), stopped));
        Ok(RunningProvider { address, simulation, stop, accepting })
    }
}

impl RunningProvider {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its address as a base URL for OpenAI clients: `http://127.0.0.1:PORT/v1`. Anthropic clients want it without
    /// the `/v1`.
    pub fn openai_base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// What it has seen so far.
    pub fn tally(&self) -> Tally {
        self.simulation.counters.tally()
    }

    /// Closes the listener and all connections at once, and returns when they are closed.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        // The task only ends by being told to; a panic in it has been reported by the panic hook.
        let _ = (&mut self.accepting).await;
    }
}

impl Drop for RunningProvider {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

/// Whether the simulator has this model.
#[cfg(test)]
pub(crate) fn offers(model: &str) -> bool {
    Model::find(model).is_some()
}

/// Accepts until told to stop; then drops all connections.
async fn accept(listener: TcpListener, simulation: Arc<Simulation>, mut stopped: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            // The sender is gone when its owner is, which means the same.
            _ = stopped.changed() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(stream, Arc::clone(&simulation)));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection to the simulated provider");
                    tokio::task::yield_now().await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
    connections.shutdown().await;
}

async fn serve(stream: TcpStream, simulation: Arc<Simulation>) {
    // Without this, two peers that each wait for the other's acknowledgement stall small answers by 40 ms.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    let service = service_fn(move |request| {
        let simulation = Arc::clone(&simulation);
        async move { simulation.handle(request).await }
    });
    let connection =
        http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection to the simulated provider ended early");
    }
}

/// A text of about so many tokens; the same for the same seed.
pub(crate) fn filler(tokens: u64, seed: u64) -> String {
    let mut rng = fastrand::Rng::with_seed(mix(seed));
    let pieces = phrase::exactly(phrase::pieces_of_tokens(tokens), &mut rng);
    pieces.concat().trim_start().to_owned()
}
