//! The notifier's task: started with the server, and waited for when it ends.

use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use weir_notify::{Notifier, Quiet};
use weir_store::SilenceCheck;

use crate::config::notifications::scopes;

/// A notifier at work.
pub struct Notifying {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Notifying {
    /// Starts it on this runtime.
    pub fn start(notifier: Notifier) -> Self {
        let (stop, stopped) = oneshot::channel();
        // Whether it is told or its owner is gone makes no difference.
        let shutdown = async move { drop(stopped.await) };
        Self { stop, task: tokio::spawn(notifier.run(shutdown)) }
    }

    /// Ends it when messages under way have ended; the rest waits in the store.
    pub async fn stop(self) {
        drop(self.stop);
        if self.task.await.is_err() {
            tracing::error!("the notifier ended early; notifications wait for the next start");
        }
    }
}

/// What the state store asks before it makes a silence: whether its scope, rule and time zone are understood.
pub fn silence_check() -> SilenceCheck {
    let scopes = scopes();
    Arc::new(move |silence| Quiet::from_silence(silence, &scopes).map(drop))
}
