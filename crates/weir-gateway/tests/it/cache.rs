//! Answers that are given again, to whom they may be, and what is never kept.

use weir_control::cache::{CacheConfig, CacheMode, CacheShare};
use weir_gateway::GatewayConfig;
use weir_types::{CacheAdmin as _, CacheStatus, NanoUsd, PolicyAction, VirtualKey};

use crate::support::*;

const CHAT: &str = "/v1/chat/completions";
const STREAMED: &str = r#","stream":true"#;

fn builder(provider: &Provider) -> WeirBuilder {
    WeirBuilder::new(vec![provider_config("openai", provider.url("/v1"))])
        .with(|config| config.cache = Some(CacheConfig::default()))
}

fn cached(provider: &Provider) -> Weir {
    builder(provider).start()
}

fn configure(change: impl FnOnce(&mut CacheConfig)) -> impl FnOnce(&mut GatewayConfig) {
    move |config| change(config.cache.as_mut().unwrap())
}

/// The whole stream as a client gets it.
fn events() -> String {
    [EVENTS.concat().as_str(), DONE].concat()
}

fn stream() -> Vec<Step> {
    let pieces: Vec<&str> = EVENTS.iter().copied().chain([USAGE_EVENT, DONE]).collect();
    event_stream(&pieces)
}

/// What `weir-cache` said about each of some answers.
fn said(responses: &[Response]) -> Vec<&str> {
    responses.iter().map(|response| response.header("weir-cache").unwrap_or("none")).collect()
}

/// Waits until something has come true.
async fn until(what: &str, is_true: impl Fn() -> bool) {
    let polled = async {
        while !is_true() {
            tokio::task::yield_now().await;
        }
    };
    patiently(what, polled).await;
}

/// How many calls wait for an identical one.
fn waiting(weir: &Weir) -> u64 {
    weir.gateway.cache().unwrap().stats().waiting
}

#[tokio::test]
async fn the_same_call_is_answered_again_byte_for_byte_and_costs_nothing() {
    let provider = Provider::answering(200, ANSWER).await;
    let weir = cached(&provider);
    let first = weir.chat(chat("")).await;
    weir.turn_clock_ms(12_345);
    let again = r#"{"messages":[{"content":"Say hello","role":"user"}], "user":"u-7", "model":"gpt-4o"}"#;
    let second = weir.chat(again).await;
    assert_eq!(provider.seen().len(), 1);
    assert_eq!((second.status, second.text()), (200, ANSWER));
    assert_eq!(second.header("content-type"), first.header("content-type"));
    assert_eq!((second.header("age"), second.header("weir-cost-usd")), (Some("12"), Some("0")));
    assert_eq!(said(&[first, second]), ["miss", "exact"]);
    let calls = weir.calls(2).await;
    assert_eq!((calls[0].cache, calls[1].cache), (Some(CacheStatus::Miss), Some(CacheStatus::Exact)));
    assert_eq!((calls[1].cost, calls[1].saved), (Some(NanoUsd::ZERO), calls[0].cost));
    assert_eq!((calls[1].tokens, calls[1].provider.as_deref()), (calls[0].tokens, Some("openai")));
    assert_eq!((calls[1].http_status, &calls[1].output), (Some(200), &calls[0].output));
    assert_eq!((calls[1].user.as_deref(), calls[1].response_id.as_deref()), (Some("u-7"), None));
    let stats = weir.gateway.cache().unwrap().stats();
    assert_eq!((stats.entries, stats.hits, stats.misses, stats.saved), (1, 1, 1, calls[0].cost.unwrap()));
}

