//! `weir evaluate`: its arguments.

use std::path::PathBuf;

use clap::Args;

use super::{Format, ServerArgs};

/// What to judge: calls of the past, or labelled examples.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  weir evaluate --from now-7d                     # what has not been judged yet\n  weir evaluate --from now-7d --evaluator faithfulness --dry-run\n  weir evaluate --dataset labelled.jsonl --evaluator faithfulness\n  weir evaluate --dataset prompts.jsonl --evaluator injection --pack seed --format json\n\nA line of a data set is a JSON object. Fields: `text`, `label` for injection; `question`, `answer`, `documents`, `label` for\nfaithfulness and relevance; `input`, `output`, `label` for checks and judges of your own."
)]
pub struct EvaluateArgs {
    /// Judge calls that started from here on: `now-7d`, RFC 3339, or Unix milliseconds
    #[arg(long, value_name = "TIME", required_unless_present = "dataset", conflicts_with = "dataset")]
    pub from: Option<String>,
    /// Judge calls that started before this
    #[arg(long, value_name = "TIME", default_value = "now")]
    pub to: String,
    /// Only this evaluator; may be repeated; all that are configured when absent
    #[arg(long = "evaluator", value_name = "NAME")]
    pub evaluators: Vec<String>,
    /// The share of traces to judge, 0 to 1; each evaluator's own when absent
    #[arg(long, value_name = "SHARE", conflicts_with = "dataset")]
    pub sample: Option<f64>,
    /// Only say what would be judged
    #[arg(long, conflicts_with = "dataset")]
    pub dry_run: bool,
    /// Judge labelled examples instead, and say how good the evaluator is
    #[arg(long, value_name = "FILE.jsonl", requires = "evaluators")]
    pub dataset: Option<PathBuf>,
    /// Which pack of injection rules
    #[arg(long, value_name = "PACK", default_value = "strong", requires = "dataset")]
    pub pack: String,
    /// The score from which on an example counts as positive; the evaluator's own when absent
    #[arg(long, value_name = "SCORE", requires = "dataset")]
    pub threshold: Option<f64>,
    /// The form of the result
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
    #[command(flatten)]
    pub server: ServerArgs,
}
