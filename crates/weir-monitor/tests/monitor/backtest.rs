//! What monitors would have done, over a store in memory.

use std::fmt::Write as _;
use std::sync::Arc;

use weir_monitor::{BacktestOptions, BacktestReport, backtest};
use weir_types::{Cell, CellDelta, CellKey, Scan, ScanError, TimeRange};

use crate::memory::Memory;
use crate::world::{minute, monitors};

fn store(
    minutes: std::ops::Range<i64>,
    cells: impl Fn(i64) -> Vec<(&'static str, &'static str, Vec<f64>)>,
) -> Arc<Memory> {
    let memory = Arc::new(Memory::default());
    for n in minutes {
        for (metric, model, values) in cells(n) {
            let mut cell = Cell::default();
            for value in values {
                cell.record(value);
            }
            let tags = [("model", model)].into_iter().collect();
            let key = CellKey { metric: Arc::from(metric), tags };
            memory.add(&CellDelta { key, minute: minute(n), cell });
        }
    }
    memory
}

fn tried(definitions: &str, memory: &Arc<Memory>, minutes: std::ops::Range<i64>) -> BacktestReport {
    let range = TimeRange { from: minute(minutes.start), to: minute(minutes.end) };
    let options = BacktestOptions { range, alerts_per_week: 7.0, points_max: 50 };
    let scan = Arc::clone(memory) as Arc<dyn Scan>;
    backtest(&monitors(definitions), &scan, &options).unwrap()
}

/// One line for each monitor, group and verdict.
fn told(report: &BacktestReport) -> String {
    let mut text = String::new();
    for monitor in &report.monitors {
        writeln!(
            text,
            "{}: {} alerts ({:.2} a week), {} flaps, firing {:.3}, missing {:.3}, suggested {:?}",
            monitor.monitor,
            monitor.alerts,
            monitor.alerts_per_week,
            monitor.flaps,
            monitor.firing_share,
            monitor.missing_share,
            monitor.suggested_threshold
        )
        .unwrap();
        for group in &monitor.groups {
            writeln!(
                text,
                "  {:?}: {} alerts, {} flaps, firing {:.3}, missing {:.3}, {:?} to {:?}, {} points",
                group.group.iter().map(|(_, value)| &**value).collect::<Vec<_>>(),
                group.alerts,
                group.flaps,
                group.firing_share(),
                group.missing_share(),
                group.least,
                group.greatest,
                group.points.len()
            )
            .unwrap();
        }
        for verdict in &monitor.verdicts {
            writeln!(text, "  {}: {verdict}", verdict.kind()).unwrap();
        }
    }
    text
}

const DAY: i64 = 24 * 60;

#[test]
fn alerts_flaps_and_shares_are_counted_for_each_group() {
    let memory = store(-2 * DAY..2 * DAY, |n| {
        // Model a is slow for an hour each day and for a minute each six hours; b never; c has few calls.
        let is_slow = n.rem_euclid(DAY) < 60 || n.rem_euclid(360) == 180;
        let mut cells = vec![
            ("llm.request.duration", "a", vec![if is_slow { 8_000.0 } else { 900.0 }; 30]),
            (
                "llm.request.duration",
                "b",
                vec![700.0 + f64::from(i32::try_from(n.rem_euclid(7)).unwrap()); 30],
            ),
        ];
        if n % 3 == 0 {
            cells.push(("llm.request.duration", "c", vec![9_000.0; 2]));
        }
        cells
    });
    let report = tried(
        r#"
        [[monitors]]
        name = "p95"
        condition = "p95(llm.request.duration) by model > 5s over 1m"
        message = "{model} {value}ms"
        "#,
        &memory,
        0..2 * DAY,
    );
    insta::assert_snapshot!(told(&report));
    let preview = report.monitors[0].clone().preview();
    assert_eq!((preview.groups, preview.series.len(), preview.transitions.len()), (3, 3, 20));
}

