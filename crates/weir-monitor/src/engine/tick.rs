//! What a tick is given and what it gives.

use std::sync::Arc;

use weir_types::{NoticeKind, Tags, Transition, UnixMicros};

/// Whether Weir was there in the time that a tick judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It was.
    Here,
    /// It was not: the tick is judged later, from what arrived since. Missing values say nothing then, and nothing is told
    /// before the last of such ticks.
    Away,
}

/// Something that people shall hear.
#[derive(Debug, Clone, PartialEq)]
pub struct Telling {
    /// What it is about.
    pub kind: NoticeKind,
    /// The change that is told, or for repeats the last one.
    pub transition: Transition,
    /// Since when the group is not well.
    pub since: UnixMicros,
    /// For repeats how many there were, this one included.
    pub repeat: u32,
}

/// What a tick made of all monitors.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TickReport {
    /// The tick.
    pub at: UnixMicros,
    /// Changes of state, monitor by monitor.
    pub transitions: Vec<Transition>,
    /// What people shall hear of.
    pub tellings: Vec<Telling>,
    /// Of each monitor that was evaluated which time was judged, and the digest. One whose question failed has none.
    pub digests: Vec<(Arc<str>, UnixMicros, Arc<str>)>,
    /// Groups whose kept state changed.
    pub touched: Vec<(Arc<str>, Tags)>,
    /// Groups that are no more.
    pub dropped: Vec<(Arc<str>, Tags)>,
    /// Monitors that could not be evaluated several times in a row, each told once, and why.
    pub failing: Vec<(Arc<str>, Arc<str>)>,
}
