//! The shape of `weir.toml`. Doc comments are what users read: in the JSON Schema, in editors and in error messages.
//!
//! Every key has a default, so an empty file works. A new key needs a reason; booleans are positive; units come last.

#![expect(clippy::struct_field_names, reason = "the fields are the keys of the file, and units come last")]

use std::collections::BTreeMap;
use std::path::PathBuf;

pub use super::agents::Agent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use weir_control::budget::{BudgetEntry, RateLimitEntry};
use weir_monitor::{Entry as Monitor, SloEntry};

pub use super::cache::Cache;
pub use super::drift::Drift;
pub use super::embeddings::Embeddings;
pub use super::evaluation::{Evaluation, EvaluatorEntry};
pub use super::guard::{Guard, Privacy};
pub use super::probes::ProbeEntry;
pub use super::redis::Redis;
pub use weir_notify::SecretRef;
use weir_notify::{InhibitEntry, ReceiverEntry, RoutingEntry, SilenceEntry};

/// The configuration of Weir.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct File {
    /// Where Weir listens and keeps its data.
    pub server: Server,
    /// Where telemetry that clients already emit is received: an address each, or "off". A standard port of 127.0.0.1 that
    /// is in use is reported and left alone; an address that is written here must be free. Anything but loopback needs
    /// `server.admin_token`.
    pub listeners: Listeners,
    /// What the gateway does with every call.
    pub gateway: Gateway,
    /// The providers that calls go to, by a name of your choice.
    pub providers: BTreeMap<String, Provider>,
    /// Which provider serves which model; the first match wins. Without routes the provider is chosen by model family.
    pub routes: Vec<Route>,
    /// Answers that are given again to the same call.
    pub cache: Cache,
    /// What turns texts into vectors, for the semantic cache.
    pub embeddings: Embeddings,
    /// Judging finished calls.
    pub evaluation: Evaluation,
    /// Who judges them: changes to the built-in evaluators, and judges of your own.
    pub evaluators: Vec<EvaluatorEntry>,
    /// What gateways of a fleet share.
    pub redis: Redis,
    /// How data is kept.
    pub store: Store,
    /// Prices that replace or add to the bundled list; the first match wins.
    pub prices: Vec<Price>,
    /// How much some calls may cost in a period. See docs/guide/cost-control.md.
    pub budgets: Vec<BudgetEntry>,
    /// How fast some calls may come, and how many at once.
    pub rate_limits: Vec<RateLimitEntry>,
    /// Token budgets of single requests, and what agents may do, by agent. `[agents."*"]` is for all others, calls without an
    /// agent among them. docs/guide/cost-control.md and docs/guide/risk.md explain them.
    pub agents: BTreeMap<String, Agent>,
    /// Whether answers are still distributed as they were.
    pub drift: Drift,
    /// Questions that Weir itself asks on a schedule.
    pub probes: Vec<ProbeEntry>,
    /// What is done about prompts that look like attempts to take a model over. See docs/guide/risk.md.
    pub guard: Guard,
    /// What is kept of what calls say.
    pub privacy: Privacy,
    /// What is watched for. The bundled monitors (monitors/seven.toml) come first; an entry with the name of one of them
    /// and without a condition changes it.
    pub monitors: Vec<Monitor>,
    /// Service level objectives, which monitors watch by `burn_rate("name")` and `error_budget("name")`.
    pub slos: Vec<SloEntry>,
    /// Who can be told of alerts. docs/guide/notifications.md has the lines to paste for each kind.
    pub receivers: Vec<ReceiverEntry>,
    /// Which receiver hears of which alerts, and in which messages.
    pub routing: RoutingEntry,
    /// Alerts that need not be told while another one is there that explains them.
    pub inhibit: Vec<InhibitEntry>,
    /// Times in which some alerts are not told, beside those that are made on the dashboard.
    pub silences: Vec<SilenceEntry>,
    /// What Weir writes to its own log.
    pub log: Log,
}

