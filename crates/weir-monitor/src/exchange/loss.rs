//! What an exchange loses, as a list for people.

use std::fmt::Write as _;

/// Something of a monitor that the other side has no place for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// The monitor, by its name in Weir; by the other system's when it was not imported.
    pub monitor: String,
    /// What is lost or changed: `renotify_interval 60`.
    pub what: String,
    /// Why.
    pub why: String,
    /// What to do instead; empty when nothing need be done.
    pub instead: String,
}

/// Losses as they are found.
#[derive(Debug, Default)]
pub(super) struct Losses {
    pub(super) list: Vec<Loss>,
    /// The monitor that is at work.
    monitor: String,
}

impl Losses {
    /// Says which monitor the next losses are of.
    pub(super) fn of(&mut self, monitor: &str) {
        monitor.clone_into(&mut self.monitor);
    }

    /// Notes one; the same one of the same monitor is noted once.
    pub(super) fn add(
        &mut self,
        what: impl Into<String>,
        why: impl Into<String>,
        instead: impl Into<String>,
    ) {
        let loss = Loss {
            monitor: self.monitor.clone(),
            what: what.into(),
            why: why.into(),
            instead: instead.into(),
        };
        let of_this = self.list.iter().rev().take_while(|known| known.monitor == loss.monitor);
        if !of_this.into_iter().any(|known| *known == loss) {
            self.list.push(loss);
        }
    }
}

/// The list as it is printed: the monitor, and under it what, why and what to do.
pub fn shown_losses(losses: &[Loss]) -> String {
    let mut text = String::new();
    let mut last = None;
    // Writing to a String cannot fail.
    for loss in losses {
        if last != Some(&loss.monitor) {
            let _ = writeln!(text, "{}", loss.monitor);
            last = Some(&loss.monitor);
        }
        let indented = |text: &str| text.trim_end().replace('\n', "\n      ");
        let _ = writeln!(text, "  - {}: {}", indented(&loss.what), indented(&loss.why));
        if !loss.instead.is_empty() {
            let _ = writeln!(text, "    {}", indented(&loss.instead));
        }
    }
    let count = losses.len();
    let noun = if count == 1 { "thing" } else { "things" };
    let _ = writeln!(text, "{count} {noun} did not come along as they were");
    text
}
