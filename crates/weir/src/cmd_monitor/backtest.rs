//! `weir monitor backtest`: what monitors would have done over a time that has passed.
//!
//! A running Weir holds its data folder, so it is asked, one monitor after the other; when none runs the folder is opened
//! and all monitors are judged at once. What was saved from the dashboard counts in both.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use weir_api::wire::{MonitorList, PreviewAnswer};
use weir_monitor::{BacktestOptions, Entry, Judged, Monitor, MonitorBacktest, backtest};
use weir_types::{Clock as _, SystemClock};

use crate::cli::{BacktestArgs, DefinitionArgs, FailOn, Format};
use crate::client::{Backend, Client, Local};
use crate::output;

/// The alerts in a week for which a threshold is suggested when nothing is said.
const ALERTS_PER_WEEK: f64 = 1.0;

/// What one monitor would have done.
struct Tried {
    monitor: String,
    groups: u64,
    alerts_per_week: f64,
    flaps: u64,
    firing_share: f64,
    threshold: Option<f64>,
    suggested: Option<f64>,
    verdicts: Vec<String>,
}

/// Tries monitors and prints what came of it.
pub(super) fn run(args: &BacktestArgs) -> anyhow::Result<ExitCode> {
    let tried = match Backend::find(&args.server)? {
        Backend::Remote(client) => remote(&client, args)?,
        Backend::Local(local) => {
            let tried = here(&local, args);
            local.close()?;
            tried?
        }
    };
    output::print(&shown(&tried, args)?)?;
    let failures = failures(&tried, args);
    if failures.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    output::print_error(&(failures.join("\n") + "\n"))?;
    Ok(ExitCode::FAILURE)
}

fn remote(client: &Client, args: &BacktestArgs) -> anyhow::Result<Vec<Tried>> {
    if args.max_alerts_per_week.is_some_and(|most| (most - ALERTS_PER_WEEK).abs() > f64::EPSILON) {
        let hint = "stop it, or name a copy of its data with --data-dir";
        output::print_error(&format!(
            "note: a running Weir suggests thresholds for one alert a week; {hint}\n"
        ))?;
    }
    let known: MonitorList = client.get("/api/monitors", &[])?;
    let saved = known.monitors.into_iter().map(|monitor| monitor.saved).filter(|saved| !saved.is_null());
    let monitors = monitors(args, saved.collect())?;
    let mut tried = Vec::new();
    for monitor in chosen(&monitors, args)? {
        if let Judged::Composite(_) = monitor.condition.judged {
            let note = "follows from others; it is tried where no Weir runs";
            output::print_error(&format!("note: {} {note}\n", monitor.name))?;
            continue;
        }
        let entry = serde_json::to_value(&monitor.entry).unwrap_or_default();
        let body = json!({ "entry": without_nulls(entry), "from": args.from, "to": args.to });
        let answer: PreviewAnswer = client
            .post("/api/monitors/preview", &body)
            .with_context(|| format!("monitor {} cannot be tried", monitor.name))?;
        tried.push(Tried {
            groups: answer.groups,
            alerts_per_week: answer.alerts_per_week,
            flaps: answer.flaps,
            firing_share: answer.firing_share,
            suggested: answer.suggested_threshold,
            verdicts: answer.verdicts,
            ..Tried::of(monitor)
        });
    }
    Ok(tried)
}

fn here(local: &Local, args: &BacktestArgs) -> anyhow::Result<Vec<Tried>> {
    let saved = local.runtime.block_on(local.store.alerts().saved_monitors())?;
    let monitors = monitors(args, saved.into_iter().map(|saved| saved.entry).collect())?;
    let chosen = chosen(&monitors, args)?;
    let now = SystemClock.now();
    let range = weir_api::parse_range(Some(&args.from), Some(&args.to), now).map_err(anyhow::Error::msg)?;
    let options = BacktestOptions {
        range,
        alerts_per_week: args.max_alerts_per_week.unwrap_or(ALERTS_PER_WEEK),
        points_max: 1,
    };
    // Composites need those that they name, so all are judged, whichever are shown.
    let report = backtest(&monitors, &local.store.scan(), &options)?;
    let of = |monitor: &Monitor| report.monitors.iter().find(|tried| *tried.monitor == *monitor.name);
    Ok(chosen.into_iter().filter_map(|monitor| Some(Tried::from_report(monitor, of(monitor)?))).collect())
}

