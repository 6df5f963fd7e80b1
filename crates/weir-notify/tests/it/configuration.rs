//! Mistakes of the configuration: all at once, each with its key.

use std::fmt::Write as _;

use insta::assert_snapshot;
use weir_notify::{Fault, InhibitEntry, ReceiverEntry, ReceiverKind, RoutingEntry, SilenceEntry, UrlRef};

use crate::support::{at_url, env, receiver, resolve, route};

fn told(faults: &[Fault]) -> String {
    faults.iter().fold(String::new(), |mut text, fault| {
        let _ = writeln!(text, "{}: {}", fault.key, fault.message);
        if let Some(hint) = &fault.hint {
            let _ = writeln!(text, "    {hint}");
        }
        text
    })
}

fn guarded(name: &str, kind: ReceiverKind, url: &str) -> ReceiverEntry {
    ReceiverEntry { allow_private: false, ..at_url(name, kind, url.to_owned()) }
}

#[test]
fn every_mistake_is_told_with_its_key() {
    let receivers = [
        guarded("plain", ReceiverKind::Webhook, "http://example.com/hook"),
        guarded("ftp", ReceiverKind::Teams, "ftp://example.com"),
        guarded("login", ReceiverKind::Webhook, "https://me:pw@example.com/"),
        guarded("no url", ReceiverKind::Slack, "not a url"),
        ReceiverEntry {
            url: Some(UrlRef::Secret(env("MISSING"))),
            ..receiver("secret", ReceiverKind::Slack)
        },
        receiver("plain", ReceiverKind::Pagerduty),
        ReceiverEntry { token: Some(env("T")), ..receiver("bot", ReceiverKind::Slack) },
        ReceiverEntry {
            channel: Some("#x".to_owned()),
            ..guarded("dd", ReceiverKind::Datadog, "https://x.y/")
        },
        ReceiverEntry {
            server: Some("a b".to_owned()),
            username: Some("me".to_owned()),
            allow_private: false,
            tls: Some(weir_notify::MailTls::None),
            ..receiver("mail", ReceiverKind::Smtp)
        },
    ];
    let mut routing = RoutingEntry {
        receiver: Some("nobody".to_owned()),
        group_wait: Some("soon".to_owned()),
        repeat_interval: Some("5s".to_owned()),
        ..RoutingEntry::default()
    };
    routing.routes = vec![route("no scope", "plain")];
    routing.routes[0].routes = vec![route("model:a", "somebody")];
    let inhibit = [InhibitEntry { source: "x".to_owned(), target: "*".to_owned(), equal: Vec::new() }];
    let silence = SilenceEntry {
        name: "nightly".to_owned(),
        scope: "*".to_owned(),
        starts_at: "2026-01-01T22:00".to_owned(),
        duration: "8h".to_owned(),
        rrule: Some("FREQ=HOURLY".to_owned()),
        tz: Some("Europe/Berlin".to_owned()),
        note: None,
    };
    let faults = resolve(&receivers, &routing, &inhibit, &[silence]).err().unwrap();
    assert_snapshot!(told(&faults));
}

#[test]
fn a_secret_that_is_no_url_is_not_shown() {
    let entry =
        ReceiverEntry { url: Some(UrlRef::Secret(env("URL"))), ..receiver("hook", ReceiverKind::Webhook) };
    let faults = resolve(&[entry], &RoutingEntry::default(), &[], &[]).err().unwrap();
    let told = told(&faults);
    assert!(told.starts_with("receivers[0].url: ") && !told.contains("secret-of-URL"), "{told}");
}

#[test]
fn no_receivers_are_a_configuration() {
    assert!(resolve(&[], &RoutingEntry::default(), &[], &[]).is_ok());
}
