//! The command line of `weir monitor`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{Format, ServerArgs};

/// What to do with monitors.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  weir monitor explain 'p95(llm.request.duration) by model > 5000ms'\n  weir monitor explain \"avg(last_4h):anomalies(avg:system.load.1{*} by {host}, 'agile', 2) >= 0.5\"\n  weir monitor check monitors/*.toml\n  weir monitor list\n  weir monitor test monitors/*.test.toml\n  weir monitor backtest --from now-14d\n  weir monitor import datadog export.json --to monitors/imported.toml\n  weir monitor export terraform > monitors.tf"
)]
pub struct MonitorArgs {
    /// What to do
    #[command(subcommand)]
    pub action: MonitorAction,
}

/// What to do with monitors.
#[derive(Debug, Subcommand)]
pub enum MonitorAction {
    /// Say what a condition means, with every default filled in
    Explain {
        /// The condition, in Weir's own form or as a Datadog monitor query
        #[arg(value_name = "CONDITION")]
        condition: String,
    },
    /// Validate definitions, and say what each monitor means
    Check {
        #[command(flatten)]
        definitions: DefinitionArgs,
    },
    /// List monitors
    List {
        #[command(flatten)]
        definitions: DefinitionArgs,
        /// The form of the result
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
    /// Run tests of monitors: what series see, the states that must come of it, and what people hear
    #[command(
        after_help = "Examples:\n  weir monitor test monitors/seven.test.toml\n  weir monitor test monitors/*.test.toml --junit monitors.xml\n  weir monitor test new.test.toml --update      # records the states that were found\n\nThe exit status is 1 when a test does not hold."
    )]
    Test {
        /// Files of `[[tests]]`
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
        /// Write the states that were found into the files, in place of those that were expected
        #[arg(long)]
        update: bool,
        /// Write what came of it as JUnit's XML, which builds show
        #[arg(long, value_name = "FILE.xml")]
        junit: Option<PathBuf>,
        /// The configuration file [default: weir.toml, when it is there]
        #[arg(long, short, value_name = "FILE", env = "WEIR_CONFIG")]
        config: Option<PathBuf>,
    },
    /// Say what monitors would have done over a time that has passed, and what is wrong with them
    #[command(
        after_help = "Examples:\n  weir monitor backtest\n  weir monitor backtest new.toml --only slow-provider --from now-42d\n  weir monitor backtest --max-alerts-per-week 3 --fail-on dead,always,flap    # for builds\n\nA running Weir is asked; when none runs, the data folder is opened. The exit status is 1 when a monitor is as\n--fail-on says, or alerts more often than --max-alerts-per-week."
    )]
    Backtest(BacktestArgs),
    /// Judge anew what a Weir has judged, and say where it does not come to the same
    #[command(
        after_help = "Examples:\n  weir monitor verify\n  weir monitor verify error-rate-spike --from now-7d\n\nA running Weir is asked; when none runs, the data folder is opened. A copy of a backup serves as well. The exit\nstatus is 1 when something differs."
    )]
    Verify(VerifyArgs),
    /// Read monitors of another system, and say what does not come along
    #[command(
        after_help = "Examples:\n  weir monitor import datadog export.json --to monitors/imported.toml\n  terraform show -json | weir monitor import terraform -\n  weir monitor import prometheus rules.yaml\n\nWhat does not come along is listed on standard error, with what to do instead."
    )]
    Import {
        /// The other system
        #[arg(value_enum)]
        system: SystemArg,
        /// Its file: JSON of Datadog's API, output of `terraform show -json`, or rules; `-` reads standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Write the definitions to this new file instead of standard output
        #[arg(long, value_name = "FILE.toml")]
        to: Option<PathBuf>,
    },
    /// Write monitors for another system, and say what does not go along
    #[command(
        after_help = "Examples:\n  weir monitor export datadog > monitors.json\n  weir monitor export terraform p95-latency-per-model error-rate-spike > weir.tf\n  weir monitor export prometheus --file more.toml > rules.yaml\n\nWhat does not go along is listed on standard error, with what to do instead."
    )]
    Export {
        /// The other system
        #[arg(value_enum)]
        system: SystemArg,
        /// Which monitors [default: all]
        #[arg(value_name = "NAME")]
        names: Vec<String>,
        /// A file of `[[monitors]]`, after the bundled ones and those of the configuration; may be repeated
        #[arg(long = "file", value_name = "FILE")]
        files: Vec<PathBuf>,
        /// The configuration file [default: weir.toml, when it is there]
        #[arg(long, short, value_name = "FILE", env = "WEIR_CONFIG")]
        config: Option<PathBuf>,
    },
}

/// A system that monitors are exchanged with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SystemArg {
    /// Datadog: JSON of its API
    Datadog,
    /// Terraform's provider for Datadog
    Terraform,
    /// Rules of Prometheus
    Prometheus,
}

/// Where monitors are defined.
#[derive(Debug, Args)]
pub struct DefinitionArgs {
    /// Files of `[[monitors]]`; the bundled ones and those of the configuration come before them
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The configuration file [default: weir.toml, when it is there]
    #[arg(long, short, value_name = "FILE", env = "WEIR_CONFIG")]
    pub config: Option<PathBuf>,
}

/// Over what monitors are tried, and what is wanted of them.
#[derive(Debug, Args)]
pub struct BacktestArgs {
    /// Files of `[[monitors]]`; the bundled ones and those of the configuration come before them
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Only these monitors; may be repeated
    #[arg(long, value_name = "NAME")]
    pub only: Vec<String>,
    /// Where the time starts, as `now-7d`, a date or milliseconds
    #[arg(long, value_name = "TIME", default_value = "now-7d")]
    pub from: String,
    /// Where it ends
    #[arg(long, value_name = "TIME", default_value = "now")]
    pub to: String,
    /// The most alerts in a week that a monitor may make; the rate for which a threshold is suggested, else one
    #[arg(long, value_name = "N")]
    pub max_alerts_per_week: Option<f64>,
    /// Fail when a monitor is like this
    #[arg(long, value_enum, value_delimiter = ',', value_name = "KIND")]
    pub fail_on: Vec<FailOn>,
    /// The form of the result
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
    #[command(flatten)]
    pub server: ServerArgs,
}

/// What is wrong with a monitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// It can never fire: no series, no values, a threshold that nothing comes near
    Dead,
    /// It fires nearly all the time
    Always,
    /// Most of its alerts are over within ten minutes
    Flap,
}

/// What to judge anew.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Which monitors [default: all]
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// A file of `[[monitors]]`, after the bundled ones and those of the configuration; may be repeated
    #[arg(long = "file", value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Where the time starts, as `now-7d`, a date or milliseconds
    #[arg(long, value_name = "TIME", default_value = "now-1d")]
    pub from: String,
    /// Where it ends
    #[arg(long, value_name = "TIME", default_value = "now")]
    pub to: String,
    /// The form of the result
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
    #[command(flatten)]
    pub server: ServerArgs,
}
