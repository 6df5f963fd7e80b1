//! Answers to questions that mean the same, from outside and with a real model of sentences.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

use weir_control::cache::semantic::SemanticConfig;
use weir_control::cache::{CacheConfig, CacheMode};
use weir_embed::{Embedder, LocalModel};
use weir_types::{CacheAdmin as _, CachePurge, CacheStatus, NanoUsd, SemanticStats, VirtualKey};

use crate::support::*;

const CHAT: &str = "/v1/chat/completions";

/// One for all tests: a model takes a while to load.
static EMBEDDER: LazyLock<Arc<Embedder>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.cache/embedding-model");
    assert!(folder.exists(), "the model is not there; `make model` fetches it");
    Embedder::start(Box::new(LocalModel::read(&folder).unwrap()), 1).unwrap()
});

/// Answers from a fixed threshold on and checks nothing, with time to spare for slow machines.
fn fixed() -> SemanticConfig {
    SemanticConfig { threshold: Some(0.8), shadow_share: 0.0, ..measured() }
}

/// Measures, and is content with few checks.
fn measured() -> SemanticConfig {
    SemanticConfig {
        false_hits_max: 0.2,
        wait_max: std::time::Duration::from_mins(1),
        ..SemanticConfig::default()
    }
}

/// Checks without a false hit from which on false hits are at most one in five.
const CHECKS: usize = 14;

fn builder(provider: &Provider, semantic: SemanticConfig) -> WeirBuilder {
    let cache = CacheConfig { semantic: Some(semantic), ..CacheConfig::default() };
    let mut builder = WeirBuilder::new(vec![provider_config("openai", provider.url("/v1"))])
        .with(|config| config.cache = Some(cache));
    builder.embedder = Some(Arc::clone(&EMBEDDER));
    builder
}

