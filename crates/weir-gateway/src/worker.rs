//! One thread's share of the gateway: its connections to providers.
//!
//! A worker never leaves its thread, so nothing in it is locked, and a call is served from the client's first byte to
//! the provider's last without waking another thread.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crate::endpoint::Endpoint;
use crate::gateway::Gateway;
use crate::session::Session;
use crate::upstream::connection::Exchange;
use crate::upstream::connector::Connector;
use crate::upstream::pool::Pool;

/// How often idle connections are looked after.
const SWEEP_INTERVAL: Duration = Duration::from_secs(5);

/// The gateway on one thread. Cloning is cheap and shares the connections.
#[derive(Clone)]
pub struct Worker(Rc<WorkerState>);

pub(crate) struct WorkerState {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) connector: Connector,
    pub(crate) pool: Pool,
}

impl Worker {
    pub(crate) fn new(gateway: Arc<Gateway>) -> Self {
        let limits = &gateway.config.limits;
        let age_max = Duration::from_millis(limits.idle_connection_ms);
        let pool = Pool::new(gateway.providers.len(), limits.idle_connections_max, age_max);
        Self(Rc::new(WorkerState { connector: gateway.connector.clone(), pool, gateway }))
    }

    /// Whether a path is the gateway's to answer.
    pub fn handles(&self, path: &str) -> bool {
        self.0.endpoint(path).is_some()
    }

    /// What a client's connection needs to make calls. One for each connection; see [`Session`].
    pub fn session(&self, peer: SocketAddr) -> Session {
        Session::new(Rc::clone(&self.0), peer)
    }

    /// Closes idle connections that have grown old or were closed by their providers, for ever.
    pub async fn sweep(&self) {
        let mut ticks = tokio::time::interval(SWEEP_INTERVAL);
        loop {
            ticks.tick().await;
            self.0.pool.sweep();
        }
    }
}

impl WorkerState {
    pub(crate) fn endpoint(&self, path: &str) -> Option<Endpoint> {
        Endpoint::of_path(path, |name| self.gateway.provider_index.get(name).copied())
    }

    /// Keeps the connection of an exchange whose body was read to its end.
    pub(crate) fn give_back(&self, provider: usize, exchange: Exchange) {
        if let Some(connection) = exchange.into_idle() {
            self.pool.put(provider, connection);
        }
    }
}
