//! Service level objectives: burn rates over two windows and budgets that are spent, over what is defined as good.

use std::sync::Arc;

use weir_monitor::{Definitions, Outcome, Recorded, explain, verify};
use weir_types::{Scan, TimeRange};

use crate::world::{World, minute, monitors};

const ANSWERS: &str = r#"
    [[slos]]
    name   = "answers"
    bad    = "llm.request.error by app"
    total  = "llm.request.count by app"
    target = "99.9%"

    [[monitors]]
    name = "burns"
    condition = 'burn_rate("answers").over("30d").long_window("1h").short_window("5m") > 14.4'
    message = "{app.name} burns its budget {value} times as fast as it may"
    warning = 6

    [[monitors]]
    name = "spent"
    condition = 'error_budget("answers").over("7d") > 75'
    message = "{value}% of the budget of {app.name} are spent"
    every = "1m"
"#;

/// Three hours of a thousand calls a minute, of which in some minutes a part fails.
fn played(restarts: bool) -> World {
    let mut world = World::over(ANSWERS, Arc::default());
    for n in 0..180 {
        let failed: usize = match n {
            60..75 => 100,
            120 => 900,
            _ => 0,
        };
        world.add(n, "llm.request.count", &[("app", "chat")], &[1.0; 1_000]);
        world.add(n, "llm.request.count", &[("app", "mail")], &[1.0; 1_000]);
        if failed > 0 {
            world.add(n, "llm.request.error", &[("app", "chat")], &vec![1.0; failed]);
        }
        world.tick_to(n + 1);
        if restarts && n % 50 == 49 {
            world.restart();
        }
    }
    world
}

#[test]
fn a_budget_burns_only_while_both_windows_do() {
    insta::assert_snapshot!(played(false).story());
}

#[test]
fn a_restart_changes_nothing_and_what_was_judged_comes_out_again() {
    let (straight, restarted) = (played(false), played(true));
    assert_eq!(straight.story(), restarted.story());
    for monitor in monitors(ANSWERS) {
        let own = |name: &str| name == monitor.name;
        let digests = restarted.reports.iter().flat_map(|report| report.digests.iter());
        let changes = restarted.reports.iter().flat_map(|report| report.transitions.iter());
        let recorded = Recorded {
            digests: digests
                .filter(|(name, ..)| own(name))
                .map(|(_, at, digest)| (*at, Arc::clone(digest)))
                .collect(),
            changes: changes.filter(|change| own(&change.monitor)).cloned().collect(),
        };
        let scan = Arc::clone(&restarted.memory) as Arc<dyn Scan>;
        let range = TimeRange { from: minute(0), to: minute(1_000) };
        let verified = verify(&monitor, &recorded, range, &scan).unwrap();
        assert_eq!((verified.outcome, verified.compared), (Outcome::Same, 180), "{}", monitor.name);
    }
}

#[test]
fn good_and_bad_are_two_ways_to_say_the_same() {
    let good = ANSWERS.replace(
        "bad    = \"llm.request.error by app\"",
        "good   = \"sum(llm.request.count{team:a}) by app\"",
    );
    let bad_share = |text: &str| monitors(text)[0].condition.judged.rule().unwrap().query.to_string();
    assert_eq!(bad_share(ANSWERS), "ratio(llm.request.error, llm.request.count) by app");
    assert!(bad_share(&good).starts_with("1 - ratio("), "{}", bad_share(&good));
}

#[test]
fn explanations_say_what_a_budget_is() {
    let told = monitors(ANSWERS).iter().map(|monitor| explain(&monitor.condition)).collect::<Vec<_>>();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn an_objective_that_means_nothing_is_refused_with_its_key() {
    let slo = |text: &str| {
        let text = format!("[[slos]]\nname = \"answers\"\n{text}\n");
        let read = Definitions::read("test.toml", &text).unwrap();
        let errors = weir_monitor::load(&[read]).unwrap_err();
        errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let condition = |objective: &str, rest: &str| {
        let text = ANSWERS.split("[[monitors]]").next().unwrap_or_default();
        let condition = format!("condition = 'burn_rate(\"{objective}\").long_window(\"1h\") > 6'");
        let text = format!("{text}\n[[monitors]]\nname = \"x\"\nmessage = \"x\"\n{condition}\n{rest}\n");
        let errors = weir_monitor::load(&[Definitions::read("test.toml", &text).unwrap()]).unwrap_err();
        errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let refused = [
        slo("total = \"llm.request.count\"\ntarget = 0.99"),
        slo(
            "good = \"llm.request.count\"\nbad = \"llm.request.error\"\ntotal = \"llm.request.count\"\ntarget = 0.99",
        ),
        slo("bad = \"llm.cost.usd\"\ntotal = \"llm.request.count\"\ntarget = 0.99"),
        slo("bad = \"sum(llm.request.error\"\ntotal = \"llm.request.count\"\ntarget = 0.99"),
        slo("bad = \"llm.request.error\"\ntotal = \"llm.request.count\"\ntarget = 99.9"),
        slo("bad = \"llm.request.error\"\ntotal = \"llm.request.count\"\ntarget = \"99,9\""),
        slo("bad = \"llm.request.error\"\ntotal = \"llm.request.count\"\ntarget = 0.9\nwindow = \"soon\""),
        condition("answer", ""),
        condition("answers", "threshold = 2000"),
    ];
    insta::assert_snapshot!(refused.join("\n"));
}
