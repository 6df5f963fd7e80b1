//! `weir monitor`: what monitors watch for and what they say; what they would have done, and whether what they did comes out
//! again.

mod backtest;
mod exchange;
mod test;
mod verify;

use std::fmt::Write as _;
use std::process::ExitCode;

use weir_monitor::{
    Definitions, Entry, Facts, Levels, Monitor, MonitorError, NoticeState, Rule, Severity, Variable,
};

use crate::cli::{DefinitionArgs, Format, MonitorAction, MonitorArgs};
use crate::config::{self, Source};
use crate::output;

/// Does what was asked.
pub fn run(args: &MonitorArgs) -> anyhow::Result<ExitCode> {
    match &args.action {
        MonitorAction::Explain { condition } => explain(condition),
        MonitorAction::Check { definitions } => check(definitions),
        MonitorAction::List { definitions, format } => list(definitions, *format),
        MonitorAction::Test { files, update, junit, config } => test::run(&test::TestArgs {
            files,
            update: *update,
            junit: junit.as_deref(),
            config: config.as_deref(),
        }),
        MonitorAction::Backtest(args) => backtest::run(args),
        MonitorAction::Verify(args) => verify::run(args),
        MonitorAction::Import { system, file, to } => exchange::import(*system, file, to.as_deref()),
        MonitorAction::Export { system, names, files, config } => {
            let definitions = DefinitionArgs { files: files.clone(), config: config.clone() };
            exchange::export(*system, names, &definitions)
        }
    }
}

fn explain(text: &str) -> anyhow::Result<ExitCode> {
    let condition = weir_monitor::parse_condition(text)
        .map_err(|error| anyhow::anyhow!("{}", error.render(text).trim_end()))?;
    let message = weir_monitor::default_message("NAME", &condition);
    output::print(&format!("{}{:<14}{message} (default)\n", weir_monitor::explain(&condition), "says"))?;
    Ok(ExitCode::SUCCESS)
}

/// Loads what the configuration and the files define; the inner error is what is wrong with the definitions.
fn load(args: &DefinitionArgs) -> anyhow::Result<Result<Vec<Monitor>, Vec<MonitorError>>> {
    load_under(args, Vec::new())
}

/// As [`load`], under what was saved from the dashboard.
fn load_under(
    args: &DefinitionArgs,
    saved: Vec<Entry>,
) -> anyhow::Result<Result<Vec<Monitor>, Vec<MonitorError>>> {
    let source = Source::find(args.config.as_deref())?;
    let configured = config::read(&source).map_err(|problems| anyhow::anyhow!("{problems}"))?;
    let (entries, slos) = (configured.monitors, configured.slos);
    let mut read = vec![Definitions { file: source.name(), entries, slos }];
    let mut errors = Vec::new();
    for file in &args.files {
        let text = std::fs::read_to_string(file)
            .map_err(|error| anyhow::anyhow!("cannot read the monitors {}: {error}", file.display()))?;
        match Definitions::read(&file.display().to_string(), &text) {
            Ok(definitions) => read.push(definitions),
            Err(error) => errors.push(error),
        }
    }
    let saved = Definitions { file: "dashboard".to_owned(), entries: saved, slos: Vec::new() };
    Ok(match (weir_monitor::load_with(&read, Some(&saved)), errors) {
        (Ok(monitors), errors) if errors.is_empty() => Ok(monitors),
        (loaded, mut errors) => {
            errors.extend(loaded.err().unwrap_or_default());
            Err(errors)
        }
    })
}

/// Prints each monitor as it is understood, with the message that it sends at its threshold; the exit status is 1 when
/// there are mistakes.
fn check(args: &DefinitionArgs) -> anyhow::Result<ExitCode> {
    match load(args)? {
        Ok(monitors) => {
            let mut text = String::new();
            for monitor in &monitors {
                describe(&mut text, monitor);
            }
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{} monitors: no mistakes", monitors.len());
            output::print(&text)?;
            Ok(ExitCode::SUCCESS)
        }
        Err(errors) => {
            output::print_error(&told(&errors))?;
            Ok(ExitCode::FAILURE)
        }
    }
}

fn told(errors: &[MonitorError]) -> String {
    let mut text = String::new();
    for error in errors {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{error}\n");
    }
    let plural = if errors.len() == 1 { "mistake" } else { "mistakes" };
    let _ = writeln!(text, "{} {plural}", errors.len());
    text
}

fn describe(text: &mut String, monitor: &Monitor) {
    let state = if monitor.is_enabled { "" } else { " (off)" };
    let _ = writeln!(text, "{}{state}, from {}", monitor.name, monitor.file);
    for line in
        std::iter::once(monitor.text.as_str()).chain(weir_monitor::explain(&monitor.condition).lines())
    {
        let _ = writeln!(text, "  {line}");
    }
    for (index, line) in preview(monitor).lines().enumerate() {
        let label = if index == 0 { "says" } else { "" };
        let _ = writeln!(text, "  {label:<14}{line}");
    }
    text.push('\n');
}

/// The message at the threshold, with the names of tags for their values.
fn preview(monitor: &Monitor) -> String {
    let judged = &monitor.condition.judged;
    let comparison = judged.compared().map(|(comparison, _)| comparison);
    let (state, level) = match (monitor.severity, monitor.levels()) {
        (Severity::Warning, levels) => (NoticeState::Warning, levels.and_then(|levels| levels.warning)),
        (Severity::Critical, levels) => (NoticeState::Alert, levels.and_then(|levels| levels.critical)),
    };
    // What an anomaly's threshold is compared with is a share of points, and no value of the metric.
    let is_anomaly = judged.rule().is_some_and(Rule::judges_the_unusual);
    let number = |variable| match variable {
        Variable::Value => level.filter(|_| !is_anomaly),
        Variable::Threshold => level,
        Variable::WarnThreshold => monitor.levels().and_then(|levels| levels.warning),
        _ => None,
    };
    monitor.message.render(&Facts {
        state,
        comparison,
        number: &number,
        tag: &|key| Some(format!("<{key}>")),
    })
}

fn list(args: &DefinitionArgs, format: Format) -> anyhow::Result<ExitCode> {
    let monitors = match load(args)? {
        Ok(monitors) => monitors,
        Err(errors) => {
            output::print_error(&told(&errors))?;
            return Ok(ExitCode::FAILURE);
        }
    };
    let header = ["name", "on", "warning", "critical", "condition", "file"].map(str::to_owned);
    let rows = monitors.iter().map(|monitor| {
        let levels = monitor.levels().unwrap_or(Levels { warning: None, critical: None });
        let shown = |level: Option<f64>| level.map_or_else(String::new, |level| level.to_string());
        let on = if monitor.is_enabled { "yes" } else { "no" };
        let (warning, critical) = (shown(levels.warning), shown(levels.critical));
        vec![
            monitor.name.clone(),
            on.to_owned(),
            warning,
            critical,
            monitor.text.clone(),
            monitor.file.clone(),
        ]
    });
    let text = match format {
        Format::Table => output::aligned(&header, rows, &[false, false, true, true, false, false]),
        Format::Csv => output::csv(&header, rows)?,
        Format::Json => json(&header, rows)?,
    };
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// One object for each row.
fn json(header: &[String], rows: impl Iterator<Item = Vec<String>>) -> anyhow::Result<String> {
    let object = |row: Vec<String>| {
        let fields = header.iter().cloned().zip(row.into_iter().map(serde_json::Value::String));
        serde_json::Value::Object(fields.collect())
    };
    Ok(serde_json::to_string(&rows.map(object).collect::<Vec<_>>())? + "\n")
}
