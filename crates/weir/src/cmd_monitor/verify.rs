//! `weir monitor verify`: judges anew what a Weir has judged, from what its data folder holds.
//!
//! Digests of each minute are in the state store, and the cells that were judged in the store. A running Weir holds both, so it
//! is asked, and judges by its own definitions; when none runs the folder is opened. Nothing is changed.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use weir_api::wire::{MonitorList, VerificationAnswer};
use weir_monitor::{Entry, Monitor};
use weir_types::{Clock as _, SystemClock, UnixMicros};

use crate::cli::{DefinitionArgs, Format, VerifyArgs};
use crate::client::{Backend, Client, Local};
use crate::judge::verify::verified;
use crate::output;

/// Compares, and prints what came of it; the exit status is 1 when something differs.
pub(super) fn run(args: &VerifyArgs) -> anyhow::Result<ExitCode> {
    let verified = match Backend::find(&args.server)? {
        Backend::Remote(client) => asked(&client, args)?,
        Backend::Local(local) => {
            let verified = here(&local, args);
            local.close()?;
            verified?
        }
    };
    output::print(&shown(&verified, args.format)?)?;
    let differs = verified.iter().any(|one| one.result == "differs");
    Ok(if differs { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Asks a running Weir, one monitor after the other.
fn asked(client: &Client, args: &VerifyArgs) -> anyhow::Result<Vec<VerificationAnswer>> {
    if !args.files.is_empty() {
        bail!(
            "a running Weir judges by its own definitions; leave --file out, or name a copy of its data with --data-dir"
        );
    }
    let known: MonitorList = client.get("/api/monitors", &[])?;
    if let Some(name) = args.names.iter().find(|name| known.monitors.iter().all(|one| one.name != **name)) {
        let hint = weir_query::did_you_mean(name, known.monitors.iter().map(|one| one.name.as_str()));
        bail!("there is no monitor {name}{}", hint.map_or_else(String::new, |hint| format!("; {hint}")));
    }
    let chosen = known.monitors.iter().filter(|one| match &args.names[..] {
        [] => one.is_enabled,
        names => names.contains(&one.name),
    });
    let range = [("from", args.from.as_str()), ("to", args.to.as_str())];
    chosen
        .map(|one| {
            let path = format!("/api/monitors/{}/verify", one.name);
            client.get(&path, &range).with_context(|| format!("monitor {} cannot be judged anew", one.name))
        })
        .collect()
}

/// Judges anew what a data folder holds.
fn here(local: &Local, args: &VerifyArgs) -> anyhow::Result<Vec<VerificationAnswer>> {
    let alerts = local.store.alerts();
    let saved = local.runtime.block_on(alerts.saved_monitors())?;
    let saved: Result<Vec<Entry>, _> =
        saved.into_iter().map(|saved| serde_json::from_value(saved.entry)).collect();
    let definitions = DefinitionArgs { files: args.files.clone(), config: args.server.config.clone() };
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
    let (scan, runtime) = (local.store.scan(), local.runtime.handle());
    let one = |monitor: &Monitor| {
        let verification = verified(monitor, range, &scan, &*alerts, runtime)?;
        Ok(VerificationAnswer::new(&monitor.name, &verification))
    };
    monitors.iter().filter(chosen).map(one).collect()
}

fn shown(verified: &[VerificationAnswer], format: Format) -> anyhow::Result<String> {
    if format == Format::Json {
        let objects: Vec<Value> = verified.iter().map(json_of).collect();
        return Ok(serde_json::to_string(&objects)? + "\n");
    }
    let header = ["monitor", "minutes", "result", "why"].map(str::to_owned);
    let rows = verified.iter().map(|one| {
        let (result, why) = told(one);
        vec![one.monitor.clone(), one.compared.to_string(), result, why]
    });
    match format {
        Format::Csv => output::csv(&header, rows),
        _ => Ok(output::aligned(&header, rows, &[false, true, false, false])),
    }
}

/// What came of a monitor, and why, for people.
fn told(one: &VerificationAnswer) -> (String, String) {
    let why = one.why.clone().unwrap_or_default();
    match one.result.as_str() {
        "same" if one.of_other_definitions > 0 => (
            "the same".to_owned(),
            format!("{} minutes were judged by another definition", one.of_other_definitions),
        ),
        "same" => ("the same".to_owned(), String::new()),
        "nothing" => ("nothing to compare".to_owned(), why),
        _ => {
            let minutes = one.minutes.unwrap_or_default();
            let plural = if minutes == 1 { "minute" } else { "minutes" };
            let what = one.what.as_deref().unwrap_or_default();
            (format!("{minutes} {plural} differ, first {}", first(one)), format!("{what}: {why}"))
        }
    }
}

fn first(one: &VerificationAnswer) -> String {
    one.first_ms.map_or_else(String::new, |ms| output::time(UnixMicros(ms.saturating_mul(1_000))))
}

fn json_of(one: &VerificationAnswer) -> Value {
    let mut object = json!({
        "monitor": one.monitor,
        "compared": one.compared,
        "of_other_definitions": one.of_other_definitions,
        "result": one.result,
    });
    if one.first_ms.is_some() {
        object["first"] = first(one).into();
    }
    for (key, value) in [
        ("minutes", one.minutes.map(Value::from)),
        ("what", one.what.clone().map(Value::from)),
        ("why", one.why.clone().map(Value::from)),
    ] {
        if let Some(value) = value {
            object[key] = value;
        }
    }
    object
}
