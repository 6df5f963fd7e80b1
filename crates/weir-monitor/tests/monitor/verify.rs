//! What was judged comes out again from what is stored, and what does not is told with its minute.

use std::sync::Arc;

use weir_monitor::{Difference, Outcome, Recorded, Verified, verify};
use weir_types::{Scan, TimeRange};

use crate::memory::Memory;
use crate::world::{World, minute, monitors};

const BUSY: &str = r#"
    [[monitors]]
    name = "busy"
    condition = "sum(llm.tokens.total) by model > 30 over 5m for 3m"
    message = "{model} {value}"
    group_retention = "2h"
"#;

/// Hours of two models, of which one is busy now and then, and silent in the second hour.
fn played(definitions: &str, minutes: i64, late: Option<i64>) -> (World, Recorded) {
    let mut world = World::over(definitions, Arc::default());
    for n in 0..minutes {
        let busy = if n % 50 > 30 { 20.0 } else { 1.0 };
        world.add(n, "llm.tokens.total", &[("model", "a")], &[busy]);
        if !(60..120).contains(&n) {
            world.add(n, "llm.tokens.total", &[("model", "b")], &[2.0]);
        }
        world.tick_to(n + 1);
        if n % 70 == 69 {
            world.restart();
        }
        if late == Some(n) {
            world.add(n - 10, "llm.tokens.total", &[("model", "b")], &[3.0]);
        }
    }
    let recorded = recorded(&world);
    (world, recorded)
}

/// What its state store would have kept of a world with one monitor.
fn recorded(world: &World) -> Recorded {
    let reports = &world.reports;
    let digests = reports.iter().flat_map(|report| &report.digests);
    Recorded {
        digests: digests.map(|(_, at, digest)| (*at, Arc::clone(digest))).collect(),
        changes: reports.iter().flat_map(|report| report.transitions.clone()).collect(),
    }
}

fn verified(definitions: &str, memory: &Arc<Memory>, recorded: &Recorded, from: i64) -> Verified {
    let monitor = monitors(definitions).remove(0);
    let scan = Arc::clone(memory) as Arc<dyn Scan>;
    let range = TimeRange { from: minute(from), to: minute(100_000) };
    verify(&monitor, recorded, range, &scan).unwrap()
}

#[test]
fn what_was_judged_comes_out_again_from_the_beginning_and_from_the_middle() {
    let (world, recorded) = played(BUSY, 600, None);
    assert!(recorded.changes.len() > 10, "{}", world.story());
    for from in [0, 1, 150, 333, 420, 599] {
        let report = verified(BUSY, &world.memory, &recorded, from);
        assert_eq!(report.outcome, Outcome::Same, "from minute {from}");
        assert_eq!(report.compared, 600 - u64::try_from(from.max(1)).unwrap() + 1, "from minute {from}");
    }
}

#[test]
fn a_monitor_that_waited_is_compared_by_the_time_that_it_judged() {
    let patient = format!("{BUSY}\nevaluation_delay = \"10m\"");
    let (world, recorded) = played(&patient, 200, None);
    let report = verified(&patient, &world.memory, &recorded, 0);
    assert_eq!((report.outcome, report.compared), (Outcome::Same, 191));
    assert_eq!(recorded.digests.last().map(|(at, _)| *at), Some(minute(190)));
}

#[test]
fn a_value_that_came_late_is_told_with_the_first_minute_that_read_less() {
    let (world, recorded) = played(BUSY, 300, Some(210));
    let report = verified(BUSY, &world.memory, &recorded, 0);
    let Outcome::Differs { first, minutes, what, why } = report.outcome else { panic!("{report:?}") };
    // The value of minute 200 came after minute 210 was judged: the windows that hold it are those of five minutes.
    assert_eq!((first, minutes, what), (minute(201), 5, Difference::Readings));
    assert!(why.contains("late values"), "{why}");
}

#[test]
fn what_is_not_stored_any_more_is_told_as_that() {
    let (_, recorded) = played(BUSY, 100, None);
    let report = verified(BUSY, &Arc::default(), &recorded, 0);
    let Outcome::Differs { first, why, .. } = report.outcome else { panic!("{report:?}") };
    assert_eq!(first, minute(1));
    assert!(why.contains("not stored any more") || why.contains("nothing of that time is stored"), "{why}");
}