/// Where Weir listens and keeps its data.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// The address of gateway, dashboard and API, such as "127.0.0.1:7070". Anything but loopback needs `admin_token`
    /// and `gateway.auth = "keys"`.
    pub listen: String,
    /// The folder for journal, tables and state. Made when it is not there.
    pub data_dir: PathBuf,
    /// How many threads serve connections; all processors when absent.
    #[schemars(range(min = 1, max = 256))]
    pub worker_threads: Option<u16>,
    /// The token for dashboard and API. Needed when `listen` is not loopback.
    pub admin_token: Option<SecretRef>,
    /// Names under which browsers may reach the dashboard, beside the address itself.
    pub allowed_hosts: Vec<String>,
    /// Where people reach the dashboard, such as "https://weir.example.com": links in notifications begin with it. The
    /// address that Weir listens on when absent.
    pub public_url: Option<String>,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:7070".to_owned(),
            data_dir: PathBuf::from("./weir-data"),
            worker_threads: None,
            admin_token: None,
            allowed_hosts: Vec::new(),
            public_url: None,
        }
    }
}

/// Where telemetry that clients already emit is received.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Listeners {
    /// OTLP over gRPC; "127.0.0.1:4317" when absent.
    pub otlp_grpc: Option<String>,
    /// OTLP over HTTP; "127.0.0.1:4318" when absent. The same paths are served on Weir's own address.
    pub otlp_http: Option<String>,
    /// The Datadog trace agent's port; "127.0.0.1:8126" when absent.
    pub datadog: Option<String>,
    /// DogStatsD over UDP; "127.0.0.1:8125" when absent.
    pub dogstatsd: Option<String>,
    /// The path of a unix socket that takes what `datadog` takes; none when absent.
    pub datadog_socket: Option<PathBuf>,
    /// The path of a unix datagram socket that takes what `dogstatsd` takes; none when absent.
    pub dogstatsd_socket: Option<PathBuf>,
}

/// Who may call the gateway.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Auth {
    /// Anyone who reaches it; the client's own provider key is passed on where the provider has none here.
    #[default]
    Passthrough,
    /// Only holders of a virtual key (`weir key create`).
    Keys,
}

/// What is kept of prompts and answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Bodies {
    /// All of them, up to 1 MiB each.
    #[default]
    Full,
    /// Nothing; tokens, cost and times are kept.
    Off,
}

/// What the gateway does with every call.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Gateway {
    /// Who may call: "passthrough" or "keys".
    pub auth: Auth,
    /// What is kept of prompts and answers: "full" or "off".
    pub bodies: Bodies,
    /// How long Weir waits for a provider.
    pub timeouts: Timeouts,
    /// When a call is tried again.
    pub retry: Retry,
    /// When a provider that fails is left alone for a while.
    pub breaker: Breaker,
}

/// How long Weir waits for a provider.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Timeouts {
    /// For a connection, TLS included, in milliseconds.
    #[schemars(range(min = 1, max = 3_600_000))]
    pub connect_ms: u64,
    /// From the end of the request to the first byte of the answer, in milliseconds.
    #[schemars(range(min = 1, max = 3_600_000))]
    pub first_byte_ms: u64,
    /// Between two chunks of an answer, in milliseconds.
    #[schemars(range(min = 1, max = 3_600_000))]
    pub idle_stream_ms: u64,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect_ms: 5_000, first_byte_ms: 600_000, idle_stream_ms: 300_000 }
    }
}

/// When a call is tried again. Only before the first byte of an answer, so nothing is ever answered twice.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Retry {
    /// How often a call is tried again at one provider; 0 for never.
    #[schemars(range(max = 10))]
    pub retries_max: u32,
    /// The longest first pause, in milliseconds; it doubles each time, and the pause is drawn from zero to that.
    #[schemars(range(min = 1, max = 60_000))]
    pub backoff_ms: u64,
    /// The longest `retry-after` of a provider that is waited for, in milliseconds.
    #[schemars(range(max = 600_000))]
    pub retry_after_max_ms: u64,
}

impl Default for Retry {
    fn default() -> Self {
        Self { retries_max: 2, backoff_ms: 250, retry_after_max_ms: 5_000 }
    }
}

/// When a provider that fails is left alone for a while.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Breaker {
    /// Failures in a row that open the breaker; 0 to switch it off.
    #[schemars(range(max = 10_000))]
    pub failures: u32,
    /// How long it stays open before one call is let through as a probe, in milliseconds.
    #[schemars(range(min = 1, max = 3_600_000))]
    pub open_ms: u64,
}

