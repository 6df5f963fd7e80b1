//! Monitors of other systems: read as entries of Weir's definitions, and written from them.
//!
//! Datadog's JSON and Terraform's plans hold the same monitor in two shapes, so both meet in one reading of a Datadog
//! monitor. Its query is taken as it is, because Weir reads Datadog's queries: what comes back from Weir is the text that
//! came in. Rules of Prometheus are translated in both directions.
//!
//! Systems differ, so something is lost in most exchanges. Nothing is lost silently: every [`Loss`] says what, why and
//! what to do instead, and what becomes of each option is a row of a table (`fate`) from which the reference is made.
//!
//! Invariants: no I/O; no text panics or recurses without bound; every entry that is imported loads, message and all.
//!
//! On failure of the whole file a [`MonitorError`] says what is wrong with it. A single monitor that cannot be read is a
//! loss, and the others are imported.

mod datadog;
mod fate;
mod loss;
mod message;
mod name;
mod prometheus;
mod terraform;
mod toml_text;

pub use fate::reference as exchange_reference;
pub use loss::{Loss, shown_losses};

use crate::condition::{Condition, Judged};
use crate::definition::{Entry, Monitor};
use crate::error::MonitorError;
use loss::Losses;

/// Bytes of a file of monitors; the export of an organisation with thousands of monitors has a few.
const FILE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A system that monitors are exchanged with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    /// Datadog, as its API and its export write monitors: JSON.
    Datadog,
    /// Terraform: reads what `terraform show -json` prints, writes HCL.
    Terraform,
    /// Prometheus: files of alerting rules, YAML.
    Prometheus,
}

/// What was read from a file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Import {
    /// The monitors, in the order of the file.
    pub monitors: Vec<Imported>,
    /// What did not come along.
    pub losses: Vec<Loss>,
}

/// A monitor that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// Its definition.
    pub entry: Entry,
    /// What it was called where it comes from, in one line.
    pub origin: String,
}

impl Import {
    /// The definitions as a file of `[[monitors]]`, each under a comment that says where it comes from.
    pub fn to_toml(&self) -> String {
        toml_text::print(&self.monitors)
    }
}

/// What was written for another system.
#[derive(Debug, Clone, PartialEq)]
pub struct Export {
    /// The file.
    pub text: String,
    /// What did not go along.
    pub losses: Vec<Loss>,
}

/// A condition in Datadog's spelling, printed from its tree and not as it was written; `None` for what Datadog cannot have, and
/// for conditions that are not on metrics. `text` is the condition as written: it has the spelling of tags.
pub fn datadog_spelling(text: &str, condition: &Condition) -> Option<String> {
    let Judged::Metric(rule) = &condition.judged else { return None };
    datadog::printed(text, rule, rule.rules.threshold.0, &mut Losses::default()).ok()
}

/// Reads a file of another system; `file` is its name, for messages.
pub fn import(system: System, file: &str, text: &str) -> Result<Import, MonitorError> {
    let error = |message: String| MonitorError::File { file: file.to_owned(), message };
    if text.len() > FILE_BYTES_MAX {
        return Err(error(format!("it has {} bytes; the most is {FILE_BYTES_MAX}", text.len())));
    }
    let mut losses = Losses::default();
    let monitors = match system {
        System::Datadog => datadog::import(text, &mut losses),
        System::Terraform => terraform::import(text, &mut losses),
        System::Prometheus => prometheus::import(text, &mut losses),
    };
    Ok(Import { monitors: monitors.map_err(error)?, losses: losses.list })
}

/// Writes monitors for another system. Composites name monitors of the list.
pub fn export(system: System, monitors: &[Monitor]) -> Export {
    let mut losses = Losses::default();
    let text = match system {
        System::Datadog => datadog::export(monitors, &mut losses),
        System::Terraform => terraform::export(monitors, &mut losses),
        System::Prometheus => prometheus::export(monitors, &mut losses),
    };
    Export { text, losses: losses.list }
}
