//! Tags: short key-value pairs by which metrics are grouped and filtered.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::metric;

/// The name of a tag in its canonical spelling: aliases such as `model_name` and `agent_id` are resolved on the way in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct TagKey(Arc<str>);

impl TagKey {
    /// The key with this name, aliases resolved.
    pub fn new(name: &str) -> Self {
        Self(Arc::from(metric::canonical_tag(name)))
    }

    /// The canonical name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TagKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl<'de> Deserialize<'de> for TagKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::new(&std::borrow::Cow::<'de, str>::deserialize(deserializer)?))
    }
}

/// A set of tags, sorted by key, each key once. Two sets with the same pairs are equal however they were built.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize)]
#[serde(transparent)]
pub struct Tags(Vec<(TagKey, Arc<str>)>);

impl Tags {
    /// No tags.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Sets a tag; a value that is already there is replaced.
    pub fn set(&mut self, key: TagKey, value: impl Into<Arc<str>>) {
        match self.0.binary_search_by(|(k, _)| k.cmp(&key)) {
            Ok(at) => self.0[at].1 = value.into(),
            Err(at) => self.0.insert(at, (key, value.into())),
        }
    }

    /// The value of a tag, by its canonical name.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.binary_search_by(|(k, _)| k.as_str().cmp(key)).ok().map(|at| &*self.0[at].1)
    }

    /// All pairs in the order of their keys.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&TagKey, &Arc<str>)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// How many tags there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<K: AsRef<str>, V: Into<Arc<str>>> FromIterator<(K, V)> for Tags {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let mut tags = Self::new();
        for (key, value) in pairs {
            tags.set(TagKey::new(key.as_ref()), value);
        }
        tags
    }
}

impl<'de> Deserialize<'de> for Tags {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<(String, String)>::deserialize(deserializer)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_alias_make_no_difference() {
        let a: Tags = [("model_name", "m"), ("agent", "x")].into_iter().collect();
        let b: Tags = [("agent_id", "x"), ("model", "m")].into_iter().collect();
        assert_eq!(a, b);
        assert_eq!(a.get("model"), Some("m"));
        assert_eq!(a.get("team"), None);
    }
}
