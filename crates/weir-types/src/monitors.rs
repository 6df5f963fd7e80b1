//! Where API and judge meet: what monitors are there, how they are, what they saw, and changing them.

use std::sync::Arc;

use crate::metric::Unit;
use crate::{AlertState, Judgement, Tags, TimeRange, TraceId, Transition, UnixMicros};

/// A monitor as it is now.
#[derive(Debug, Clone, PartialEq)]
pub struct MonitorStatus {
    /// Its name.
    pub name: Arc<str>,
    /// The condition as it was written.
    pub condition: Arc<str>,
    /// What the condition means, as several lines for people.
    pub explanation: Arc<str>,
    /// The message as it was written.
    pub message: Arc<str>,
    /// `warning` or `critical`: how bad it is when the threshold is crossed.
    pub severity: Arc<str>,
    /// Whether it is evaluated.
    pub is_enabled: bool,
    /// Where it is defined: `bundled`, `weir.toml`, a file, or `dashboard`.
    pub defined_in: Arc<str>,
    /// The entry as JSON, with the keys of `[[monitors]]`: all that was said in all places.
    pub entry: serde_json::Value,
    /// The entry that was saved from the dashboard, where one was.
    pub saved: Option<serde_json::Value>,
    /// The unit of values.
    pub unit: Unit,
    /// Which side is bad: `>`, `>=`, `<`, `<=`; `None` for composites.
    pub comparison: Option<Arc<str>>,
    /// Where a warning starts, in the unit of what is judged.
    pub warning: Option<f64>,
    /// Where an alert starts.
    pub critical: Option<f64>,
    /// Whether thresholds are about how unusual values are and belong in no chart of values.
    pub judges_the_unusual: bool,
    /// The tags it is grouped by.
    pub by: Vec<Arc<str>>,
    /// The worst state of its groups.
    pub state: AlertState,
    /// How many groups are in each state: ok, no data, warn, alert.
    pub counts: [u64; 4],
    /// The last tick that it was evaluated at.
    pub evaluated_at: Option<UnixMicros>,
    /// How long after their time values are waited for, in microseconds.
    pub delay_us: i64,
    /// Why it could not be evaluated last time.
    pub error: Option<Arc<str>>,
    /// What else people should know: dead, too many groups, still learning.
    pub remarks: Vec<Arc<str>>,
    /// How many values of its metrics came after their minute was judged, since Weir started.
    pub late_values: u64,
}

/// A group of a monitor as it is now.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupStatus {
    /// The group.
    pub group: Tags,
    /// Its state.
    pub state: AlertState,
    /// Since when.
    pub since: UnixMicros,
    /// The state that it will have when it stays as it is, and since when.
    pub pending: Option<(AlertState, UnixMicros)>,
    /// The last numbers.
    pub judgement: Judgement,
    /// Whether too little is known yet for a full judgement.
    pub is_learning: bool,
    /// The alert, when it is not well.
    pub alert_id: Option<Arc<str>>,
    /// What was said last.
    pub message: Arc<str>,
    /// Traces that show it.
    pub exemplars: Vec<TraceId>,
}

/// One value that was, or would have been, judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct JudgedPoint {
    /// The end of its window.
    pub at: UnixMicros,
    /// The numbers.
    pub judgement: Judgement,
    /// The state at that time.
    pub state: AlertState,
}

/// What a monitor saw of one group.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgedSeries {
    /// The group.
    pub group: Tags,
    /// The points, in order.
    pub points: Vec<JudgedPoint>,
}

/// What a definition would have done.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Preview {
    /// What the condition means, as several lines for people.
    pub explanation: Arc<str>,
    /// The unit of values.
    pub unit: Option<Unit>,
    /// The groups that changed most or were worst, at most as many as a chart can show.
    pub series: Vec<JudgedSeries>,
    /// How many groups there are in all.
    pub groups: u64,
    /// What would have been said, in order.
    pub transitions: Vec<Transition>,
    /// Alerts in a week.
    pub alerts_per_week: f64,
    /// Alerts that lasted under ten minutes.
    pub flaps: u64,
    /// The share of the time in which some group was not well.
    pub firing_share: f64,
    /// What is wrong with it: never fires, always fires, matches nothing.
    pub verdicts: Vec<Arc<str>>,
    /// A threshold that would have made one alert a week, where one can be found.
    pub suggested_threshold: Option<f64>,
}

/// Whether what was judged comes out again from what is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// How many minutes were compared.
    pub compared: u64,
    /// How many minutes were judged by another definition, and are not compared.
    pub of_other_definitions: u64,
    /// What came of it.
    pub outcome: VerificationOutcome,
}

/// What a comparison with what is stored came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VerificationOutcome {
    /// Everything came out again.
    Same,
    /// Something did not.
    Differs {
        /// The first minute of which it did not.
        first: UnixMicros,
        /// How many minutes differ.
        minutes: u64,
        /// What differs there.
        what: Arc<str>,
        /// What that can come from.
        why: Arc<str>,
    },
    /// There is nothing to compare, and why.
    Nothing(Arc<str>),
}

/// Why a monitor could not be shown or changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MonitorsError {
    /// There is no such monitor.
    #[error("there is no monitor {0:?}; GET /api/monitors lists all")]
    NotFound(String),
    /// The definition is wrong; the text says where and how.
    #[error("{0}")]
    Invalid(String),
    /// The store could not be asked.
    #[error("{0}")]
    Store(String),
}

/// Shows and changes monitors. Every call may block on the store: run it off the async threads.
pub trait Monitors: Send + Sync {
    /// All monitors, in the order of their definitions.
    fn list(&self) -> Vec<MonitorStatus>;

    /// The groups of one monitor: those that are not well first.
    fn groups(&self, name: &str) -> Result<Vec<GroupStatus>, MonitorsError>;

    /// What a monitor saw in a range: of one group, or of the worst ones.
    fn series(
        &self,
        name: &str,
        group: Option<&Tags>,
        range: TimeRange,
    ) -> Result<Vec<JudgedSeries>, MonitorsError>;

    /// What an entry (as JSON, with the keys of `[[monitors]]`) would have done in a range. An entry with the name of a
    /// monitor and no condition changes that one, as in a file.
    fn preview(&self, entry: &serde_json::Value, range: TimeRange) -> Result<Preview, MonitorsError>;

    /// Judges anew what a monitor has judged in a range, and compares. Nothing is changed.
    fn verify(&self, name: &str, range: TimeRange) -> Result<Verification, MonitorsError>;

    /// Saves an entry over what files say, from now on. Returns what it became.
    fn save(&self, entry: &serde_json::Value) -> Result<MonitorStatus, MonitorsError>;

    /// Forgets what was saved: the monitor is again as files say, or is no more.
    fn forget(&self, name: &str) -> Result<(), MonitorsError>;

    /// What the gateway is told to do by monitors now, and what was done before, the newest first.
    fn actions(&self) -> Vec<crate::ActionRecord>;
}
