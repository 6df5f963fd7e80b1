//! Judges anew what was judged: for a running Weir, and for a data folder that a command has opened.

use std::sync::Arc;

use tokio::runtime::Handle;
use weir_monitor::{Monitor, Outcome, Recorded};
use weir_types::{
    AlertStore, MonitorsError, Scan, TimeRange, TransitionFilter, UnixMicros, Verification,
    VerificationOutcome,
};

/// Changes of one monitor that are read: a monitor with more flaps, and its groups are known by its latest.
const CHANGES_MAX: usize = 100_000;

/// Compares what a monitor judged in a range with what is stored. Blocks on both stores.
pub(crate) fn verified(
    monitor: &Monitor,
    range: TimeRange,
    scan: &Arc<dyn Scan>,
    alerts: &dyn AlertStore,
    runtime: &Handle,
) -> Result<Verification, MonitorsError> {
    let failed = |error: &dyn std::fmt::Display| MonitorsError::Store(error.to_string());
    let name = monitor.name.as_str();
    let filter =
        TransitionFilter { monitor: Some(name.into()), limit: CHANGES_MAX, ..TransitionFilter::default() };
    let digests = runtime.block_on(alerts.digests(name, UnixMicros(0), range.to));
    let changes = runtime.block_on(alerts.transitions(&filter));
    let recorded = Recorded {
        digests: digests.map_err(|error| failed(&error))?,
        changes: changes.map_err(|error| failed(&error))?,
    };
    let verified = weir_monitor::verify(monitor, &recorded, range, scan).map_err(|error| failed(&error))?;
    Ok(Verification {
        compared: verified.compared,
        of_other_definitions: verified.of_other_definitions,
        outcome: match verified.outcome {
            Outcome::Same => VerificationOutcome::Same,
            Outcome::Nothing(why) => VerificationOutcome::Nothing(why),
            Outcome::Differs { first, minutes, what, why } => {
                VerificationOutcome::Differs { first, minutes, what: Arc::from(what.to_string()), why }
            }
        },
    })
}
