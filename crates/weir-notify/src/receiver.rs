//! Receivers: one file for each kind, which reads its keys, renders its messages and sends them.
//!
//! A body is rendered when the delivery is made and kept without any secret; secrets are added when it is sent. What
//! went wrong is said without the URL and with secrets struck out, because it is kept and shown.

mod alertmanager;
mod datadog;
mod pagerduty;
mod slack;
mod smtp;
mod teams;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use weir_types::{Delivery, Secret, UnixMicros};

use crate::entry::{ReceiverEntry, ReceiverKind, UrlRef};
use crate::http::{Answer, Endpoint, HttpClient, NoAnswer};
use crate::message::{Message, cut};
use crate::settings::Resolver;

pub(crate) use alertmanager::{Alertmanager, render_firing};

/// Characters of a server's answer that are told when it refuses.
const ANSWER_CHARS_MAX: usize = 200;

/// Somebody or something that hears of alerts.
pub(crate) struct Receiver {
    pub(crate) name: Arc<str>,
    pub(crate) kind: ReceiverKind,
    pub(crate) sends_resolved: bool,
    channel: Channel,
}

enum Channel {
    Webhook(webhook::Webhook),
    Slack(slack::Slack),
    Pagerduty(pagerduty::Pagerduty),
    Teams(teams::Teams),
    Smtp(Box<smtp::Smtp>),
    Alertmanager(Alertmanager),
    Datadog(datadog::Datadog),
}

/// A message on its way.
pub(crate) struct Parcel<'a> {
    pub(crate) delivery: &'a Delivery,
    pub(crate) body: &'a str,
    pub(crate) now: UnixMicros,
    /// What the receiver calls the first message about the same alert.
    pub(crate) thread: Option<Arc<str>>,
}

/// How an attempt ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The receiver has it.
    Delivered { receipt: Option<Arc<str>> },
    /// It may work later; not before the pause that the receiver asked for.
    Later { error: String, after: Option<Duration> },
    /// It will not work.
    Refused { error: String },
}

impl Receiver {
    /// Reads an entry; mistakes are reported. `key` is where it stands.
    pub(crate) fn read(entry: &ReceiverEntry, key: &str, resolver: &mut Resolver<'_>) -> Option<Self> {
        refuse_foreign_keys(entry, key, resolver);
        let channel = match entry.kind {
            ReceiverKind::Webhook => Channel::Webhook(webhook::Webhook::read(entry, key, resolver)?),
            ReceiverKind::Slack => Channel::Slack(slack::Slack::read(entry, key, resolver)?),
            ReceiverKind::Pagerduty => Channel::Pagerduty(pagerduty::Pagerduty::read(entry, key, resolver)?),
            ReceiverKind::Teams => Channel::Teams(teams::Teams::read(entry, key, resolver)?),
            ReceiverKind::Smtp => Channel::Smtp(Box::new(smtp::Smtp::read(entry, key, resolver)?)),
            ReceiverKind::Alertmanager => Channel::Alertmanager(Alertmanager::read(entry, key, resolver)?),
            ReceiverKind::Datadog => Channel::Datadog(datadog::Datadog::read(entry, key, resolver)?),
        };
        Some(Self {
            name: Arc::from(entry.name.as_str()),
            kind: entry.kind,
            sends_resolved: entry.send_resolved.unwrap_or(true),
            channel,
        })
    }

    /// Whether each alert is a message of its own, because the receiver keeps alerts apart by itself.
    pub(crate) fn tells_singly(&self) -> bool {
        match &self.channel {
            Channel::Pagerduty(_) | Channel::Datadog(_) => true,
            Channel::Slack(slack) => slack.has_threads(),
            Channel::Webhook(_) | Channel::Teams(_) | Channel::Smtp(_) | Channel::Alertmanager(_) => false,
        }
    }

    /// Whether later messages of an alert refer to the first.
    pub(crate) fn has_threads(&self) -> bool {
        matches!(&self.channel, Channel::Slack(slack) if slack.has_threads())
    }

