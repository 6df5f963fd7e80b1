//! Alerts: written once whatever is repeated, kept over restarts, told in order, forgotten in time.

use std::sync::Arc;

use serde_json::json;
use weir_store::Store;
use weir_types::{
    Acknowledgement, AlertState, AlertStore, AlertStoreError, Delivery, DeliveryQueue, DeliveryState,
    Judgement, KeptGroup, NewDelivery, Notice, NoticeKind, Silence, Tags, TickCommit, Transition,
    TransitionFilter, TransitionReason, UnixMicros,
};

use crate::support::{START, TurnedClock, config, open, trace_id};

fn at(minutes: i64) -> UnixMicros {
    START.saturating_add_us(minutes * UnixMicros::MINUTE)
}

fn group(model: &str) -> Tags {
    [("model", model)].into_iter().collect()
}

fn transition(seq: u64, minutes: i64, to: AlertState) -> Transition {
    Transition {
        monitor: "p95".into(),
        revision: "0123456789abcdef".into(),
        group: group("gpt-4o"),
        seq,
        alert_id: "alert-1".into(),
        at: at(minutes),
        from: if to == AlertState::Ok { AlertState::Alert } else { AlertState::Ok },
        to,
        reason: if to == AlertState::Ok { TransitionReason::Recovered } else { TransitionReason::Crossed },
        judgement: Judgement { value: Some(12.5), samples: 40, ..Judgement::default() },
        message: "slow \"models\"".into(),
        exemplars: vec![trace_id(7)],
        details: vec!["a line".into()],
    }
}

fn notice(id: &str, transition: &Transition) -> Notice {
    let kind = if transition.to == AlertState::Ok { NoticeKind::Recover } else { NoticeKind::Trigger };
    Notice {
        id: id.into(),
        alert_id: transition.alert_id.clone(),
        kind,
        transition: transition.clone(),
        since: at(1),
        unit: "ms".into(),
        labels: [("team", "payments")].into_iter().collect(),
        notify: vec!["ops".into()],
        path: "/monitors/p95".into(),
        score: None,
        is_catching_up: false,
    }
}

fn kept(model: &str, state: &str) -> KeptGroup {
    KeptGroup { monitor: "p95".into(), group: group(model), state: state.into() }
}

/// The tick at which the alert starts.
fn start() -> TickCommit {
    let change = transition(1, 1, AlertState::Alert);
    TickCommit {
        tick: at(1),
        chain: "c1".into(),
        digests: vec![("p95".into(), at(1), "d1".into())],
        kept: vec![kept("gpt-4o", "{\"n\":1}"), kept("o3", "{}")],
        dropped: Vec::new(),
        transitions: vec![change.clone()],
        notices: vec![notice("n1", &change)],
    }
}

/// The tick at which it ends.
fn end() -> TickCommit {
    let change = transition(2, 2, AlertState::Ok);
    TickCommit {
        tick: at(2),
        chain: "c2".into(),
        digests: vec![("p95".into(), at(2), "d2".into())],
        kept: vec![kept("gpt-4o", "{\"n\":2}")],
        dropped: vec![("p95".into(), group("o3"))],
        transitions: vec![change.clone()],
        notices: vec![notice("n2", &change)],
    }
}

fn delivery(id: &str, receiver: &str, notices: &[&str]) -> NewDelivery {
    NewDelivery {
        delivery: Delivery {
            id: id.into(),
            receiver: receiver.into(),
            group_key: format!("key of {receiver}").into(),
            round: 0,
            notices: notices.iter().map(|id| (*id).into()).collect(),
            monitors: vec!["p95".into()],
            state: DeliveryState::Pending,
            attempts: 0,
            created_at: START,
            next_at: Some(START),
            delivered_at: None,
            error: None,
            receipt: None,
        },
        body: format!("body of {id}").into(),
    }
}

fn delivered(mut delivery: Delivery) -> Delivery {
    delivery.state = DeliveryState::Delivered;
    delivery.attempts += 1;
    delivery.next_at = None;
    delivery.delivered_at = Some(START);
    delivery.receipt = Some("171.1".into());
    delivery
}

