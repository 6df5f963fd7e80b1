//! More questions than the store should answer at once.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::task::JoinSet;

use crate::client::Weir;

/// What may run and wait, as `blocking.rs` has it.
const ADMITTED_MAX: usize = 4 + 64;

#[tokio::test]
async fn questions_over_the_bound_are_refused_at_once_and_the_rest_is_answered() {
    let weir = Arc::new(Weir::start().await);
    let closed = weir.store.barrier.close();
    let mut calls = JoinSet::new();
    for _ in 0..=ADMITTED_MAX {
        let weir = Arc::clone(&weir);
        calls.spawn(async move { weir.get("/api/spans").await });
    }
    // Nothing is answered while the store is held, so the first answer is the one refusal.
    let refused = calls.join_next().await.unwrap().unwrap();
    refused.refused(503, "overloaded");
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert!(weir.store.lists.load(Ordering::Relaxed) <= 4, "no more than four run at once");

    assert_eq!(weir.get("/healthz").await.status, 200, "probes do not wait for the store");
    drop(closed);
    while let Some(reply) = calls.join_next().await {
        assert_eq!(reply.unwrap().status, 200);
    }
}
