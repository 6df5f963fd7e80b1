//! Slack: an incoming webhook, or a bot with a token. The bot puts everything about one alert into one thread, because
//! Slack tells it what a message is called; a webhook is not told.

use std::sync::Arc;

use serde_json::{Value, json};
use weir_types::{AlertState, Secret};

use super::{Outcome, Parcel, endpoint, outcome, said};
use crate::entry::ReceiverEntry;
use crate::http::{Answer, Endpoint, HttpClient, headers, secret_header};
use crate::message::{Item, Message, SHOWN_MAX, cut};
use crate::settings::Resolver;

const POST_MESSAGE: &str = "https://slack.com/api/chat.postMessage";

/// Characters of a header block and of a section block, less than Slack's 150 and 3,000.
const HEADER_CHARS_MAX: usize = 145;
const SECTION_CHARS_MAX: usize = 2_900;

pub(super) struct Slack {
    pub(super) endpoint: Endpoint,
    bot: Option<Bot>,
}

struct Bot {
    token: Secret,
    channel: String,
}

impl Slack {
    pub(super) fn read(entry: &ReceiverEntry, key: &str, resolver: &mut Resolver<'_>) -> Option<Self> {
        let Some(token) = &entry.token else {
            if entry.channel.is_some() {
                let hint = "an incoming webhook writes to the channel it was made for; a bot has a `token`";
                resolver.report(format!("{key}.channel"), "there is no `token`".to_owned(), hint);
            }
            return Some(Self { endpoint: endpoint(entry, key, None, resolver)?, bot: None });
        };
        let token = resolver.secret(format!("{key}.token"), token);
        let endpoint = endpoint(entry, key, Some(POST_MESSAGE), resolver);
        let Some(channel) = &entry.channel else {
            let hint = "a bot needs to know where it writes: channel = \"#ops\"";
            resolver.report(format!("{key}.channel"), "the key `channel` is missing".to_owned(), hint);
            return None;
        };
        Some(Self { endpoint: endpoint?, bot: Some(Bot { token: token?, channel: channel.clone() }) })
    }

    pub(super) fn has_threads(&self) -> bool {
        self.bot.is_some()
    }

    pub(super) fn render(&self, message: &Message<'_>) -> Value {
        let mut blocks = Vec::new();
        let header = cut(&format!("{} {}", emoji(message), message.title()), HEADER_CHARS_MAX);
        blocks.push(json!({"type": "header", "text": {"type": "plain_text", "text": header}}));
        let is_single = message.notices.len() == 1;
        for item in message.items().take(SHOWN_MAX) {
            let text = cut(&section(&item, is_single), SECTION_CHARS_MAX);
            blocks.push(json!({"type": "section", "text": {"type": "mrkdwn", "text": text}}));
        }
        let rest = message.rest();
        if !rest.is_empty() {
            blocks.push(json!({"type": "context", "elements": [{"type": "mrkdwn", "text": escaped(&rest)}]}));
        }
        let fallback = match &message.notices[..] {
            [_] => message.items().next().map(|item| item.plain()).unwrap_or_default(),
            _ => message.title(),
        };
        let mut body = json!({"text": escaped(&cut(&fallback, SECTION_CHARS_MAX)), "blocks": blocks});
        if let Some(bot) = &self.bot {
            body["channel"] = bot.channel.clone().into();
            body["metadata"] =
                json!({"event_type": "weir_alert", "event_payload": {"delivery": message.delivery}});
        }
        body
    }

    pub(super) async fn send(&self, client: &HttpClient, parcel: &Parcel<'_>) -> Outcome {
        let Some(bot) = &self.bot else {
            let answer = client.post(&self.endpoint, http::HeaderMap::new(), parcel.body.to_owned()).await;
            return outcome(answer, &self.endpoint, &[]);
        };
        let mut body = parcel.body.to_owned();
        if let (Some(thread), Ok(mut value)) = (&parcel.thread, serde_json::from_str::<Value>(parcel.body)) {
            value["thread_ts"] = Value::from(&**thread);
            // The end of an alert is seen in the channel too, not only by those who follow the thread.
            value["reply_broadcast"] = true.into();
            body = value.to_string();
        }
        let headers = headers([("authorization", secret_header("Bearer ", &bot.token))]);
        match client.post(&self.endpoint, headers, body).await {
            Ok(answer) if answer.status == 200 => self.understood(&answer, bot),
            answer => outcome(answer, &self.endpoint, &[&bot.token]),
        }
    }

    /// Slack says 200 to everything and whether it worked in the body.
    fn understood(&self, answer: &Answer, bot: &Bot) -> Outcome {
        let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        if body["ok"] == true {
            return Outcome::Delivered { receipt: body["ts"].as_str().map(Arc::from) };
        }
        let error = said(&self.endpoint, answer, &[&bot.token]);
        match body["error"].as_str() {
            Some(
                "ratelimited"
                | "rate_limited"
                | "internal_error"
                | "fatal_error"
                | "service_unavailable"
                | "request_timeout",
            ) => Outcome::Later { error, after: answer.retry_after },
            _ => Outcome::Refused { error },
        }
    }
}

fn emoji(message: &Message<'_>) -> &'static str {
    match message.notices.iter().map(|notice| notice.transition.to).max() {
        Some(AlertState::Alert) => "🔴",
        Some(AlertState::Warn) => "🟠",
        Some(AlertState::NoData) => "⚪",
        Some(AlertState::Ok) | None => "🟢",
    }
}

fn section(item: &Item<'_>, is_single: bool) -> String {
    let mut lines = Vec::new();
    if !is_single {
        lines.push(format!("*{}*", escaped(&item.title())));
    }
    let text = item.text();
    if !text.is_empty() {
        lines.push(escaped(&text));
    }
    let facts = item.facts().into_iter().map(|(name, value)| format!("*{name}:* {}", escaped(&value)));
    lines.push(facts.collect::<Vec<_>>().join("  ·  "));
    lines.extend(item.details().map(|line| format!("• {}", escaped(&line))));
    let mut links = vec![format!("<{}|Open in Weir>", escaped(&item.url()))];
    links.extend(item.traces().map(|(id, url)| format!("<{}|trace {}>", escaped(&url), cut(&id, 9))));
    lines.push(links.join("  ·  "));
    lines.join("\n")
}

/// The three characters that Slack gives a meaning to.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
