//! Each kind of provider is spoken to as it wants.

use std::sync::Arc;

use weir_gateway::{ProviderConfig, ProviderKind};

use crate::support::*;

async fn seen_by(kind: ProviderKind, api_version: Option<&str>, path: &str, body: &str) -> Seen {
    let provider = Provider::answering(200, ANSWER).await;
    let mut config = ProviderConfig::new("p", kind, provider.url(""));
    config.api_version = api_version.map(Arc::from);
    let weir = WeirBuilder::new(vec![config]).start();
    assert_eq!(weir.post(path, &[], body).await.status, 200);
    assert_eq!(weir.call().await.model.as_deref(), Some("gpt-4o"));
    provider.only()
}

#[tokio::test]
async fn azure_has_the_model_as_a_deployment_in_the_path() {
    let seen = seen_by(ProviderKind::Azure, Some("2024-10-21"), "/v1/chat/completions", &chat("")).await;
    assert_eq!(seen.line, "POST /openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21");
    assert_eq!(seen.text(), chat(""));
}

#[tokio::test]
async fn azures_own_clients_name_the_model_in_the_path() {
    let path = "/openai/deployments/gpt-4o/chat/completions?api-version=2025-01-01";
    let seen = seen_by(ProviderKind::Azure, None, path, r#"{"messages":[]}"#).await;
    assert_eq!(seen.line, "POST /openai/v1/chat/completions?api-version=2025-01-01");
    assert_eq!(
        seen.text(),
        r#"{"messages":[],"model":"gpt-4o"}"#,
        "the path names no model there, so the body must"
    );
    let seen = seen_by(ProviderKind::Azure, Some("2025-01-01"), path, r#"{"messages":[]}"#).await;
    assert_eq!(seen.line, "POST /openai/deployments/gpt-4o/chat/completions?api-version=2025-01-01");
    assert_eq!(seen.text(), r#"{"messages":[]}"#);
}

#[tokio::test]
async fn databricks_serves_below_serving_endpoints() {
    let seen = seen_by(ProviderKind::Databricks, None, "/v1/chat/completions", &chat("")).await;
    assert_eq!(seen.line, "POST /serving-endpoints/chat/completions");
    let seen =
        seen_by(ProviderKind::Databricks, None, "/serving-endpoints/chat/completions", &chat("")).await;
    assert_eq!(seen.line, "POST /serving-endpoints/chat/completions");
    let seen = seen_by(
        ProviderKind::Databricks,
        None,
        "/serving-endpoints/gpt-4o/invocations",
        r#"{"messages":[]}"#,
    )
    .await;
    assert_eq!(
        (&*seen.line, seen.text()),
        ("POST /serving-endpoints/gpt-4o/invocations", r#"{"messages":[]}"#)
    );
}

#[tokio::test]
async fn a_databricks_invocation_can_be_answered_elsewhere() {
    let seen =
        seen_by(ProviderKind::OpenAi, None, "/serving-endpoints/gpt-4o/invocations", r#"{"messages":[]}"#)
            .await;
    assert_eq!((&*seen.line, seen.text()), ("POST /chat/completions", r#"{"messages":[],"model":"gpt-4o"}"#));
}

#[tokio::test]
async fn anthropic_gets_a_version_when_the_client_names_none() {
    let answer = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5","content":[{"type":"text","text":"Hi"}],"stop_reason":"end_turn","usage":{"input_tokens":10,"cache_read_input_tokens":90,"output_tokens":5}}"#;
    let provider = Provider::answering(200, answer).await;
    let config = ProviderConfig::new("anthropic", ProviderKind::Anthropic, provider.url(""));
    let weir = WeirBuilder::new(vec![config]).start();
    let body = r#"{"model":"claude-sonnet-4-5","max_tokens":9,"system":"Be brief","messages":[{"role":"user","content":"Hi"}]}"#;
    weir.post("/v1/messages", &[("x-api-key", "sk-ant")], body).await;
    weir.post("/v1/messages", &[("anthropic-version", "2099-01-01")], body).await;
    weir.post("/v1/messages/count_tokens", &[], body).await;
    let seen = provider.seen();
    let versions: Vec<_> = seen.iter().map(|seen| seen.header("anthropic-version")).collect();
    assert_eq!(versions, [Some("2023-06-01"), Some("2099-01-01"), Some("2023-06-01")]);
    assert_eq!(seen[0].header("x-api-key"), Some("sk-ant"));
    assert_eq!(seen[2].line, "POST /v1/messages/count_tokens");
    let calls = weir.calls(3).await;
    assert_eq!((calls[0].tokens.input, calls[0].tokens.cache_read), (Some(100), Some(90)));
    assert_eq!(
        calls[0].input.as_ref().unwrap().expose(),
        r#"{"system":"Be brief","messages":[{"role":"user","content":"Hi"}]}"#
    );
    assert_eq!((calls[2].kind.as_str(), calls[2].cost), ("other", None), "counting runs no model");
}
