//! Delivering: what is tried again, what is not, where messages never go.

use weir_notify::{ReceiverEntry, ReceiverKind};
use weir_types::{AlertState, AlertStore as _, DeliveryState, Silence, UnixMicros};

use crate::server::Server;
use crate::store::MemoryStore;
use crate::support::{START, TestClock, at_once, at_url, notice, notifier, route};

fn hook(server: &Server) -> ReceiverEntry {
    at_url("hook", ReceiverKind::Webhook, server.url("/hook"))
}

#[tokio::test]
async fn a_crash_between_sending_and_writing_it_down_sends_the_same_id_again() {
    let server = Server::start().await;
    let (store, clock) = (MemoryStore::default(), TestClock::new());
    store.add(notice("gpt-4o", 1, AlertState::Alert), START);
    store.lose_attempts(1);
    let crashed = notifier(&store, &clock, &[hook(&server)], &at_once()).settle().await;
    assert!(crashed.is_err());
    // Another process, a moment later.
    clock.turn(5);
    notifier(&store, &clock, &[hook(&server)], &at_once()).settle().await.unwrap();
    let arrived = server.take();
    assert_eq!(arrived.len(), 2);
    assert_eq!(arrived[0].header("webhook-id"), arrived[1].header("webhook-id"));
    assert_eq!(arrived[0].text, arrived[1].text);
    assert_ne!(arrived[0].header("webhook-timestamp"), arrived[1].header("webhook-timestamp"));
    assert_eq!(store.log().len(), 1);
    assert_eq!(store.log()[0].state, DeliveryState::Delivered);
    assert_eq!(store.open_notices(9).await.unwrap().len(), 0);
}

#[tokio::test]
async fn failures_that_may_pass_are_tried_again_and_the_end_waits_for_the_start() {
    let server = Server::start().await;
    let (store, clock) = (MemoryStore::default(), TestClock::new());
    let mut notifier = notifier(&store, &clock, &[hook(&server)], &at_once());
    server.answer_next([(503, "", "busy"), (429, "60", "")]);
    store.add(notice("gpt-4o", 1, AlertState::Alert), START);
    notifier.settle().await.unwrap();
    store.add(notice("gpt-4o", 2, AlertState::Ok), START);
    notifier.settle().await.unwrap();
    assert_eq!(server.take().len(), 1, "the end of the alert waits");
    assert_eq!(store.log()[0].error.as_deref(), Some("127.0.0.1 said 503: busy"));
    clock.turn(6);
    notifier.settle().await.unwrap();
    assert_eq!(
        store.log()[0].next_at,
        Some(UnixMicros(START.0 + 66 * UnixMicros::SECOND)),
        "as was asked for"
    );
    clock.turn(59);
    notifier.settle().await.unwrap();
    assert_eq!(server.take().len(), 1);
    clock.turn(1);
    notifier.settle().await.unwrap();
    let kinds: Vec<_> =
        server.take().iter().map(|arrived| arrived.json()["data"]["alerts"][0]["kind"].clone()).collect();
    assert_eq!(kinds, ["trigger", "recover"]);
    assert_eq!((store.log()[0].attempts, store.log()[1].attempts), (3, 1));
}

#[tokio::test]
async fn a_refusal_and_a_redirect_are_final() {
    for (status, header, expected) in [
        (400, "", "127.0.0.1 said 400: bad … path"),
        (302, "http://127.0.0.1:1/", "127.0.0.1 said 302: bad … path; redirects are not followed"),
    ] {
        let server = Server::start().await;
        let (store, clock) = (MemoryStore::default(), TestClock::new());
        let entry = at_url("hook", ReceiverKind::Webhook, server.url("/T000/B000/secret"));
        let mut notifier = notifier(&store, &clock, &[entry], &at_once());
        server.answer_next([(status, header, "bad /T000/B000/secret path")]);
        store.add(notice("gpt-4o", 1, AlertState::Alert), START);
        notifier.settle().await.unwrap();
        clock.turn(86_400);
        notifier.settle().await.unwrap();
        assert_eq!(server.take().len(), 1);
        let after = &store.log()[0];
        assert_eq!((after.state, after.attempts), (DeliveryState::Failed, 1));
        assert_eq!(after.error.as_deref(), Some(expected));
    }
}

