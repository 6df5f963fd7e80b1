//! The command line: one definition for parser, help and shell completions.

mod cache;
mod evaluate;
mod ledger;
mod monitor;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use cache::{CacheAction, CacheArgs};
pub use evaluate::EvaluateArgs;
pub use ledger::{ReconcileArgs, ReconcileBy, SavingsArgs, SavingsBy};
pub use monitor::{BacktestArgs, DefinitionArgs, FailOn, MonitorAction, MonitorArgs, SystemArg, VerifyArgs};

/// Weir measures and controls the flow of LLM calls: gateway, store, queries and dashboard in one binary.
#[derive(Debug, Parser)]
#[command(
    name = "weir",
    version,
    max_term_width = 100,
    after_help = "Examples:\n  weir demo                                     # a page that lives, no keys needed\n  weir serve --config weir.toml                 # the real thing\n  weir query 'p95(llm.request.duration) by model' --from now-1h\n  weir sql 'select model, sum(cost_nano_usd)/1e9 as usd from spans group by 1'"
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start Weir: gateway, API and dashboard
    Serve(ServeArgs),
    /// Start Weir with a simulated provider and traffic, to look around without a key
    Demo(DemoArgs),
    /// Validate a configuration file, and say all that is wrong with it
    Check(CheckArgs),
    /// Make, list and revoke virtual keys
    Key(KeyArgs),
    /// Show and purge the cache of answers
    Cache(CacheArgs),
    /// Show what the layers of cost control saved
    Savings(SavingsArgs),
    /// Hold what a provider charged against what Weir counted
    Reconcile(ReconcileArgs),
    /// Judge calls of the past, or an evaluator by labelled examples
    Evaluate(EvaluateArgs),
    /// Ask a question in the expression language
    Query(QueryArgs),
    /// Ask a question in SQL (read only)
    Sql(SqlArgs),
    /// Explain, validate, list, test, prove, import and export monitors
    Monitor(MonitorArgs),
    /// Replay a trace of arrival times through a gateway
    Replay(ReplayArgs),
    /// Look for what is wrong with a configuration, a running Weir and its providers
    Doctor(DoctorArgs),
    /// Print completions for a shell
    Completions(CompletionsArgs),
    /// Start only the simulated provider
    #[command(hide = true)]
    Simulate(SimulateArgs),
}

/// Which configuration, and what to override.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  weir serve\n  weir serve --config /etc/weir.toml --data-dir /var/lib/weir\n  weir serve --listen 127.0.0.1:9000"
)]
pub struct ServeArgs {
    /// The configuration file [default: weir.toml, when it is there]
    #[arg(long, short, value_name = "FILE", env = "WEIR_CONFIG")]
    pub config: Option<PathBuf>,
    /// The folder for data; overrides `server.data_dir`
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// The address to listen on; overrides `server.listen`
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<String>,
}

/// What to show.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  weir demo\n  weir demo --incident latency      # watch a monitor fire and recover, then end\n  weir demo --incident all --config weir.toml    # its monitors, told to its receivers\n\nAn incident has a Weir and a data folder of its own, which is removed unless --data-dir names one; its clock is turned forward. One that was ended goes on when it is played again with the same --data-dir. Without --config nobody is told."
)]
pub struct DemoArgs {
    /// Play a scripted incident, from a quiet beginning until its monitor has fired and recovered
    #[arg(long, value_enum, value_name = "NAME")]
    pub incident: Option<IncidentName>,
    #[command(flatten)]
    pub serve: ServeArgs,
}

/// The incidents of the demo, one for each of the seven monitors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum IncidentName {
    /// Token spend grows week over week
    Spend,
    /// The p95 latency of a model exceeds its limits
    Latency,
    /// Calls fail
    Errors,
    /// Faithfulness scores drop
    Hallucination,
    /// An agent goes in circles
    AgentLoop,
    /// A prompt has patterns of injection
    Injection,
    /// Retrieval finds what nobody asked for
    Retrieval,
    /// One after the other
    All,
}

/// What to validate.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  weir check\n  weir check --config /etc/weir.toml\n  weir check --schema > weir.schema.json"
)]
pub struct CheckArgs {
    /// The configuration file [default: weir.toml]
    #[arg(long, short, value_name = "FILE", env = "WEIR_CONFIG")]
    pub config: Option<PathBuf>,
    /// Print the JSON Schema of the configuration instead
    #[arg(long)]
    pub schema: bool,
}

/// Where the running Weir is, and where its data is when none runs. Global, so that `weir key create --server …` works as
/// `weir key --server … create` does.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Where to ask")]
pub struct ServerArgs {
    /// The running Weir to ask [default: the configured listen address]
    #[arg(long, global = true, value_name = "URL", env = "WEIR_SERVER")]
    pub server: Option<String>,
    /// The configuration file [default: weir.toml, when it is there]
    #[arg(long, short, global = true, value_name = "FILE", env = "WEIR_CONFIG")]
    pub config: Option<PathBuf>,
    /// The data folder to open when no Weir runs
    #[arg(long, global = true, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// The admin token, where the server wants one
    #[arg(long, global = true, value_name = "TOKEN", env = "WEIR_ADMIN_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
}

/// The form of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// One JSON document
    Json,
    /// Comma-separated values
    Csv,
}

