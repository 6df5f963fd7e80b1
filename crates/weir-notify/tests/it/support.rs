//! Notices, a clock, and a notifier over them.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use weir_notify::{
    Entries, Fault, InhibitEntry, Notifier, NotifierParts, ReceiverEntry, ReceiverKind, References,
    RouteEntry, RoutingEntry, ScopeParser, SecretRef, Settings, SilenceEntry, UrlRef,
};
use weir_types::{
    AlertState, Clock, Judgement, Notice, NoticeKind, Scope, Secret, TagKey, TraceId, Transition,
    TransitionReason, UnixMicros,
};

use crate::store::MemoryStore;

/// 2025-11-14T09:30:00Z.
pub const START: UnixMicros = UnixMicros(1_763_112_600_000_000);

pub const BASE_URL: &str = "https://weir.example.com";

#[derive(Clone)]
pub struct TestClock(Arc<AtomicI64>);

impl TestClock {
    pub fn new() -> Self {
        Self(Arc::new(AtomicI64::new(START.0)))
    }

    pub fn turn(&self, seconds: i64) {
        self.0.fetch_add(seconds * UnixMicros::SECOND, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> UnixMicros {
        UnixMicros(self.0.load(Ordering::SeqCst))
    }
}

/// A receiver with nothing but a name and a kind.
pub fn receiver(name: &str, kind: ReceiverKind) -> ReceiverEntry {
    ReceiverEntry {
        name: name.to_owned(),
        kind,
        url: None,
        routing_key: None,
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
        allow_private: true,
    }
}

/// A receiver at a URL.
pub fn at_url(name: &str, kind: ReceiverKind, url: String) -> ReceiverEntry {
    ReceiverEntry { url: Some(UrlRef::Plain(url)), ..receiver(name, kind) }
}

pub fn env(name: &str) -> SecretRef {
    SecretRef::Env { env: name.to_owned() }
}

/// Everything to its first receiver, without waiting.
pub fn at_once() -> RoutingEntry {
    RoutingEntry {
        group_wait: Some("0s".to_owned()),
        group_interval: Some("0s".to_owned()),
        ..RoutingEntry::default()
    }
}

pub fn route(scope: &str, receiver: &str) -> RouteEntry {
    RouteEntry {
        r#match: Some(scope.to_owned()),
        receiver: Some(receiver.to_owned()),
        ..RouteEntry::default()
    }
}

/// Scopes of one condition.
pub fn scopes() -> ScopeParser {
    Arc::new(|text| match text.split_once(':') {
        Some((key, value)) if !value.is_empty() => Ok(Scope::Is(TagKey::new(key), value.into())),
        None if text == "*" => Ok(Scope::All),
        _ => Err(format!("{text:?} is no scope")),
    })
}

pub fn resolve(
    receivers: &[ReceiverEntry],
    routing: &RoutingEntry,
    inhibit: &[InhibitEntry],
    silences: &[SilenceEntry],
) -> Result<Settings, Vec<Fault>> {
    let secret = |reference: &SecretRef| match reference {
        SecretRef::Env { env } if env == "MISSING" => {
            Err(("MISSING is not set".to_owned(), "set it".to_owned()))
        }
        SecretRef::Env { env } => Ok(Secret::new(format!("secret-of-{env}"))),
        SecretRef::File { .. } => Err(("no files here".to_owned(), String::new())),
    };
    let entries = Entries { receivers, routing, inhibit, silences };
    Settings::resolve(&entries, &References { secret: &secret, scopes: scopes() })
}

pub fn notifier(
    store: &MemoryStore,
    clock: &TestClock,
    receivers: &[ReceiverEntry],
    routing: &RoutingEntry,
) -> Notifier {
    let settings = resolve(receivers, routing, &[], &[]).unwrap_or_else(|faults| panic!("{faults:?}"));
    let parts = NotifierParts {
        store: Arc::new(store.clone()),
        clock: Arc::new(clock.clone()),
        settings,
        base_url: BASE_URL.into(),
    };
    Notifier::new(parts).unwrap()
}

/// The `seq`th change of the latency of a model.
pub fn notice(model: &str, seq: u64, to: AlertState) -> Notice {
    let is_over = to == AlertState::Ok;
    let alert_id: Arc<str> = format!("alert-of-{model}").into();
    Notice {
        id: format!("{model}-{seq}").into(),
        alert_id: Arc::clone(&alert_id),
        kind: if is_over { NoticeKind::Recover } else { NoticeKind::Trigger },
        transition: Transition {
            monitor: "p95-latency-per-model".into(),
            revision: "0123456789abcdef".into(),
            group: [("model", model)].into_iter().collect(),
            seq,
            alert_id,
            at: START,
            from: if is_over { AlertState::Alert } else { AlertState::Ok },
            to,
            reason: if is_over { TransitionReason::Recovered } else { TransitionReason::Crossed },
            judgement: Judgement {
                value: Some(if is_over { 1_200.0 } else { 12_345.678 }),
                threshold: Some(10_000.0),
                samples: 120,
                ..Judgement::default()
            },
            message: format!("Model {model} P95 latency <is> 12346ms & exceeds *SLO*").into(),
            exemplars: vec![TraceId::from_bytes([0xab; 16])],
            details: vec!["eu-west: 14 s".into(), "us-east: 2 s".into()],
        },
        since: UnixMicros(START.0 - 5 * UnixMicros::MINUTE),
        unit: "ms".into(),
        labels: [("team", "payments")].into_iter().collect(),
        notify: Vec::new(),
        path: format!("/monitors/p95-latency-per-model?group=model:{model}").into(),
        score: None,
        is_catching_up: false,
    }
}
