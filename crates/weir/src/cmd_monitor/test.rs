//! `weir monitor test`: runs files of tests, and says of each what does not hold.
//!
//! The tests themselves are pure; here files are read, and what came of them is written: for people on standard output,
//! as JUnit's XML where builds want it, and back into the files with `--update`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use weir_monitor::{Monitor, TestFile, TestRun, run_tests, with_found_states};

use crate::cli::DefinitionArgs;
use crate::output;

/// What to run, and what to write.
pub(super) struct TestArgs<'a> {
    pub(super) files: &'a [PathBuf],
    pub(super) update: bool,
    pub(super) junit: Option<&'a Path>,
    pub(super) config: Option<&'a Path>,
}

/// Runs all tests; the exit status is 1 when one does not hold, or a file has a mistake.
pub(super) fn run(args: &TestArgs<'_>) -> anyhow::Result<ExitCode> {
    let mut text = String::new();
    let mut ran: Vec<(String, Vec<TestRun>)> = Vec::new();
    let mut monitors: Vec<Monitor> = Vec::new();
    for path in args.files {
        let name = path.display().to_string();
        let read = std::fs::read_to_string(path).with_context(|| format!("cannot read the tests {name}"))?;
        let file = TestFile::read(&name, &read)?;
        let defined = match super::load(&definitions(path, &file, args.config))? {
            Ok(defined) => defined,
            Err(errors) => {
                output::print_error(&super::told(&errors))?;
                return Ok(ExitCode::FAILURE);
            }
        };
        let mut runs = run_tests(&file, &defined);
        if args.update {
            let file = update(path, &name, &read, &runs)?;
            runs = run_tests(&file, &defined);
        }
        describe(&mut text, &name, &runs);
        ran.push((name, runs));
        for monitor in defined {
            if !monitors.iter().any(|known| known.name == monitor.name) {
                monitors.push(monitor);
            }
        }
    }
    if let Some(to) = args.junit {
        std::fs::write(to, weir_monitor::junit(&ran))
            .with_context(|| format!("cannot write {}", to.display()))?;
    }
    let runs: Vec<&TestRun> = ran.iter().flat_map(|(_, runs)| runs).collect();
    summarize(&mut text, &runs, &monitors);
    output::print(&text)?;
    let holds = runs.iter().all(|run| run.problems.is_empty());
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The monitors that a file of tests is about: the bundled ones, those of the configuration, and those that it names.
fn definitions(path: &Path, file: &TestFile, config: Option<&Path>) -> DefinitionArgs {
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    let files = file.monitors.iter().map(|name| folder.join(name)).collect();
    DefinitionArgs { files, config: config.map(Path::to_path_buf) }
}

/// Records the states that were found, and returns the tests as they are then.
fn update(path: &Path, name: &str, text: &str, runs: &[TestRun]) -> anyhow::Result<TestFile> {
    let updated = with_found_states(text, runs);
    // What was written by hand in another shape than this writes would be there twice.
    let file = TestFile::read(name, &updated).with_context(|| {
        format!("{name} is not updated: what a test expects must be a table [tests.expect] of its own")
    })?;
    if updated != text {
        std::fs::write(path, updated).with_context(|| format!("cannot write {name}"))?;
    }
    Ok(file)
}

fn describe(text: &mut String, file: &str, runs: &[TestRun]) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{file}");
    for run in runs {
        let mark = if run.problems.is_empty() { "ok  " } else { "FAIL" };
        let _ = writeln!(text, "  {mark}  {}: {}", run.monitor, run.name);
        for problem in &run.problems {
            for (place, line) in problem.text.lines().enumerate() {
                let head = if place == 0 { format!("{file}:{}: ", problem.line) } else { String::new() };
                let _ = writeln!(text, "        {head}{line}");
            }
        }
    }
}

fn summarize(text: &mut String, runs: &[&TestRun], monitors: &[Monitor]) {
    let failed = runs.iter().filter(|run| !run.problems.is_empty()).count();
    let plural = if runs.len() == 1 { "test" } else { "tests" };
    let _ = writeln!(text, "\n{} {plural}, {failed} of which failed", runs.len());
    let leaving: BTreeSet<&str> =
        runs.iter().filter(|run| run.leaves_ok()).map(|run| run.monitor.as_str()).collect();
    // Whoever tests monitors of one file did not mean to test those of others.
    let tested = |monitor: &&Monitor| runs.iter().any(|run| run.monitor == monitor.name);
    let files: BTreeSet<&str> = monitors.iter().filter(tested).map(|monitor| monitor.file.as_str()).collect();
    let on = monitors.iter().filter(|monitor| monitor.is_enabled && files.contains(monitor.file.as_str()));
    let (covered, silent): (Vec<&str>, Vec<&str>) =
        on.map(|monitor| monitor.name.as_str()).partition(|name| leaving.contains(name));
    let all = covered.len() + silent.len();
    if silent.is_empty() {
        let each = if all == 1 { "the monitor".to_owned() } else { format!("each of {all} monitors") };
        let _ = writeln!(text, "{each} leaves OK in some test");
    } else {
        let _ = writeln!(
            text,
            "{} of {all} monitors never leave OK in a test: {}",
            silent.len(),
            silent.join(", ")
        );
    }
}
