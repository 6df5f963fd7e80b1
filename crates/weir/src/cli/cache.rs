//! The command line of `weir cache`.

use clap::{Args, Subcommand};

use super::{Format, ServerArgs};

/// What to do with the cache.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  weir cache status\n  weir cache purge --team payments\n  weir cache purge --model 'gpt-4o*'\n  weir cache purge --all"
)]
pub struct CacheArgs {
    /// What to do
    #[command(subcommand)]
    pub action: CacheAction,
    #[command(flatten)]
    pub server: ServerArgs,
}

/// What to do with the cache.
#[derive(Debug, Subcommand)]
pub enum CacheAction {
    /// Say how it is doing
    Status {
        /// The form of the result
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
    /// Forget answers
    #[command(group(clap::ArgGroup::new("scope").required(true).args(["team", "model", "all"])))]
    Purge {
        /// Those of a team
        #[arg(long)]
        team: Option<String>,
        /// Those of models, `*` is a wildcard
        #[arg(long)]
        model: Option<String>,
        /// Every one
        #[arg(long)]
        all: bool,
    },
}
