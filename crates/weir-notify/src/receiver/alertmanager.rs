//! Prometheus Alertmanager, or anything that takes its `POST /api/v2/alerts`.
//!
//! An Alertmanager forgets an alert that it does not hear of again, so the notifier tells it of what is firing every
//! minute, with an end that is some minutes ahead. When Weir is gone, alerts end there by themselves.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use weir_types::{Notice, Secret, UnixMicros};

use super::{Outcome, endpoint, outcome};
use crate::entry::ReceiverEntry;
use crate::http::{Endpoint, HttpClient, headers, secret_header};
use crate::message::{Item, Message, state_word, time_text};
use crate::settings::Resolver;

const PATH: &str = "/api/v2/alerts";

/// How far ahead the end of an alert is that still fires: four times the pause between two messages, as Prometheus has it.
const ENDS_AFTER_US: i64 = 4 * UnixMicros::MINUTE;

pub(crate) struct Alertmanager {
    pub(super) endpoint: Endpoint,
    token: Option<Secret>,
}

impl Alertmanager {
    pub(super) fn read(entry: &ReceiverEntry, key: &str, resolver: &mut Resolver<'_>) -> Option<Self> {
        let token = entry.token.as_ref().and_then(|token| resolver.secret(format!("{key}.token"), token));
        let endpoint = endpoint(entry, key, None, resolver)?;
        let endpoint = if endpoint.uri.path().ends_with(PATH) { endpoint } else { endpoint.with_path(PATH) };
        Some(Self { endpoint, token })
    }

    pub(crate) async fn send(&self, client: &HttpClient, body: &str) -> Outcome {
        let token = self.token.as_ref().and_then(|token| secret_header("Bearer ", token));
        let headers = headers([("authorization", token)]);
        let answer = client.post(&self.endpoint, headers, body.to_owned()).await;
        let secrets: Vec<&Secret> = self.token.iter().collect();
        outcome(answer, &self.endpoint, &secrets)
    }
}

pub(super) fn render(message: &Message<'_>) -> Value {
    message.items().map(|item| alert(&item, message.created_at)).collect()
}

/// What is firing, again.
pub(crate) fn render_firing(notices: Vec<&Notice>, base_url: &str, now: UnixMicros) -> String {
    let message = Message { delivery: "", receiver: "", created_at: now, is_repeat: true, notices, base_url };
    render(&message).to_string()
}

/// The labels say which alert it is: they stay the same from its start to its end, so the state is none of them.
fn alert(item: &Item<'_>, now: UnixMicros) -> Value {
    let notice = item.notice;
    let transition = &notice.transition;
    let mut labels = Map::new();
    for (key, value) in notice.labels.iter().chain(transition.group.iter()) {
        labels.insert(label_name(key.as_str()), Value::from(&**value));
    }
    labels.insert("alertname".to_owned(), Value::from(&*transition.monitor));
    labels.insert("weir_alert".to_owned(), Value::from(&*notice.alert_id));
    let facts = item.facts().into_iter().map(|(name, value)| format!("{name}: {value}"));
    let description: Vec<Arc<str>> = facts.map(Arc::from).chain(item.details().map(Arc::from)).collect();
    let ends_at = if item.is_over() { transition.at } else { now.saturating_add_us(ENDS_AFTER_US) };
    json!({
        "labels": labels,
        "annotations": {
            "summary": item.text(),
            "description": description.join("\n"),
            "state": state_word(transition.to),
        },
        // An end before the start is refused.
        "startsAt": time_text(notice.since.min(ends_at)),
        "endsAt": time_text(ends_at),
        "generatorURL": item.url(),
    })
}

/// A name that every Alertmanager takes.
fn label_name(key: &str) -> String {
    let name: String = key.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}
