//! An error never changes a state.

use weir_types::ScanError;

use crate::world::World;

/// Users are no tag of cells, so this one asks the store at each tick; the other does not.
const DEFINITIONS: &str = r#"
    [[monitors]]
    name = "by-user"
    condition = "max(llm.request.duration) by user > 10 over 2m for 3m"
    message = "{user} {value}"

    [[monitors]]
    name = "all"
    condition = "max(llm.request.duration) > 10 over 2m"
    message = "{value}"
"#;

#[test]
fn an_error_changes_no_state_moves_no_clock_and_is_told_once() {
    let mut world = World::new(DEFINITIONS);
    let user = [("user", "u")];
    for n in 0..30 {
        world.add(n, "llm.request.duration", &user, &[if n < 14 { 11.0 } else { 1.0 }]);
    }
    assert_eq!(world.states_of("by-user", &user, 3), "...");
    world.memory.fail(Some(ScanError::TimedOut { seconds: 30 }));
    // For a minute short of alerting it cannot be judged.
    assert_eq!(world.states_of("by-user", &user, 8), ".....");
    assert!(world.engine.error("by-user").unwrap().contains("longer than 30 s"));
    assert_eq!(world.state("all", &[]), 'A', "what does not depend on it goes on");
    world.memory.fail(None);
    assert_eq!(world.states_of("by-user", &user, 10), "AA", "the clock goes on where it stood");
    world.memory.fail(Some(ScanError::Store("gone".to_owned())));
    assert_eq!(world.states_of("by-user", &user, 20), "AAAAAAAAAA", "an alert does not recover by an error");
    world.memory.fail(None);
    assert_eq!(world.states_of("by-user", &user, 21), ".");
    assert_eq!(world.engine.error("by-user"), None);
    let failing: Vec<_> = world
        .reports
        .iter()
        .flat_map(|report| report.failing.iter().map(move |(name, _)| (report.at, name.to_string())))
        .collect();
    let at = |n| (crate::world::minute(n), "by-user".to_owned());
    assert_eq!(failing, [at(6), at(13)], "each time after three ticks");
}
