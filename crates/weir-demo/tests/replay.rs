//! Replays against the simulated provider: every call once, sums to the unit.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use weir_demo::{Arrival, DemoTraffic, ReplayConfig, drive_traffic, replay};
use weir_testkit::{eventually, start_simulator};

/// Calls a millisecond apart with tokens that differ.
fn arrivals(count: u64) -> Arc<[Arrival]> {
    (0..count)
        .map(|at| Arrival { at_us: at * 1_000, input_tokens: 10 + at, output_tokens: 1 + at % 7 })
        .collect()
}

fn config(url: String) -> ReplayConfig {
    ReplayConfig { gateway_url: url, concurrency_max: 8, speed: 1e6, ..ReplayConfig::default() }
}

#[tokio::test]
async fn every_arrival_is_sent_once_and_the_sums_are_exact() {
    for stream in [true, false] {
        let provider = start_simulator().await.unwrap();
        let trace = arrivals(500);
        let progress = Cell::new(0);
        let config = ReplayConfig { stream, ..config(format!("http://{}", provider.address())) };
        let report = replay(Arc::clone(&trace), &config, |at| progress.set(at.done)).await.unwrap();
        assert_eq!((report.sent, report.ok, report.failed), (500, 500, 0), "{:?}", report.failures);
        assert_eq!(report.input_tokens, trace.iter().map(|arrival| arrival.input_tokens).sum::<u64>());
        assert_eq!(report.output_tokens, trace.iter().map(|arrival| arrival.output_tokens).sum::<u64>());
        assert_eq!(provider.tally().requests, 500);
        assert_eq!(progress.get(), 500);
        provider.stop().await;
    }
}

#[tokio::test]
async fn failures_are_counted_with_their_cause_and_not_repeated() {
    let provider = start_simulator().await.unwrap();
    let config =
        ReplayConfig { model: "nonexistent".to_owned(), ..config(format!("http://{}", provider.address())) };
    let report = replay(arrivals(20), &config, |_| {}).await.unwrap();
    assert_eq!((report.sent, report.ok, report.failed), (20, 0, 20));
    assert_eq!(report.failures.get("status 404"), Some(&20));
    assert_eq!(provider.tally().requests, 20);
    provider.stop().await;
}

#[tokio::test]
async fn arrivals_wait_for_a_free_place_and_none_is_dropped() {
    let provider = start_simulator().await.unwrap();
    let headers = vec![("weir-team".to_owned(), "trace".to_owned())];
    let config = ReplayConfig {
        concurrency_max: 2,
        headers,
        timeout: Duration::from_mins(1),
        ..config(format!("http://{}", provider.address()))
    };
    let report = replay(arrivals(100), &config, |_| {}).await.unwrap();
    assert_eq!(report.ok, 100);
    assert!(report.lag_max_ms >= report.lag_p50_ms);
    provider.stop().await;
}

#[tokio::test]
async fn settings_that_make_no_sense_are_refused() {
    let refused =
        async |config: ReplayConfig| replay(arrivals(1), &config, |_| {}).await.unwrap_err().to_string();
    let url = "http://127.0.0.1:1".to_owned();
    let slow = ReplayConfig { speed: 0.0, ..config(url.clone()) };
    assert_eq!(refused(slow).await, "the speed is 0, expected a number above 0");
    let none = ReplayConfig { concurrency_max: 0, ..config(url) };
    assert_eq!(refused(none).await, "concurrency_max is 0, expected at least 1");
    assert!(refused(config("localhost:7070".to_owned())).await.contains("is not the address of a gateway"));
}

#[tokio::test]
async fn demo_traffic_flows_until_it_is_told_to_stop() {
    let provider = start_simulator().await.unwrap();
    let traffic = DemoTraffic {
        gateway_url: format!("http://{}", provider.address()),
        api_key: None,
        sink: None,
        seed: 1,
        pace: 50.0,
    };
    let enough = async {
        eventually("ten calls", async || (provider.tally().finished >= 10).then_some(())).await.unwrap();
    };
    drive_traffic(traffic, enough).await.unwrap();
    provider.stop().await;
}
