//! Microsoft Teams: an adaptive card to a workflow ("When a Teams webhook request is received"). The older connectors are
//! gone.

use serde_json::{Value, json};
use weir_types::AlertState;

use super::{Outcome, Parcel, endpoint, outcome};
use crate::entry::ReceiverEntry;
use crate::http::{Endpoint, HttpClient};
use crate::message::{Item, Message, SHOWN_MAX, cut};
use crate::settings::Resolver;

/// Characters of each text, so that ten alerts stay under the 28 KiB that Teams takes.
const TEXT_CHARS_MAX: usize = 600;

/// Lines of details of each alert.
const DETAILS_MAX: usize = 4;

pub(super) struct Teams {
    pub(super) endpoint: Endpoint,
}

impl Teams {
    pub(super) fn read(entry: &ReceiverEntry, key: &str, resolver: &mut Resolver<'_>) -> Option<Self> {
        Some(Self { endpoint: endpoint(entry, key, None, resolver)? })
    }

    pub(super) async fn send(&self, client: &HttpClient, parcel: &Parcel<'_>) -> Outcome {
        let answer = client.post(&self.endpoint, http::HeaderMap::new(), parcel.body.to_owned()).await;
        outcome(answer, &self.endpoint, &[])
    }
}

pub(super) fn render(message: &Message<'_>) -> Value {
    let worst = message.notices.iter().map(|notice| notice.transition.to).max().unwrap_or_default();
    let color = match worst {
        AlertState::Alert => "attention",
        AlertState::Warn => "warning",
        AlertState::NoData => "default",
        AlertState::Ok => "good",
    };
    let mut body = vec![json!({
        "type": "TextBlock", "size": "large", "weight": "bolder", "wrap": true, "color": color,
        "text": plain(&cut(&message.title(), TEXT_CHARS_MAX)),
    })];
    let is_single = message.notices.len() == 1;
    for item in message.items().take(SHOWN_MAX) {
        body.extend(blocks(&item, is_single));
    }
    let rest = message.rest();
    if !rest.is_empty() {
        body.push(json!({"type": "TextBlock", "wrap": true, "isSubtle": true, "text": rest}));
    }
    let actions: Vec<Value> = match message.items().next() {
        Some(item) if is_single => {
            let link =
                |title: String, url: String| json!({"type": "Action.OpenUrl", "title": title, "url": url});
            let traces = item.traces().map(|(id, url)| link(format!("Trace {}", cut(&id, 9)), url));
            std::iter::once(link("Open in Weir".to_owned(), item.url())).chain(traces).collect()
        }
        _ => Vec::new(),
    };
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "msteams": {"width": "Full"},
                "body": body,
                "actions": actions,
            }
        }]
    })
}

fn blocks(item: &Item<'_>, is_single: bool) -> Vec<Value> {
    let mut blocks = Vec::new();
    if !is_single {
        let title = format!("[{}]({})", plain(&item.title()), item.url());
        blocks.push(
            json!({"type": "TextBlock", "weight": "bolder", "wrap": true, "separator": true, "text": title}),
        );
    }
    let text = cut(&item.text(), TEXT_CHARS_MAX);
    if !text.is_empty() {
        blocks.push(json!({"type": "TextBlock", "wrap": true, "text": plain(&text)}));
    }
    let facts: Vec<Value> = item
        .facts()
        .into_iter()
        .map(|(name, value)| json!({"title": name, "value": plain(&value)}))
        .collect();
    blocks.push(json!({"type": "FactSet", "facts": facts}));
    for line in item.details().take(DETAILS_MAX) {
        blocks.push(json!({"type": "TextBlock", "wrap": true, "spacing": "small", "text": plain(&line)}));
    }
    blocks
}

/// Text without the meaning that Markdown gives to brackets, stars and underscores: a name such as `p95_latency` stays one.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '*' | '_' | '[' | ']' | '`' | '\\') {
            plain.push('\\');
        }
        plain.push(c);
    }
    plain
}
