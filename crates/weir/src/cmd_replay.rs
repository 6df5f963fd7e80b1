//! `weir replay`: an arrival-time trace through a gateway, every call once.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use indicatif::{ProgressBar, ProgressStyle};
use weir_demo::{Arrival, ReplayConfig, ReplayReport, read_trace, replay};
use weir_types::Secret;

use crate::cli::ReplayArgs;
use crate::{output, wire};

/// Faster than any gateway: every call is due at once, and the concurrency alone limits the pace.
const SPEED_MAX: f64 = 1e9;

/// Replays the trace; the exit status is 1 when a call failed.
pub fn run(args: &ReplayArgs) -> anyhow::Result<ExitCode> {
    let mut arrivals = read_trace(&args.file)?;
    arrivals.truncate(args.limit.unwrap_or(usize::MAX));
    let arrivals: Arc<[Arrival]> = arrivals.into();
    let config = ReplayConfig {
        gateway_url: args.server.clone(),
        speed: speed(&args.speed)?,
        concurrency_max: args.concurrency,
        model: args.model.clone(),
        api_key: Some(Secret::new(args.key.as_str())),
        stream: args.stream,
        ..ReplayConfig::default()
    };
    let bar = ProgressBar::new(arrivals.len() as u64);
    bar.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} calls  {per_sec}  {eta} left {msg}")?);
    let report = wire::background_runtime()?.block_on(replay(arrivals, &config, |progress| {
        bar.set_position(progress.done as u64);
        if progress.failed > 0 {
            bar.set_message(format!("({} failed)", progress.failed));
        }
    }))?;
    bar.finish_and_clear();
    output::print(&told(&report))?;
    Ok(if report.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn speed(text: &str) -> anyhow::Result<f64> {
    if text == "max" {
        return Ok(SPEED_MAX);
    }
    let factor: f64 =
        text.trim_end_matches('x').parse().with_context(|| format!("--speed {text} is not a number"))?;
    if !factor.is_finite() || factor <= 0.0 {
        bail!("--speed {text} is not above 0; 1 is the speed at which it happened, `max` as fast as it goes");
    }
    Ok(factor)
}

fn told(report: &ReplayReport) -> String {
    let seconds = report.elapsed_ms as f64 / 1000.0;
    let rate = report.sent as f64 / seconds.max(0.001);
    let mut text = format!(
        "{} calls in {seconds:.1} s ({rate:.0}/s): {} answered, {} failed\ntokens: {} in, {} out\n\
         duration: p50 {:.1} ms, p95 {:.1} ms, p99 {:.1} ms\nsent later than planned: p50 {:.1} ms, at most {:.1} ms\n",
        report.sent,
        report.ok,
        report.failed,
        report.input_tokens,
        report.output_tokens,
        report.duration_p50_ms,
        report.duration_p95_ms,
        report.duration_p99_ms,
        report.lag_p50_ms,
        report.lag_max_ms,
    );
    for (cause, count) in &report.failures {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {count} × {cause}");
    }
    text
}
