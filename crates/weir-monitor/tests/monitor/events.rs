//! Searches of events are judged as any metric: as they come, after a restart, in tests and when they are judged anew.

use std::sync::Arc;

use weir_monitor::{Outcome, Recorded, TestFile, parse_condition, run_tests, verify};
use weir_types::{Event, Scan, TimeRange};

use crate::memory::Memory;
use crate::world::{World, minute, monitors};

const INJECTIONS: &str = r#"
    [[monitors]]
    name = "injections"
    condition = 'events("sources:guard \"Prompt injection\" -team:red").rollup("count").by("app").last("15m") > 3'
    message = "{value} injections in {app.name}"
"#;

/// Events with this title in the minute that begins `n` minutes after the start.
fn add(world: &World, n: i64, source: &str, title: &str, tags: &[(&str, &str)], events: usize) {
    let words = Event::words(title, "");
    let own = [("source", source), ("level", "error"), ("title", title), ("words", words.as_str())];
    world.add(n, "weir.events", &[&own[..], tags].concat(), &vec![1.0; events]);
}

fn played(restarts: bool) -> World {
    let mut world = World::over(INJECTIONS, Arc::default());
    for n in 0..60 {
        if (10..16).contains(&n) {
            add(&world, n, "guard", "A prompt injection!", &[("app", "chat")], 1);
            add(&world, n, "guard", "Prompt-injection", &[("app", "mail")], usize::from(n < 13));
            // None of these is searched for.
            add(&world, n, "other", "Prompt injection", &[("app", "chat")], 5);
            add(&world, n, "guard", "Injection of a prompt", &[("app", "chat")], 5);
            add(&world, n, "guard", "Prompt injection", &[("app", "chat"), ("team", "red")], 5);
        }
        world.tick_to(n + 1);
        if restarts && [12, 14, 29].contains(&n) {
            world.restart();
        }
    }
    world
}

#[test]
fn events_that_a_search_finds_are_counted_for_each_group() {
    insta::assert_snapshot!(played(false).story());
}

#[test]
fn a_restart_changes_nothing_and_what_was_judged_comes_out_again() {
    let (straight, restarted) = (played(false), played(true));
    assert_eq!(straight.story(), restarted.story());
    let digests = restarted.reports.iter().flat_map(|report| report.digests.iter());
    let recorded = Recorded {
        digests: digests.map(|(_, at, digest)| (*at, Arc::clone(digest))).collect(),
        changes: restarted.reports.iter().flat_map(|report| report.transitions.clone()).collect(),
    };
    let scan = Arc::clone(&restarted.memory) as Arc<dyn Scan>;
    let range = TimeRange { from: minute(0), to: minute(100) };
    let verified = verify(&monitors(INJECTIONS)[0], &recorded, range, &scan).unwrap();
    assert_eq!((verified.outcome, verified.compared), (Outcome::Same, 60));
}

#[test]
fn silence_is_an_alert_where_events_are_expected() {
    let mut world = World::over(
        r#"
        [[monitors]]
        name = "backup"
        condition = 'events("source:cron \"backup done\"").rollup("count").last("30m") < 1'
        message = "no backup for half an hour"
        "#,
        Arc::new(Memory::default()),
    );
    add(&world, 2, "cron", "Backup done", &[], 1);
    world.tick_to(40);
    insta::assert_snapshot!(world.story());
}

#[test]
fn tests_say_which_events_there_are() {
    let file = TestFile::read(
        "injections.test.toml",
        r#"
        [[tests]]
        name    = "four events of an app within a quarter of an hour"
        monitor = "injections"
        faults  = ["restart@6m"]
        [tests.series]
        'weir.events{source="guard", level="error", title="Prompt injection", app="chat"}' = "_x4 3 1 _x30"
        'weir.events{source="guard", level="error", title="Prompt injection", app="mail"}' = "_x4 3 0 _x30"
        [tests.expect]
        "app=chat" = ["OK@0m", "ALERT@6m", "OK@20m"]
        "app=mail" = ["OK"]
        "#,
    );
    let runs = run_tests(&file.unwrap(), &monitors(INJECTIONS));
    assert!(runs[0].problems.is_empty(), "{:#?}", runs[0].problems);
}

#[test]
fn a_mistake_in_a_search_is_told_at_its_place() {
    let text = r#"events("source:ci duration:>5").rollup("count").last("5m") > 0"#;
    let error = parse_condition(text).unwrap_err();
    assert_eq!(&text[error.span], ">");
    let text = r#"events("source:ci").rollup("count").last("90s") > 0"#;
    assert_eq!(&text[parse_condition(text).unwrap_err().span], "\"90s\"");
}
