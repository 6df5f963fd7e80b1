//! The law of the plan: every notice ends, for each of its receivers, in exactly one delivery, whatever happens in
//! between: silences that come and go, acknowledgements, processes that end before a plan is carried out.

use std::collections::BTreeMap;

use proptest::prelude::*;
use weir_types::{
    Acknowledgement, AlertState, Judgement, Scope, Secret, TagKey, Tags, Telling, Transition,
    TransitionReason,
};

use super::*;
use crate::entry::{InhibitEntry, ReceiverEntry, ReceiverKind, RouteEntry, RoutingEntry, SecretRef, UrlRef};
use crate::quiet::Quiet;
use crate::settings::{Entries, References};

const START: UnixMicros = UnixMicros(1_763_112_600_000_000);

fn at(seconds: i64) -> UnixMicros {
    START.saturating_add_us(seconds * UnixMicros::SECOND)
}

/// A scope of one condition, `KEY:PATTERN`.
fn scope(text: &str) -> Scope {
    match text.split_once(':') {
        Some((key, value)) => Scope::Is(TagKey::new(key), value.into()),
        None => Scope::All,
    }
}

fn receiver(name: &str, kind: ReceiverKind) -> ReceiverEntry {
    let is_pagerduty = kind == ReceiverKind::Pagerduty;
    ReceiverEntry {
        name: name.to_owned(),
        kind,
        url: (!is_pagerduty).then(|| UrlRef::Plain("https://example.com/hook/of".to_owned())),
        routing_key: is_pagerduty.then(|| SecretRef::Env { env: "KEY".to_owned() }),
        token: None,
        channel: None,
        signing_secrets: Vec::new(),
        api_key: None,
        site: None,
        server: None,
        tls: None,
        username: None,
        password: None,
        from: None,
        to: Vec::new(),
        tags: Vec::new(),
        send_resolved: None,
        allow_private: false,
    }
}

fn settings() -> Settings {
    let receivers = [
        receiver("chat", ReceiverKind::Webhook),
        receiver("pager", ReceiverKind::Pagerduty),
        receiver("team", ReceiverKind::Teams),
    ];
    let route = |text: &str, receiver: &str, r#continue| RouteEntry {
        r#match: Some(text.to_owned()),
        receiver: Some(receiver.to_owned()),
        r#continue,
        ..RouteEntry::default()
    };
    let routing = RoutingEntry {
        repeat_interval: Some("30m".to_owned()),
        routes: vec![route("model:a", "team", true), route("state:alert", "pager", false)],
        ..RoutingEntry::default()
    };
    let inhibit = [InhibitEntry {
        source: "monitor:m0".to_owned(),
        target: "monitor:m1".to_owned(),
        equal: vec!["model".to_owned()],
    }];
    let entries = Entries { receivers: &receivers, routing: &routing, inhibit: &inhibit, silences: &[] };
    let references =
        References { secret: &|_| Ok(Secret::new("secret")), scopes: Arc::new(|text| Ok(scope(text))) };
    Settings::resolve(&entries, &references).unwrap_or_else(|faults| panic!("{faults:?}"))
}

/// The store, as far as plans need it.
#[derive(Default)]
struct Kept {
    open: Vec<OpenNotice>,
    active: BTreeMap<Arc<str>, Notice>,
    deliveries: Vec<Delivery>,
    tellings: Vec<Telling>,
    acknowledged: HashMap<Arc<str>, Acknowledgement>,
    quiet: Vec<Arc<Quiet>>,
    all: Vec<Notice>,
}

impl Kept {
    fn plan(&self, settings: &Settings, now: UnixMicros) -> Plan {
        let active: Vec<Notice> = self.active.values().cloned().collect();
        let world = World {
            now,
            open: &self.open,
            active: &active,
            tellings: Tellings::new(&self.tellings),
            acknowledged: &self.acknowledged,
            quiet: &self.quiet,
            pending: 0,
        };
        let planner = Planner::new(settings, "https://weir.example.com", world);
        let keys = planner.group_keys();
        let told = self.deliveries.iter().filter(|delivery| delivery.state != DeliveryState::Suppressed);
        let told = told.filter(|delivery| keys.contains(&delivery.group_key));
        let last_told = told.map(|delivery| (Arc::clone(&delivery.group_key), delivery.created_at)).collect();
        planner.decide(&last_told)
    }