/// The monitors that are switched on.
fn monitors(args: &BacktestArgs, saved: Vec<Value>) -> anyhow::Result<Vec<Monitor>> {
    let definitions = DefinitionArgs { files: args.files.clone(), config: args.server.config.clone() };
    let saved: Result<Vec<Entry>, _> = saved.into_iter().map(serde_json::from_value).collect();
    let saved = saved.context("what was saved from the dashboard cannot be read")?;
    match super::load_under(&definitions, saved)? {
        Ok(monitors) => Ok(monitors.into_iter().filter(|monitor| monitor.is_enabled).collect()),
        Err(errors) => bail!("{}", super::told(&errors).trim_end()),
    }
}

fn chosen<'a>(monitors: &'a [Monitor], args: &BacktestArgs) -> anyhow::Result<Vec<&'a Monitor>> {
    super::exchange::check_names(monitors, &args.only)?;
    Ok(monitors.iter().filter(|monitor| args.only.is_empty() || args.only.contains(&monitor.name)).collect())
}

fn without_nulls(mut value: Value) -> Value {
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|_, field| !field.is_null());
    }
    value
}

impl Tried {
    /// A monitor of which nothing is known yet.
    fn of(monitor: &Monitor) -> Self {
        Self {
            monitor: monitor.name.clone(),
            groups: 0,
            alerts_per_week: 0.0,
            flaps: 0,
            firing_share: 0.0,
            threshold: monitor.levels().and_then(|levels| levels.warning.or(levels.critical)),
            suggested: None,
            verdicts: Vec::new(),
        }
    }

    fn from_report(monitor: &Monitor, report: &MonitorBacktest) -> Self {
        Self {
            groups: report.groups.len() as u64,
            alerts_per_week: report.alerts_per_week,
            flaps: report.flaps,
            firing_share: report.firing_share,
            suggested: report.suggested_threshold,
            verdicts: report.verdicts.iter().map(ToString::to_string).collect(),
            ..Self::of(monitor)
        }
    }

    /// What `--fail-on` calls it. A running Weir says verdicts as people read them.
    fn is(&self, kind: FailOn) -> bool {
        self.verdicts.iter().any(|verdict| {
            let said = match verdict {
                _ if verdict.starts_with("always fires") => FailOn::Always,
                _ if verdict.starts_with("flaps") => FailOn::Flap,
                _ => FailOn::Dead,
            };
            said == kind
        })
    }
}

/// Why the exit status is 1.
fn failures(tried: &[Tried], args: &BacktestArgs) -> Vec<String> {
    let mut failures = Vec::new();
    for one in tried {
        if args.fail_on.iter().any(|kind| one.is(*kind)) {
            failures.push(format!("monitor {}: {}", one.monitor, one.verdicts.join("; ")));
        }
        if let Some(most) = args.max_alerts_per_week.filter(|most| one.alerts_per_week > *most) {
            let found = rounded(one.alerts_per_week);
            failures.push(format!("monitor {}: {found} alerts a week are more than {most}", one.monitor));
        }
    }
    failures
}

fn shown(tried: &[Tried], args: &BacktestArgs) -> anyhow::Result<String> {
    if args.format == Format::Json {
        let objects: Vec<Value> = tried.iter().map(json_of).collect();
        return Ok(serde_json::to_string(&objects)? + "\n");
    }
    let header =
        ["monitor", "alerts/week", "flaps", "firing", "groups", "threshold", "suggested", "what is wrong"];
    let header = header.map(str::to_owned);
    let rows = tried.iter().map(|one| {
        let number = |value: Option<f64>| value.map_or_else(String::new, |value| rounded(value).to_string());
        vec![
            one.monitor.clone(),
            rounded(one.alerts_per_week).to_string(),
            one.flaps.to_string(),
            format!("{:.1}%", one.firing_share * 100.0),
            one.groups.to_string(),
            number(one.threshold),
            number(one.suggested),
            one.verdicts.join("; "),
        ]
    });
    match args.format {
        Format::Csv => output::csv(&header, rows),
        _ => Ok(output::aligned(&header, rows, &[false, true, true, true, true, true, true, false])),
    }
}

fn json_of(one: &Tried) -> Value {
    json!({
        "monitor": one.monitor,
        "alerts_per_week": one.alerts_per_week,
        "flaps": one.flaps,
        "firing_share": one.firing_share,
        "groups": one.groups,
        "threshold": one.threshold,
        "suggested_threshold": one.suggested,
        "verdicts": one.verdicts,
    })
}

/// A number with two decimals at most where it is large, and four significant ones where it is small.
fn rounded(value: f64) -> f64 {
    let places = if value.abs() >= 1.0 { 100.0 } else { 1e4 };
    (value * places).round() / places
}