async fn due_ids(alerts: &dyn AlertStore) -> Vec<String> {
    let due = alerts.due(START, 10).await.unwrap();
    due.into_iter().map(|(delivery, _)| delivery.id.to_string()).collect()
}

/// Everything that can be asked, as text.
async fn everything(alerts: &dyn AlertStore) -> String {
    let all = TransitionFilter { limit: 100, ..TransitionFilter::default() };
    format!(
        "{:#?}",
        (
            alerts.kept().await,
            alerts.transitions(&all).await,
            alerts.digests("p95", at(0), at(9)).await,
            alerts.open_notices(100).await,
            alerts.active_alerts(100).await,
            alerts.tellings(&["alert-1".into()]).await,
            alerts.deliveries(None, 100).await,
            alerts.queue().await,
        )
    )
}

#[tokio::test]
async fn a_tick_is_written_once_and_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let alerts = store.alerts();
    assert_eq!(alerts.kept().await.unwrap().tick, None);
    alerts.commit(&start()).await.unwrap();
    let once = everything(&*alerts).await;
    let changed = TickCommit { chain: "other".into(), kept: vec![kept("gpt-4o", "other")], ..start() };
    alerts.commit(&changed).await.unwrap();
    alerts.commit(&TickCommit { tick: at(0), ..changed }).await.unwrap();
    assert_eq!(everything(&*alerts).await, once);
    store.close().await.unwrap();

    let alerts = open(dir.path()).await.alerts();
    assert_eq!(everything(&*alerts).await, once);
    let kept_now = alerts.kept().await.unwrap();
    assert_eq!((kept_now.tick, &*kept_now.chain), (Some(at(1)), "c1"));
    assert_eq!(kept_now.groups, start().kept);
    assert_eq!(kept_now.judged, start().digests);
    let open_now = alerts.open_notices(10).await.unwrap();
    assert_eq!(open_now[0].notice, start().notices[0]);
    assert_eq!(open_now[0].committed_at, START);
}

#[tokio::test]
async fn states_follow_the_ticks_and_history_is_read_from_the_newest() {
    let dir = tempfile::tempdir().unwrap();
    let alerts = open(dir.path()).await.alerts();
    alerts.commit(&start()).await.unwrap();
    assert_eq!(alerts.active_alerts(10).await.unwrap(), start().notices);
    alerts.commit(&end()).await.unwrap();
    assert_eq!(alerts.active_alerts(10).await.unwrap(), Vec::new());
    assert_eq!(alerts.kept().await.unwrap().groups, end().kept);
    assert_eq!(alerts.kept().await.unwrap().judged, end().digests, "of each monitor the last");
    let ids: Vec<_> = alerts.open_notices(10).await.unwrap().into_iter().map(|n| n.notice.id).collect();
    assert_eq!(ids, ["n1".into(), "n2".into()] as [Arc<str>; 2]);
    assert_eq!(alerts.open_notices(1).await.unwrap().len(), 1);

    let all = TransitionFilter { limit: 10, ..TransitionFilter::default() };
    let both = [end().transitions, start().transitions].concat();
    assert_eq!(alerts.transitions(&all).await.unwrap(), both);
    for (filter, expected) in [
        (TransitionFilter { limit: 1, ..all.clone() }, &both[..1]),
        (TransitionFilter { to: Some(at(2)), ..all.clone() }, &both[1..]),
        (TransitionFilter { from: Some(at(2)), ..all.clone() }, &both[..1]),
        (TransitionFilter { group: Some(group("gpt-4o")), ..all.clone() }, &both[..]),
        (TransitionFilter { group: Some(group("o3")), ..all.clone() }, &[]),
        (TransitionFilter { monitor: Some("other".into()), ..all.clone() }, &[]),
    ] {
        assert_eq!(alerts.transitions(&filter).await.unwrap(), expected, "{filter:?}");
    }
    let digests = alerts.digests("p95", at(1), at(2)).await.unwrap();
    assert_eq!(digests, [(at(1), "d1".into())]);
}

