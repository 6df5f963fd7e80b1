//! The cache over HTTP.

use serde_json::json;

use crate::client::Weir;

#[tokio::test]
async fn the_cache_says_how_it_is_doing() {
    let weir = Weir::start().await;
    let report = weir.get("/api/cache").await.json();
    assert_eq!(report["is_enabled"], json!(true));
    assert_eq!((&report["entries"], &report["hits"], &report["misses"]), (&json!(7), &json!(3), &json!(4)));
    assert_eq!(report["saved_usd"], json!(0.0015));
    let semantic = &report["semantic"];
    assert_eq!((&semantic["hits"], &semantic["checks"]), (&json!(2), &json!(400)));
    let scope = &semantic["scopes"][0];
    assert_eq!((&scope["team"], &scope["agent"]), (&json!("payments"), &json!(null)));
    assert_eq!((&scope["threshold"], &scope["false_hit_rate_bound"]), (&json!(0.96), &json!(0.0075)));
}

#[tokio::test]
async fn entries_are_forgotten_by_scope_and_that_is_written_down() {
    let weir = Weir::start().await;
    for (scope, entries, target) in [
        ("team=payments&by=ana", 1, "team:payments"),
        ("model=gpt-*&by=ana", 2, "model:gpt-*"),
        ("all=true&by=ana", 7, "all"),
    ] {
        let purged = weir.call("DELETE", &format!("/api/cache?{scope}")).send().await;
        assert_eq!((purged.status, purged.json()["entries"].clone()), (200, json!(entries)), "{scope}");
        let audit = weir.get("/api/audit").await.json();
        let entry = &audit["entries"][0];
        assert_eq!((&entry["action"], &entry["target"]), (&json!("cache.purge"), &json!(target)));
        assert_eq!((&entry["who"], &entry["before"]["entries"]), (&json!("ana"), &json!(entries)));
    }
}

#[tokio::test]
async fn a_purge_that_does_not_say_what_it_means_forgets_nothing() {
    let weir = Weir::start().await;
    for scope in ["", "?all=false", "?team=a&model=b", "?all=true&team=a"] {
        let refused = weir.call("DELETE", &format!("/api/cache{scope}")).send().await;
        assert!(refused.refused(400, "invalid_parameter").contains("exactly one"), "{scope}");
    }
}
