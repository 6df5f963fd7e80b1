//! What the configuration says about notifications, as it is written. Doc comments are the reference of
//! `[[receivers]]`, `[routing]`, `[[inhibit]]` and `[[silences]]`.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A secret, by reference: secrets do not belong in this file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
pub enum SecretRef {
    /// The name of an environment variable: `{ env = "OPENAI_API_KEY" }`.
    Env {
        /// The name of the variable.
        env: String,
    },
    /// The path of a file that holds the secret and nothing else: `{ file = "/run/secrets/openai" }`.
    File {
        /// The path of the file.
        file: PathBuf,
    },
}

/// A URL, written out or by reference where it holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum UrlRef {
    /// The URL itself: `"https://example.com/hook"`.
    Plain(String),
    /// Where the URL is kept, because it holds a secret: `{ env = "SLACK_WEBHOOK_URL" }`.
    Secret(SecretRef),
}

/// What a receiver is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReceiverKind {
    /// Any server that takes JSON; signed as Standard Webhooks says when there is a secret.
    Webhook,
    /// Slack: an incoming webhook, or a bot with a token.
    Slack,
    /// PagerDuty, Events API v2.
    Pagerduty,
    /// Microsoft Teams, through a workflow.
    Teams,
    /// Mail.
    Smtp,
    /// Prometheus Alertmanager, or anything that takes its `/api/v2/alerts`.
    Alertmanager,
    /// Datadog events.
    Datadog,
}

impl ReceiverKind {
    /// The one spelling of this kind.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Slack => "slack",
            Self::Pagerduty => "pagerduty",
            Self::Teams => "teams",
            Self::Smtp => "smtp",
            Self::Alertmanager => "alertmanager",
            Self::Datadog => "datadog",
        }
    }
}

/// How a connection to a mail server is protected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MailTls {
    /// STARTTLS, and nothing is sent without it. Port 587.
    #[default]
    Starttls,
    /// TLS from the start. Port 465.
    Implicit,
    /// None; only with `allow_private`. Port 25.
    None,
}

/// Somebody or something that hears of alerts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReceiverEntry {
    /// What it is called: letters, digits, `-` and `_`.
    pub name: String,
    /// What it is: "webhook", "slack", "pagerduty", "teams", "smtp", "alertmanager" or "datadog".
    pub kind: ReceiverKind,
    /// Where it is: the URL of the webhook, workflow or Alertmanager, as text or as a reference where it holds a secret. For
    /// PagerDuty, Datadog and Slack bots only in place of the usual address.
    #[serde(default)]
    pub url: Option<UrlRef>,
    /// PagerDuty: the integration key of the service.
    #[serde(default)]
    pub routing_key: Option<SecretRef>,
    /// Slack: the token of a bot with `chat:write`, in place of an incoming webhook. Webhook and Alertmanager: a bearer token.
    #[serde(default)]
    pub token: Option<SecretRef>,
    /// Slack: the channel that the bot writes to, such as "#ops" or its id.
    #[serde(default)]
    pub channel: Option<String>,
    /// Webhook: the secrets that messages are signed with, `whsec_…` or any text; all sign, so that one can be replaced.
    #[serde(default)]
    pub signing_secrets: Vec<SecretRef>,
    /// Datadog: the API key.
    #[serde(default)]
    pub api_key: Option<SecretRef>,
    /// Datadog: the site; "datadoghq.com" when absent.
    #[serde(default)]
    pub site: Option<String>,
    /// Mail: the server, as "HOST" or "HOST:PORT".
    #[serde(default)]
    pub server: Option<String>,
    /// Mail: "starttls", "implicit" or "none"; "starttls" when absent.
    #[serde(default)]
    pub tls: Option<MailTls>,
    /// Mail: whom to log in as.
    #[serde(default)]
    pub username: Option<String>,
    /// Mail: the password for `username`.
    #[serde(default)]
    pub password: Option<SecretRef>,
    /// Mail: the sender, such as "Weir <weir@example.com>".
    #[serde(default)]
    pub from: Option<String>,
    /// Mail: the addresses.
    #[serde(default)]
    pub to: Vec<String>,
    /// Datadog: tags beside those of the alert, as "KEY:VALUE".
    #[serde(default)]
    pub tags: Vec<String>,
    /// Whether it hears of the end of alerts too; it does when absent.
    #[serde(default)]
    pub send_resolved: Option<bool>,
    /// Whether it may be at an address of the machine itself or of a private network, and be spoken to without TLS.
    #[serde(default)]
    pub allow_private: bool,
}

/// Who hears of which alerts. Without it every receiver that a monitor names hears of that monitor, and nobody of the rest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RoutingEntry {
    /// The receiver of alerts that no route is for; the first receiver when absent.
    pub receiver: Option<String>,
    /// Alerts that agree in these tags are told in one message: tags of the group, labels of the monitor, or "monitor".
    /// The monitor when absent.
    pub group_by: Option<Vec<String>>,
    /// How long the first alert of a message waits for others, such as "10s"; "10s" when absent.
    pub group_wait: Option<String>,
    /// How long after a message the next one with the same tags comes at the earliest; "1m" when absent.
    pub group_interval: Option<String>,
    /// After how long an alert that did not change is told again; never when absent. `renotify` of a monitor does so for one
    /// monitor.
    pub repeat_interval: Option<String>,
    /// Routes, tried in order, each with keys as here and `match` and `continue`.
    pub routes: Vec<RouteEntry>,
}

/// A route: alerts that it matches are told as it says. What it does not say is as where it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RouteEntry {
    /// Which alerts, in the scope language over tags of the group, labels of the monitor, `monitor` and `state`:
    /// "team:payments AND state:alert". All when absent.
    pub r#match: Option<String>,
    /// The receiver; that of the table it stands in when absent.
    pub receiver: Option<String>,
    /// Whether the routes after this one are tried as well.
    pub r#continue: bool,
    /// As in `[routing]`.
    pub group_by: Option<Vec<String>>,
    /// As in `[routing]`.
    pub group_wait: Option<String>,
    /// As in `[routing]`.
    pub group_interval: Option<String>,
    /// As in `[routing]`.
    pub repeat_interval: Option<String>,
    /// Routes within this one.
    pub routes: Vec<RouteEntry>,
}

/// Alerts that need not be told while another one is there that explains them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InhibitEntry {
    /// Which alerts explain others, as `match` of a route: "monitor:error-rate-spike".
    pub source: String,
    /// Which alerts are explained by them: "monitor:p95-*".
    pub target: String,
    /// Tags in which both must agree, such as "model".
    #[serde(default)]
    pub equal: Vec<String>,
}

/// A time in which some alerts are not told: once, or again and again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SilenceEntry {
    /// What it is called.
    pub name: String,
    /// Which alerts, as `match` of a route: "monitor:p95-* AND team:payments".
    pub scope: String,
    /// From when, such as "2026-03-28T22:00" in the time zone of `tz`, or with an offset.
    pub starts_at: String,
    /// How long, such as "2h".
    pub duration: String,
    /// How it recurs, as an RRULE of RFC 5545: "FREQ=WEEKLY;BYDAY=SA"; once when absent.
    #[serde(default)]
    pub rrule: Option<String>,
    /// The time zone, such as "Europe/Berlin"; UTC when absent.
    #[serde(default)]
    pub tz: Option<String>,
    /// Why.
    #[serde(default)]
    pub note: Option<String>,
}
