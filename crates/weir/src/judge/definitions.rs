//! Which monitors there are: the bundled ones, those of `weir.toml`, and what was saved from the dashboard.
//!
//! What is saved is kept in the state store and comes last, so it may change whatever the files say.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;
use weir_monitor::{Definitions, Entry, Monitor, MonitorError};
use weir_types::{AlertStore, MonitorsError};

/// What saved entries are said to be defined in.
const SAVED_IN: &str = "dashboard";

/// See the module.
pub(super) struct DefinitionStore {
    configured: Definitions,
    alerts: Arc<dyn AlertStore>,
    runtime: Handle,
    saved: Mutex<Vec<Entry>>,
}

impl DefinitionStore {
    /// The definitions of files; what was saved is read later.
    pub(super) fn new(configured: Definitions, alerts: Arc<dyn AlertStore>, runtime: Handle) -> Self {
        Self { configured, alerts, runtime, saved: Mutex::default() }
    }

    /// Reads what was saved. What does not fit the others any more is left out and logged: monitors must run.
    pub(super) fn read_saved(&self) -> Result<(), MonitorsError> {
        let saved = self.runtime.block_on(self.alerts.saved_monitors());
        let saved = saved.map_err(|error| MonitorsError::Store(error.to_string()))?;
        let mut kept = Vec::new();
        for saved in saved {
            let entry = match serde_json::from_value::<Entry>(saved.entry) {
                Ok(entry) => entry,
                Err(error) => {
                    tracing::error!(%error, monitor = &*saved.name, "a saved monitor cannot be read and is left out");
                    continue;
                }
            };
            kept.push(entry);
            if let Err(errors) = self.load(&kept) {
                let error = told(&errors);
                tracing::error!(
                    error,
                    monitor = &*saved.name,
                    "a saved monitor does not fit the others and is left out"
                );
                kept.pop();
            }
        }
        *self.saved.lock().unwrap_or_else(PoisonError::into_inner) = kept;
        Ok(())
    }

    /// All monitors.
    pub(super) fn monitors(&self) -> Vec<Monitor> {
        let all = self.load(&self.saved()).or_else(|_| self.load(&[]));
        // The configuration was checked before anything was started.
        all.unwrap_or_default()
    }

    /// The saved entry with a name.
    pub(super) fn saved_entry(&self, name: &str) -> Option<Entry> {
        self.saved().into_iter().find(|entry| entry.name == name)
    }

    /// What the monitors would be with one more entry over all.
    pub(super) fn with(&self, entry: &Entry) -> Result<Vec<Monitor>, MonitorsError> {
        self.load(&self.replaced(entry)).map_err(|errors| MonitorsError::Invalid(told(&errors)))
    }

    /// Saves an entry; returns what the monitors are now.
    pub(super) fn save(&self, entry: &Entry) -> Result<Vec<Monitor>, MonitorsError> {
        let entries = self.replaced(entry);
        let monitors = self.load(&entries).map_err(|errors| MonitorsError::Invalid(told(&errors)))?;
        let value = serde_json::to_value(entry).map_err(|error| MonitorsError::Invalid(error.to_string()))?;
        let saved = self.runtime.block_on(self.alerts.save_monitor(&entry.name, &value));
        saved.map_err(|error| MonitorsError::Store(error.to_string()))?;
        *self.saved.lock().unwrap_or_else(PoisonError::into_inner) = entries;
        Ok(monitors)
    }

    /// Forgets what was saved under a name; returns what the monitors are now.
    pub(super) fn forget(&self, name: &str) -> Result<Vec<Monitor>, MonitorsError> {
        let mut entries = self.saved();
        let before = entries.len();
        entries.retain(|entry| entry.name != name);
        if entries.len() == before {
            return Err(MonitorsError::NotFound(name.to_owned()));
        }
        let monitors = self.load(&entries).map_err(|errors| MonitorsError::Invalid(told(&errors)))?;
        let forgotten = self.runtime.block_on(self.alerts.forget_monitor(name));
        forgotten.map_err(|error| MonitorsError::Store(error.to_string()))?;
        *self.saved.lock().unwrap_or_else(PoisonError::into_inner) = entries;
        Ok(monitors)
    }

    fn replaced(&self, entry: &Entry) -> Vec<Entry> {
        let mut entries = self.saved();
        match entries.iter_mut().find(|known| known.name == entry.name) {
            Some(known) => *known = entry.clone(),
            None => entries.push(entry.clone()),
        }
        entries
    }

    fn saved(&self) -> Vec<Entry> {
        self.saved.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn load(&self, saved: &[Entry]) -> Result<Vec<Monitor>, Vec<MonitorError>> {
        let saved = Definitions { file: SAVED_IN.to_owned(), entries: saved.to_vec(), slos: Vec::new() };
        weir_monitor::load_with(std::slice::from_ref(&self.configured), Some(&saved))
    }
}

fn told(errors: &[MonitorError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
