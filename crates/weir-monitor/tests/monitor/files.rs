//! Files of tests: those of the bundled monitors hold, and what does not hold is said.

use weir_monitor::{TestFile, TestRun, junit, run_tests, with_found_states};

use crate::world::monitors;

/// What is wrong with each test, by line.
fn told(runs: &[TestRun]) -> String {
    let told = |run: &TestRun| {
        let problems = run.problems.iter().map(|problem| format!("\n{}: {}", problem.line, problem.text));
        format!("{}, line {}{}", run.name, run.line, problems.collect::<String>())
    };
    runs.iter().map(told).collect::<Vec<_>>().join("\n\n")
}

const SEVEN: &str = include_str!("../../../../monitors/seven.test.toml");

#[test]
fn each_of_the_seven_fires_and_recovers_as_its_tests_say() {
    let file = TestFile::read("monitors/seven.test.toml", SEVEN).unwrap();
    let seven = weir_monitor::load(&[]).unwrap();
    let runs = run_tests(&file, &seven);
    assert!(runs.iter().all(|run| run.problems.is_empty()), "{}", told(&runs));
    for monitor in &seven {
        let fires = runs.iter().any(|run| run.monitor == monitor.name && run.leaves_ok());
        assert!(fires, "no test makes {} leave OK", monitor.name);
    }
}

const DEFINITIONS: &str = r#"
    [[monitors]]
    name = "busy"
    condition = "sum(calls) by app > 10 over 1m"
    message = "{app.name} has {value}"
"#;

const TESTS: &str = r#"# What is said here stays.
[[tests]]
name    = "holds"
monitor = "busy"
faults  = ["restart@2m", "late(2m)@4m"]
[tests.series]
'calls{app="x"}' = "1 11 11 1 11 1 1 1"
'calls{app="y"}' = "_x3 1x4"
[tests.expect]
"app=x" = ["OK@0m", "ALERT@2m", "OK@4m"]
"*"     = ["OK"]

[[tests]]
name    = "does not hold"
monitor = "busy"
series  = { 'calls{app="x"}' = "1 12 1" }
notifications = [{ at = "2m", text = "x has 13" }]
[tests.expect]
"app=x" = ["OK@0m", "ALERT@3m"]

# This one expects nothing yet.
[[tests]]
name    = "records"
monitor = "busy"
series  = { 'calls{app="x"}' = "20 20" }

# This one is about nothing.
[[tests]]
name    = "misspelt"
monitor = "bussy"
series  = { 'calls{app="x"}' = "20 20" }
"#;

#[test]
fn what_does_not_hold_is_said_with_what_was_found() {
    let file = TestFile::read("busy.test.toml", TESTS).unwrap();
    let runs = run_tests(&file, &monitors(DEFINITIONS));
    insta::assert_snapshot!(told(&runs));
    insta::assert_snapshot!(junit(&[(file.name.clone(), runs.clone())]));
    insta::assert_snapshot!(with_found_states(TESTS, &runs));
}

#[test]
fn what_was_recorded_holds() {
    let all = monitors(DEFINITIONS);
    let text = TESTS.split("[[tests]]\nname    = \"misspelt\"").next().unwrap();
    let runs = run_tests(&TestFile::read("busy.test.toml", text).unwrap(), &all);
    let recorded = with_found_states(text, &runs);
    let again = run_tests(&TestFile::read("busy.test.toml", &recorded).unwrap(), &all);
    assert!(
        again.iter().all(|run| run.problems.iter().all(|problem| problem.text.starts_with("notification"))),
        "{again:?}"
    );
    assert_eq!(with_found_states(&recorded, &again), recorded);
}
