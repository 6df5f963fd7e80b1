//! Keys: Weir's own, and providers'.

use weir_gateway::{AuthMode, GatewayConfig, ProviderKind};
use weir_types::{Secret, UnixMicros, VirtualKey};

use crate::support::*;

const SECRET: &str = "wk-0123456789";

fn key() -> VirtualKey {
    VirtualKey { id: "key_1".into(), team: Some("payments".into()), ..VirtualKey::default() }
}

fn weir(provider: &Provider, auth: AuthMode, key: VirtualKey) -> Weir {
    let mut config = provider_config("openai", provider.url("/v1"));
    config.api_key = Some(Secret::new("sk-provider"));
    WeirBuilder::new(vec![config])
        .with(|config: &mut GatewayConfig| config.auth = auth)
        .key(SECRET, key)
        .start()
}

#[tokio::test]
async fn a_virtual_key_is_accepted_wherever_sdks_put_keys_and_never_leaves() {
    let provider = Provider::answering(200, ANSWER).await;
    let weir = weir(&provider, AuthMode::Keys, key());
    let bearer = format!("Bearer {SECRET}");
    for (name, value) in [("authorization", &*bearer), ("x-api-key", SECRET), ("api-key", SECRET)] {
        assert_eq!(weir.post("/v1/chat/completions", &[(name, value)], chat("")).await.status, 200, "{name}");
    }
    for seen in provider.seen() {
        assert_eq!(seen.header("authorization"), Some("Bearer sk-provider"));
        assert!(!format!("{seen:?}").contains(SECRET));
    }
    for call in weir.calls(3).await {
        assert_eq!((call.key_id.as_deref(), call.team.as_deref()), (Some("key_1"), Some("payments")));
    }
}

#[tokio::test]
async fn without_a_virtual_key_there_is_no_entry() {
    let provider = Provider::answering(200, ANSWER).await;
    let weir = weir(&provider, AuthMode::Keys, key());
    for (headers, code) in [
        (vec![], "key_missing"),
        (vec![("authorization", "Bearer sk-mine")], "key_missing"),
        (vec![("authorization", "Bearer wk-unknown")], "key_unknown"),
    ] {
        let response = weir.post("/v1/chat/completions", &headers, chat("")).await;
        assert_eq!((response.status, response.header("weir-error")), (401, Some(code)));
        assert_eq!(response.json()["error"]["code"], code);
    }
    let response = weir.post("/v1/messages", &[], "{}").await;
    assert_eq!(response.json()["error"]["type"], "authentication_error");
    assert!(provider.seen().is_empty());
    assert_eq!(weir.calls(4).await.len(), 4);
}

#[tokio::test]
async fn keys_that_have_ended_say_so() {
    let provider = Provider::answering(200, ANSWER).await;
    let ended = UnixMicros(1_750_000_000_000_000);
    for (key, code) in [
        (VirtualKey { revoked_at: Some(UnixMicros(1)), ..key() }, "key_revoked"),
        (VirtualKey { expires_at: Some(ended), ..key() }, "key_expired"),
    ] {
        let weir = weir(&provider, AuthMode::Passthrough, key);
        let response = weir.post("/v1/chat/completions", &[("x-api-key", SECRET)], chat("")).await;
        assert_eq!((response.status, response.header("weir-error")), (401, Some(code)));
        assert_eq!(weir.call().await.key_id.as_deref(), Some("key_1"), "the record names the key");
    }
    assert!(provider.seen().is_empty());
}

#[tokio::test]
async fn a_key_opens_only_its_models_and_providers() {
    let provider = Provider::answering(200, ANSWER).await;
    let limited = VirtualKey { models: vec!["gpt-4o-*".into()], ..key() };
    let weir_models = weir(&provider, AuthMode::Keys, limited);
    let headers = [("x-api-key", SECRET)];
    let response = weir_models.post("/v1/chat/completions", &headers, chat("")).await;
    assert_eq!((response.status, response.header("weir-error")), (403, Some("model_not_allowed")));
    let mini = chat("").replace("gpt-4o", "gpt-4o-mini");
    assert_eq!(weir_models.post("/v1/chat/completions", &headers, mini).await.status, 200);
    let unread = weir_models.post("/openai/audio/speech", &headers, chat("")).await;
    assert_eq!(unread.status, 403, "what is not read could run any model");

    let elsewhere = VirtualKey { providers: vec!["anthropic".into()], ..key() };
    let weir_providers = weir(&provider, AuthMode::Keys, elsewhere);
    let response = weir_providers.post("/v1/chat/completions", &headers, chat("")).await;
    assert_eq!((response.status, response.header("weir-error")), (403, Some("provider_not_allowed")));
    assert_eq!(provider.seen().len(), 1);
}

#[tokio::test]
async fn a_clients_own_key_passes_only_where_no_key_is_configured() {
    let provider = Provider::answering(200, ANSWER).await;
    let headers = [("authorization", "Bearer sk-mine"), ("x-api-key", "mine")];
    Weir::before(&provider).post("/v1/chat/completions", &headers, chat("")).await;
    let configured = weir(&provider, AuthMode::Passthrough, key());
    configured.post("/v1/chat/completions", &headers, chat("")).await;
    let seen = provider.seen();
    assert_eq!(
        (seen[0].header("authorization"), seen[0].header("x-api-key")),
        (Some("Bearer sk-mine"), Some("mine"))
    );
    assert_eq!(
        (seen[1].header("authorization"), seen[1].header("x-api-key")),
        (Some("Bearer sk-provider"), None)
    );
}

#[tokio::test]
async fn a_virtual_key_is_taken_away_where_no_key_is_configured_too() {
    let provider = Provider::answering(200, ANSWER).await;
    let weir =
        WeirBuilder::new(vec![provider_config("ollama", provider.url("/v1"))]).key(SECRET, key()).start();
    let bearer = format!("Bearer {SECRET}");
    assert_eq!(weir.post("/v1/chat/completions", &[("authorization", &bearer)], chat("")).await.status, 200);
    assert_eq!(provider.only().header("authorization"), None);
}

#[tokio::test]
async fn each_kind_of_provider_gets_its_key_its_own_way() {
    let provider = Provider::answering(200, ANSWER).await;
    for (kind, header, value) in [
        (ProviderKind::OpenAi, "authorization", "Bearer sk-p"),
        (ProviderKind::Databricks, "authorization", "Bearer sk-p"),
        (ProviderKind::Azure, "api-key", "sk-p"),
        (ProviderKind::Anthropic, "x-api-key", "sk-p"),
    ] {
        let mut config = provider_config("p", provider.url(""));
        (config.kind, config.api_key) = (kind, Some(Secret::new("sk-p")));
        let weir = WeirBuilder::new(vec![config]).start();
        weir.post("/v1/chat/completions", &[("authorization", "Bearer client")], chat("")).await;
        let seen = provider.seen().pop().unwrap();
        assert_eq!(seen.header(header), Some(value), "{kind:?}");
        assert!(!format!("{seen:?}").contains("Bearer client"));
    }
}
