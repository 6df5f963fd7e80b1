//! Identical calls at the same time: one leads and asks the provider, the others follow and wait for its answer.
//!
//! A leader that brings an answer gives it to all who wait. One whose answer may not be kept sends them on their own way,
//! since their answers would be no better. One that fails, or whose client goes away, is followed by one of those who wait;
//! after [`FAILURES_MAX`] failures in a row a follower asks for itself, so that a provider's outage is not waited through
//! call by call.
//!
//! Callers are on different threads, each with its own event loop, so what they share is a map under a lock, held for a
//! look-up, and a `watch` channel for each flight.
//!
//! Invariant: a flight ends whatever becomes of its leader, because [`Lead`] says so when it is dropped.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use super::answer::CachedAnswer;
use super::key::CacheKey;

/// Parts of the map, each with its own lock. A power of two above the number of threads of most machines.
const SHARDS: usize = 32;

/// Leaders that a follower sees fail before it asks for itself. The first may have met a hiccup.
pub const FAILURES_MAX: u32 = 2;

/// How a flight ended.
#[derive(Debug, Clone)]
pub enum Landing {
    /// With an answer for everybody.
    Answered(Arc<CachedAnswer>),
    /// With the answer to another question that means the same.
    Similar(Arc<CachedAnswer>),
    /// With an answer that is its caller's alone.
    Unshared,
    /// Without a good answer.
    Failed,
    /// Its caller went away.
    Abandoned,
}

/// Calls that are under way.
#[derive(Default)]
pub(super) struct Flights {
    shards: [Mutex<HashMap<CacheKey, watch::Receiver<Option<Landing>>>>; SHARDS],
    waiting: AtomicU64,
}

/// Who a caller is in a flight.
pub enum Boarding {
    /// It asks the provider.
    Leads(Lead),
    /// It waits for the one who does.
    Follows(Following),
}

/// The right, and the duty, to bring an answer.
pub struct Lead {
    flights: Arc<Flights>,
    key: CacheKey,
    landing: watch::Sender<Option<Landing>>,
}

/// A wait for somebody else's answer.
pub struct Following {
    flights: Arc<Flights>,
    landing: watch::Receiver<Option<Landing>>,
}

impl Flights {
    /// Joins the flight with this key, or begins it.
    pub(super) fn board(self: &Arc<Self>, key: CacheKey) -> Boarding {
        let mut flights = self.shard(key).lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = flights.get(&key) {
            self.waiting.fetch_add(1, Ordering::Relaxed);
            return Boarding::Follows(Following { flights: Arc::clone(self), landing: flight.clone() });
        }
        let (landing, flight) = watch::channel(None);
        flights.insert(key, flight);
        Boarding::Leads(Lead { flights: Arc::clone(self), key, landing })
    }

    /// How many callers wait now.
    pub(super) fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }

    fn shard(&self, key: CacheKey) -> &Mutex<HashMap<CacheKey, watch::Receiver<Option<Landing>>>> {
        &self.shards[usize::from(key.0[0]) % SHARDS]
    }
}

impl Lead {
    /// Ends the flight.
    pub fn land(self, landing: Landing) {
        self.end(landing);
    }

    fn end(&self, landing: Landing) {
        // Taken from the map first: who comes now finds the answer in the cache or begins anew.
        self.flights.shard(self.key).lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
        self.landing.send_replace(Some(landing));
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        if self.landing.borrow().is_none() {
            self.end(Landing::Abandoned);
        }
    }
}

impl Following {
    /// How the flight ended.
    pub async fn landed(mut self) -> Landing {
        match self.landing.wait_for(Option::is_some).await {
            Ok(landing) => landing.clone().unwrap_or(Landing::Abandoned),
            Err(_) => Landing::Abandoned,
        }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.flights.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: CacheKey = CacheKey([7; 32]);

    fn lead(flights: &Arc<Flights>) -> Lead {
        match flights.board(KEY) {
            Boarding::Leads(lead) => lead,
            Boarding::Follows(_) => panic!("somebody leads already"),
        }
    }

    fn follow(flights: &Arc<Flights>) -> Following {
        match flights.board(KEY) {
            Boarding::Follows(following) => following,
            Boarding::Leads(_) => panic!("nobody leads"),
        }
    }

    #[tokio::test]
    async fn everybody_who_waits_hears_how_the_flight_ended() {
        let flights = Arc::new(Flights::default());
        let leader = lead(&flights);
        let waiting: Vec<_> = (0..3).map(|_| follow(&flights)).collect();
        assert_eq!(flights.waiting(), 3);
        leader.land(Landing::Unshared);
        for following in waiting {
            assert!(matches!(following.landed().await, Landing::Unshared));
        }
        assert_eq!(flights.waiting(), 0);
        assert!(flights.shards.iter().all(|shard| shard.lock().unwrap().is_empty()));
    }

    #[tokio::test]
    async fn a_leader_that_vanishes_is_followed_by_one_who_waits() {
        let flights = Arc::new(Flights::default());
        let leader = lead(&flights);
        let following = follow(&flights);
        drop(leader);
        assert!(matches!(following.landed().await, Landing::Abandoned));
        let _next = lead(&flights);
        let _waits = follow(&flights);
    }
}