    fn carry_out(&mut self, plan: Plan) {
        self.open.retain(|open| !plan.dealt.contains(&open.notice.id));
        for NewDelivery { delivery, body } in plan.deliveries {
            assert_eq!(body.is_empty(), delivery.state != DeliveryState::Pending);
            assert_eq!(delivery.error.is_some(), delivery.state != DeliveryState::Pending);
            assert!(self.deliveries.iter().all(|other| other.id != delivery.id), "one id, one delivery");
            for notice in &delivery.notices {
                let alert_id = &self.all.iter().find(|n| n.id == *notice).unwrap().alert_id;
                let telling = Telling {
                    alert_id: Arc::clone(alert_id),
                    notice: Arc::clone(notice),
                    receiver: Arc::clone(&delivery.receiver),
                    round: delivery.round,
                    delivery: Arc::clone(&delivery.id),
                    state: delivery.state,
                    created_at: delivery.created_at,
                    receipt: None,
                };
                let is_same = |other: &Telling| {
                    other.notice == telling.notice
                        && other.receiver == telling.receiver
                        && other.round == telling.round
                };
                assert!(!self.tellings.iter().any(is_same), "told twice in one round: {telling:?}");
                self.tellings.push(telling);
            }
            self.deliveries.push(delivery);
        }
    }

    /// A change of one of four alerts, as a judge would commit it.
    fn change(&mut self, which: usize, to: AlertState, kind: NoticeKind, now: UnixMicros) {
        let (monitor, model) = (format!("m{}", which / 2), if which.is_multiple_of(2) { "a" } else { "b" });
        let seq = u64::try_from(self.all.len()).unwrap() + 1;
        let name: Arc<str> = format!("{monitor} {model}").into();
        let last = self.active.get(&name);
        let alert_id = last.map_or_else(|| format!("alert-{seq}").into(), |last| Arc::clone(&last.alert_id));
        let from = last.map_or(AlertState::Ok, |last| last.transition.to);
        let notice = Notice {
            id: format!("notice-{seq}").into(),
            alert_id: Arc::clone(&alert_id),
            kind,
            transition: Transition {
                monitor: monitor.into(),
                revision: "r".into(),
                group: [("model", model)].into_iter().collect(),
                seq,
                alert_id,
                at: now,
                from,
                to,
                reason: TransitionReason::Crossed,
                judgement: Judgement::default(),
                message: "".into(),
                exemplars: Vec::new(),
                details: Vec::new(),
            },
            since: now,
            unit: "none".into(),
            labels: Tags::new(),
            notify: Vec::new(),
            path: "/".into(),
            score: None,
            is_catching_up: false,
        };
        if to == AlertState::Ok {
            self.active.remove(&name);
        } else {
            self.active.insert(name, notice.clone());
        }
        self.all.push(notice.clone());
        self.open.push(OpenNotice { notice, committed_at: now });
    }

    /// What happens next to one alert: it starts, becomes worse or better, is repeated, or ends.
    fn happen(&mut self, which: usize, draw: u8, now: UnixMicros) {
        let name: Arc<str> =
            format!("m{} {}", which / 2, if which.is_multiple_of(2) { "a" } else { "b" }).into();
        let state = self.active.get(&name).map(|notice| notice.transition.to);
        let (to, kind) = match (state, draw % 3) {
            (None, 0) => (AlertState::Warn, NoticeKind::Trigger),
            (Some(_), 0) => (AlertState::Ok, NoticeKind::Recover),
            (None, _) | (Some(AlertState::Warn), 1) => (AlertState::Alert, NoticeKind::Trigger),
            (Some(_), 1) => (AlertState::Warn, NoticeKind::Improve),
            (Some(state), _) => (state, NoticeKind::Repeat),
        };
        self.change(which, to, kind, now);
    }

    fn told(&self, receiver: &str) -> Vec<(&str, DeliveryState, Option<&str>)> {
        let of = self.deliveries.iter().filter(|delivery| &*delivery.receiver == receiver);
        of.flat_map(|delivery| {
            delivery.notices.iter().map(|id| (&**id, delivery.state, delivery.error.as_deref()))
        })
        .collect()
    }
}

fn silence(text: &str, from: i64, to: i64) -> Arc<Quiet> {
    let silence = weir_types::Silence {
        id: "sil_1".into(),
        scope: text.into(),
        starts_at: at(from),
        ends_at: at(to),
        rrule: None,
        tz: None,
        by: "ann".into(),
        note: "".into(),
        created_at: START,
    };
    let scopes: crate::quiet::ScopeParser = Arc::new(|text| Ok(scope(text)));
    Arc::new(Quiet::from_silence(&silence, &scopes).unwrap())
}

