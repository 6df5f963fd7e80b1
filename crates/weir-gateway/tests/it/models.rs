//! The list of models.

use crate::support::*;

#[tokio::test]
async fn one_providers_list_passes_unchanged() {
    let list = r#"{"object":"list", "data":[{"id":"gpt-4o"}]}"#;
    let provider = Provider::answering(200, list).await;
    let weir = Weir::before(&provider);
    let mut client = weir.client().await;
    client.get("/v1/models", &[]).await;
    assert_eq!(client.response().await.text(), list);
    client.get("/v1/models/gpt-4o", &[]).await;
    client.response().await;
    let lines: Vec<String> = provider.seen().into_iter().map(|seen| seen.line).collect();
    assert_eq!(lines, ["GET /v1/models", "GET /v1/models/gpt-4o"]);
    assert_eq!(&*weir.calls(2).await[0].name, "GET /models");
}

#[tokio::test]
async fn several_lists_become_one_and_say_who_is_missing() {
    let first = Provider::answering(200, r#"{"data":[{"id":"a"}]}"#).await;
    let broken = Provider::answering(500, "{}").await;
    let third = Provider::answering(200, r#"{"data":[{"id":"a"},{"id":"c"}]}"#).await;
    let weir = WeirBuilder::new(vec![
        provider_config("first", first.url("/v1")),
        provider_config("broken", broken.url("/v1")),
        provider_config("third", third.url("/v1")),
    ])
    .start();
    let mut client = weir.client().await;
    client.get("/v1/models", &[]).await;
    let response = client.response().await;
    assert_eq!(response.text(), r#"{"object":"list","data":[{"id":"a"},{"id":"c"}]}"#);
    assert_eq!(response.header("weir-models-missing"), Some("broken"));
}

#[tokio::test]
async fn posting_to_the_list_is_refused() {
    let provider = Provider::answering(200, "{}").await;
    let weir = Weir::before(&provider);
    let response = weir.post("/v1/models", &[], "{}").await;
    assert_eq!((response.status, response.header("weir-error")), (405, Some("method_not_allowed")));
}
