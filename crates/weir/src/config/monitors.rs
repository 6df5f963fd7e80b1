//! The `[[monitors]]` and `[[slos]]` of `weir.toml`: what they cannot mean is a mistake of the configuration.

use weir_monitor::{Definitions, Entry, SloEntry};

use super::resolve::Resolver;

/// The name of these definitions, for messages.
const DEFINED_IN: &str = "weir.toml";

impl Resolver<'_> {
    /// The monitors and objectives; reports what is wrong with them, each mistake at its key.
    pub(super) fn monitors(&mut self, entries: &[Entry], slos: &[SloEntry]) -> Definitions {
        let own = Definitions { file: DEFINED_IN.to_owned(), entries: entries.to_vec(), slos: slos.to_vec() };
        for error in weir_monitor::load(std::slice::from_ref(&own)).err().unwrap_or_default() {
            let slo = slos.iter().rposition(|slo| Some(slo.name.as_str()) == error.objective());
            if let (Some(at), Some(key)) = (slo, error.key()) {
                self.report::<()>(&format!("slos[{at}].{key}"), error.to_string(), None);
                continue;
            }
            let at = entries.iter().rposition(|entry| Some(entry.name.as_str()) == error.monitor());
            let key = match (at, error.key()) {
                (Some(at), Some(key)) => format!("monitors[{at}].{key}"),
                (Some(at), None) => format!("monitors[{at}]"),
                (None, _) => "monitors".to_owned(),
            };
            self.report::<()>(&key, error.to_string(), None);
        }
        own
    }
}
