//! Answers that gateways of a fleet share through a real Redis.

use std::sync::Arc;

use weir_control::cache::{CacheBackend, CacheConfig};
use weir_control::redis::Redis;
use weir_types::{CacheAdmin as _, CachePurge, VirtualKey};

use crate::support::*;

fn gateway(provider: &Provider, redis: &Arc<Redis>) -> Weir {
    let mut builder = WeirBuilder::new(vec![provider_config("openai", provider.url("/v1"))]).with(|config| {
        config.cache = Some(CacheConfig { backend: CacheBackend::Redis, ..CacheConfig::default() });
    });
    builder.redis = Some(Arc::clone(redis));
    let key = |team: &str| VirtualKey { team: Some(team.into()), ..VirtualKey::default() };
    builder.key("wk-a", key("a")).key("wk-b", key("b")).start()
}

/// What `weir-cache` says to a call of a team.
async fn call(weir: &Weir, key: &str, more: &str) -> (String, Response) {
    let headers = [("authorization", format!("Bearer {key}"))];
    let headers = [(headers[0].0, headers[0].1.as_str())];
    let response = weir.post("/v1/chat/completions", &headers, chat(more)).await;
    (response.header("weir-cache").unwrap_or("none").to_owned(), response)
}

#[tokio::test]
async fn what_one_gateway_was_answered_another_gives_again_to_the_same_team() {
    let server = RedisServer::start().unwrap();
    let provider = Provider::answering(200, ANSWER).await;
    let (one, other) = (
        gateway(&provider, &redis::connection(&server).await),
        gateway(&provider, &redis::connection(&server).await),
    );
    assert_eq!(call(&one, "wk-a", "").await.0, "miss");
    redis::holds(&server, 1).await;
    one.turn_clock_ms(5_000);
    let (said, response) = call(&other, "wk-a", "").await;
    assert_eq!((&*said, response.text(), response.header("age")), ("exact", ANSWER, Some("0")));
    assert_eq!(call(&one, "wk-a", "").await.1.header("age"), Some("5"));
    assert_eq!(call(&other, "wk-b", "").await.0, "miss");
    assert_eq!(provider.seen().len(), 2);
    let (paid, given) = (one.calls(1).await, other.calls(1).await);
    assert_eq!((given[0].saved, given[0].tokens), (paid[0].cost, paid[0].tokens));
    assert_eq!((&given[0].output, &given[0].finish_reason), (&paid[0].output, &paid[0].finish_reason));
}

#[tokio::test]
async fn streams_are_shared_as_streams() {
    let server = RedisServer::start().unwrap();
    let pieces: Vec<&str> = EVENTS.iter().copied().chain([USAGE_EVENT, DONE]).collect();
    let provider = Provider::doing(event_stream(&pieces)).await;
    let (one, other) = (
        gateway(&provider, &redis::connection(&server).await),
        gateway(&provider, &redis::connection(&server).await),
    );
    let (_, first) = call(&one, "wk-a", r#","stream":true"#).await;
    redis::holds(&server, 1).await;
    let (said, second) = call(&other, "wk-a", r#","stream":true"#).await;
    assert_eq!((&*said, second.text()), ("exact", first.text()));
    assert_eq!(second.header("content-type"), first.header("content-type"));
}

#[tokio::test]
async fn a_redis_that_is_away_is_a_miss_and_its_return_is_noticed() {
    let mut server = RedisServer::start().unwrap();
    let provider = Provider::answering(200, ANSWER).await;
    let redis = redis::connection(&server).await;
    let weir = gateway(&provider, &redis);
    server.stop();
    for _ in 0..3 {
        let (said, response) = call(&weir, "wk-a", "").await;
        assert_eq!((&*said, response.status), ("miss", 200));
    }
    assert!(redis.failures() >= 3);
    server.go_on().unwrap();
    // A lost connection is noticed by the first command that uses it.
    redis::connected(&redis).await;
    call(&weir, "wk-a", "").await;
    redis::holds(&server, 1).await;
    assert_eq!(call(&weir, "wk-a", "").await.0, "exact");
}

#[tokio::test]
async fn a_purge_at_one_gateway_is_a_purge_at_all() {
    let server = RedisServer::start().unwrap();
    let provider = Provider::answering(200, ANSWER).await;
    let (one, other) = (
        gateway(&provider, &redis::connection(&server).await),
        gateway(&provider, &redis::connection(&server).await),
    );
    for (purge, entries) in [
        (CachePurge::Team("a".into()), 1),
        (CachePurge::Model("gpt-4*".into()), 2),
        (CachePurge::Model("gpt-5*".into()), 0),
        (CachePurge::All, 2),
    ] {
        call(&one, "wk-a", "").await;
        call(&one, "wk-b", "").await;
        redis::holds(&server, 2).await;
        assert_eq!(other.gateway.cache().unwrap().purge(&purge).await, entries, "{purge:?}");
        redis::holds(&server, 2 - entries).await;
    }
}
