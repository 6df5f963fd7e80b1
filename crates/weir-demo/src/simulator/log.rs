//! What the simulator remembers of calls that carry an `id`: how often they came, and what they said.
//!
//! Tests read it at `GET /sim/requests?id=…` to see what a gateway really sent. Secrets are shown: the simulator is
//! never given a real one.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::request::Parts;
use serde::Serialize;

/// Requests remembered; the oldest go first. A test looks at a handful.
const REQUESTS_MAX: usize = 256;
/// Ids counted; a suite of tests has a few hundred.
const IDS_MAX: usize = 100_000;
/// Bytes of a body that are remembered.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// A request as it arrived.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Seen {
    pub id: String,
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: String,
}

#[derive(Debug, Default)]
pub(crate) struct Log {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    seen: VecDeque<Seen>,
    counts: HashMap<String, u64>,
}

impl Log {
    /// Remembers a request and returns how many of this id came before it.
    pub(crate) fn remember(&self, id: &str, head: &Parts, body: &[u8]) -> u64 {
        let body = &body[..body.len().min(BODY_BYTES_MAX)];
        let headers = head.headers.iter();
        let headers = headers
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
        let seen = Seen {
            id: id.to_owned(),
            method: head.method.to_string(),
            path: head.uri.to_string(),
            headers: headers.collect(),
            body: String::from_utf8_lossy(body).into_owned(),
        };
        let mut inner = self.lock();
        if inner.seen.len() >= REQUESTS_MAX {
            inner.seen.pop_front();
        }
        inner.seen.push_back(seen);
        if inner.counts.len() >= IDS_MAX {
            inner.counts.clear();
        }
        let count = inner.counts.entry(id.to_owned()).or_default();
        *count += 1;
        *count - 1
    }

    /// The remembered requests of an id, or all, oldest first.
    pub(crate) fn requests(&self, id: Option<&str>) -> Vec<Seen> {
        self.lock().seen.iter().filter(|seen| id.is_none_or(|id| seen.id == id)).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing in here panics half-way, so what a poisoned lock guards is whole.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
