//! The command line of `weir savings` and `weir reconcile`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Format, ServerArgs};

/// What the layers of cost control saved.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  weir savings\n  weir savings --from now-7d --by team\n  weir savings --from 2026-11-01T00:00:00Z --to 2026-12-01T00:00:00Z --format csv > november.csv\n\nLayers that only observe have an amount in the second column: what they would have saved, each by itself."
)]
pub struct SavingsArgs {
    /// The start: `now-30d`, RFC 3339, or Unix milliseconds; the minute that it is in counts whole
    #[arg(long, default_value = "now-30d", value_name = "TIME")]
    pub from: String,
    /// The end
    #[arg(long, default_value = "now", value_name = "TIME")]
    pub to: String,
    /// What the rows stand for
    #[arg(long, value_enum, default_value = "layer")]
    pub by: SavingsBy,
    /// The form of the result
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
    #[command(flatten)]
    pub server: ServerArgs,
}

/// What a row of savings stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SavingsBy {
    /// The layer: `token_budget`, `cache`, a cheaper model
    Layer,
    /// The team
    Team,
    /// The application
    App,
    /// The agent
    Agent,
    /// The model that was asked for
    Model,
}

/// What a provider says that it charged.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  weir reconcile openai-costs.csv\n  weir reconcile november-*.json --by model --tolerance 0.01\n  weir reconcile invoice.csv --provider azure\n\nFiles: pages of OpenAI's `/v1/organization/costs` or of Anthropic's `/v1/organizations/cost_report`, the CSV that their consoles export, or any CSV with a header that names a day (`date`) and an amount in dollars (`cost_usd`), and perhaps a `model`. Days are UTC, as providers count them. Ends with status 1 when the totals differ by more than the tolerance."
)]
pub struct ReconcileArgs {
    /// The files; together they are one account
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// The name of the provider in `weir.toml` [default: what the file is from]
    #[arg(long, value_name = "NAME")]
    pub provider: Option<String>,
    /// What the rows stand for
    #[arg(long, value_enum, default_value = "day")]
    pub by: ReconcileBy,
    /// The share by which the totals may differ
    #[arg(long, default_value_t = 0.02, value_name = "SHARE")]
    pub tolerance: f64,
    /// The form of the result
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
    #[command(flatten)]
    pub server: ServerArgs,
}

/// What a row of a reconciliation stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReconcileBy {
    /// The day, in UTC
    Day,
    /// The model, without the date in its name
    Model,
}