#[test]
fn minutes_of_another_definition_are_counted_and_not_compared() {
    let (world, recorded) = played(BUSY, 100, None);
    let stricter = BUSY.replace("> 30", "> 40");
    let report = verified(&stricter, &world.memory, &recorded, 0);
    assert_eq!((report.compared, report.of_other_definitions), (0, 100));
    assert!(
        matches!(&report.outcome, Outcome::Nothing(why) if why.contains("another definition")),
        "{report:?}"
    );
}

#[test]
fn states_that_do_not_follow_are_told_as_that() {
    let (world, mut recorded) = played(BUSY, 100, None);
    let (at, digest) = recorded.digests[70].clone();
    let mut parts: Vec<&str> = digest.split('-').collect();
    parts[1] = "0123456789abcdef";
    recorded.digests[70].1 = Arc::from(parts.join("-"));
    let report = verified(BUSY, &world.memory, &recorded, 0);
    let Outcome::Differs { first, minutes, what, .. } = report.outcome else { panic!("{report:?}") };
    assert_eq!((first, minutes, what), (at, 1, Difference::States));
}

#[test]
fn the_time_in_which_weir_was_away_is_judged_as_it_was_then() {
    let mut world = World::over(BUSY, Arc::default());
    for n in 0..90 {
        if !(40..70).contains(&n) {
            world.add(n, "llm.tokens.total", &[("model", "a")], &[20.0]);
        }
    }
    world.tick_to(40);
    world.away_to(70);
    world.tick_to(90);
    let recorded = Recorded { changes: Vec::new(), ..recorded(&world) };
    let report = verified(BUSY, &world.memory, &recorded, 0);
    assert_eq!((report.outcome, report.compared), (Outcome::Same, 90));
}

#[test]
fn what_a_rare_monitor_judges_between_its_turns_is_proved_too() {
    let rare = |bound: u32| {
        format!(
            "[[monitors]]\nname = \"rare\"\ncondition = \"sum(llm.tokens.total) by model > {bound} over 5m every 30m\"\n\
             message = \"{{model}} {{value}}\"\nnew_group_delay = \"4m\"\n"
        )
    };
    let mut world = World::over(&rare(30), Arc::default());
    for n in 0..200 {
        if n >= 7 {
            world.add(n, "llm.tokens.total", &[("model", "a")], &[10.0]);
        }
        world.tick_to(n + 1);
        match n {
            40 | 130 => world.replace(&rare(if n == 40 { 35 } else { 30 })),
            50 | 140 => world.restart(),
            _ => {}
        }
    }
    let times = |world: &World| -> Vec<i64> {
        let judged = world.reports.iter().flat_map(|report| report.digests.iter());
        judged.map(|(_, at, _)| (at.0 - minute(0).0) / weir_types::UnixMicros::MINUTE).collect()
    };
    // Each minute until there is something, then when the group is old enough, at its turns, and after each change.
    assert_eq!(times(&world), [1, 2, 3, 4, 5, 6, 7, 8, 12, 30, 42, 60, 90, 120, 132, 150, 180]);
    let recorded = recorded(&world);
    let report = verified(&rare(30), &world.memory, &recorded, 0);
    assert_eq!((report.outcome, report.compared, report.of_other_definitions), (Outcome::Same, 13, 4));
    let report = verified(&rare(35), &world.memory, &recorded, 0);
    assert_eq!((report.compared, report.of_other_definitions), (4, 13));
}

#[test]
fn what_was_never_judged_and_composites_have_nothing_to_compare() {
    let report = verified(BUSY, &Arc::default(), &Recorded::default(), 0);
    assert!(matches!(report.outcome, Outcome::Nothing(_)), "{report:?}");
    let both = "[[monitors]]\nname = \"both\"\ncondition = \"@error-rate-spike && @p95-latency-per-model\"\nmessage = \"x\"\n";
    let report = verified(both, &Arc::default(), &Recorded::default(), 0);
    assert!(matches!(&report.outcome, Outcome::Nothing(why) if why.contains("names")), "{report:?}");
}
