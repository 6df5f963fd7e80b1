//! The `[[monitors]]` of `weir.toml`: what they cannot mean is a mistake of the configuration.

use weir_monitor::{Definitions, Entry};

use super::resolve::Resolver;

/// The name of these definitions, for messages.
const DEFINED_IN: &str = "weir.toml";

impl Resolver<'_> {
    /// Reports what is wrong with the monitors, each mistake at its key.
    pub(super) fn monitors(&mut self, entries: &[Entry]) {
        let own = Definitions { file: DEFINED_IN.to_owned(), entries: entries.to_vec() };
        for error in weir_monitor::load(&[own]).err().unwrap_or_default() {
            let at = entries.iter().rposition(|entry| Some(entry.name.as_str()) == error.monitor());
            let key = match (at, error.key()) {
                (Some(at), Some(key)) => format!("monitors[{at}].{key}"),
                (Some(at), None) => format!("monitors[{at}]"),
                (None, _) => "monitors".to_owned(),
            };
            self.report::<()>(&key, error.to_string(), None);
        }
    }
}
