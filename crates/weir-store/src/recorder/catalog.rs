//! Which metrics there are and which tags they have, in memory and in the table `metric_tags`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use duckdb::Connection;
use weir_types::{CellDelta, TagKey};

use crate::recorder::batch::MetricTag;

/// Every metric that was ever seen, with its tags.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    seen: RwLock<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    is_loaded: bool,
    tags: BTreeMap<Arc<str>, BTreeSet<TagKey>>,
}

impl Catalog {
    /// Reads the table, unless that has been done.
    pub(crate) fn load(&self, connection: &Connection) -> duckdb::Result<()> {
        if self.is_loaded() {
            return Ok(());
        }
        let mut statement = connection.prepare("SELECT metric, tag FROM metric_tags")?;
        let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
        let pairs: Vec<MetricTag> = rows
            .map(|row| row.map(|(metric, tag)| (Arc::from(metric), Arc::from(tag))))
            .collect::<duckdb::Result<_>>()?;
        self.add(pairs);
        self.write().is_loaded = true;
        Ok(())
    }

    pub(crate) fn is_loaded(&self) -> bool {
        self.read().is_loaded
    }

    /// The metrics and tags of these cells that were not seen before.
    pub(crate) fn unknown(&self, cells: &[CellDelta]) -> Vec<MetricTag> {
        let seen = self.read();
        let mut unknown = BTreeSet::new();
        for CellDelta { key, .. } in cells {
            let known = seen.tags.get(&key.metric);
            if known.is_none() {
                unknown.insert((Arc::clone(&key.metric), Arc::from("")));
            }
            for (tag, _) in key.tags.iter() {
                if known.is_none_or(|known| !known.contains(tag)) {
                    unknown.insert((Arc::clone(&key.metric), Arc::from(tag.as_str())));
                }
            }
        }
        unknown.into_iter().collect()
    }

    pub(crate) fn add(&self, new: Vec<MetricTag>) {
        if new.is_empty() {
            return;
        }
        let mut seen = self.write();
        for (metric, tag) in new {
            let tags = seen.tags.entry(metric).or_default();
            if !tag.is_empty() {
                tags.insert(TagKey::new(&tag));
            }
        }
    }

    /// The names of all metrics, sorted.
    pub(crate) fn metrics(&self) -> Vec<Arc<str>> {
        self.read().tags.keys().cloned().collect()
    }

    /// The tags of a metric that is not derived; `None` when it was never seen.
    pub(crate) fn tags(&self, metric: &str) -> Option<Vec<TagKey>> {
        self.read().tags.get(metric).map(|tags| tags.iter().cloned().collect())
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Seen> {
        self.seen.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Seen> {
        self.seen.write().unwrap_or_else(PoisonError::into_inner)
    }
}
