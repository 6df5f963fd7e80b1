//! Documents over HTTP.

use serde_json::json;

use crate::client::Weir;

#[tokio::test]
async fn a_document_is_made_listed_changed_and_deleted() {
    let weir = Weir::start().await;
    let request = json!({"kind": "dashboard", "name": "Cost", "body": {"panels": [{"expr": "x"}]}});
    let made = weir.post("/api/documents", &request).await;
    assert_eq!((made.status, made.header("cache-control")), (201, Some("no-store")));
    let expected = json!({
        "id": "doc_1", "kind": "dashboard", "name": "Cost", "body": {"panels": [{"expr": "x"}]},
        "created_at_ms": 1_700_000_000_000_i64, "updated_at_ms": 1_700_000_000_000_i64, "revision": 1,
    });
    assert_eq!(made.json(), expected);
    assert_eq!(weir.get("/api/documents/doc_1").await.json(), expected);
    for (query, count) in [("", 1), ("?kind=dashboard", 1), ("?kind=view", 0)] {
        let listed = weir.get(&format!("/api/documents{query}")).await.json();
        assert_eq!(listed["documents"].as_array().unwrap().len(), count, "{query}");
    }
    let change = json!({"name": "Spend", "body": null, "revision": 1});
    let changed = weir.call("PUT", "/api/documents/doc_1").json(&change).send().await.json();
    assert_eq!(
        (&changed["name"], &changed["body"], &changed["revision"]),
        (&json!("Spend"), &json!(null), &json!(2))
    );
    assert_eq!(weir.call("DELETE", "/api/documents/doc_1").send().await.status, 204);
    assert!(weir.get("/api/documents/doc_1").await.refused(404, "not_found").contains("doc_1"));
}

#[tokio::test]
async fn two_people_cannot_overwrite_each_other() {
    let weir = Weir::start().await;
    weir.post("/api/documents", &json!({"kind": "view", "name": "mine", "body": {}})).await.json();
    let change = |name: &str| json!({"name": name, "body": {}, "revision": 1});
    weir.call("PUT", "/api/documents/doc_1").json(&change("first")).send().await.json();
    let second = weir.call("PUT", "/api/documents/doc_1").json(&change("second")).send().await;
    let message = second.refused(409, "conflict");
    assert!(message.contains("revision 2") && message.contains("revision 1"), "{message}");
    assert_eq!(weir.get("/api/documents/doc_1").await.json()["name"], "first");
}

#[tokio::test]
async fn what_is_wrong_with_a_document_is_said() {
    let weir = Weir::start().await;
    for (request, part) in [
        (json!({"kind": "page", "name": "x", "body": {}}), "unknown variant `page`"),
        (json!({"kind": "view", "body": {}}), "missing field `name`"),
        (json!({"kind": "view", "name": "", "body": {}}), "0 bytes"),
    ] {
        let message = weir.post("/api/documents", &request).await.refused(400, "invalid_body");
        assert!(message.contains(part), "{request}: {message}");
    }
    let message = weir.get("/api/documents?kind=page").await.refused(400, "invalid_parameter");
    assert!(message.contains("view, panel or dashboard"), "{message}");
    let broken = weir.post("/api/documents", &json!({"kind": "view", "name": "broken", "body": 1})).await;
    assert!(!broken.refused(500, "internal").contains("secret"));
}

#[tokio::test]
async fn documents_are_for_those_who_may_ask() {
    let weir = Weir::start_with_token("t").await;
    weir.get("/api/documents").await.refused(401, "unauthorized");
    weir.get("/api/live").await.refused(401, "unauthorized");
}