#[tokio::test]
async fn a_correction_of_the_past_does_not_bring_an_alert_back() {
    let dir = tempfile::tempdir().unwrap();
    let alerts = open(dir.path()).await.alerts();
    alerts.commit(&start()).await.unwrap();
    alerts.commit(&end()).await.unwrap();
    let revised = Transition { reason: TransitionReason::Revised, ..transition(3, 3, AlertState::Alert) };
    let later = TickCommit { tick: at(3), transitions: vec![revised], ..TickCommit::default() };
    alerts.commit(&later).await.unwrap();
    assert_eq!(alerts.active_alerts(10).await.unwrap(), Vec::new());
    // A change that goes on with the same alert does.
    let again = transition(4, 4, AlertState::Alert);
    let later = TickCommit { tick: at(4), transitions: vec![again], ..TickCommit::default() };
    alerts.commit(&later).await.unwrap();
    assert_eq!(alerts.active_alerts(10).await.unwrap(), end().notices);
}

#[tokio::test]
async fn a_notice_is_dispatched_once_to_each_receiver() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let alerts = store.alerts();
    alerts.commit(&start()).await.unwrap();
    let (ops, mail) = (delivery("d1", "ops", &["n1"]), delivery("d2", "mail", &["n1"]));
    alerts.dispatch(&[], std::slice::from_ref(&ops)).await.unwrap();
    assert_eq!(alerts.open_notices(10).await.unwrap().len(), 1, "it is open until it is named");
    store.close().await.unwrap();

    // The process ended between the two, and goes on with both.
    let store = open(dir.path()).await;
    let alerts = store.alerts();
    alerts.dispatch(&["n1".into()], &[ops.clone(), mail.clone()]).await.unwrap();
    let once = everything(&*alerts).await;
    alerts.dispatch(&["n1".into()], &[ops.clone(), mail]).await.unwrap();
    assert_eq!(everything(&*alerts).await, once);
    assert_eq!(alerts.open_notices(10).await.unwrap(), Vec::new());
    assert_eq!(due_ids(&*alerts).await, ["d1", "d2"]);
    assert_eq!(alerts.queue().await.unwrap(), DeliveryQueue { pending: 2, next_at: Some(START) });

    // Neither another message with the same notice nor one with an unknown notice is written.
    for (id, notice) in [("d3", "n1"), ("d4", "unknown")] {
        let refused = alerts.dispatch(&[], &[delivery(id, "ops", &[notice])]).await;
        assert!(matches!(refused, Err(AlertStoreError::Invalid(_))), "{refused:?}");
    }
    assert_eq!(everything(&*alerts).await, once);
    let mut again = delivery("d5", "ops", &["n1"]);
    again.delivery.round = 1;
    alerts.dispatch(&[], &[again]).await.unwrap();
    let told = alerts.tellings(&["alert-1".into(), "other".into()]).await.unwrap();
    let told: Vec<_> = told.iter().map(|t| (&*t.receiver, t.round, &*t.delivery)).collect();
    assert_eq!(told, [("ops", 0, "d1"), ("mail", 0, "d2"), ("ops", 1, "d5")]);
}

