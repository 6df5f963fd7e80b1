//! `weir monitor verify`: judges anew what a Weir has judged, from what its data folder holds.
//!
//! Digests of each minute are in the state store, and the cells that were judged in the store. A running Weir holds both, so
//! the folder is that of one that was stopped, or a copy. Nothing is changed.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use weir_monitor::{Entry, Monitor, Outcome, Recorded, Verified, verify};
use weir_types::{Clock as _, SystemClock, TimeRange, TransitionFilter, UnixMicros};

use crate::cli::{DefinitionArgs, Format, VerifyArgs};
use crate::client::Local;
use crate::config::{self, Source};
use crate::output;

/// Changes of one monitor that are read: a monitor with more flaps, and its groups are known by its latest.
const CHANGES_MAX: usize = 100_000;

/// Compares, and prints what came of it; the exit status is 1 when something differs.
pub(super) fn run(args: &VerifyArgs) -> anyhow::Result<ExitCode> {
    let local = Local::open(&folder(args)?).context(
        "the data folder is read, which a running Weir holds; stop it, or name a copy with --data-dir",
    )?;
    let verified = all(&local, args);
    local.close()?;
    let verified = verified?;
    output::print(&shown(&verified, args.format)?)?;
    let differs = verified.iter().any(|one| matches!(one.outcome, Outcome::Differs { .. }));
    Ok(if differs { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn folder(args: &VerifyArgs) -> anyhow::Result<PathBuf> {
    if let Some(folder) = &args.data_dir {
        return Ok(folder.clone());
    }
    let source = Source::find(args.config.as_deref())?;
    let file = config::read(&source).map_err(|problems| anyhow::anyhow!("{problems}"))?;
    Ok(file.server.data_dir)
}

fn all(local: &Local, args: &VerifyArgs) -> anyhow::Result<Vec<Verified>> {
    let alerts = local.store.alerts();
    let saved = local.runtime.block_on(alerts.saved_monitors())?;
    let saved: Result<Vec<Entry>, _> =
        saved.into_iter().map(|saved| serde_json::from_value(saved.entry)).collect();
    let definitions = DefinitionArgs { files: args.files.clone(), config: args.config.clone() };
    let saved = saved.context("what was saved from the dashboard cannot be read")?;
    let monitors = match super::load_under(&definitions, saved)? {
        Ok(monitors) => monitors,
        Err(errors) => bail!("{}", super::told(&errors).trim_end()),
    };
    super::exchange::check_names(&monitors, &args.names)?;
    let now = SystemClock.now();
    let range = weir_api::parse_range(Some(&args.from), Some(&args.to), now).map_err(anyhow::Error::msg)?;
    let chosen = |monitor: &&Monitor| match &args.names[..] {
        [] => monitor.is_enabled,
        names => names.contains(&monitor.name),
    };
    let scan = local.store.scan();
    let mut verified = Vec::new();
    for monitor in monitors.iter().filter(chosen) {
        let recorded = recorded(local, &monitor.name, range)?;
        verified.push(verify(monitor, &recorded, range, &scan)?);
    }
    Ok(verified)
}

/// What the state store has of a monitor up to the end of a range.
fn recorded(local: &Local, name: &str, range: TimeRange) -> anyhow::Result<Recorded> {
    let alerts = local.store.alerts();
    let filter =
        TransitionFilter { monitor: Some(name.into()), limit: CHANGES_MAX, ..TransitionFilter::default() };
    Ok(Recorded {
        digests: local.runtime.block_on(alerts.digests(name, UnixMicros(0), range.to))?,
        changes: local.runtime.block_on(alerts.transitions(&filter))?,
    })
}

fn shown(verified: &[Verified], format: Format) -> anyhow::Result<String> {
    if format == Format::Json {
        let objects: Vec<Value> = verified.iter().map(json_of).collect();
        return Ok(serde_json::to_string(&objects)? + "\n");
    }
    let header = ["monitor", "minutes", "result", "why"].map(str::to_owned);
    let rows = verified.iter().map(|one| {
        let (result, why) = told(one);
        vec![one.monitor.to_string(), one.compared.to_string(), result, why]
    });
    match format {
        Format::Csv => output::csv(&header, rows),
        _ => Ok(output::aligned(&header, rows, &[false, true, false, false])),
    }
}

/// What came of a monitor, and why, for people.
fn told(one: &Verified) -> (String, String) {
    let others = match one.of_other_definitions {
        0 => String::new(),
        minutes => format!("{minutes} minutes were judged by another definition"),
    };
    match &one.outcome {
        Outcome::Same => ("the same".to_owned(), others),
        Outcome::Nothing(why) => ("nothing to compare".to_owned(), why.to_string()),
        Outcome::Differs { first, minutes, what, why } => {
            let plural = if *minutes == 1 { "minute" } else { "minutes" };
            (format!("{minutes} {plural} differ, first {}", output::time(*first)), format!("{what}: {why}"))
        }
    }
}

fn json_of(one: &Verified) -> Value {
    let mut object = json!({
        "monitor": &*one.monitor,
        "compared": one.compared,
        "of_other_definitions": one.of_other_definitions,
    });
    match &one.outcome {
        Outcome::Same => object["result"] = "same".into(),
        Outcome::Nothing(why) => {
            object["result"] = "nothing".into();
            object["why"] = why.to_string().into();
        }
        Outcome::Differs { first, minutes, what, why } => {
            object["result"] = "differs".into();
            object["first"] = output::time(*first).into();
            object["minutes"] = (*minutes).into();
            object["what"] = what.to_string().into();
            object["why"] = why.to_string().into();
        }
    }
    object
}
