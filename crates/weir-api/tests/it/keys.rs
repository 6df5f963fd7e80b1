//! Virtual keys over HTTP.

use serde_json::json;

use crate::client::Weir;

#[tokio::test]
async fn a_key_is_made_listed_and_revoked_and_its_secret_is_shown_once() {
    let weir = Weir::start().await;
    let request = json!({"name": "ci", "team": "payments", "models": ["gpt-*"], "expires_at": "now+90d"});
    let reply = weir.post("/api/keys", &request).await;
    assert_eq!((reply.status, reply.header("cache-control")), (201, Some("no-store")));
    insta::assert_json_snapshot!(reply.json());

    let listed = weir.get("/api/keys").await;
    assert_eq!(listed.json()["keys"][0]["id"], "key_1");
    assert!(!listed.text().contains("wk-abcdef"), "the secret is not in the list");

    let revoked = weir.call("DELETE", "/api/keys/key_1").send().await.json();
    assert_eq!(revoked["revoked_at_ms"], json!(1_700_000_000_000_i64));
    weir.call("DELETE", "/api/keys/key_1").send().await.json();
}

#[tokio::test]
async fn what_is_wrong_with_a_key_is_said() {
    let weir = Weir::start().await;
    for (request, code, part) in [
        (json!({"name": " "}), "invalid_body", "`name` is empty"),
        (json!({}), "invalid_body", "missing field `name`"),
        (json!({"name": "a", "model": "x"}), "invalid_body", "unknown field `model`"),
        (json!({"name": "a", "models": ["a b"]}), "invalid_body", "no spaces"),
        (json!({"name": "a", "expires_at": "now-1d"}), "invalid_body", "in the past"),
        (json!({"name": "a", "expires_at": "tomorrow"}), "invalid_parameter", "\"tomorrow\""),
    ] {
        let message = weir.post("/api/keys", &request).await.refused(400, code);
        assert!(message.contains(part), "{request}: {message}");
    }
    let missing = weir.call("DELETE", "/api/keys/key_9").send().await;
    assert!(missing.refused(404, "not_found").contains("key_9"));
    let broken = weir.post("/api/keys", &json!({"name": "broken"})).await;
    assert!(!broken.refused(500, "internal").contains("secret"));
}
