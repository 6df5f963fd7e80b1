//! Virtual keys: made once, found by hash, seen by other processes.

use std::sync::Arc;

use weir_store::{KeyStore, hash_key};
use weir_types::{KeyAdmin as _, KeyDirectory as _, KeyError, NewKey, UnixMicros};

use crate::support::{START, TurnedClock, open};

fn new_key(name: &str) -> NewKey {
    NewKey {
        name: Arc::from(name),
        team: Some(Arc::from("payments")),
        models: vec![Arc::from("gpt-*")],
        ..NewKey::default()
    }
}

#[tokio::test]
async fn a_key_is_found_by_its_secret_from_the_moment_it_is_made_and_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let (key, secret) = store.key_admin().create(new_key("ci")).await.unwrap();
    assert!(secret.expose().starts_with("wk-"));
    assert!(secret.expose().starts_with(&*key.prefix));
    assert_eq!(key.created_at, START);
    assert_eq!(store.keys().find(&hash_key(secret.expose())).as_deref(), Some(&key));
    assert_eq!(store.keys().find(&hash_key("wk-other")), None);
    store.close().await.unwrap();
    let store = open(dir.path()).await;
    assert_eq!(store.keys().find(&hash_key(secret.expose())).as_deref(), Some(&key));
}

#[tokio::test]
async fn the_secret_is_not_in_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let (key, secret) = store.key_admin().create(new_key("ci")).await.unwrap();
    store.close().await.unwrap();
    let bytes = std::fs::read(dir.path().join("state.sqlite")).unwrap();
    let contains = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(contains(&key.id));
    assert!(!contains(&secret.expose()[9..]));
}

#[tokio::test]
async fn a_revoked_key_stays_known_with_the_time_it_was_first_revoked() {
    let dir = tempfile::tempdir().unwrap();
    let clock = TurnedClock::at(START);
    let keys = KeyStore::open(dir.path(), Arc::clone(&clock) as _).await.unwrap();
    let (key, secret) = keys.create(new_key("ci")).await.unwrap();
    assert_eq!(keys.revoke(&key.id).await.unwrap().revoked_at, Some(START));
    clock.turn(1);
    assert_eq!(keys.revoke(&key.id).await.unwrap().revoked_at, Some(START));
    assert_eq!(keys.find(&hash_key(secret.expose())).unwrap().revoked_at, Some(START));
    assert_eq!(keys.revoke("key_none").await, Err(KeyError::NotFound("key_none".to_owned())));
}

#[tokio::test]
async fn keys_are_listed_newest_first() {
    let dir = tempfile::tempdir().unwrap();
    let clock = TurnedClock::at(START);
    let keys = KeyStore::open(dir.path(), Arc::clone(&clock) as _).await.unwrap();
    for name in ["first", "second", "third"] {
        keys.create(new_key(name)).await.unwrap();
        clock.turn(1);
    }
    let names: Vec<_> = keys.list().await.unwrap().into_iter().map(|key| key.name.to_string()).collect();
    assert_eq!(names, ["third", "second", "first"]);
}

#[tokio::test]
async fn a_key_that_another_process_makes_is_found_without_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    // Another set of connections is to SQLite what another process is.
    let other = KeyStore::open(dir.path(), TurnedClock::at(START)).await.unwrap();
    let (key, secret) = other.create(new_key("from outside")).await.unwrap();
    let directory = store.keys();
    let hash = hash_key(secret.expose());
    while directory.find(&hash).is_none() {
        tokio::task::yield_now().await;
    }
    other.revoke(&key.id).await.unwrap();
    while directory.find(&hash).is_some_and(|key| key.revoked_at.is_none()) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn keys_that_make_no_sense_are_refused_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let keys = KeyStore::open(dir.path(), TurnedClock::at(START)).await.unwrap();
    let expired = NewKey { expires_at: Some(UnixMicros(1)), ..new_key("late") };
    for (key, reason) in
        [(new_key("  "), "needs a name"), (new_key(&"x".repeat(201)), "201"), (expired, "expired")]
    {
        let Err(KeyError::Invalid(message)) = keys.create(key).await else { panic!("refused: {reason}") };
        assert!(message.contains(reason), "{message}");
    }
    assert_eq!(keys.list().await, Ok(vec![]));
}