    /// The Alertmanager that wants to hear again and again of what is firing.
    pub(crate) fn as_alertmanager(&self) -> Option<&Alertmanager> {
        match &self.channel {
            Channel::Alertmanager(alertmanager) => Some(alertmanager),
            _ => None,
        }
    }

    /// Whether it is spoken to with TLS over HTTP.
    pub(crate) fn uses_https(&self) -> bool {
        let endpoint = match &self.channel {
            Channel::Webhook(webhook) => &webhook.endpoint,
            Channel::Slack(slack) => &slack.endpoint,
            Channel::Pagerduty(pagerduty) => &pagerduty.endpoint,
            Channel::Teams(teams) => &teams.endpoint,
            Channel::Alertmanager(alertmanager) => &alertmanager.endpoint,
            Channel::Datadog(datadog) => &datadog.endpoint,
            Channel::Smtp(_) => return false,
        };
        endpoint.uri.scheme_str() == Some("https")
    }

    /// What is sent, but for secrets.
    pub(crate) fn render(&self, message: &Message<'_>) -> String {
        match &self.channel {
            Channel::Webhook(_) => webhook::render(message).to_string(),
            Channel::Slack(slack) => slack.render(message).to_string(),
            Channel::Pagerduty(_) => pagerduty::render(message).to_string(),
            Channel::Teams(_) => teams::render(message).to_string(),
            Channel::Smtp(_) => smtp::render(message).to_string(),
            Channel::Alertmanager(_) => alertmanager::render(message).to_string(),
            Channel::Datadog(datadog) => datadog.render(message).to_string(),
        }
    }

    /// One attempt.
    pub(crate) async fn send(&self, client: &HttpClient, parcel: &Parcel<'_>) -> Outcome {
        match &self.channel {
            Channel::Webhook(webhook) => webhook.send(client, parcel).await,
            Channel::Slack(slack) => slack.send(client, parcel).await,
            Channel::Pagerduty(pagerduty) => pagerduty.send(client, parcel).await,
            Channel::Teams(teams) => teams.send(client, parcel).await,
            Channel::Smtp(smtp) => smtp.send(parcel).await,
            Channel::Alertmanager(alertmanager) => alertmanager.send(client, parcel.body).await,
            Channel::Datadog(datadog) => datadog.send(client, parcel).await,
        }
    }
}

/// Reports keys that mean nothing to this kind of receiver.
fn refuse_foreign_keys(entry: &ReceiverEntry, key: &str, resolver: &mut Resolver<'_>) {
    let own: &[&str] = match entry.kind {
        ReceiverKind::Webhook => &["url", "token", "signing_secrets"],
        ReceiverKind::Slack => &["url", "token", "channel"],
        ReceiverKind::Pagerduty => &["url", "routing_key"],
        ReceiverKind::Teams => &["url"],
        ReceiverKind::Smtp => &["server", "tls", "username", "password", "from", "to"],
        ReceiverKind::Alertmanager => &["url", "token"],
        ReceiverKind::Datadog => &["url", "api_key", "site", "tags"],
    };
    let given = [
        ("url", entry.url.is_some()),
        ("routing_key", entry.routing_key.is_some()),
        ("token", entry.token.is_some()),
        ("channel", entry.channel.is_some()),
        ("signing_secrets", !entry.signing_secrets.is_empty()),
        ("api_key", entry.api_key.is_some()),
        ("site", entry.site.is_some()),
        ("server", entry.server.is_some()),
        ("tls", entry.tls.is_some()),
        ("username", entry.username.is_some()),
        ("password", entry.password.is_some()),
        ("from", entry.from.is_some()),
        ("to", !entry.to.is_empty()),
        ("tags", !entry.tags.is_empty()),
    ];
    let kind = entry.kind.as_str();
    for (name, _) in given.iter().filter(|(name, is_given)| *is_given && !own.contains(name)) {
        let message = format!("a receiver of kind {kind:?} has no such key");
        resolver.report(format!("{key}.{name}"), message, &format!("its keys are {}", own.join(", ")));
    }
}