fn pass(kept: &mut Kept, settings: &Settings, second: i64) {
    let plan = kept.plan(settings, at(second));
    kept.carry_out(plan);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_notice_ends_in_one_delivery_for_each_receiver(
        steps in proptest::collection::vec((0u8..8, 0usize..4, 0u8..6, 1i64..400), 1..60),
    ) {
        let settings = settings();
        let mut kept = Kept::default();
        let mut second = 0;
        for (what, which, draw, pause) in steps {
            second += pause;
            match what {
                0 => kept.quiet.push(silence(["*", "model:a", "monitor:m1"][usize::from(draw % 3)], second, second + 300)),
                1 => {
                    if let Some(notice) = kept.active.values().next() {
                        let alert_id = Arc::clone(&notice.alert_id);
                        let ack = Acknowledgement { alert_id: alert_id.clone(), by: "ann".into(), note: "".into(), at: at(second) };
                        kept.acknowledged.insert(alert_id, ack);
                    }
                }
                // The process ends before its plan is carried out: the next one must be able to make it again.
                2 => drop(kept.plan(&settings, at(second))),
                3 | 4 => pass(&mut kept, &settings, second),
                _ => kept.happen(which, draw, at(second)),
            }
        }
        for _ in 0..40 {
            second += 60;
            pass(&mut kept, &settings, second);
        }
        prop_assert!(kept.open.is_empty(), "everything is dealt with");
        for notice in &kept.all {
            for target in settings.root.targets(notice) {
                let told = kept.tellings.iter().filter(|telling| {
                    telling.notice == notice.id && telling.receiver == target.receiver && telling.round == 0
                });
                prop_assert_eq!(told.count(), 1, "{} at {}", notice.id, target.receiver);
            }
        }
        // Whoever was told of an alert that is over was told of its end, and nobody else was.
        for notice in kept.all.iter().filter(|notice| notice.kind == NoticeKind::Recover) {
            let before = kept.tellings.iter().filter(|telling| {
                telling.alert_id == notice.alert_id && telling.notice != notice.id
                    && telling.state == DeliveryState::Pending
            });
            let heard: HashSet<&Arc<str>> = before.map(|telling| &telling.receiver).collect();
            let end = kept.tellings.iter().filter(|telling| {
                telling.notice == notice.id && telling.state == DeliveryState::Pending
            });
            let told: HashSet<&Arc<str>> = end.map(|telling| &telling.receiver).collect();
            prop_assert_eq!(told, heard, "the end of {}", notice.alert_id);
        }
    }
}

#[test]
fn alerts_of_one_group_wait_for_each_other_and_then_come_in_intervals() {
    let settings = settings();
    let mut kept = Kept::default();
    kept.change(1, AlertState::Warn, NoticeKind::Trigger, at(0));
    assert_eq!(kept.plan(&settings, at(0)).next_at, Some(at(10)));
    kept.change(1, AlertState::Ok, NoticeKind::Recover, at(5));
    pass(&mut kept, &settings, 9);
    assert_eq!(kept.deliveries.len(), 0);
    pass(&mut kept, &settings, 10);
    assert_eq!(kept.deliveries.len(), 1);
    assert_eq!(kept.deliveries[0].notices.len(), 2);
    // The next one of the group comes a minute after the last, not ten seconds after the notice.
    kept.change(1, AlertState::Warn, NoticeKind::Trigger, at(12));
    pass(&mut kept, &settings, 69);
    assert_eq!(kept.deliveries.len(), 1);
    pass(&mut kept, &settings, 70);
    assert_eq!(kept.deliveries.len(), 2);
}

#[test]
fn routes_that_continue_lead_to_several_receivers_and_others_to_one() {
    let settings = settings();
    let mut kept = Kept::default();
    kept.change(0, AlertState::Alert, NoticeKind::Trigger, at(0)); // model:a, alert
    kept.change(1, AlertState::Warn, NoticeKind::Trigger, at(0)); // model:b, warn
    let names = |which: usize| {
        let targets = settings.root.targets(&kept.all[which]);
        targets.iter().map(|target| target.receiver.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(names(0), ["team", "pager"]);
    assert_eq!(names(1), ["chat"]);
    let named = Notice { notify: vec!["chat".into(), "gone".into()], ..kept.all[0].clone() };
    let targets = settings.root.targets(&named);
    assert_eq!(targets.iter().map(|target| &*target.receiver).collect::<Vec<_>>(), ["chat", "gone"]);
}

#[test]
fn a_receiver_that_is_not_there_is_a_failed_delivery() {
    let settings = settings();
    let mut kept = Kept::default();
    kept.change(1, AlertState::Warn, NoticeKind::Trigger, at(0));
    kept.all[0].notify = vec!["gone".into()];
    kept.open[0].notice.notify = vec!["gone".into()];
    pass(&mut kept, &settings, 10);
    let told = kept.told("gone");
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].1, told[0].2.unwrap().contains("\"gone\"")), (DeliveryState::Failed, true));
}

