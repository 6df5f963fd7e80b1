//! What arrives at each kind of receiver, word for word.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use insta::assert_json_snapshot;
use serde_json::Value;
use weir_notify::{ReceiverEntry, ReceiverKind, RoutingEntry, send_test};
use weir_types::{AlertState, DeliveryState};

use crate::server::{Arrived, Server};
use crate::store::MemoryStore;
use crate::support::{BASE_URL, START, TestClock, at_once, at_url, env, notice, notifier, resolve};

/// An alert and its end, told to one receiver; the two messages.
async fn alert_and_end(server: &Server, entry: ReceiverEntry) -> Vec<Arrived> {
    let (store, clock) = (MemoryStore::default(), TestClock::new());
    let mut notifier = notifier(&store, &clock, &[entry], &at_once());
    store.add(notice("gpt-4o", 1, AlertState::Alert), START);
    notifier.settle().await.unwrap();
    clock.turn(30);
    store.add(notice("gpt-4o", 2, AlertState::Ok), START);
    notifier.settle().await.unwrap();
    let states: Vec<_> = store.log().iter().map(|d| (d.state, d.error.clone())).collect();
    assert_eq!(states, [(DeliveryState::Delivered, None), (DeliveryState::Delivered, None)]);
    for body in store.bodies() {
        assert!(!body.contains("secret-of-"), "a secret is kept: {body}");
    }
    server.take()
}

fn bodies(arrived: &[Arrived]) -> Vec<Value> {
    arrived.iter().map(Arrived::json).collect()
}

#[tokio::test]
async fn a_webhook_gets_everything_and_can_check_who_sent_it() {
    let server = Server::start().await;
    let mut entry = at_url("hook", ReceiverKind::Webhook, server.url("/hook"));
    entry.signing_secrets = vec![env("NEW"), env("OLD")];
    entry.token = Some(env("TOKEN"));
    let arrived = alert_and_end(&server, entry).await;
    assert_json_snapshot!(bodies(&arrived));

    let first = &arrived[0];
    assert_eq!(first.header("authorization"), "Bearer secret-of-TOKEN");
    assert_eq!(first.header("content-type"), "application/json");
    assert_eq!(first.header("webhook-id"), first.json()["data"]["delivery"]);
    assert_eq!(first.header("webhook-timestamp"), "1763112600");
    let signed = format!("{}.1763112600.{}", first.header("webhook-id"), first.text);
    let signatures: Vec<&str> = first.header("webhook-signature").split(' ').collect();
    let expected = ["secret-of-NEW", "secret-of-OLD"].map(|key| format!("v1,{}", hmac_sha256(key, &signed)));
    assert_eq!(signatures, expected);
}

