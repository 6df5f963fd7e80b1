//! PagerDuty, Events API v2. The alert's id is the `dedup_key`, so that whatever is sent twice is one incident, and the
//! end of the alert resolves it.

use serde_json::{Map, Value, json};
use weir_types::{AlertState, Secret};

use super::{Outcome, Parcel, endpoint, needed, outcome};
use crate::entry::ReceiverEntry;
use crate::http::{Endpoint, HttpClient};
use crate::message::{Message, cut, time_text};
use crate::settings::Resolver;

const ENQUEUE: &str = "https://events.pagerduty.com/v2/enqueue";

/// Characters that PagerDuty takes of a summary and of a key.
const SUMMARY_CHARS_MAX: usize = 1_024;
const DEDUP_KEY_CHARS_MAX: usize = 255;

pub(super) struct Pagerduty {
    pub(super) endpoint: Endpoint,
    routing_key: Secret,
}

impl Pagerduty {
    pub(super) fn read(entry: &ReceiverEntry, key: &str, resolver: &mut Resolver<'_>) -> Option<Self> {
        let hint = "the integration key of a service with the integration \"Events API V2\"";
        let routing_key = needed(entry.routing_key.as_ref(), key, "routing_key", hint, resolver);
        let endpoint = endpoint(entry, key, Some(ENQUEUE), resolver);
        Some(Self { endpoint: endpoint?, routing_key: routing_key? })
    }

    pub(super) async fn send(&self, client: &HttpClient, parcel: &Parcel<'_>) -> Outcome {
        // The key belongs into the body, and what is kept has no secrets in it.
        let mut body: Value = serde_json::from_str(parcel.body).unwrap_or_default();
        body["routing_key"] = self.routing_key.expose().into();
        let answer = client.post(&self.endpoint, http::HeaderMap::new(), body.to_string()).await;
        outcome(answer, &self.endpoint, &[&self.routing_key])
    }
}

pub(super) fn render(message: &Message<'_>) -> Value {
    let Some(item) = message.items().next() else { return Value::Null };
    let notice = item.notice;
    let transition = &notice.transition;
    let dedup_key = cut(&notice.alert_id, DEDUP_KEY_CHARS_MAX);
    if item.is_over() {
        return json!({"event_action": "resolve", "dedup_key": dedup_key});
    }
    let text = item.text();
    let summary = if text.is_empty() { item.title() } else { format!("{} - {text}", item.title()) };
    let mut details = Map::new();
    for (name, value) in item.facts() {
        details.insert(name.to_lowercase(), value.into());
    }
    for (key, value) in transition.group.iter().chain(notice.labels.iter()) {
        details.insert(key.to_string(), Value::from(&**value));
    }
    details.insert("details".to_owned(), item.details().collect::<Vec<_>>().into());
    let mut links = vec![json!({"href": item.url(), "text": "Open in Weir"})];
    links.extend(item.traces().map(|(id, url)| json!({"href": url, "text": format!("Trace {id}")})));
    json!({
        "event_action": "trigger",
        "dedup_key": dedup_key,
        "client": "Weir",
        "client_url": item.url(),
        "links": links,
        "payload": {
            "summary": cut(&summary.replace('\n', " "), SUMMARY_CHARS_MAX),
            "source": "weir",
            "severity": match transition.to {
                AlertState::Alert => "critical",
                AlertState::NoData => "error",
                AlertState::Warn => "warning",
                AlertState::Ok => "info",
            },
            "timestamp": time_text(transition.at),
            "component": transition.monitor,
            "group": item.group(),
            "class": transition.reason.as_str(),
            "custom_details": details,
        }
    })
}
