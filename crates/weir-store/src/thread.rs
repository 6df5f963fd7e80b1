//! Threads that someone owns: named, and waited for when the store closes.

use std::thread::JoinHandle;

use crate::StoreError;

/// A running thread.
#[derive(Debug)]
pub(crate) struct Owned {
    name: &'static str,
    handle: JoinHandle<()>,
}

impl Owned {
    pub(crate) fn start(
        name: &'static str,
        body: impl FnOnce() + Send + 'static,
    ) -> Result<Self, StoreError> {
        let handle = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(body)
            .map_err(|source| StoreError::Thread { name, source })?;
        Ok(Self { name, handle })
    }

    /// Waits for its end. Whoever calls has told it to end.
    pub(crate) fn join(self) {
        if self.handle.join().is_err() {
            tracing::error!(thread = self.name, "thread ended by a panic");
        }
    }
}
