//! `weir evaluate`: judges what was not judged yet, or holds an evaluator against labelled examples.
//!
//! History is judged by the same panel that judges calls as they end, so what has its score is passed over and the same traces are
//! sampled. A running Weir is asked over its API, and its gateway carries the questions to judges; without one the data folder is
//! opened, and models are asked only where `evaluation.gateway_url` names a gateway.

mod labelled;
mod remote;

use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::bail;
use indicatif::{ProgressBar, ProgressStyle};
use weir_evaluate::{BackFill, EvaluateError, Panel, StoredTraces, Traces, back_fill};
use weir_types::{Clock as _, Record, SystemClock, TimeRange, UnixMicros};

use crate::cli::{EvaluateArgs, Format};
use crate::client::{Backend, Client};
use crate::config::{self, Config, Source};
use crate::own_gateway::OwnGateway;
use crate::{evaluating, output};

use remote::RemoteTraces;

/// Judges, and prints what came of it.
pub fn run(args: &EvaluateArgs) -> anyhow::Result<ExitCode> {
    let source = Source::find(args.server.config.as_deref())?;
    let mut config = config::load(&source, &config::Overrides::default(), &|name| std::env::var(name).ok())
        .map_err(|problems| anyhow::anyhow!("the configuration has mistakes\n{problems}"))?;
    if let Some(file) = &args.dataset {
        return labelled::run(args, &config, file);
    }
    choose(args, &mut config)?;
    let range = weir_api::parse_range(args.from.as_deref(), Some(&args.to), SystemClock.now());
    let range = range.map_err(anyhow::Error::msg)?;
    let done = match Backend::find(&args.server)? {
        Backend::Remote(client) => {
            let gateway = client.url().parse()?;
            let panel = panel(&config, Some(OwnGateway::of_running(gateway, &config.store.data_dir)))?;
            let traces = RemoteTraces(&client);
            judged(args, &panel, &traces, range, &mut |records| remote::keep(&client, records))?
        }
        Backend::Local(local) => {
            let panel = panel(&config, None)?;
            let (traces, sink) = (StoredTraces(local.store.browse()), local.store.sink());
            let mut write = |records: Vec<Record>| {
                sink.append(&records).map_err(|error| EvaluateError::Store(error.to_string()))
            };
            let done = judged(args, &panel, &traces, range, &mut write);
            drop((traces, sink));
            local.close()?;
            done?
        }
    };
    output::print(&shown(&done, args)?)?;
    Ok(if done.failed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Leaves the evaluators that were named, with the share that was.
fn choose(args: &EvaluateArgs, config: &mut Config) -> anyhow::Result<()> {
    let known: Vec<String> = config.evaluation.evaluators.iter().map(|e| e.name().to_owned()).collect();
    if let Some(unknown) = args.evaluators.iter().find(|name| !known.contains(name)) {
        bail!("there is no evaluator {unknown:?} that judges; the configuration has: {}", known.join(", "));
    }
    let evaluators = &mut config.evaluation.evaluators;
    if !args.evaluators.is_empty() {
        evaluators.retain(|evaluator| args.evaluators.iter().any(|name| name == evaluator.name()));
    }
    if let Some(sample) = args.sample {
        if !(0.0..=1.0).contains(&sample) {
            bail!("--sample {sample} is no share: expected 0 to 1");
        }
        for evaluator in evaluators {
            evaluator.sample = sample;
        }
    }
    Ok(())
}

/// The evaluators, with the model that compares meanings where one is configured in this process.
fn panel(config: &Config, own: Option<OwnGateway>) -> anyhow::Result<Arc<Panel>> {
    Ok(Arc::new(evaluating::panel(&config.evaluation, own, None, Arc::new(SystemClock))?))
}

fn judged(
    args: &EvaluateArgs,
    panel: &Arc<Panel>,
    traces: &dyn Traces,
    range: TimeRange,
    write: &mut dyn FnMut(Vec<Record>) -> Result<(), EvaluateError>,
) -> anyhow::Result<BackFill> {
    let bar = ProgressBar::new(u64::try_from(range.len_us() / UnixMicros::SECOND).unwrap_or(0));
    bar.set_style(ProgressStyle::with_template("{wide_bar} {percent}% {msg} eta {eta}")?);
    let mut progress = |at: UnixMicros, done: &BackFill| {
        let seconds = at.0.saturating_sub(range.from.0) / UnixMicros::SECOND;
        bar.set_position(u64::try_from(seconds).unwrap_or(0));
        bar.set_message(format!("{} traces, {} scores", done.traces, done.scores));
    };
    let own = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut scores_only = |records: Vec<Record>| {
        // What happened in the past is no reason to warn now.
        write(records.into_iter().filter(|record| matches!(record, Record::Score(_))).collect())
    };
    let done = own.block_on(back_fill(panel, traces, range, args.dry_run, &mut scores_only, &mut progress));
    bar.finish_and_clear();
    Ok(done?)
}

fn shown(done: &BackFill, args: &EvaluateArgs) -> anyhow::Result<String> {
    if args.format == Format::Json {
        let value = serde_json::json!({
            "traces": done.traces,
            "judgements": done.judgements,
            "by_model": done.by_model,
            "scores": done.scores,
            "failed": done.failed,
            "first_failure": done.first_failure,
            "dry_run": args.dry_run,
        });
        return Ok(serde_json::to_string(&value)? + "\n");
    }
    let BackFill { traces, judgements, by_model, scores, failed, first_failure } = done;
    let mut text = if args.dry_run {
        format!("{judgements} judgements of {traces} traces would be made, {by_model} of them by a model\n")
    } else {
        format!(
            "{scores} scores of {traces} traces, from {judgements} judgements, {by_model} of them by a model\n"
        )
    };
    if let Some(failure) = first_failure {
        let _ = writeln!(text, "{failed} judgements failed; the first: {failure}");
    }
    Ok(text)
}

/// The gateway of the running Weir, where one answers: for questions to judges.
pub(crate) fn running_gateway(args: &EvaluateArgs) -> Option<http::Uri> {
    Client::of_running(&args.server).ok()?.url().parse().ok()
}