/// A question in the expression language.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  weir query 'sum(llm.cost.usd) by team' --from now-7d\n  weir query 'rate(llm.request.error) by model' --from now-1h --step 5m\n  weir query 'top(5, p99(llm.request.duration) by model) where {env:prod}' --format json\n  weir query 'p95(llm.request.duration)' --explain"
)]
pub struct QueryArgs {
    /// The expression
    #[arg(value_name = "EXPR")]
    pub expression: String,
    /// The start: `now-1h`, RFC 3339, or Unix milliseconds
    #[arg(long, default_value = "now-1h", value_name = "TIME")]
    pub from: String,
    /// The end
    #[arg(long, default_value = "now", value_name = "TIME")]
    pub to: String,
    /// The length of a bucket: `1m`, `1h`; chosen to give at most 300 when absent
    #[arg(long, value_name = "DURATION")]
    pub step: Option<String>,
    /// The form of the result
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
    /// Say how the question is understood and answered, instead of answering it
    #[arg(long)]
    pub explain: bool,
    #[command(flatten)]
    pub server: ServerArgs,
}

/// A question in SQL.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  weir sql 'select count(*) from spans'\n  weir sql \"select model, count(*) n, avg(duration_us)/1000 ms from spans where status = 'error' group by model\" --format csv\n\nTables: spans, scores, points, events, cells_1m, cells_1h."
)]
pub struct SqlArgs {
    /// One statement that reads; `-` reads it from standard input
    #[arg(value_name = "SQL")]
    pub statement: String,
    /// The form of the result
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
    #[command(flatten)]
    pub server: ServerArgs,
}

/// What to do with keys.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  weir key create --name 'checkout service' --team payments --app checkout\n  weir key create --name ci --team platform --model 'gpt-4o-mini' --expires-in-days 30\n  weir key list\n  weir key revoke key_3f2a…"
)]
pub struct KeyArgs {
    /// What to do
    #[command(subcommand)]
    pub action: KeyAction,
    #[command(flatten)]
    pub server: ServerArgs,
}

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub enum KeyAction {
    /// Make a key; it is shown once
    Create {
        /// A name for people [default: team and app]
        #[arg(long)]
        name: Option<String>,
        /// The team that its calls are charged to
        #[arg(long)]
        team: Option<String>,
        /// The application that its calls belong to
        #[arg(long)]
        app: Option<String>,
        /// A model it may call, `*` is a wildcard; may be repeated; all when absent
        #[arg(long = "model", value_name = "MODEL")]
        models: Vec<String>,
        /// A provider it may call; may be repeated; all when absent
        #[arg(long = "provider", value_name = "PROVIDER")]
        providers: Vec<String>,
        /// After how many days it stops to work; never when absent
        #[arg(long, value_name = "DAYS")]
        expires_in_days: Option<u32>,
        /// Print only the key
        #[arg(long, short)]
        quiet: bool,
    },
    /// List all keys
    List {
        /// The form of the result
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
    /// Revoke a key
    Revoke {
        /// The key's id, `key_…`
        id: String,
    },
}

/// What to replay, where and how fast.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  weir replay azure_llm_2023_conv.csv --speed 60\n  weir replay trace.csv --speed max --concurrency 64 --server http://127.0.0.1:7070\n\nThe file has a header and the columns TIMESTAMP, ContextTokens, GeneratedTokens.\nCalls carry the token counts as `x-sim` headers, which the simulated provider honours."
)]
pub struct ReplayArgs {
    /// The trace
    #[arg(value_name = "FILE.csv")]
    pub file: PathBuf,
    /// How many times faster than it happened; `max` for as fast as the gateway takes it
    #[arg(long, default_value = "1", value_name = "FACTOR")]
    pub speed: String,
    /// The most calls in flight; calls that would be over it wait
    #[arg(long, default_value_t = 64, value_name = "N")]
    pub concurrency: usize,
    /// The model to ask for
    #[arg(long, default_value = "gpt-4o-mini")]
    pub model: String,
    /// Replay only the first calls
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Ask for streams
    #[arg(long)]
    pub stream: bool,
    /// The key to show to the gateway
    #[arg(long, env = "OPENAI_API_KEY", hide_env_values = true, default_value = "replay")]
    pub key: String,
    /// The gateway
    #[arg(long, value_name = "URL", env = "WEIR_SERVER", default_value = "http://127.0.0.1:7070")]
    pub server: String,
}

/// What to look at.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  weir doctor\n  weir doctor --config /etc/weir.toml\n  weir doctor --client python      # where an application runs: what to set there"
)]
pub struct DoctorArgs {
    /// Look at the environment of an application in this language instead, and say what to set
    #[arg(long, value_enum, value_name = "LANGUAGE")]
    pub client: Option<ClientLanguage>,
    #[command(flatten)]
    pub server: ServerArgs,
}

/// What an application is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ClientLanguage {
    /// Python
    Python,
    /// JavaScript or TypeScript on Node
    Node,
}

/// Which shell.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  weir completions bash > /etc/bash_completion.d/weir\n  weir completions zsh > ~/.zfunc/_weir"
)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// Where the simulated provider listens.
#[derive(Debug, Args)]
pub struct SimulateArgs {
    /// The address to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// The seed of everything that looks random
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Answer at once instead of after believable times
    #[arg(long)]
    pub fast: bool,
    /// Refuse calls without a key
    #[arg(long)]
    pub key_required: bool,
}
