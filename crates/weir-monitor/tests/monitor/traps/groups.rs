//! New groups, groups that vanish, and too many of them.

use crate::world::World;

const MAX_BY_HOST: &str = "[[monitors]]\nname = \"m\"\ncondition = \"max(gauge) by host > 10 over 1m\"\nmessage = \"{host.name} {value}\"\n";

const A: &[(&str, &str)] = &[("host", "a")];
const B: &[(&str, &str)] = &[("host", "b")];

#[test]
fn a_new_group_does_not_alert_at_once() {
    let mut world = World::new(&format!("{MAX_BY_HOST}new_group_delay = \"3m\""));
    for n in 0..10 {
        world.add(n, "gauge", A, &[11.0]);
        if n >= 4 {
            world.add(n, "gauge", B, &[11.0]);
        }
    }
    // What is there when the monitor looks for the first time is not new.
    world.tick_to(4);
    assert_eq!(world.state("m", A), 'A');
    assert_eq!(world.states_of("m", B, 10), "...AAA");
}

#[test]
fn a_group_is_as_new_after_a_restart_as_before() {
    let run = |is_restarted: bool| {
        let mut world = World::new(&format!("{MAX_BY_HOST}new_group_delay = \"5m\""));
        world.add(0, "gauge", A, &[1.0]);
        for n in 2..12 {
            world.add(n, "gauge", B, &[11.0]);
        }
        world.tick_to(4);
        if is_restarted {
            world.restart();
        }
        world.states_of("m", B, 12)
    };
    assert_eq!(run(true), run(false));
    assert_eq!(run(false), "...AAAAA");
}

#[test]
fn a_group_that_vanished_is_closed_once() {
    let mut world = World::new(&format!("{MAX_BY_HOST}group_retention = \"20m\""));
    for n in 0..40 {
        if n < 5 {
            world.add(n, "gauge", A, &[11.0]);
        }
        world.add(n, "gauge", B, &[1.0]);
    }
    world.tick_to(40);
    insta::assert_snapshot!(world.story());
    assert_eq!(world.engine.groups("m").unwrap().len(), 1, "the group is gone");
}

#[test]
fn a_group_that_comes_back_after_it_was_closed_is_another_alert() {
    let mut world = World::new(&format!("{MAX_BY_HOST}group_retention = \"20m\"\nnew_group_delay = \"0\""));
    for n in (0..5).chain(50..55) {
        world.add(n, "gauge", A, &[11.0]);
    }
    world.tick_to(60);
    let tellings = world.reports.iter().flat_map(|report| &report.tellings);
    let ids: Vec<_> = tellings.map(|telling| (telling.kind, &telling.transition.alert_id)).collect();
    let [(_, first), (_, end), (_, second)] = &ids[..] else { panic!("{ids:?}") };
    assert_eq!(first, end);
    assert_ne!(first, second);
}

#[test]
fn groups_over_the_limit_are_judged_as_one() {
    let mut world = World::new(
        "[[monitors]]\nname = \"m\"\ncondition = \"sum(gauge) by host > 10 over 1m\"\nmessage = \"{host.name} {value}\"\nmax_groups = 2",
    );
    for n in 0..3 {
        for (host, value) in [("a", 1.0), ("b", 1.0), ("c", 6.0), ("d", 6.0)] {
            world.add(n, "gauge", &[("host", host)], &[value]);
        }
    }
    world.tick_to(3);
    let groups = world.engine.groups("m").unwrap();
    let shown: Vec<_> =
        groups.iter().map(|group| (group.group.get("host").unwrap(), group.judgement.value)).collect();
    assert_eq!(shown, [("__other__", Some(12.0)), ("a", Some(1.0)), ("b", Some(1.0))]);
    assert_eq!(world.state("m", &[("host", "__other__")]), 'A');
}

#[test]
fn of_many_groups_the_largest_keep_their_places_when_history_is_read() {
    let mut world = World::new(
        "[[monitors]]\nname = \"m\"\ncondition = \"sum(gauge) by host > 10 over 1m\"\nmessage = \"{host.name} {value}\"\nmax_groups = 2",
    );
    for (host, count) in [("a", 1), ("b", 2), ("c", 9), ("d", 8)] {
        world.add(0, "gauge", &[("host", host)], &vec![1.0; count]);
    }
    world.restart();
    world.tick_to(1);
    let groups = world.engine.groups("m").unwrap();
    let shown: Vec<_> =
        groups.iter().map(|group| (group.group.get("host").unwrap(), group.judgement.value)).collect();
    assert_eq!(shown, [("__other__", Some(3.0)), ("c", Some(9.0)), ("d", Some(8.0))]);
}

#[test]
fn groups_of_a_changed_monitor_go_on_and_those_of_a_removed_one_are_closed() {
    let mut world = World::new(MAX_BY_HOST);
    for n in 0..20 {
        world.add(n, "gauge", A, &[11.0]);
        world.add(n, "gauge", B, &[14.0]);
    }
    world.tick_to(2);
    world.replace(&MAX_BY_HOST.replace("> 10", "> 12"));
    world.tick_to(4);
    world.replace(&format!("{}enabled = false", MAX_BY_HOST.replace("> 10", "> 12")));
    world.tick_to(6);
    world.replace(MAX_BY_HOST);
    world.tick_to(8);
    world.replace("");
    world.tick_to(10);
    insta::assert_snapshot!(world.story());
}