#[test]
fn what_was_silenced_is_told_when_the_silence_ends_and_it_still_fires() {
    let settings = settings();
    let mut kept = Kept::default();
    kept.quiet.push(silence("model:b", 0, 600));
    kept.change(1, AlertState::Warn, NoticeKind::Trigger, at(0));
    pass(&mut kept, &settings, 10);
    assert_eq!(kept.told("chat"), [("notice-1", DeliveryState::Suppressed, Some("silenced by sil_1"))]);
    pass(&mut kept, &settings, 599);
    assert_eq!(kept.deliveries.len(), 1);
    pass(&mut kept, &settings, 600);
    assert_eq!(kept.told("chat")[1], ("notice-1", DeliveryState::Pending, None));
    assert_eq!(kept.deliveries[1].round, 1);
    pass(&mut kept, &settings, 601);
    assert_eq!(kept.deliveries.len(), 2, "told once");
}

#[test]
fn the_end_of_an_alert_from_before_a_silence_is_told_during_it_and_one_from_within_is_not() {
    use DeliveryState::{Pending, Suppressed};
    let settings = settings();
    let mut kept = Kept::default();
    kept.change(1, AlertState::Warn, NoticeKind::Trigger, at(0));
    pass(&mut kept, &settings, 10);
    kept.quiet.push(silence("*", 20, 900));
    kept.change(1, AlertState::Ok, NoticeKind::Recover, at(30));
    kept.change(3, AlertState::Warn, NoticeKind::Trigger, at(30));
    pass(&mut kept, &settings, 300);
    kept.change(3, AlertState::Ok, NoticeKind::Recover, at(310));
    pass(&mut kept, &settings, 500);
    pass(&mut kept, &settings, 1_000);
    let states: Vec<_> = kept.told("chat").iter().map(|(id, state, _)| (id.to_string(), *state)).collect();
    let expected =
        [("notice-1", Pending), ("notice-2", Pending), ("notice-3", Suppressed), ("notice-4", Suppressed)];
    assert_eq!(states, expected.map(|(id, state)| (id.to_owned(), state)));
}

#[test]
fn an_alert_that_another_one_explains_is_told_when_that_one_is_over() {
    let settings = settings();
    let mut kept = Kept::default();
    kept.change(1, AlertState::Warn, NoticeKind::Trigger, at(0)); // m0, model b
    kept.change(3, AlertState::Warn, NoticeKind::Trigger, at(1)); // m1, model b
    kept.change(2, AlertState::Warn, NoticeKind::Trigger, at(1)); // m1, model a: another model
    pass(&mut kept, &settings, 20);
    let reason = kept.told("chat").iter().find(|(id, ..)| *id == "notice-2").unwrap().2;
    assert_eq!(reason, Some("inhibited by m0 (alert-1)"));
    assert_eq!(kept.told("team"), [("notice-3", DeliveryState::Pending, None)]);
    kept.change(1, AlertState::Ok, NoticeKind::Recover, at(30));
    pass(&mut kept, &settings, 200);
    let told = kept.told("chat");
    assert!(told.contains(&("notice-2", DeliveryState::Pending, None)), "{told:?}");
}

#[test]
fn an_acknowledgement_stops_repetitions_and_nothing_else() {
    let settings = settings();
    let mut kept = Kept::default();
    kept.change(1, AlertState::Warn, NoticeKind::Trigger, at(0));
    pass(&mut kept, &settings, 10);
    assert_eq!(kept.plan(&settings, at(20)).next_at, Some(at(10 + 1_800)));
    pass(&mut kept, &settings, 1_810);
    assert_eq!(kept.deliveries.len(), 2, "the route repeats every half hour");
    let alert_id = Arc::clone(&kept.all[0].alert_id);
    let ack = Acknowledgement { alert_id: alert_id.clone(), by: "ann".into(), note: "".into(), at: at(0) };
    kept.acknowledged.insert(alert_id, ack);
    pass(&mut kept, &settings, 5_000);
    assert_eq!(kept.deliveries.len(), 2);
    kept.change(1, AlertState::Warn, NoticeKind::Repeat, at(5_000));
    pass(&mut kept, &settings, 5_100);
    assert_eq!(kept.deliveries[2].error.as_deref(), Some("acknowledged by ann"));
    kept.change(1, AlertState::Alert, NoticeKind::Trigger, at(5_200));
    pass(&mut kept, &settings, 5_300);
    assert_eq!(kept.told("pager"), [("notice-3", DeliveryState::Pending, None)], "it became worse");
}

#[test]
fn a_full_queue_is_written_down_and_not_grown() {
    let settings = settings();
    let mut kept = Kept::default();
    kept.change(1, AlertState::Warn, NoticeKind::Trigger, at(0));
    let active: Vec<Notice> = kept.active.values().cloned().collect();
    let world = World {
        now: at(10),
        open: &kept.open,
        active: &active,
        tellings: Tellings::new(&[]),
        acknowledged: &HashMap::new(),
        quiet: &[],
        pending: QUEUE_MAX,
    };
    let plan = Planner::new(&settings, "", world).decide(&HashMap::new());
    assert_eq!(plan.deliveries[0].delivery.state, DeliveryState::Failed);
    assert_eq!(plan.dealt.len(), 1);
}