/// The endpoint at a receiver's `url`, or at a standard address.
fn endpoint(
    entry: &ReceiverEntry,
    key: &str,
    standard: Option<&str>,
    resolver: &mut Resolver<'_>,
) -> Option<Endpoint> {
    let key = format!("{key}.url");
    let url = entry.url.clone().or_else(|| standard.map(|url| UrlRef::Plain(url.to_owned())));
    let Some(url) = url else {
        resolver.report(
            key,
            "the key `url` is missing".to_owned(),
            "where is it? A URL that holds a secret is a reference: { env = \"NAME\" }",
        );
        return None;
    };
    // What is said about it does not show it: any part of it may be a secret.
    let text = resolver.url(key.clone(), &url)?;
    let uri = text.parse::<Uri>().ok().filter(|uri| uri.host().is_some_and(|host| !host.is_empty()));
    let Some(uri) = uri else {
        resolver.report(key, "this is not a URL".to_owned(), "for example \"https://example.com/hook\"");
        return None;
    };
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        resolver.report(
            key,
            "the URL holds a name or password".to_owned(),
            "use `token`, or a path that is secret",
        );
        return None;
    }
    match uri.scheme_str() {
        Some("https") => {}
        Some("http") if entry.allow_private => {}
        Some("http") => {
            let hint = "use https, or set `allow_private = true` for a server of your own network";
            resolver.report(key, "messages would not be encrypted on their way".to_owned(), hint);
            return None;
        }
        _ => {
            resolver.report(key, "the URL begins with neither https:// nor http://".to_owned(), "");
            return None;
        }
    }
    Some(Endpoint { uri, allow_private: entry.allow_private })
}

/// A secret that a receiver cannot do without.
fn needed(
    secret: Option<&crate::entry::SecretRef>,
    key: &str,
    name: &str,
    hint: &str,
    resolver: &mut Resolver<'_>,
) -> Option<Secret> {
    let key = format!("{key}.{name}");
    if let Some(reference) = secret {
        return resolver.secret(key, reference);
    }
    resolver.report(key, format!("the key `{name}` is missing"), hint);
    None
}

/// What an answer means for most receivers: 2xx is well, what the server or the moment is to blame for may work later,
/// and everything else will not.
fn outcome(answer: Result<Answer, NoAnswer>, endpoint: &Endpoint, secrets: &[&Secret]) -> Outcome {
    match answer {
        Err(NoAnswer { message, is_final: true }) => Outcome::Refused { error: message },
        Err(NoAnswer { message, is_final: false }) => Outcome::Later { error: message, after: None },
        Ok(answer) => match answer.status {
            200..=299 => Outcome::Delivered { receipt: None },
            408 | 425 | 429 | 500..=599 => {
                Outcome::Later { error: said(endpoint, &answer, secrets), after: answer.retry_after }
            }
            300..=399 => Outcome::Refused {
                error: format!("{}; redirects are not followed", said(endpoint, &answer, secrets)),
            },
            _ => Outcome::Refused { error: said(endpoint, &answer, secrets) },
        },
    }
}

/// `hooks.slack.com said 403: invalid_token`, with secrets struck out.
fn said(endpoint: &Endpoint, answer: &Answer, secrets: &[&Secret]) -> String {
    let mut body = answer.body.replace(|c: char| c.is_control(), " ");
    for secret in secrets.iter().map(|secret| secret.expose()).filter(|secret| !secret.is_empty()) {
        body = body.replace(secret, "…");
    }
    // The path of a webhook is its secret.
    let path = endpoint.uri.path();
    if path.len() > 8 {
        body = body.replace(path, "…");
    }
    let body = cut(body.trim(), ANSWER_CHARS_MAX);
    let colon = if body.is_empty() { "" } else { ": " };
    format!("{} said {}{colon}{body}", endpoint.host(), answer.status)
}
