//! What the cache as a whole promises.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use weir_dialect::ResponseFacts;

use super::*;

const NOW: UnixMicros = UnixMicros(1_750_000_000_000_000);

fn later(seconds: i64) -> UnixMicros {
    UnixMicros(NOW.0 + seconds * UnixMicros::SECOND)
}

fn key(number: u8) -> CacheKey {
    CacheKey([number; 32])
}

fn answer(team: &str, model: &str, bytes: usize) -> Arc<CachedAnswer> {
    Arc::new(CachedAnswer {
        created_at: NOW,
        content_type: Bytes::from_static(b"application/json"),
        body: Bytes::from(vec![b'x'; bytes]),
        is_stream: false,
        facts: ResponseFacts::default(),
        tokens_estimated: false,
        cost: Some(NanoUsd(7)),
        price_version: None,
        provider: "openai".into(),
        model: model.into(),
        team: Some(team.into()),
    })
}

/// What is found in this process, which nobody waits for.
fn find(cache: &Cache, key: CacheKey, now: UnixMicros, age_max_s: Option<u64>) -> Option<Arc<CachedAnswer>> {
    let place = Place { team: Some("a"), model: "m", key };
    let found = pin!(cache.find(place, now, age_max_s)).poll(&mut Context::from_waker(Waker::noop()));
    match found {
        Poll::Ready(found) => found,
        Poll::Pending => panic!("entries in this process are there at once"),
    }
}

#[test]
fn an_entry_lives_as_long_as_the_configuration_and_the_caller_allow() {
    let cache = Cache::new(CacheConfig { ttl_s: 60, ..CacheConfig::default() });
    cache.keep(key(1), answer("a", "m", 10), None);
    let found = |seconds, age_max_s| find(&cache, key(1), later(seconds), age_max_s).is_some();
    assert!(found(0, None) && found(59, None));
    assert!(!found(60, None));
    assert!(found(9, Some(10)) && !found(10, Some(10)) && !found(0, Some(0)));
    assert!(found(-5, None), "a clock that goes back makes nothing older");
    assert!(find(&cache, key(2), NOW, None).is_none());
}

#[test]
fn what_is_too_large_is_not_kept_and_all_together_stay_within_bounds() {
    let config = CacheConfig { bytes_max: 100_000, entry_bytes_max: 10_000, ..CacheConfig::default() };
    let cache = Cache::new(config);
    cache.keep(key(0), answer("a", "m", 10_001), None);
    assert!(find(&cache, key(0), NOW, None).is_none());
    for number in 1..100 {
        cache.keep(key(number), answer("a", "m", 10_000), None);
    }
    let stats = cache.stats();
    assert!(stats.bytes <= 100_000 && stats.entries > 0, "{stats:?}");
}

#[test]
fn a_purge_takes_what_it_names_and_nothing_else() {
    let fill = || {
        let cache = Cache::new(CacheConfig::default());
        cache.keep(key(1), answer("a", "gpt-4o", 10), None);
        cache.keep(key(2), answer("a", "claude", 10), None);
        cache.keep(key(3), answer("b", "gpt-4o-mini", 10), None);
        cache
    };
    for (purge, left) in [
        (CachePurge::Team("a".into()), vec![3]),
        (CachePurge::Model("gpt-*".into()), vec![2]),
        (CachePurge::All, vec![]),
        (CachePurge::Team("c".into()), vec![1, 2, 3]),
    ] {
        let cache = fill();
        let purged = cache.forget_all(&purge);
        let found: Vec<u8> = (1..=3).filter(|n| find(&cache, key(*n), NOW, None).is_some()).collect();
        assert_eq!(found, left, "{purge:?}");
        assert_eq!(purged, 3 - left.len() as u64);
    }
}

#[test]
fn a_call_that_asks_for_variety_or_holds_results_is_left_alone_unless_allowed() {
    let call = ReadCall { key: key(1), temperature: None, has_tool_results: false, is_stateful: false };
    let usual = Cache::new(CacheConfig::default());
    assert!(usual.admits(&call));
    assert!(usual.admits(&ReadCall { temperature: Some(1.0), ..call }));
    assert!(!usual.admits(&ReadCall { temperature: Some(1.2), ..call }));
    assert!(!usual.admits(&ReadCall { has_tool_results: true, ..call }));
    assert!(!usual.admits(&ReadCall { is_stateful: true, ..call }));
    let config = CacheConfig { temperature_max: 0.2, allow_tool_results: true, ..CacheConfig::default() };
    let other = Cache::new(config);
    assert!(!other.admits(&call), "no temperature means the provider's default");
    assert!(other.admits(&ReadCall { temperature: Some(0.0), has_tool_results: true, ..call }));
}

#[test]
fn models_are_covered_by_patterns() {
    let config = CacheConfig { models: vec!["gpt-*".into()], ..CacheConfig::default() };
    let cache = Cache::new(config);
    assert!(cache.covers("gpt-4o") && !cache.covers("claude-3"));
    assert!(Cache::new(CacheConfig::default()).covers("anything"));
}
