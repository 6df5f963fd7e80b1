//! Definitions: the seven of the seed, changes without copies, and every mistake at once.

use weir_monitor::{Definitions, Judged, Levels, Monitor, MonitorError, Severity, load};

fn read(text: &str) -> Result<Vec<Monitor>, Vec<MonitorError>> {
    let own = Definitions::read("own.toml", text).map_err(|error| vec![error])?;
    load(&[own])
}

fn loaded(text: &str) -> Vec<Monitor> {
    match read(text) {
        Ok(monitors) => monitors,
        Err(errors) => panic!("{errors:?}"),
    }
}

fn refused(text: &str) -> String {
    let Err(errors) = read(text) else { panic!("accepted") };
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn named<'a>(monitors: &'a [Monitor], name: &str) -> &'a Monitor {
    monitors.iter().find(|monitor| monitor.name == name).expect("it was loaded")
}

#[test]
fn the_seven_of_the_seed_are_there_with_its_words() {
    let monitors = load(&[]).unwrap();
    let conditions: Vec<(&str, &str, Severity)> =
        monitors.iter().map(|m| (m.name.as_str(), m.text.as_str(), m.severity)).collect();
    assert_eq!(
        conditions,
        [
            ("token-spend-rate-of-change", "week_over_week_change(token_spend) > 30%", Severity::Warning),
            ("p95-latency-per-model", "p95(llm.request.duration) by model_name > 5000ms", Severity::Warning),
            ("error-rate-spike", "rate(llm.request.error) > 0.05 over 5m", Severity::Critical),
            ("hallucination-proxy", "avg(custom.llm.faithfulness_score) by app < 0.75", Severity::Warning),
            (
                "per-agent-cost-anomaly",
                "anomaly(sum(llm.tokens.total) by agent_id, 'agile', 3) > 0",
                Severity::Warning
            ),
            ("prompt-injection", "max(custom.llm.injection_risk_score) > 0", Severity::Critical),
            (
                "rag-retrieval-quality",
                "avg(custom.rag.retrieval_relevance) by index, query_category < 0.65",
                Severity::Warning
            ),
        ]
    );
    assert!(monitors.iter().all(|monitor| monitor.is_enabled));
    let latency = named(&monitors, "p95-latency-per-model").levels();
    assert_eq!(latency, Some(Levels { warning: Some(5_000.0), critical: Some(10_000.0) }));
}

#[test]
fn a_threshold_is_moved_without_copying_the_monitor() {
    let monitors = loaded(
        r#"
        [[monitors]]
        name = "p95-latency-per-model"
        threshold = "8s"
        critical = "20s"
        recovery = "6s"
        for = "5m"

        [[monitors]]
        name = "error-rate-spike"
        threshold = 0.1
        min_samples = 100
        enabled = false
        "#,
    );
    assert_eq!(monitors.len(), 7);
    let latency = named(&monitors, "p95-latency-per-model");
    assert_eq!(latency.levels(), Some(Levels { warning: Some(8_000.0), critical: Some(20_000.0) }));
    let Judged::Metric(rule) = &latency.condition.judged else { panic!() };
    assert_eq!(rule.rules.for_us.value, 300_000_000);
    assert_eq!(rule.rules.recovery.map(|recovery| recovery.0), Some(6_000.0));
    let errors = named(&monitors, "error-rate-spike");
    assert_eq!(errors.levels(), Some(Levels { warning: None, critical: Some(0.1) }));
    assert!(!errors.is_enabled);
}

#[test]
fn a_threshold_of_a_written_alert_is_its_warning() {
    let monitors = loaded(
        "[[monitors]]\nname = 'slow'\ncondition = 'p95(llm.request.duration) > 5s crit 10s'\nmessage = 'slow'\n\
         [[monitors]]\nname = 'rare'\ncondition = 'sum(llm.request.count) < 10 warn 20'\nmessage = 'rare'\n\
         [[monitors]]\nname = 'both'\ncondition = '@slow && !@rare'\nmessage = 'slow, and not for want of calls'",
    );
    let levels = |name: &str| named(&monitors, name).levels();
    assert_eq!(levels("slow"), Some(Levels { warning: Some(5_000.0), critical: Some(10_000.0) }));
    assert_eq!(levels("rare"), Some(Levels { warning: Some(20.0), critical: Some(10.0) }));
    assert_eq!(levels("both"), None);
}

#[test]
fn every_mistake_is_told_at_once() {
    insta::assert_snapshot!(refused(
        r#"
        [[monitors]]
        name = "p95-latency-per-modle"
        threshold = "8s"

        [[monitors]]
        name = "error-rate-spike"
        threshold = "5usd"

        [[monitors]]
        name = "hallucination-proxy"
        recovery = 0.5

        [[monitors]]
        name = "prompt-injection"
        condition = "max(custom.llm.injection_risk_score) > 0.5"
        message = "again"

        [[monitors]]
        name = "two words"
        condition = "sum(llm.request.count) < 1"
        message = "none"

        [[monitors]]
        name = "levels"
        condition = "sum(llm.request.count) < 10 warn 20"
        severity = "warning"
        message = "few"

        [[monitors]]
        name = "unknown-tag"
        condition = "sum(llm.request.count) by model < 1"
        message = "{modle} has {value}% calls"

        [[monitors]]
        name = "composite"
        condition = "@error-rate-spke && 123"
        threshold = 3
        message = "both"

        [[monitors]]
        name = "lost"
        condition = "@error-rate-spke && 123"
        message = "both"

        [[monitors]]
        name = "chicken"
        condition = "@egg"
        message = "who"

        [[monitors]]
        name = "egg"
        condition = "@chicken"
        message = "was first"
        "#
    ));
}

#[test]
fn a_key_that_does_not_exist_is_told_with_its_line() {
    insta::assert_snapshot!(refused("[[monitors]]\nname = 'x'\ncondition = 'sum(a) > 1'\nmesage = 'y'\n"));
}
