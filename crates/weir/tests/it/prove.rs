//! `weir monitor verify` and `backtest` on the data of a real Weir that went through an incident.

use std::path::Path;

use serde_json::Value;
use weir_testkit::free_address;

use crate::support::*;

/// Runs a command in a folder; its standard output as JSON, and all it said.
async fn ask(folder: &Path, arguments: &[&str]) -> (Vec<Value>, Ran) {
    let ran = weir_in(folder, &[arguments, &["--format", "json", "--config", "weir.toml"]].concat()).await;
    (serde_json::from_str(&ran.stdout).unwrap_or_default(), ran)
}

/// Returns when the Weir that was started on this folder answers.
async fn is_ready(server: &str) {
    let url = format!("{server}/healthz");
    eventually("weir to be ready", async || {
        HttpClient.get(&url).await.ok().filter(|answer| answer.status.is_success()).map(drop)
    })
    .await
    .unwrap();
}

#[track_caller]
fn of<'a>(rows: &'a [Value], monitor: &str) -> &'a Value {
    rows.iter().find(|row| row["monitor"] == monitor).unwrap_or_else(|| panic!("{monitor} in {rows:#?}"))
}

const SPIKE: &str = "error-rate-spike";

#[tokio::test]
async fn what_was_judged_in_an_incident_comes_out_again_and_is_what_a_backtest_says() {
    let folder = tempfile::tempdir().unwrap();
    let (folder, address) = (folder.path(), free_address().unwrap());
    let listeners =
        "[listeners]\notlp_grpc = \"off\"\notlp_http = \"off\"\ndatadog = \"off\"\ndogstatsd = \"off\"\n";
    let text = format!("[server]\nlisten = \"{address}\"\ndata_dir = \"data\"\n\n{listeners}");
    std::fs::write(folder.join("weir.toml"), text).unwrap();
    weir_in(folder, &["demo", "--incident", "errors", "--data-dir", "data"]).await.good();
    let data = ["--data-dir", "data"];

    let (verified, ran) =
        ask(folder, &[&["monitor", "verify", "--from", "now-7d"], &data[..]].concat()).await;
    ran.good();
    assert_eq!(of(&verified, SPIKE)["result"], "same", "{verified:#?}");
    assert!(of(&verified, SPIKE)["compared"].as_u64().unwrap() > 5, "{verified:#?}");
    assert_eq!(verified.len(), 7, "{verified:#?}");

    let stricter = "[[monitors]]\nname = \"error-rate-spike\"\nthreshold = \"30%\"\n";
    std::fs::write(folder.join("stricter.toml"), stricter).unwrap();
    let verify = ["monitor", "verify", SPIKE, "--file", "stricter.toml", "--from", "now-7d"];
    let (verified, ran) = ask(folder, &[&verify, &data[..]].concat()).await;
    ran.good();
    assert_eq!(of(&verified, SPIKE)["why"], "all of it was judged by another definition", "{verified:#?}");

    let backtest = ["monitor", "backtest", "--from", "now-3h"];
    let (tried, ran) = ask(folder, &[&backtest, &data[..]].concat()).await;
    ran.good();
    let spike = of(&tried, SPIKE).clone();
    // One alert in three hours is 56 in a week.
    assert!((spike["alerts_per_week"].as_f64().unwrap() - 56.0).abs() < 0.1, "{spike}");
    assert_eq!(spike["groups"], 1, "{spike}");
    assert!(!spike["verdicts"].to_string().contains("never fires"), "{spike}");
    let (_, ran) = ask(folder, &[&backtest, &data[..], &["--max-alerts-per-week", "3"]].concat()).await;
    assert!(ran.bad().contains("monitor error-rate-spike: 56 alerts a week are more than 3"));
    let never = [&backtest, &data[..], &["stricter.toml", "--only", SPIKE, "--fail-on", "dead"]].concat();
    assert!(ask(folder, &never).await.1.bad().contains("never fires"));

    // A running Weir holds its folder: it is asked, or says so.
    let mut weir = command(folder).args(["serve", "--config", "weir.toml"]).spawn().unwrap();
    let server = format!("http://{address}");
    is_ready(&server).await;
    let (asked, ran) = ask(folder, &[&backtest[..], &["--server", &server]].concat()).await;
    ran.good();
    assert_eq!(of(&asked, SPIKE)["verdicts"], spike["verdicts"], "{asked:#?}");
    assert!((of(&asked, SPIKE)["alerts_per_week"].as_f64().unwrap() - 56.0).abs() < 0.1, "{asked:#?}");
    let verify = ["monitor", "verify", "--from", "now-7d", "--server", &server];
    let (verified, ran) = ask(folder, &verify).await;
    ran.good();
    assert_eq!(of(&verified, SPIKE)["result"], "same", "{verified:#?}");
    assert!(of(&verified, SPIKE)["compared"].as_u64().unwrap() > 5, "{verified:#?}");
    let (_, ran) = ask(folder, &[&verify[..], &["error-rate-spke"]].concat()).await;
    assert!(ran.bad().contains("did you mean `error-rate-spike`"));
    let (_, ran) = ask(folder, &[&verify[..], &["--file", "stricter.toml"]].concat()).await;
    assert!(ran.bad().contains("judges by its own definitions"));
    weir.kill().await.unwrap();
}
