//! What monitors have set while the gateway runs.

use weir_types::{NanoUsd, PolicyAction, UnixMicros, VirtualKey};

use crate::support::*;

fn cheaper(model: &str) -> PolicyAction {
    PolicyAction::CheaperModel { model: model.into() }
}

fn throttle(calls_per_minute: u32) -> PolicyAction {
    PolicyAction::Throttle { calls_per_minute }
}

/// What the spans say was decided: policy, action and detail of each decision.
fn decisions(span: &weir_types::Span) -> Vec<String> {
    let text = |text: &std::sync::Arc<str>| text.to_string();
    let line = |decision: &weir_types::PolicyDecision| {
        let detail = decision.detail.as_ref().map(text).unwrap_or_default();
        format!("{} {} {detail}", decision.policy, decision.action)
    };
    span.policy.iter().map(line).collect()
}

#[tokio::test]
async fn a_block_refuses_the_calls_it_is_about_and_no_others() {
    let provider = Provider::answering(200, ANSWER).await;
    let weir = Weir::before(&provider);
    weir.set_policies(&[("team", "payments", PolicyAction::Block)]);
    let refused = weir.post("/v1/chat/completions", &[("weir-team", "payments")], chat("")).await;
    assert_eq!((refused.status, refused.header("weir-error")), (403, Some("policy_block")));
    assert_eq!(refused.header("weir-policy"), Some("block;monitor=spend"));
    assert_eq!(refused.header("retry-after"), Some("60"));
    assert_eq!(refused.json()["error"]["code"], "policy_block");
    assert!(provider.seen().is_empty());
    let other = weir.post("/v1/chat/completions", &[("weir-team", "search")], chat("")).await;
    assert_eq!((other.status, other.header("weir-policy")), (200, None));
    let calls = weir.calls(2).await;
    assert_eq!(decisions(&calls[0]), ["block rejected monitor spend"]);
    assert_eq!(calls[0].error_type.as_deref(), Some("policy_block"));
    assert!(decisions(&calls[1]).is_empty());
}

#[tokio::test]
async fn a_refusal_has_the_shape_of_the_clients_dialect() {
    let provider = Provider::answering(200, ANSWER).await;
    let weir = Weir::before(&provider);
    weir.set_policies(&[("model", "claude-*", PolicyAction::Block)]);
    let body = r#"{"model":"claude-sonnet-4-5","max_tokens":5,"messages":[]}"#;
    let refused = weir.post("/openai/v1/messages", &[], body).await;
    assert_eq!((refused.status, refused.json()["type"].clone()), (403, "error".into()), "{refused:?}");
    assert_eq!(refused.json()["error"]["type"], "permission_error");
}

#[tokio::test]
async fn a_throttle_lets_its_rate_through_and_says_when_to_come_back() {
    let provider = Provider::answering(200, ANSWER).await;
    let weir = Weir::before(&provider);
    weir.set_policies(&[("model", "gpt-4o", throttle(20))]);
    let statuses = [weir.chat(chat("")).await, weir.chat(chat("")).await, weir.chat(chat("")).await];
    assert_eq!(statuses.each_ref().map(|response| response.status), [200, 200, 429]);
    let refused = &statuses[2];
    assert_eq!(refused.header("weir-policy"), Some("throttle;monitor=spend"));
    assert_eq!(refused.header("retry-after"), Some("3"));
    assert_eq!(refused.json()["error"]["type"], "rate_limit_error");
    weir.turn_clock_ms(3_000);
    assert_eq!(weir.chat(chat("")).await.status, 200);
    let calls = weir.calls(4).await;
    assert_eq!(decisions(&calls[0]), ["throttle allowed monitor spend: 20 calls a minute"]);
    assert_eq!(decisions(&calls[2]), ["throttle rejected monitor spend: 20 calls a minute"]);
}