#[test]
fn verdicts_say_what_is_wrong() {
    let memory = store(-DAY..DAY, |n| {
        let mut cells = vec![
            ("llm.request.duration", "a", vec![900.0; 5]),
            ("llm.tokens.total", "a", vec![if n % 2 == 0 { 2_000.0 } else { 10.0 }]),
        ];
        if n % 10 == 0 {
            cells.push(("score", "a", vec![0.9; 2]));
        }
        cells
    });
    let report = tried(
        r#"
        [[monitors]]
        name = "wrong-unit"
        condition = "p95(llm.request.duration) > 5000s over 10m"
        message = "{value}"

        [[monitors]]
        name = "always"
        condition = "p95(llm.request.duration) > 5ms over 10m"
        message = "{value}"

        [[monitors]]
        name = "flaps"
        condition = "sum(llm.tokens.total) > 1000 over 1m"
        message = "{value}"

        [[monitors]]
        name = "nothing"
        condition = "p95(llm.request.duration) > 5s over 10m"
        message = "{value}"
        min_samples = 1000

        [[monitors]]
        name = "no-such-series"
        condition = "avg(quality) < 0.5"
        message = "{value}"

        [[monitors]]
        name = "narrow"
        condition = "avg(score) < 0.5 over 5m min_samples 1"
        message = "{value}"

        [[monitors]]
        name = "young"
        condition = "week_over_week_change(sum(llm.tokens.total)) > 30%"
        message = "{value}"

        [[monitors]]
        name = "both"
        condition = "@always && @flaps"
        message = "both"

        [[monitors]]
        name = "off"
        condition = "avg(score) < 0.5"
        message = "{value}"
        enabled = false
        "#,
        &memory,
        0..DAY,
    );
    insta::assert_snapshot!(told(&report));
}

#[test]
fn what_happens_before_the_range_is_known_and_not_judged() {
    // A thousand tokens a minute until the start, a window of an hour.
    let memory = store(-120..1, |_| vec![("llm.tokens.total", "a", vec![1_000.0])]);
    let report = tried(
        r#"
        [[monitors]]
        name = "busy"
        condition = "sum(llm.tokens.total) > 30000 over 1h"
        message = "{value}"
        "#,
        &memory,
        1..DAY,
    );
    let [monitor] = &report.monitors[..] else { panic!("one monitor") };
    assert_eq!(monitor.alerts, 1);
    assert_eq!(monitor.transitions.iter().map(|change| change.at).max(), Some(minute(31)));
}

#[test]
fn a_store_that_fails_is_an_error() {
    let memory = store(0..10, |_| vec![("llm.tokens.total", "a", vec![1.0])]);
    memory.fail(Some(ScanError::Store("gone".to_owned())));
    let range = TimeRange { from: minute(0), to: minute(60) };
    let options = BacktestOptions { range, alerts_per_week: 1.0, points_max: 50 };
    let definitions = monitors(
        r#"
        [[monitors]]
        name = "busy"
        condition = "sum(llm.tokens.total) > 30000 over 1h"
        message = "{value}"
        "#,
    );
    let scan = Arc::clone(&memory) as Arc<dyn Scan>;
    assert_eq!(backtest(&definitions, &scan, &options), Err(ScanError::Store("gone".to_owned())));
}

#[test]
fn a_monitor_that_waits_for_late_values_is_tried_too() {
    let memory = store(0..60, |_| vec![("llm.tokens.total", "a", vec![1_000.0])]);
    let report = tried(
        r#"
        [[monitors]]
        name = "patient"
        condition = "sum(llm.tokens.total) > 3000 over 5m"
        message = "{value}"
        evaluation_delay = "10m"
        "#,
        &memory,
        0..60,
    );
    let [monitor] = &report.monitors[..] else { panic!("one monitor") };
    let [group] = &monitor.groups[..] else { panic!("one group") };
    // What is judged lies ten minutes behind the tick, and is shown at its own time.
    assert_eq!(group.points.last().map(|point| point.at), Some(minute(50)));
    assert_eq!((monitor.alerts, monitor.transitions.len()), (1, 1));
}