fn question(text: &str) -> String {
    let text = serde_json::to_string(text).unwrap();
    format!(r#"{{"model":"gpt-4o","messages":[{{"role":"user","content":{text}}}]}}"#)
}

fn stats(weir: &Weir) -> SemanticStats {
    weir.gateway.cache().unwrap().stats().semantic.unwrap()
}

/// Spaces make another call and no other question.
fn spaced(count: usize) -> String {
    question(&format!("How do I{}reset my password?", " ".repeat(1 + count)))
}

/// Waits until something has come true of the semantic cache.
async fn until(weir: &Weir, what: &str, is_true: impl Fn(&SemanticStats) -> bool) {
    let polled = async {
        while !is_true(&stats(weir)) {
            tokio::task::yield_now().await;
        }
    };
    patiently(what, polled).await;
}

/// Asks something new, and waits until it is remembered where the provider answered it; what `weir-cache` said.
async fn ask(weir: &Weir, headers: &[(&str, &str)], body: String) -> String {
    let before = stats(weir).entries;
    let response = weir.post(CHAT, headers, body).await;
    assert_eq!(response.status, 200);
    let said = response.header("weir-cache").unwrap().to_owned();
    if said == "miss" {
        until(weir, "a question that is remembered", |stats| stats.entries > before).await;
    }
    said
}

#[tokio::test]
async fn a_question_in_other_words_is_answered_and_traps_are_not() {
    let provider = Provider::answering(200, ANSWER).await;
    let weir = builder(&provider, fixed()).start();
    assert_eq!(ask(&weir, &[], question("How do I cancel my order 10173?")).await, "miss");
    let body = question("How can I cancel order 10173, please?");
    let again = weir.chat(&body).await;
    assert_eq!((again.text(), again.header("weir-cache")), (ANSWER, Some("semantic")));
    assert_eq!((again.header("weir-cost-usd"), provider.seen().len()), (Some("0"), 1));
    for trap in [
        "How can I cancel order 10137, please?",
        "How can I not cancel order 10173, please?",
        "How can Paul Miller cancel order 10173, please?",
        "How can I cancel order 10173 on Monday, please?",
    ] {
        assert_eq!(ask(&weir, &[], question(trap)).await, "miss", "{trap}");
    }
    let calls = weir.calls(6).await;
    assert_eq!(calls[1].cache, Some(CacheStatus::Semantic));
    assert_eq!((calls[1].cost, calls[1].saved), (Some(NanoUsd::ZERO), calls[0].cost));
    let decision = &calls[1].policy[0];
    assert_eq!((&*decision.policy, &*decision.action, decision.saved), ("cache", "answered", None));
    let detail = decision.detail.as_deref().unwrap();
    assert!(detail.starts_with("semantic, similarity 0.") && detail.contains("threshold 0.800"), "{detail}");
    let stats = stats(&weir);
    assert_eq!((stats.hits, stats.saved), (1, calls[0].cost.unwrap()));
    assert!(stats.guarded >= 3, "most traps are near enough to be stopped by a guard only: {stats:?}");
    assert_eq!((stats.scopes[0].hits, stats.scopes[0].is_fixed), (1, true));
}

#[tokio::test]
async fn neither_another_team_nor_another_system_prompt_is_answered() {
    let provider = Provider::answering(200, ANSWER).await;
    let key = |team: &str| VirtualKey { id: team.into(), team: Some(team.into()), ..VirtualKey::default() };
    let weir = builder(&provider, fixed()).key("wk-a", key("a")).key("wk-b", key("b")).start();
    let (a, b) = ([("authorization", "Bearer wk-a")], [("authorization", "Bearer wk-b")]);
    assert_eq!(ask(&weir, &a, question("How do I reset my password?")).await, "miss");
    assert_eq!(ask(&weir, &a, question("how can i reset my password")).await, "semantic");
    assert_eq!(ask(&weir, &b, question("how can i reset my password")).await, "miss");
    let told = r#"{"model":"gpt-4o","messages":[{"role":"system","content":"Be rude."},{"role":"user","content":"How to reset my password?"}]}"#;
    assert_eq!(ask(&weir, &a, told.to_owned()).await, "miss");
    // What is forgotten is not found.
    weir.gateway.cache().unwrap().purge(&CachePurge::Team("a".into())).await;
    assert_eq!(ask(&weir, &a, question("how do I reset my password")).await, "miss");
    assert_eq!(ask(&weir, &b, question("how do I reset my password")).await, "semantic");
}

#[tokio::test]
async fn a_stream_is_replayed_byte_for_byte() {
    let pieces: Vec<&str> = EVENTS.iter().copied().chain([USAGE_EVENT, DONE]).collect();
    let provider = Provider::doing(event_stream(&pieces)).await;
    let weir = builder(&provider, fixed()).start();
    let streamed = |text: &str| question(text).replace("\"messages\"", "\"stream\":true,\"messages\"");
    let first = weir.chat(streamed("How do I reset my password?")).await;
    until(&weir, "a question that is remembered", |stats| stats.entries == 1).await;
    let second = weir.chat(streamed("how can i reset my password")).await;
    assert_eq!(second.header("weir-cache"), Some("semantic"));
    assert_eq!((second.text(), second.header("content-type")), (first.text(), first.header("content-type")));
    // Who wants no stream is not answered with one.
    assert_eq!(ask(&weir, &[], question("how can i reset my password!")).await, "miss");
}

#[tokio::test]
async fn a_client_that_wants_a_new_answer_gets_one() {
    let provider = Provider::answering(200, ANSWER).await;
    let weir = builder(&provider, fixed()).start();
    assert_eq!(ask(&weir, &[], question("How do I reset my password?")).await, "miss");
    weir.turn_clock_ms(30_000);
    let call = async |directive: &str| {
        let headers = [("cache-control", directive)];
        let response = weir.post(CHAT, &headers, question("how can i reset my password")).await;
        response.header("weir-cache").unwrap().to_owned()
    };
    assert_eq!(call("no-store").await, "bypass");
    assert_eq!(call("max-age=60").await, "semantic");
    assert_eq!(call("max-age=10").await, "miss");
}

#[tokio::test]
async fn a_new_scope_is_observed_until_answers_were_found_to_agree() {
    let provider = Provider::answering(200, ANSWER).await;
    let weir = builder(&provider, SemanticConfig { shadow_share: 0.0, ..measured() }).start();
    for number in 0..=CHECKS {
        assert_eq!(ask(&weir, &[], spaced(number)).await, "miss");
        until(&weir, "a check", |stats| stats.checks == number as u64).await;
    }
    let learned = stats(&weir);
    assert_eq!((learned.would_hit, learned.false_hits, learned.hits), (CHECKS as u64, 0, 0));
    assert!(learned.scopes[0].threshold.unwrap() > 0.98);
    assert_eq!(ask(&weir, &[], spaced(CHECKS + 1)).await, "semantic");
    let calls = weir.calls(2 + CHECKS).await;
    let decision = &calls[1].policy[0];
    assert_eq!((&*decision.action, decision.saved), ("would_answer", calls[0].cost));
    assert!(decision.detail.as_deref().unwrap().contains("threshold none yet"));
}

#[tokio::test]
async fn answers_that_differ_take_the_threshold_away() {
    let changed = Arc::new(AtomicBool::new(false));
    let other = ANSWER.replace("Hello there", "No, never");
    let provider = {
        let changed = Arc::clone(&changed);
        Provider::scripted(move |_, _| {
            let body = if changed.load(Ordering::SeqCst) { &*other } else { ANSWER };
            vec![json_answer(200, &[], body)]
        })
        .await
    };
    // Every hit is checked, so all calls reach the provider.
    let weir = builder(&provider, SemanticConfig { shadow_share: 1.0, ..measured() }).start();
    for number in 0..=CHECKS {
        ask(&weir, &[], spaced(number)).await;
        until(&weir, "a check", |stats| stats.checks == number as u64).await;
    }
    assert!(stats(&weir).scopes[0].threshold.is_some());
    changed.store(true, Ordering::SeqCst);
    assert_eq!(ask(&weir, &[], spaced(CHECKS + 1)).await, "miss");
    until(&weir, "a false hit", |stats| stats.false_hits == 1).await;
    let scope = stats(&weir).scopes[0].clone();
    assert_eq!((scope.threshold, scope.false_hits), (None, 1));
    assert!(scope.false_hit_rate_bound.unwrap() > 0.2);
}

#[tokio::test]
async fn a_cache_that_observes_only_says_what_it_would_have_done() {
    let provider = Provider::answering(200, ANSWER).await;
    let semantic = SemanticConfig { mode: CacheMode::Observe, ..fixed() };
    let weir = builder(&provider, semantic).start();
    assert_eq!(ask(&weir, &[], question("How do I reset my password?")).await, "miss");
    assert_eq!(ask(&weir, &[], question("how can i reset my password")).await, "miss");
    let calls = weir.calls(2).await;
    let decision = &calls[1].policy[0];
    assert_eq!((&*decision.action, decision.saved), ("would_answer", calls[0].cost));
    let stats = stats(&weir);
    assert_eq!((stats.is_enforcing, stats.hits, stats.would_hit), (false, 0, 1));
}