#[tokio::test]
async fn a_cheaper_model_is_asked_with_the_request_otherwise_unchanged() {
    let cheap = ANSWER.replace("gpt-4o-2024-08-06", "gpt-4o-mini-2024-07-18");
    let (dear, cheap) = (Provider::answering(200, ANSWER).await, Provider::answering(200, &cheap).await);
    let providers =
        vec![provider_config("openai", dear.url("/v1")), provider_config("cheap", cheap.url("/v1"))];
    let weir = WeirBuilder::new(providers).route("gpt-4o-mini", &["openai"]).route("*", &["openai"]).start();
    weir.set_policies(&[("model", "gpt-4o", cheaper("gpt-4o-mini"))]);
    let request = chat(r#", "x":  1.50"#);
    let response = weir.chat(&request).await;
    assert_eq!((response.status, response.header("weir-policy")), (200, Some("cheaper_model;monitor=spend")));
    assert_eq!(dear.only().text(), request.replace("gpt-4o", "gpt-4o-mini"));
    assert!(cheap.seen().is_empty());
    let call = weir.call().await;
    assert_eq!(call.model.as_deref(), Some("gpt-4o"));
    assert_eq!(attribute(&call, "routed_model"), "gpt-4o-mini");
    assert_eq!(decisions(&call), ["cheaper_model rerouted monitor spend: gpt-4o-mini"]);
}

#[tokio::test]
async fn a_cheaper_model_is_routed_anew_and_its_saving_counted() {
    let cheap_answer = ANSWER.replace("gpt-4o-2024-08-06", "gpt-4o-mini-2024-07-18");
    let dear = Provider::answering(200, ANSWER).await;
    let cheap = Provider::answering(200, &cheap_answer).await;
    let mut second = provider_config("second", cheap.url("/v1"));
    second.price_name = Some("openai".into());
    let weir = WeirBuilder::new(vec![provider_config("openai", dear.url("/v1")), second])
        .route("gpt-4o-mini", &["second"])
        .start();
    weir.chat(chat("")).await;
    weir.set_policies(&[("model", "gpt-4o", cheaper("gpt-4o-mini"))]);
    weir.chat(chat("")).await;
    assert_eq!((dear.seen().len(), cheap.seen().len()), (1, 1));
    let calls = weir.calls(2).await;
    assert_eq!(calls[1].provider.as_deref(), Some("second"));
    let (full, spent) = (calls[0].cost.unwrap(), calls[1].cost.unwrap());
    assert!(spent < full && spent > NanoUsd::ZERO, "{spent} instead of {full}");
    assert_eq!(calls[1].saved, Some(full - spent));
    assert_eq!(calls[0].saved, None);
}

#[tokio::test]
async fn a_cheaper_model_that_nobody_may_serve_leaves_the_call_as_it_is() {
    let provider = Provider::answering(200, ANSWER).await;
    let providers =
        vec![provider_config("openai", provider.url("/v1")), provider_config("other", provider.url("/v1"))];
    let key = VirtualKey { id: "key_1".into(), providers: vec!["openai".into()], ..VirtualKey::default() };
    let weir = WeirBuilder::new(providers).route("small", &["other"]).key("wk-1", key).start();
    weir.set_policies(&[("key_id", "key_1", cheaper("small"))]);
    let response = weir.post("/v1/chat/completions", &[("x-api-key", "wk-1")], chat("")).await;
    assert_eq!((response.status, response.header("weir-policy")), (200, None));
    assert_eq!(provider.only().text(), chat(""));
    let decided = decisions(&weir.call().await);
    let reason = "no provider that the caller may call serves that model";
    assert_eq!(decided, [format!("cheaper_model unchanged monitor spend: small; {reason}")]);
}

#[tokio::test]
async fn without_a_cache_cache_only_refuses_everything_and_says_so() {
    let provider = Provider::answering(200, ANSWER).await;
    let weir = Weir::before(&provider);
    weir.set_policies(&[("kind", "llm", PolicyAction::CacheOnly)]);
    let refused = weir.chat(chat("")).await;
    assert_eq!((refused.status, refused.header("weir-error")), (403, Some("policy_cache_only")));
    assert!(refused.text().contains("no cache is configured"), "{}", refused.text());
    assert!(provider.seen().is_empty());
}

#[tokio::test]
async fn a_dry_run_only_notes_what_would_have_been_done() {
    let provider = Provider::answering(200, ANSWER).await;
    let weir = Weir::before(&provider);
    let policies =
        [throttle(1), PolicyAction::Block, cheaper("gpt-4o-mini")].map(|action| ("model", "gpt-4o", action));
    weir.set_policies_with(&policies, |policy| policy.is_dry_run = true);
    for _ in 0..2 {
        let response = weir.chat(chat("")).await;
        assert_eq!((response.status, response.header("weir-policy")), (200, None));
    }
    assert_eq!(provider.seen().iter().filter(|seen| seen.text() == chat("")).count(), 2);
    let calls = weir.calls(2).await;
    let expected = [
        "throttle would_reject monitor spend: 1 calls a minute",
        "block would_reject monitor spend",
        "cheaper_model would_reroute monitor spend: gpt-4o-mini",
    ];
    assert_eq!(decisions(&calls[1]), expected);
    assert_eq!(calls[1].saved, None);
}

#[tokio::test]
async fn the_first_policy_that_refuses_ends_the_call_and_those_that_are_over_do_nothing() {
    let provider = Provider::answering(200, ANSWER).await;
    let weir = Weir::before(&provider);
    let policies = [PolicyAction::Block, throttle(0), PolicyAction::CacheOnly];
    weir.set_policies_with(&policies.map(|action| ("model", "*", action)), |policy| {
        if policy.action == PolicyAction::Block {
            policy.until = policy.since;
        }
    });
    let refused = weir.chat(chat("")).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("60")));
    assert_eq!(decisions(&weir.call().await), ["throttle rejected monitor spend: 0 calls a minute"]);
    weir.turn_clock_ms(UnixMicros::MINUTE / 1_000);
    assert_eq!(weir.chat(chat("")).await.status, 200);
}

#[tokio::test]
async fn requests_that_are_passed_through_unread_are_blocked_too_unless_they_only_look() {
    let provider = Provider::answering(200, "{}").await;
    let weir = Weir::before(&provider);
    weir.set_policies(&[("provider", "openai", PolicyAction::Block)]);
    let refused = weir.post("/v1/images/generations", &[], r#"{"prompt":"a weir"}"#).await;
    assert_eq!((refused.status, refused.header("weir-policy")), (403, Some("block;monitor=spend")));
    let mut client = weir.client().await;
    client.get("/v1/files", &[]).await;
    assert_eq!(client.response().await.status, 200);
    assert_eq!(provider.only().line, "GET /v1/files");
}