#[tokio::test]
async fn the_end_of_an_alert_waits_for_its_start_at_each_receiver() {
    let dir = tempfile::tempdir().unwrap();
    let alerts = open(dir.path()).await.alerts();
    alerts.commit(&start()).await.unwrap();
    alerts.commit(&end()).await.unwrap();
    let first = delivery("d1", "ops", &["n1"]);
    let both = [first.clone(), delivery("d2", "ops", &["n2"]), delivery("d3", "mail", &["n2"])];
    alerts.dispatch(&["n1".into(), "n2".into()], &both).await.unwrap();
    assert_eq!(due_ids(&*alerts).await, ["d1", "d3"]);

    // It failed, and waits: the end of the alert waits with it.
    let later = Delivery {
        attempts: 1,
        next_at: Some(at(1)),
        error: Some("connection refused".into()),
        ..first.delivery
    };
    alerts.attempted(&later).await.unwrap();
    assert_eq!(due_ids(&*alerts).await, ["d3"]);
    let due = alerts.due(at(1), 1).await.unwrap();
    assert_eq!(due, [(later.clone(), "body of d1".into())]);

    let done = delivered(later);
    alerts.attempted(&done).await.unwrap();
    assert_eq!(due_ids(&*alerts).await, ["d2", "d3"]);
    // What is done stays so, whoever says what afterwards.
    alerts.attempted(&Delivery { state: DeliveryState::Failed, ..done.clone() }).await.unwrap();
    let log = alerts.deliveries(Some("p95"), 10).await.unwrap();
    assert_eq!(log.iter().map(|d| &*d.id).collect::<Vec<_>>(), ["d3", "d2", "d1"]);
    assert_eq!(log[2], done);
    assert_eq!(alerts.deliveries(Some("other"), 10).await.unwrap(), Vec::new());
    assert_eq!(alerts.deliveries(None, 1).await.unwrap().len(), 1);
    assert_eq!(alerts.tellings(&["alert-1".into()]).await.unwrap()[0].receipt, done.receipt);
    assert_eq!(alerts.first_receipt("key of ops").await.unwrap(), done.receipt);
    assert_eq!(alerts.first_receipt("key of mail").await.unwrap(), None);
}

#[tokio::test]
async fn a_group_of_messages_knows_when_it_was_last_told() {
    let dir = tempfile::tempdir().unwrap();
    let alerts = open(dir.path()).await.alerts();
    alerts.commit(&start()).await.unwrap();
    alerts.commit(&end()).await.unwrap();
    let mut muted = delivery("d2", "ops", &["n2"]);
    muted.delivery.state = DeliveryState::Suppressed;
    muted.delivery.created_at = at(5);
    muted.delivery.next_at = None;
    alerts.dispatch(&[], &[delivery("d1", "ops", &["n1"]), muted]).await.unwrap();
    let keys = ["key of ops".into(), "key of mail".into()];
    assert_eq!(alerts.last_told(&keys).await.unwrap(), [("key of ops".into(), START)]);
    assert_eq!(alerts.queue().await.unwrap().pending, 1);
}

fn silence(scope: &str) -> Silence {
    Silence {
        id: "".into(),
        scope: scope.into(),
        starts_at: at(0),
        ends_at: at(30),
        rrule: None,
        tz: None,
        by: "ann".into(),
        note: "deploy".into(),
        created_at: UnixMicros(0),
    }
}

#[tokio::test]
async fn silences_end_by_themselves_or_by_hand_and_are_checked() {
    let dir = tempfile::tempdir().unwrap();
    let clock = TurnedClock::at(START);
    let store = Store::open(config(dir.path()), clock.clone()).await.unwrap();
    let check = |s: &Silence| if &*s.scope == "bad" { Err("no scope".to_owned()) } else { Ok(()) };
    let alerts = store.alerts_with_check(Arc::new(check));
    let once = alerts.silence(silence("monitor:p95")).await.unwrap();
    let weekly =
        Silence { rrule: Some("FREQ=WEEKLY".into()), tz: Some("Europe/Berlin".into()), ..silence("*") };
    let weekly = alerts.silence(weekly).await.unwrap();
    assert!(once.id.starts_with("sil_") && once.created_at == START, "{once:?}");
    let mut both = [once.clone(), weekly.clone()];
    both.sort_by(|a, b| a.id.cmp(&b.id));
    assert_eq!(alerts.silences().await.unwrap(), both);
    clock.turn(30 * UnixMicros::MINUTE);
    assert_eq!(alerts.silences().await.unwrap(), std::slice::from_ref(&weekly));
    alerts.end_silence(&weekly.id).await.unwrap();
    assert_eq!(alerts.silences().await.unwrap(), []);
    for id in [&once.id, &weekly.id] {
        let over = alerts.end_silence(id).await;
        assert!(matches!(over, Err(AlertStoreError::NotFound { what: "silence", .. })), "{over:?}");
    }
    let turned = Silence { starts_at: at(9), ends_at: at(9), ..silence("*") };
    for wrong in [turned, silence("bad"), silence(" "), silence("*"), silence(&"x".repeat(5_000))] {
        let refused = alerts.silence(wrong).await;
        assert!(matches!(refused, Err(AlertStoreError::Invalid(_))), "{refused:?}");
    }
}

