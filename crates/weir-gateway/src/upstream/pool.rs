//! Idle connections of one worker.
//!
//! A connection belongs to the worker that opened it, so taking and returning one needs no lock. The one used last is
//! taken first: it is the least likely to have been closed, and the others grow old and are dropped.

use std::cell::RefCell;
use std::time::Duration;

use super::connection::Connection;

pub(crate) struct Pool {
    /// By the provider's index.
    idle: Vec<RefCell<Vec<Connection>>>,
    connections_max: usize,
    age_max: Duration,
}

impl Pool {
    pub(crate) fn new(providers: usize, connections_max: usize, age_max: Duration) -> Self {
        let idle = (0..providers).map(|_| RefCell::new(Vec::new())).collect();
        Self { idle, connections_max, age_max }
    }

    /// A connection that is still open.
    pub(crate) fn take(&self, provider: usize) -> Option<Connection> {
        let mut idle = self.idle.get(provider)?.borrow_mut();
        while let Some(mut connection) = idle.pop() {
            if connection.idle_since.elapsed() < self.age_max && connection.is_usable() {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps a connection for the next call. It must be usable.
    pub(crate) fn put(&self, provider: usize, connection: Connection) {
        let Some(idle) = self.idle.get(provider) else { return };
        let mut idle = idle.borrow_mut();
        if idle.len() < self.connections_max {
            idle.push(connection);
        }
    }

    /// Closes what has been idle for too long or was closed by its provider.
    pub(crate) fn sweep(&self) {
        for idle in &self.idle {
            let is_young = |connection: &mut Connection| {
                connection.idle_since.elapsed() < self.age_max && connection.is_usable()
            };
            idle.borrow_mut().retain_mut(is_young);
        }
    }
}