#[tokio::test]
async fn a_streamed_answer_is_replayed_as_the_same_stream() {
    let provider = Provider::doing(stream()).await;
    let weir = cached(&provider);
    let responses = [weir.chat(chat(STREAMED)).await, weir.chat(chat(STREAMED)).await];
    for response in &responses {
        assert_eq!(response.text(), events());
        assert_eq!(response.header("content-type"), Some("text/event-stream; charset=utf-8"));
        assert_eq!((response.header("transfer-encoding"), response.is_cut), (Some("chunked"), false));
    }
    assert_eq!(said(&responses), ["miss", "exact"]);
    assert_eq!(provider.seen().len(), 1);
    let calls = weir.calls(2).await;
    assert!(calls[1].stream && calls[1].ttft_us.is_some());
    assert_eq!((calls[1].tokens.total(), calls[1].saved), (Some(15), calls[0].cost));
    // A client that asks for usage gets another stream.
    let asks = chat(r#","stream":true,"stream_options":{"include_usage":true}"#);
    let responses = [weir.chat(&asks).await, weir.chat(&asks).await];
    assert_eq!(said(&responses), ["miss", "exact"]);
    assert!(responses.iter().all(|response| response.text().contains("prompt_tokens")));
    // And one that wants no stream must not be answered with one.
    assert_eq!(said(&[weir.chat(chat("")).await]), ["miss"]);
}

#[tokio::test]
async fn no_team_sees_what_another_was_answered() {
    let provider = Provider::answering(200, ANSWER).await;
    let key = |id: &str, team: Option<&str>| VirtualKey {
        id: id.into(),
        team: team.map(Into::into),
        ..VirtualKey::default()
    };
    let weir = builder(&provider)
        .key("wk-a1", key("a1", Some("a")))
        .key("wk-a2", key("a2", Some("a")))
        .key("wk-b", key("b", Some("b")))
        .key("wk-lone", key("lone", None))
        .start();
    let call = async |authorization: &str, team: &str| {
        let headers = [("authorization", authorization), ("weir-team", team)];
        let response = weir.post(CHAT, &headers, chat("")).await;
        response.header("weir-cache").unwrap().to_owned()
    };
    assert_eq!(call("Bearer wk-a1", "b").await, "miss");
    assert_eq!(call("Bearer wk-a2", "").await, "exact");
    assert_eq!(call("Bearer wk-b", "a").await, "miss", "a header moves nobody to another team");
    assert_eq!(call("Bearer wk-lone", "a").await, "miss");
    // Keys of the provider, which nobody but the provider has checked.
    assert_eq!(call("Bearer sk-one", "a").await, "miss");
    assert_eq!(call("Bearer sk-two", "a").await, "miss");
    assert_eq!(call("Bearer sk-two", "a").await, "exact");
    assert_eq!(call("Bearer sk-two", "b").await, "miss");
}

#[tokio::test]
async fn callers_share_across_teams_only_when_told_and_when_somebody_vouches_for_them() {
    let provider = Provider::answering(200, ANSWER).await;
    let key = |team: &str| VirtualKey { team: Some(team.into()), ..VirtualKey::default() };
    let weir = builder(&provider)
        .with(configure(|cache| cache.share = CacheShare::All))
        .key("wk-a", key("a"))
        .key("wk-b", key("b"))
        .start();
    let mut responses = Vec::new();
    for key in ["wk-a", "wk-b", "sk-unchecked"] {
        let authorization = format!("Bearer {key}");
        responses.push(weir.post(CHAT, &[("authorization", &authorization)], chat("")).await);
    }
    assert_eq!(said(&responses), ["miss", "exact", "miss"]);
}

#[tokio::test]
async fn what_went_wrong_is_never_kept() {
    let cut = {
        let mut steps = event_stream(&EVENTS[..3]);
        *steps.last_mut().unwrap() = Step::Close;
        steps
    };
    let whole = |status, body: &str| vec![json_answer(status, &[], body)];
    let bad: Vec<(&str, Vec<Step>)> = vec![
        ("", whole(400, r#"{"error":{"message":"no"}}"#)),
        ("", whole(200, "<html>a proxy's page</html>")),
        ("", whole(200, r#"{"error":{"message":"overloaded"}}"#)),
        ("", whole(200, &ANSWER.replace("\"stop\"", "\"length\""))),
        ("", whole(200, &ANSWER.replace("\"stop\"", "\"content_filter\""))),
        ("", whole(200, &ANSWER.replace("\"stop\"", "null"))),
        (STREAMED, cut),
        (STREAMED, event_stream(&EVENTS[..3])),
        (STREAMED, event_stream(&[&EVENTS.concat().replace("\"stop\"", "\"length\""), DONE])),
        // More than the end: a client that gets it again must get all of it.
        (STREAMED, event_stream(&[&events(), ": and then some\n\n"])),
    ];
    for (more, steps) in bad {
        let what = format!("{steps:?}");
        let provider = Provider::doing(steps).await;
        let weir = cached(&provider);
        let responses = [weir.chat(chat(more)).await, weir.chat(chat(more)).await];
        assert_eq!(said(&responses), ["miss", "miss"], "{what}");
        assert_eq!(provider.seen().len(), 2, "{what}");
    }
}

#[tokio::test]
async fn answers_over_the_limit_pass_and_are_not_kept() {
    for (more, steps) in [("", vec![json_answer(200, &[], ANSWER)]), (STREAMED, stream())] {
        let provider = Provider::doing(steps).await;
        let weir = builder(&provider).with(configure(|cache| cache.entry_bytes_max = 100)).start();
        assert_eq!(said(&[weir.chat(chat(more)).await, weir.chat(chat(more)).await]), ["miss", "miss"]);
    }
}

#[tokio::test]
async fn an_answer_of_a_fallback_is_not_kept_for_when_the_provider_is_back() {
    let (first, second) = (Provider::answering(503, "{}").await, Provider::answering(200, ANSWER).await);
    let providers =
        vec![provider_config("first", first.url("/v1")), provider_config("second", second.url("/v1"))];
    let weir = WeirBuilder::new(providers)
        .route("*", &["first", "second"])
        .with(|config| {
            config.cache = Some(CacheConfig::default());
            config.retry.retries_max = 0;
        })
        .start();
    let responses = [weir.chat(chat("")).await, weir.chat(chat("")).await];
    assert_eq!(responses.each_ref().map(|response| response.status), [200, 200]);
    assert_eq!(said(&responses), ["miss", "miss"]);
}

#[tokio::test]
async fn an_answer_of_another_model_is_not_kept_as_that_of_the_one_asked_for() {
    let provider = Provider::scripted(|_, seen| {
        let is_mini = seen.text().contains("gpt-4o-mini");
        vec![json_answer(if is_mini { 200 } else { 503 }, &[], ANSWER)]
    })
    .await;
    let weir = builder(&provider)
        .route("*", &["openai", "openai/gpt-4o-mini"])
        .with(|config| config.retry.retries_max = 0)
        .start();
    let responses = [weir.chat(chat("")).await, weir.chat(chat("")).await];
    assert_eq!(responses.each_ref().map(|response| response.status), [200, 200]);
    assert_eq!(said(&responses), ["miss", "miss"]);
}

#[tokio::test]
async fn a_thousand_identical_calls_at_once_cost_one() {
    const CALLS: u64 = 1_000;
    for (more, mut steps, expected) in
        [("", vec![json_answer(200, &[], ANSWER)], ANSWER.to_owned()), (STREAMED, stream(), events())]
    {
        steps.insert(0, Step::Wait);
        let provider = Provider::doing(steps).await;
        let mut builder = builder(&provider);
        builder.front.worker_threads = 2;
        let weir = builder.start();
        let mut clients = Vec::new();
        for _ in 0..CALLS {
            let mut client = weir.client().await;
            client.post(CHAT, &[], chat(more)).await;
            clients.push(client);
        }
        until("those who wait", || waiting(&weir) == CALLS - 1).await;
        provider.go_on();
        for client in &mut clients {
            let response = client.response().await;
            assert_eq!((response.status, response.text()), (200, expected.as_str()));
        }
        assert_eq!(provider.seen().len(), 1);
        let calls = weir.calls(usize::try_from(CALLS).unwrap()).await;
        let costs: NanoUsd = NanoUsd(calls.iter().map(|call| call.cost.unwrap().0).sum());
        let paid: Vec<_> = calls.iter().filter(|call| call.cost != Some(NanoUsd::ZERO)).collect();
        assert_eq!((paid.len(), paid[0].cost, paid[0].cache), (1, Some(costs), Some(CacheStatus::Miss)));
        let waited = calls.iter().filter(|call| call.cache == Some(CacheStatus::Coalesced)).count();
        assert_eq!(waited as u64, CALLS - 1);
    }
}

#[tokio::test]
async fn when_the_call_that_others_wait_for_fails_one_of_them_takes_over() {
    let provider = Provider::scripted(|index, _| match index {
        0 => vec![Step::Wait, json_answer(400, &[], r#"{"error":{"message":"no"}}"#)],
        _ => vec![json_answer(200, &[], ANSWER)],
    })
    .await;
    let weir = cached(&provider);
    let (mut first, mut others) = (weir.client().await, Vec::new());
    first.post(CHAT, &[], chat("")).await;
    until("the first call", || !provider.seen().is_empty()).await;
    for _ in 0..5 {
        let mut client = weir.client().await;
        client.post(CHAT, &[], chat("")).await;
        others.push(client);
    }
    until("those who wait", || waiting(&weir) == 5).await;
    provider.go_on();
    assert_eq!(first.response().await.status, 400);
    for client in &mut others {
        assert_eq!(client.response().await.status, 200);
    }
    assert_eq!(provider.seen().len(), 2);
}

#[tokio::test]
async fn when_the_client_that_others_wait_for_goes_away_one_of_them_takes_over() {
    let provider = Provider::scripted(|index, _| match index {
        0 => vec![Step::Hang],
        _ => stream(),
    })
    .await;
    let weir = cached(&provider);
    let (mut first, mut second) = (weir.client().await, weir.client().await);
    first.post(CHAT, &[], chat(STREAMED)).await;
    until("the first call", || !provider.seen().is_empty()).await;
    second.post(CHAT, &[], chat(STREAMED)).await;
    until("the one who waits", || waiting(&weir) == 1).await;
    drop(first);
    let response = second.response().await;
    assert_eq!((response.status, response.text()), (200, events().as_str()));
    assert_eq!(provider.seen().len(), 2);
}

#[tokio::test]
async fn an_outage_is_not_waited_through_call_by_call() {
    let provider = Provider::doing(vec![Step::Wait, json_answer(400, &[], "{}")]).await;
    let weir = cached(&provider);
    let mut clients = Vec::new();
    for _ in 0..5 {
        let mut client = weir.client().await;
        client.post(CHAT, &[], chat("")).await;
        clients.push(client);
    }
    until("those who wait", || waiting(&weir) == 4).await;
    for seen in [1, 2, 5] {
        until("requests", || provider.seen().len() == seen).await;
        provider.go_on();
    }
}

#[tokio::test]
async fn clients_say_what_they_want_of_the_cache() {
    let provider = Provider::answering(200, ANSWER).await;
    let weir = cached(&provider);
    let call = async |cache_control: &str| {
        let response = weir.post(CHAT, &[("cache-control", cache_control)], chat("")).await;
        response.header("weir-cache").unwrap().to_owned()
    };
    assert_eq!(call("no-store").await, "bypass");
    assert_eq!(call("max-age=60").await, "miss");
    assert_eq!(call("no-store").await, "bypass");
    weir.turn_clock_ms(30_000);
    assert_eq!(call("max-age=31").await, "exact");
    assert_eq!(call("max-age=30").await, "miss");
    assert_eq!(call("max-age=30").await, "exact");
    weir.turn_clock_ms(40_000);
    assert_eq!(call("no-cache").await, "bypass");
    assert_eq!(call("max-age=1").await, "exact", "what was fetched anew is kept");
    let calls = weir.calls(8).await;
    assert_eq!(calls[0].cache, Some(CacheStatus::Bypass));
}

#[tokio::test]
async fn an_entry_lives_for_its_time_and_no_longer() {
    let provider = Provider::answering(200, ANSWER).await;
    let weir = cached(&provider);
    assert_eq!(said(&[weir.chat(chat("")).await]), ["miss"]);
    weir.turn_clock_ms(3_599_000);
    assert_eq!(said(&[weir.chat(chat("")).await]), ["exact"]);
    weir.turn_clock_ms(1_000);
    assert_eq!(said(&[weir.chat(chat("")).await]), ["miss"]);
}

#[tokio::test]
async fn calls_that_ask_for_variety_or_hold_results_go_to_their_provider() {
    let provider = Provider::answering(200, ANSWER).await;
    let weir = cached(&provider);
    let with_result = r#"{"model":"gpt-4o","messages":[{"role":"tool","content":"3"}]}"#.to_owned();
    for body in [chat(r#","temperature":1.3"#), chat(r#","n":2"#), with_result] {
        let responses = [weir.chat(&body).await, weir.chat(&body).await];
        assert_eq!(said(&responses), ["bypass", "bypass"], "{body}");
    }
    let usual = chat(r#","temperature":1"#);
    assert_eq!(said(&[weir.chat(&usual).await, weir.chat(&usual).await]), ["miss", "exact"]);
    let counting = r#"{"model":"claude-x","messages":[]}"#;
    let response = weir.post("/openai/v1/messages/count_tokens", &[], counting).await;
    assert_eq!(said(&[response]), ["none"]);
}

#[tokio::test]
async fn a_cache_that_observes_changes_nothing_and_says_what_it_would_have_done() {
    let provider = Provider::answering(200, ANSWER).await;
    let weir = builder(&provider).with(configure(|cache| cache.mode = CacheMode::Observe)).start();
    let responses = [weir.chat(chat("")).await, weir.chat(chat("")).await];
    assert_eq!(said(&responses), ["none", "none"]);
    assert_eq!(provider.seen().len(), 2);
    let calls = weir.calls(2).await;
    assert_eq!((calls[1].cache, calls[1].saved, calls[1].cost), (None, None, calls[0].cost));
    let decision = &calls[1].policy[0];
    assert_eq!((&*decision.policy, &*decision.action), ("cache", "would_answer"));
    assert_eq!(decision.detail.as_deref(), Some("exact, 0 s old, $0.000075 saved"));
    assert_eq!(weir.gateway.cache().unwrap().stats().would_hit, 1);
}

#[tokio::test]
async fn where_only_the_cache_may_answer_it_does_and_others_are_refused() {
    let provider = Provider::answering(200, ANSWER).await;
    let weir = cached(&provider);
    weir.chat(chat("")).await;
    weir.set_policies(&[("model", "gpt-4o", PolicyAction::CacheOnly)]);
    assert_eq!(said(&[weir.chat(chat("")).await]), ["exact"]);
    let refused = weir.chat(chat(r#","seed":1"#)).await;
    assert_eq!((refused.status, refused.header("weir-error")), (403, Some("policy_cache_only")));
    assert_eq!(refused.header("weir-policy"), Some("cache_only;monitor=spend"));
    assert_eq!(refused.header("weir-cache"), Some("miss"));
    let bypasses = weir.chat(chat(r#","n":2"#)).await;
    assert_eq!((bypasses.status, bypasses.header("weir-cache")), (403, Some("bypass")));
    assert_eq!(provider.seen().len(), 1);
    let calls = weir.calls(4).await;
    let actions: Vec<_> = calls[1..].iter().map(|call| &*call.policy[0].action).collect();
    assert_eq!(actions, ["allowed", "rejected", "rejected"]);
    weir.set_policies_with(&[("model", "gpt-4o", PolicyAction::CacheOnly)], |policy| {
        policy.is_dry_run = true;
    });
    assert_eq!(weir.chat(chat(r#","seed":1"#)).await.status, 200);
    let calls = weir.calls(5).await;
    assert_eq!(&*calls[4].policy[0].action, "would_reject");
}

#[tokio::test]
async fn without_a_cache_nothing_is_said_of_one() {
    let provider = Provider::answering(200, ANSWER).await;
    let weir = Weir::before(&provider);
    assert_eq!(said(&[weir.chat(chat("")).await, weir.chat(chat("")).await]), ["none", "none"]);
    assert_eq!(weir.calls(2).await[1].cache, None);
}