#[tokio::test]
async fn an_acknowledgement_lasts_as_long_as_its_alert() {
    let dir = tempfile::tempdir().unwrap();
    let alerts = open(dir.path()).await.alerts();
    let say = |note: &str| Acknowledgement {
        alert_id: "alert-1".into(),
        by: "ann".into(),
        note: note.into(),
        at: START,
    };
    let unknown = alerts.acknowledge(say("early")).await;
    assert!(matches!(unknown, Err(AlertStoreError::NotFound { .. })), "{unknown:?}");
    alerts.commit(&start()).await.unwrap();
    alerts.acknowledge(say("looking")).await.unwrap();
    alerts.acknowledge(say("found it")).await.unwrap();
    assert_eq!(alerts.acknowledgements().await.unwrap(), [say("found it")]);
    alerts.commit(&end()).await.unwrap();
    assert_eq!(alerts.acknowledgements().await.unwrap(), []);
    assert!(alerts.acknowledge(say("late")).await.is_err());
}

#[tokio::test]
async fn entries_saved_from_the_dashboard_are_kept_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let alerts = store.alerts();
    alerts.save_monitor("p95", &json!({"for": "5m"})).await.unwrap();
    alerts.save_monitor("p95", &json!({"for": "9m"})).await.unwrap();
    store.close().await.unwrap();
    let alerts = open(dir.path()).await.alerts();
    let saved = alerts.saved_monitors().await.unwrap();
    assert_eq!(
        saved.iter().map(|s| (&*s.name, &s.entry)).collect::<Vec<_>>(),
        [("p95", &json!({"for": "9m"}))]
    );
    alerts.forget_monitor("p95").await.unwrap();
    assert_eq!(alerts.saved_monitors().await.unwrap(), []);
    assert!(alerts.forget_monitor("p95").await.is_err());
    assert!(alerts.save_monitor("big", &json!("x".repeat(70_000))).await.is_err());
}

#[tokio::test]
async fn old_history_is_forgotten_and_what_belongs_to_an_active_alert_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let clock = TurnedClock::at(START);
    let store = Store::open(config(dir.path()), clock.clone()).await.unwrap();
    let alerts = store.alerts();
    alerts.commit(&start()).await.unwrap();
    let first = delivery("d1", "ops", &["n1"]);
    alerts.dispatch(&["n1".into()], std::slice::from_ref(&first)).await.unwrap();
    alerts.attempted(&delivered(first.delivery)).await.unwrap();
    clock.turn(100 * UnixMicros::DAY);
    alerts.forget_old().await.unwrap();
    assert_eq!(alerts.digests("p95", at(0), at(9)).await.unwrap(), [], "kept for 30 days");
    assert_eq!(alerts.tellings(&["alert-1".into()]).await.unwrap().len(), 1, "the alert is active");
    assert_eq!(alerts.active_alerts(9).await.unwrap(), start().notices);

    alerts.commit(&end()).await.unwrap();
    let second = delivery("d2", "ops", &["n2"]);
    alerts.dispatch(&["n2".into()], std::slice::from_ref(&second)).await.unwrap();
    alerts.forget_old().await.unwrap();
    let left = alerts.deliveries(None, 9).await.unwrap();
    assert_eq!(left.iter().map(|d| &*d.id).collect::<Vec<_>>(), ["d2"], "it is to be sent yet");
    alerts.attempted(&delivered(second.delivery)).await.unwrap();
    alerts.forget_old().await.unwrap();
    assert_eq!(alerts.deliveries(None, 9).await.unwrap(), []);
    let all = TransitionFilter { limit: 9, ..TransitionFilter::default() };
    assert_eq!(alerts.transitions(&all).await.unwrap().len(), 2, "kept for 400 days");
    clock.turn(301 * UnixMicros::DAY);
    alerts.forget_old().await.unwrap();
    assert_eq!(alerts.transitions(&all).await.unwrap(), []);
}