/// HMAC by its definition in RFC 2104, beside the crate that signs.
fn hmac_sha256(key: &str, message: &str) -> String {
    use sha2::{Digest as _, Sha256};
    let mut block = [0u8; 64];
    block[..key.len()].copy_from_slice(key.as_bytes());
    let inner = Sha256::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(message).finalize();
    let outer = Sha256::new().chain_update(block.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize();
    STANDARD.encode(outer)
}

#[tokio::test]
async fn slack_gets_blocks_and_a_text_for_notifications() {
    let server = Server::start().await;
    let arrived =
        alert_and_end(&server, at_url("ops", ReceiverKind::Slack, server.url("/services/T/B/X"))).await;
    assert_json_snapshot!(bodies(&arrived));
}

#[tokio::test]
async fn a_slack_bot_answers_in_the_thread_of_the_alert() {
    let server = Server::start().await;
    let mut entry = at_url("ops", ReceiverKind::Slack, server.url("/api/chat.postMessage"));
    entry.token = Some(env("SLACK"));
    entry.channel = Some("#ops".to_owned());
    server.answer_next([
        (200, "", r#"{"ok":true,"ts":"1763112600.0001"}"#),
        (200, "", r#"{"ok":true,"ts":"2"}"#),
    ]);
    let arrived = alert_and_end(&server, entry).await;
    let bodies = bodies(&arrived);
    assert_eq!(arrived[0].header("authorization"), "Bearer secret-of-SLACK");
    assert_eq!(bodies[0]["channel"], "#ops");
    assert_eq!(bodies[0].get("thread_ts"), None);
    assert_eq!(bodies[1]["thread_ts"], "1763112600.0001");
}

#[tokio::test]
async fn what_slack_says_in_its_body_counts() {
    let server = Server::start().await;
    let mut entry = at_url("ops", ReceiverKind::Slack, server.url("/api/chat.postMessage"));
    entry.token = Some(env("SLACK"));
    entry.channel = Some("#ops".to_owned());
    let (store, clock) = (MemoryStore::default(), TestClock::new());
    let mut notifier = notifier(&store, &clock, &[entry], &at_once());
    server.answer_next([
        (200, "7", r#"{"ok":false,"error":"ratelimited"}"#),
        (200, "", r#"{"ok":false,"error":"channel_not_found"}"#),
    ]);
    store.add(notice("gpt-4o", 1, AlertState::Alert), START);
    notifier.settle().await.unwrap();
    assert_eq!(store.log()[0].state, DeliveryState::Pending);
    clock.turn(8);
    notifier.settle().await.unwrap();
    let after = &store.log()[0];
    assert_eq!((after.state, after.attempts), (DeliveryState::Failed, 2));
    assert!(after.error.as_deref().unwrap().contains("channel_not_found"));
}

#[tokio::test]
async fn pagerduty_gets_one_incident_by_the_alerts_id() {
    let server = Server::start().await;
    let mut entry = at_url("pager", ReceiverKind::Pagerduty, server.url("/v2/enqueue"));
    entry.routing_key = Some(env("PD"));
    let arrived = alert_and_end(&server, entry).await;
    let bodies = bodies(&arrived);
    assert_eq!(bodies[0]["dedup_key"], bodies[1]["dedup_key"]);
    assert_json_snapshot!(bodies);
}

#[tokio::test]
async fn teams_gets_an_adaptive_card() {
    let server = Server::start().await;
    let arrived =
        alert_and_end(&server, at_url("team", ReceiverKind::Teams, server.url("/workflows/x"))).await;
    assert_json_snapshot!(bodies(&arrived));
}

#[tokio::test]
async fn datadog_gets_events_with_the_alert_as_their_key() {
    let server = Server::start().await;
    let mut entry = at_url("dd", ReceiverKind::Datadog, server.url("/api/v1/events"));
    entry.api_key = Some(env("DD"));
    entry.tags = vec!["env:prod".to_owned()];
    let arrived = alert_and_end(&server, entry).await;
    assert_eq!(arrived[0].header("dd-api-key"), "secret-of-DD");
    assert_json_snapshot!(bodies(&arrived));
}

#[tokio::test]
async fn an_alertmanager_hears_again_of_what_fires_until_it_is_over() {
    let server = Server::start().await;
    let (store, clock) = (MemoryStore::default(), TestClock::new());
    let entry = at_url("am", ReceiverKind::Alertmanager, server.url("/prefix"));
    let mut notifier = notifier(&store, &clock, &[entry], &at_once());
    store.add(notice("gpt-4o", 1, AlertState::Alert), START);
    notifier.settle().await.unwrap();
    let mut seen = server.take();
    for _ in 0..3 {
        clock.turn(60);
        notifier.settle().await.unwrap();
        let again = server.take();
        assert_eq!(again.len(), 1, "told again once a minute");
        assert_eq!(again[0].json()[0]["labels"], seen[0].json()[0]["labels"]);
        assert_ne!(again[0].json()[0]["endsAt"], seen.last().unwrap().json()[0]["endsAt"]);
        seen.extend(again);
    }
    store.add(notice("gpt-4o", 2, AlertState::Ok), START);
    notifier.settle().await.unwrap();
    let end = server.take();
    clock.turn(60);
    notifier.settle().await.unwrap();
    assert_eq!(server.take().len(), 0, "it is over");
    assert_eq!(seen[0].path, "/prefix/api/v2/alerts");
    assert_json_snapshot!([bodies(&seen[..1]), bodies(&end)].concat());
    assert_eq!(store.log().len(), 2, "what is told again is no delivery");
}

#[tokio::test]
async fn several_alerts_of_a_group_are_one_message() {
    let server = Server::start().await;
    let (store, clock) = (MemoryStore::default(), TestClock::new());
    let kinds = [ReceiverKind::Webhook, ReceiverKind::Slack, ReceiverKind::Teams];
    let entries = kinds.map(|kind| at_url(kind.as_str(), kind, server.url(&format!("/{}", kind.as_str()))));
    let mut routing: RoutingEntry = at_once();
    for entry in &entries {
        let mut route = crate::support::route("*", &entry.name);
        route.r#continue = true;
        routing.routes.push(route);
    }
    let mut notifier = notifier(&store, &clock, &entries, &routing);
    for number in 0..12 {
        store.add(notice(&format!("model-{number}"), 1, AlertState::Warn), START);
    }
    notifier.settle().await.unwrap();
    let mut arrived = server.take();
    arrived.sort_by(|a, b| a.path.cmp(&b.path));
    let paths: Vec<&str> = arrived.iter().map(|arrived| arrived.path.as_str()).collect();
    assert_eq!(paths, ["/slack", "/teams", "/webhook"]);
    assert_eq!(arrived[0].json()["text"], "[WARN] p95-latency-per-model: 12 firing");
    assert_eq!(arrived[0].json()["blocks"].as_array().unwrap().len(), 1 + 10 + 1);
    assert!(arrived[1].text.len() < 28 * 1024, "Teams takes no more: {}", arrived[1].text.len());
    assert_eq!(arrived[2].json()["data"]["alerts"].as_array().unwrap().len(), 12);
}

#[tokio::test]
async fn a_test_message_goes_to_one_receiver_with_its_end() {
    let server = Server::start().await;
    let mut pager = at_url("pager", ReceiverKind::Pagerduty, server.url("/v2/enqueue"));
    pager.routing_key = Some(env("PD"));
    let settings = resolve(&[pager, receiver_that_is_off()], &RoutingEntry::default(), &[], &[])
        .unwrap_or_else(|f| panic!("{f:?}"));
    send_test(&settings, "pager", BASE_URL, &TestClock::new()).await.unwrap();
    let actions: Vec<_> = bodies(&server.take()).iter().map(|body| body["event_action"].clone()).collect();
    assert_eq!(actions, ["trigger", "resolve"]);
    let unknown = send_test(&settings, "nobody", BASE_URL, &TestClock::new()).await.unwrap_err();
    assert_eq!(unknown.to_string(), "there is no receiver \"nobody\"; the configuration has: pager, off");
    let off = send_test(&settings, "off", BASE_URL, &TestClock::new()).await.unwrap_err();
    assert!(off.to_string().contains("cannot connect to 127.0.0.1"), "{off}");
}

/// Nobody listens on port 1.
fn receiver_that_is_off() -> ReceiverEntry {
    at_url("off", ReceiverKind::Webhook, "http://127.0.0.1:1/secret/path".to_owned())
}

#[tokio::test]
async fn a_receiver_may_not_want_to_hear_of_ends() {
    let server = Server::start().await;
    let mut entry = at_url("hook", ReceiverKind::Webhook, server.url("/hook"));
    entry.send_resolved = Some(false);
    let (store, clock) = (MemoryStore::default(), TestClock::new());
    let mut notifier = notifier(&store, &clock, &[entry], &at_once());
    store.add(notice("gpt-4o", 1, AlertState::Alert), START);
    store.add(notice("gpt-4o", 2, AlertState::Ok), START);
    notifier.settle().await.unwrap();
    assert_eq!(server.take().len(), 1);
    assert_eq!(store.log()[0].state, DeliveryState::Suppressed);
}