impl Default for Breaker {
    fn default() -> Self {
        Self { failures: 5, open_ms: 5_000 }
    }
}

/// What a provider speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProviderKind {
    /// OpenAI, or anything compatible with it: vLLM, Ollama, OpenRouter, …
    Openai,
    /// Anthropic.
    Anthropic,
    /// Azure OpenAI.
    Azure,
    /// Databricks Model Serving.
    Databricks,
}

/// A provider.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// What it speaks: "openai", "anthropic", "azure" or "databricks". May be absent for providers that Weir knows by
    /// name (data/providers.toml).
    #[serde(default)]
    pub kind: Option<ProviderKind>,
    /// Where it is, such as "https://api.openai.com/v1". May be absent for providers that Weir knows by name.
    #[serde(default)]
    pub base_url: Option<String>,
    /// Its key. When absent, the client's own key is passed on.
    #[serde(default)]
    pub api_key: Option<SecretRef>,
    /// The `api-version` for Azure OpenAI.
    #[serde(default)]
    pub api_version: Option<String>,
    /// Whether to ask for usage in streams whose client did not; the extra chunk is removed again. Switch it off for
    /// servers that refuse `stream_options`.
    #[serde(default)]
    pub ask_for_usage: Option<bool>,
    /// The provider's name in the price list, when it is not the name used here.
    #[serde(default)]
    pub price_name: Option<String>,
}

/// Which providers serve a model.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The model as clients name it; `*` stands for any run of characters.
    pub model: String,
    /// Where to send it, in this order: the next one is tried when one fails.
    #[schemars(length(min = 1))]
    pub targets: Vec<Target>,
}

/// One place to send a call to.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Target {
    /// A provider by name: `"openai"`.
    Name(String),
    /// A provider, and the name that the model has there: `{ provider = "azure-eu", model = "my-gpt-4o" }`.
    Renamed(RenamedTarget),
}

/// A provider, and the name that the model has there.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RenamedTarget {
    /// The provider's name.
    pub provider: String,
    /// The model's name at that provider; as the client named it when absent.
    #[serde(default)]
    pub model: Option<String>,
}

/// When data is on disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// Survives the end of the process at once and the loss of power after at most 100 ms.
    #[default]
    Relaxed,
    /// Survives the loss of power at once; every call waits for the disk.
    Fsync,
}

/// How data is kept.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Store {
    /// When data is on disk: "relaxed" or "fsync".
    pub durability: Durability,
    /// How long data is kept.
    pub retention: Retention,
    /// Memory that queries may use, in MiB.
    #[schemars(range(min = 64, max = 1_048_576))]
    pub memory_limit_mib: Option<u64>,
}

/// How long data is kept, in days.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// Spans, scores, points and events.
    #[schemars(range(min = 1, max = 36_500))]
    pub spans_days: u32,
    /// Prompts, answers and documents of spans.
    #[schemars(range(min = 1, max = 36_500))]
    pub bodies_days: u32,
    /// Cells of one minute.
    #[schemars(range(min = 1, max = 3_650))]
    pub cells_1m_days: u32,
    /// Cells of one hour.
    #[schemars(range(min = 1, max = 36_500))]
    pub cells_1h_days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self { spans_days: 90, bodies_days: 30, cells_1m_days: 8, cells_1h_days: 400 }
    }
}

/// A price of your own. Prices are dollars for a million tokens, as text, so that they are exact: "0.15".
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// The provider's name; any when absent.
    #[serde(default)]
    pub provider: Option<String>,
    /// The model; `*` stands for any run of characters.
    pub model: String,
    /// Dollars for a million input tokens.
    pub input_usd_per_million: String,
    /// Dollars for a million output tokens.
    pub output_usd_per_million: String,
    /// Dollars for a million tokens read from the provider's cache; the input price when absent.
    #[serde(default)]
    pub cache_read_usd_per_million: Option<String>,
    /// Dollars for a million tokens written to the provider's cache; the input price when absent.
    #[serde(default)]
    pub cache_write_usd_per_million: Option<String>,
}

/// The form of Weir's own log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// What Weir writes to its own log, on standard error.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// What to log: "error", "warn", "info", "debug", "trace", or a filter such as "info,weir_gateway=debug".
    pub level: String,
    /// The form: "text" or "json".
    pub format: LogFormat,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Text }
    }
}
