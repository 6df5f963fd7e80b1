//! What the engine makes of cells, tick by tick.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use weir_monitor::{Engine, Follow, History, Ledger, TickReport};
use weir_types::{Scan, ScanError, ScanRequest, ScanRow, TagKey};

use crate::world::{World, minute, monitors};

const P95: &str = r#"
    [[monitors]]
    name = "p95"
    condition = "p95(llm.request.duration) by model_name > 5000ms"
    critical = "10s"
    severity = "warning"
    message = "Model {model_name} P95 latency at {value}ms — exceeds SLO"
"#;

#[test]
fn percentiles_alert_for_each_group_and_recover() {
    let mut world = World::new(P95);
    for n in 0..30 {
        let slow = if (5..15).contains(&n) { 12_000.0 } else { 900.0 };
        world.add(n, "llm.request.duration", &[("model", "a")], &[slow; 40]);
        // Too few for a percentile.
        world.add(n, "llm.request.duration", &[("model", "b")], &[9_000.0; 3]);
    }
    world.tick_to(30);
    insta::assert_snapshot!(world.story());
}

#[test]
fn an_error_rate_is_a_ratio_of_sums_and_no_calls_say_nothing() {
    let mut world = World::new(
        r#"
        [[monitors]]
        name = "errors"
        condition = "rate(llm.request.error) > 0.05 over 5m"
        message = "LLM error rate at {value}%"
        "#,
    );
    for n in 0..10 {
        world.add(n, "llm.request.count", &[("model", "a")], &[1.0; 10]);
    }
    world.add(6, "llm.request.error", &[("model", "a"), ("error_type", "429")], &[1.0; 4]);
    // From minute 15 on there are no calls in the window and so no rate: the state stays as it was.
    assert_eq!(world.states("errors", 20), "......AAAAA.........", "{}", world.story());
    insta::assert_snapshot!(world.story());
}

#[test]
fn a_count_without_values_is_zero_and_recovers() {
    let mut world = World::new(
        r#"
        [[monitors]]
        name = "busy"
        condition = "sum(llm.tokens.total) by agent > 100 over 5m"
        message = "{agent_id}: {value}"
        "#,
    );
    world.add(1, "llm.tokens.total", &[("agent", "a")], &[1.0]);
    world.add(3, "llm.tokens.total", &[("agent", "a")], &[500.0]);
    world.tick_to(12);
    insta::assert_snapshot!(world.story());
}

/// A store that knows of a metric that it has cells for, or does not know yet.
#[derive(Default)]
struct Store {
    knows: AtomicBool,
}

impl Scan for Store {
    fn scan(&self, _: &ScanRequest) -> Result<Vec<ScanRow>, ScanError> {
        Ok(Vec::new())
    }

    fn metrics(&self) -> Vec<Arc<str>> {
        Vec::new()
    }

    fn cell_tags(&self, _: &str) -> Option<Vec<TagKey>> {
        self.knows.load(Ordering::Relaxed).then(|| vec![TagKey::new("app")])
    }
}

#[test]
fn a_metric_that_is_seen_for_the_first_time_is_to_be_followed() {
    let text = "[[monitors]]\nname = \"low\"\ncondition = \"avg(score) by app < 0.5\"\nmessage = \"{value}\"";
    let store = Arc::new(Store::default());
    let ledger = Ledger::new(Some(Arc::clone(&store) as Arc<dyn Scan>));
    let mut engine = Engine::new(&monitors(text));
    assert!(engine.is_followed_by(minute(1), &ledger), "nobody knows whether cells have the tag");
    store.knows.store(true, Ordering::Relaxed);
    assert!(!engine.is_followed_by(minute(1), &ledger));
    for Follow { selection, keep } in engine.follows(minute(1), &ledger) {
        ledger.follow(selection, keep, &History::default());
    }
    assert!(engine.is_followed_by(minute(1), &ledger));
}

#[test]
fn what_changed_while_ticks_were_caught_up_is_told_at_their_end_also_by_a_monitor_that_is_judged_rarely() {
    let mut world = World::new(
        r#"
        [[monitors]]
        name = "busy"
        condition = "sum(llm.tokens.total) > 100 over 10m every 10m"
        message = "{value} tokens"
        "#,
    );
    world.add(5, "llm.tokens.total", &[("agent", "a")], &[500.0]);
    // The last tick tells. Killed before it, the engine has of the monitor only what was kept.
    world.catch_up_to(11);
    world.restart();
    world.away_to(12);
    world.tick_to(13);
    let told = |report: &TickReport| (report.at, report.tellings.len());
    let told: Vec<_> = world.reports.iter().map(told).filter(|(_, tellings)| *tellings > 0).collect();
    assert_eq!(told, [(minute(12), 1)], "{}", world.story());
    assert_eq!(&*world.reports[11].tellings[0].transition.message, "500 tokens");
}
