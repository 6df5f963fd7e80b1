//! What one tick reads for each group of a monitor, whatever the shape of its condition.

use std::sync::Arc;

use weir_types::{Judgement, TagKey, Tags};

/// The values of the tags that a monitor groups by, in the order of its keys.
pub(super) type Group = Vec<Option<Arc<str>>>;

/// What was read for one group.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reading {
    pub(super) group: Group,
    pub(super) outcome: Outcome,
    pub(super) judgement: Judgement,
    pub(super) is_learning: bool,
}

/// What a reading is to a judgement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Outcome {
    /// This is compared with the thresholds.
    Value(f64),
    /// The same for a value that is an estimate.
    Estimate {
        /// The value.
        value: f64,
        /// How far towards the good side the truth may be.
        bound: f64,
    },
    /// Too few samples.
    Insufficient,
    /// No value.
    Missing,
}

/// The readings of a tick.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Readings {
    pub(super) keys: Vec<TagKey>,
    pub(super) groups: Vec<Reading>,
}

/// The tags of a group; a tag that is absent is left out.
pub(super) fn tags_of(keys: &[TagKey], group: &Group) -> Tags {
    let mut tags = Tags::new();
    for (key, value) in keys.iter().zip(group) {
        if let Some(value) = value {
            tags.set(key.clone(), Arc::clone(value));
        }
    }
    tags
}

/// The group that tags are, for these keys.
pub(super) fn group_of(keys: &[TagKey], tags: &Tags) -> Group {
    keys.iter().map(|key| tags.get(key.as_str()).map(Arc::from)).collect()
}
