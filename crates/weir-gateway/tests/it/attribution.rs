//! Whom a call belongs to, and where it stands in its trace.

use weir_types::VirtualKey;

use crate::support::*;

#[tokio::test]
async fn headers_attribute_the_call_and_stay_with_weir() {
    let provider = Provider::answering(200, ANSWER).await;
    let weir = Weir::before(&provider);
    let headers = [
        ("weir-team", "payments"),
        ("weir-app", "shop"),
        ("weir-agent", "refunds"),
        ("weir-session", "s-1"),
        ("weir-user", "u-1"),
        ("weir-tags", "tier=gold,env=prod"),
        ("helicone-property-feature", "search"),
    ];
    weir.post("/v1/chat/completions", &headers, chat(r#","metadata":{"team":"other"},"user":"other""#)).await;
    let call = weir.call().await;
    let fields = [&call.team, &call.app, &call.agent, &call.session, &call.user, &call.env];
    let fields: Vec<&str> = fields.into_iter().map(|field| field.as_deref().unwrap()).collect();
    assert_eq!(fields, ["payments", "shop", "refunds", "s-1", "u-1", "prod"]);
    assert_eq!(attribute(&call, "tags"), serde_json::json!({"tier": "gold", "feature": "search"}));
    let seen = provider.only();
    assert!(!seen.headers.iter().any(|(name, _)| name.starts_with("weir-")), "{seen:?}");
    assert_eq!(seen.header("helicone-property-feature"), Some("search"));
}

#[tokio::test]
async fn no_header_moves_a_call_to_another_account() {
    let provider = Provider::answering(200, ANSWER).await;
    let key = VirtualKey { id: "key_1".into(), team: Some("payments".into()), ..VirtualKey::default() };
    let weir =
        WeirBuilder::new(vec![provider_config("openai", provider.url("/v1"))]).key("wk-1", key).start();
    let headers = [("x-api-key", "wk-1"), ("weir-team", "other"), ("weir-app", "mine")];
    weir.post("/v1/chat/completions", &headers, chat("")).await;
    let call = weir.call().await;
    assert_eq!((call.team.as_deref(), call.app.as_deref()), (Some("payments"), Some("mine")));
}

#[tokio::test]
async fn the_body_attributes_the_call_and_is_not_changed() {
    let provider = Provider::answering(200, ANSWER).await;
    let weir = Weir::before(&provider);
    let request =
        chat(r#","metadata":{"team":"search","ticket":"T-1","tags":["vip"]},"safety_identifier":"hash""#);
    weir.chat(&request).await;
    let call = weir.call().await;
    assert_eq!((call.team.as_deref(), call.user.as_deref()), (Some("search"), Some("hash")));
    assert_eq!(attribute(&call, "tags"), serde_json::json!({"ticket": "T-1", "vip": "true"}));
    assert_eq!(provider.only().text(), request);
}

#[tokio::test]
async fn a_trace_is_continued_and_passed_on() {
    let provider = Provider::answering(200, ANSWER).await;
    let weir = Weir::before(&provider);
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let headers = [("traceparent", traceparent), ("tracestate", "vendor=1"), ("baggage", "user.id=u%201")];
    weir.post("/v1/chat/completions", &headers, chat("")).await;
    let (call, seen) = (weir.call().await, provider.only());
    assert_eq!(call.trace_id.to_string(), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(call.parent_id.unwrap().to_string(), "b7ad6b7169203331");
    let expected = format!("00-0af7651916cd43dd8448eb211c80319c-{}-01", call.span_id);
    assert_eq!(seen.header("traceparent"), Some(&*expected));
    assert_eq!(seen.header("tracestate"), Some("vendor=1"));
    assert_eq!(call.user.as_deref(), Some("u 1"));
}

#[tokio::test]
async fn a_call_without_a_trace_begins_one() {
    let provider = Provider::answering(200, ANSWER).await;
    let weir = Weir::before(&provider);
    weir.chat(chat("")).await;
    let call = weir.call().await;
    assert_eq!(call.parent_id, None);
    let expected = format!("00-{}-{}-01", call.trace_id, call.span_id);
    assert_eq!(provider.only().header("traceparent"), Some(&*expected));
}
