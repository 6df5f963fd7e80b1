//! Monitors of monitors.

use crate::world::World;

const DEFINITIONS: &str = r#"
    [[monitors]]
    name = "deep"
    condition = "@both || @idle"
    message = "deep"

    [[monitors]]
    name = "both"
    condition = "@slow && @failing"
    message = "{app.name} is slow and fails"

    [[monitors]]
    name = "well"
    condition = "!@slow"
    message = "well"

    [[monitors]]
    name = "slow"
    condition = "max(latency) by app > 5 over 1m crit 10"
    no_data = "notify"
    message = "{app} {value}"

    [[monitors]]
    name = "failing"
    condition = "max(errors) by app > 5 over 1m"
    message = "{app} {value}"

    [[monitors]]
    name = "idle"
    condition = "sum(calls) < 1 over 1m"
    message = "{value}"
"#;

#[test]
fn a_composite_is_judged_in_the_same_tick_after_what_it_names() {
    let definitions = DEFINITIONS.replace("{app.name} is slow and fails", "slow and fails");
    let mut world = World::new(&definitions);
    for n in 0..12 {
        let app = [("app", "x")];
        if n < 9 {
            world.add(
                n,
                "latency",
                &app,
                &[if n < 2 {
                    1.0
                } else if n < 4 {
                    6.0
                } else {
                    11.0
                }],
            );
        }
        world.add(n, "errors", &app, &[if n < 3 { 1.0 } else { 6.0 }]);
        world.add(n, "calls", &[], &[1.0]);
    }
    let x = &[("app", "x")][..];
    let mut lines = [String::new(), String::new(), String::new(), String::new(), String::new()];
    for n in 1..=12 {
        world.tick_to(n);
        for (line, (name, group)) in
            lines.iter_mut().zip([("slow", x), ("failing", x), ("both", x), ("deep", x), ("well", x)])
        {
            line.push(world.state(name, group));
        }
    }
    // slow: its values end in the ninth minute, and after two windows that is a state of its own.
    assert_eq!(
        lines,
        ["..wwAAAAAA??", "...AAAAAAAAA", "...wAAAAAA??", "...wAAAAAA??", "AA........??"],
        "{}",
        world.story()
    );
}