#[tokio::test]
async fn nothing_is_sent_to_private_addresses_unless_it_is_allowed() {
    let server = Server::start().await;
    let port = server.address.port();
    for host in ["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "[::ffff:127.0.0.1]"] {
        let (store, clock) = (MemoryStore::default(), TestClock::new());
        let mut entry = at_url("hook", ReceiverKind::Webhook, format!("https://{host}:{port}/"));
        entry.allow_private = false;
        let mut notifier = notifier(&store, &clock, &[entry], &at_once());
        store.add(notice("gpt-4o", 1, AlertState::Alert), START);
        notifier.settle().await.unwrap();
        let after = &store.log()[0];
        assert_eq!(after.state, DeliveryState::Failed, "{host}: {after:?}");
        assert!(after.error.as_deref().unwrap().contains("not a public address"), "{host}: {after:?}");
    }
    assert_eq!(server.take().len(), 0);
}

#[tokio::test]
async fn a_receiver_that_fails_delays_no_other() {
    let server = Server::start().await;
    let (store, clock) = (MemoryStore::default(), TestClock::new());
    let off = at_url("off", ReceiverKind::Webhook, "http://127.0.0.1:1/".to_owned());
    let mut routing = at_once();
    routing.routes = vec![route("*", "off"), route("*", "hook")];
    routing.routes[0].r#continue = true;
    let mut notifier = notifier(&store, &clock, &[off, hook(&server)], &routing);
    store.add(notice("gpt-4o", 1, AlertState::Alert), START);
    notifier.settle().await.unwrap();
    assert_eq!(server.take().len(), 1);
    let states: Vec<_> = store.log().iter().map(|d| (d.receiver.to_string(), d.state)).collect();
    let expected = [("off", DeliveryState::Pending), ("hook", DeliveryState::Delivered)];
    assert_eq!(states, expected.map(|(name, state)| (name.to_owned(), state)));
    // And it is given up after a day.
    for _ in 0..40 {
        clock.turn(3_600);
        notifier.settle().await.unwrap();
    }
    let after = &store.log()[0];
    assert_eq!(after.state, DeliveryState::Failed);
    assert!(after.error.as_deref().unwrap().starts_with("given up after"), "{after:?}");
}

#[tokio::test]
async fn a_silence_from_the_dashboard_holds_at_once_and_one_that_is_not_understood_does_not() {
    let server = Server::start().await;
    let (store, clock) = (MemoryStore::default(), TestClock::new());
    let mut notifier = notifier(&store, &clock, &[hook(&server)], &at_once());
    let silence = |id: &str, scope: &str| Silence {
        id: id.into(),
        scope: scope.into(),
        starts_at: START,
        ends_at: UnixMicros(START.0 + UnixMicros::HOUR),
        rrule: None,
        tz: None,
        by: "ann".into(),
        note: "deploy".into(),
        created_at: START,
    };
    store.silence(silence("sil_1", "model:a")).await.unwrap();
    store.silence(silence("sil_2", "no scope")).await.unwrap();
    store.add(notice("a", 1, AlertState::Alert), START);
    store.add(notice("b", 1, AlertState::Alert), START);
    notifier.settle().await.unwrap();
    assert_eq!(server.take().len(), 1);
    let muted = store.log().into_iter().find(|delivery| &*delivery.notices[0] == "a-1").unwrap();
    assert_eq!(muted.error.as_deref(), Some("silenced by sil_1: deploy"));
    // Somebody ends it: the alert still fires, and is told.
    store.end_silence("sil_1").await.unwrap();
    notifier.settle().await.unwrap();
    let arrived = server.take();
    assert_eq!(arrived.len(), 1);
    assert_eq!(arrived[0].json()["data"]["alerts"][0]["group"]["model"], "a");
}

#[tokio::test]
async fn the_task_works_when_it_is_woken_and_ends_when_it_is_asked() {
    let server = Server::start().await;
    let (store, clock) = (MemoryStore::default(), TestClock::new());
    let notifier = notifier(&store, &clock, &[hook(&server)], &at_once());
    let waker = notifier.waker();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let task = tokio::spawn(notifier.run(async {
        let _ = stopped.await;
    }));
    store.add(notice("gpt-4o", 1, AlertState::Alert), START);
    waker.wake();
    let is_delivered = || store.log().first().is_some_and(|d| d.state == DeliveryState::Delivered);
    while !is_delivered() {
        tokio::task::yield_now().await;
    }
    stop.send(()).unwrap();
    task.await.unwrap();
    assert_eq!(server.take().len(), 1);
}
