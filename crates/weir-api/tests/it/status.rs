//! Probes and Weir's own numbers.

use serde_json::json;

use crate::client::Weir;

#[tokio::test]
async fn health_is_200_when_ready_and_503_with_reasons_otherwise() {
    let weir = Weir::start().await;
    let reply = weir.get("/healthz").await;
    assert_eq!((reply.status, reply.json()), (200, json!({"ready": true, "reasons": []})));
    weir.status.not_ready.lock().unwrap().push("the journal is being replayed".to_owned());
    let reply = weir.get("/healthz").await;
    let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(
        (reply.status, body),
        (503, json!({"ready": false, "reasons": ["the journal is being replayed"]}))
    );
    assert_eq!(weir.get("/api/status").await.json()["not_ready"], json!(["the journal is being replayed"]));
}

#[tokio::test]
async fn prometheus_reads_text() {
    let weir = Weir::start().await;
    let reply = weir.get("/metrics").await;
    assert_eq!(reply.status, 200);
    assert!(reply.text().starts_with("weir_up 1\n"), "{}", reply.text());
    assert_eq!(reply.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
}

#[tokio::test]
async fn the_status_says_what_runs_and_what_is_kept() {
    let weir = Weir::start().await;
    insta::assert_json_snapshot!(weir.get("/api/status").await.json());
}
