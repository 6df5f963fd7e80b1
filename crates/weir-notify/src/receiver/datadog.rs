//! Datadog events, API v1. The alert's id is the `aggregation_key`, so that all events of an alert are shown as one.

use std::fmt::Write as _;

use serde_json::{Value, json};
use weir_types::{AlertState, Secret};

use super::{Outcome, Parcel, endpoint, needed, outcome};
use crate::entry::ReceiverEntry;
use crate::http::{Endpoint, HttpClient, headers, secret_header};
use crate::message::{Item, Message, cut};
use crate::settings::Resolver;

/// Characters that Datadog takes of a title, a text and a key.
const TITLE_CHARS_MAX: usize = 100;
const TEXT_CHARS_MAX: usize = 4_000;
const KEY_CHARS_MAX: usize = 100;

pub(super) struct Datadog {
    pub(super) endpoint: Endpoint,
    api_key: Secret,
    tags: Vec<String>,
}

impl Datadog {
    pub(super) fn read(entry: &ReceiverEntry, key: &str, resolver: &mut Resolver<'_>) -> Option<Self> {
        let hint = "an API key of your organisation: { env = \"DD_API_KEY\" }";
        let api_key = needed(entry.api_key.as_ref(), key, "api_key", hint, resolver);
        let site = entry.site.as_deref().unwrap_or("datadoghq.com");
        let standard = format!("https://api.{site}/api/v1/events");
        let endpoint = endpoint(entry, key, Some(&standard), resolver);
        Some(Self { endpoint: endpoint?, api_key: api_key?, tags: entry.tags.clone() })
    }

    pub(super) fn render(&self, message: &Message<'_>) -> Value {
        let Some(item) = message.items().next() else { return Value::Null };
        let notice = item.notice;
        let transition = &notice.transition;
        let mut tags = vec![format!("monitor:{}", transition.monitor), "source:weir".to_owned()];
        let pairs = transition.group.iter().chain(notice.labels.iter());
        tags.extend(pairs.map(|(key, value)| format!("{key}:{value}")));
        tags.extend(self.tags.iter().cloned());
        // No `date_happened`: events that are older than some hours are refused, and this one may wait for a day.
        json!({
            "title": cut(&item.title(), TITLE_CHARS_MAX),
            "text": text(&item),
            "alert_type": match transition.to {
                AlertState::Alert => "error",
                AlertState::Warn | AlertState::NoData => "warning",
                AlertState::Ok => "success",
            },
            "aggregation_key": cut(&notice.alert_id, KEY_CHARS_MAX),
            "priority": "normal",
            "tags": tags,
        })
    }

    pub(super) async fn send(&self, client: &HttpClient, parcel: &Parcel<'_>) -> Outcome {
        let headers = headers([("dd-api-key", secret_header("", &self.api_key))]);
        let answer = client.post(&self.endpoint, headers, parcel.body.to_owned()).await;
        outcome(answer, &self.endpoint, &[&self.api_key])
    }
}

/// Markdown between the marks by which Datadog knows it.
fn text(item: &Item<'_>) -> String {
    let mut text = item.text();
    for (name, value) in item.facts() {
        let _ = write!(text, "\n- **{name}:** {value}");
    }
    for line in item.details() {
        let _ = write!(text, "\n- {line}");
    }
    let mut links = format!("\n\n[Open in Weir]({})", item.url());
    for (id, url) in item.traces() {
        let _ = write!(links, " · [trace {}]({url})", cut(&id, 9));
    }
    let room = TEXT_CHARS_MAX.saturating_sub(links.chars().count() + 16);
    format!("%%% \n{}{links}\n %%%", cut(&text, room))
}
