//! Values that are late: as long as a monitor waits for them, when they come and in which order makes no difference, to the
//! last digest. What is later still is in all windows from then on.

use std::sync::Arc;

use proptest::prelude::*;
use weir_monitor::{TestFile, run_tests};

use crate::world::{World, monitors};

/// How long the monitors wait, in minutes.
const WAIT: i64 = 5;

const DEFINITIONS: &str = r#"
    [[monitors]]
    name = "hold"
    condition = "max(gauge) by host > 10 over 2m for 3m keep_firing 2m crit 20 recover 8"
    message = "{host.name} {value}"
    evaluation_delay = "5m"
    group_retention = "20m"
    renotify = "5m"

    [[monitors]]
    name = "spread"
    condition = "p95(gauge) by host > 12 over 10m min_samples 5"
    message = "{host.name} {value}"
    evaluation_delay = "5m"

    [[monitors]]
    name = "all"
    condition = "sum(gauge) < 30 over 15m every 3m"
    message = "{value}"
    evaluation_delay = "5m"
    no_data = "notify"
"#;

/// A value: its minute, how many minutes later it comes, where among those of that minute, its host and itself.
type Sent = (i64, i64, u8, u8, u8);

/// Sends values when they come, and ticks until all was judged.
fn played(sent: &[Sent], in_time: bool) -> World {
    let mut world = World::over(DEFINITIONS, Arc::default());
    let comes = |(minute, late, ..): &Sent| minute + if in_time { 0 } else { *late };
    let mut sent = sent.to_vec();
    if !in_time {
        sent.sort_by_key(|value| (comes(value), value.2));
    }
    for now in 0..60 + WAIT {
        for (minute, _, _, host, value) in sent.iter().filter(|value| comes(value) == now) {
            world.add(
                *minute,
                "gauge",
                &[("host", ["a", "b", "c"][usize::from(host % 3)])],
                &[f64::from(*value)],
            );
        }
        world.tick_to(now + 1);
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn values_that_are_waited_for_may_come_in_any_order(
        sent in prop::collection::vec((0..60_i64, 0..=WAIT, any::<u8>(), any::<u8>(), 0..30_u8), 0..300),
    ) {
        let (in_time, late) = (played(&sent, true), played(&sent, false));
        prop_assert_eq!(in_time.story(), late.story());
        prop_assert_eq!(in_time.engine.chain(), late.engine.chain());
    }
}

const WAITS: &str = r#"
    [[monitors]]
    name = "waits"
    condition = "sum(calls) by app > 10 over 1m"
    message = "{app.name} has {value}"
    evaluation_delay = "3m"
"#;

#[test]
fn tests_of_monitors_hold_what_is_waited_for_to_what_would_have_been() {
    let file = TestFile::read(
        "waits.test.toml",
        r#"
        [[tests]]
        name    = "three minutes late"
        monitor = "waits"
        faults  = ["late(3m)@2m"]
        [tests.series]
        'calls{app="x"}' = "1 1 11 11 1 1 1 1 1 1"
        [tests.expect]
        "app=x" = ["OK@0m", "ALERT@3m", "OK@5m"]
        "#,
    );
    let runs = run_tests(&file.unwrap(), &monitors(WAITS));
    assert!(runs[0].problems.is_empty(), "{:#?}", runs[0].problems);
}
