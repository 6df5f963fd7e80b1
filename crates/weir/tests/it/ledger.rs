//! `weir savings` and `weir reconcile`: the ledger, as finance reads it.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::*;

/// The cache answers; the token budget only says what it would have cut.
const CONFIG: &str =
    "[cache]\nenabled = true\n\n[agents.\"*\"]\nmax_input_tokens = 100\nmode = \"observe\"\n";

/// A Weir with two identical calls, one of which the cache answered, and one with a long prompt.
async fn with_savings() -> (RunningProvider, WeirProcess) {
    let (simulator, weir) = weir_before_simulator(CONFIG).await;
    for _ in 0..2 {
        ask(&weir, "input_tokens=1000;output_tokens=1000").await;
    }
    let long = json!({
        "model": "gpt-4o-mini",
        "messages": [
            { "role": "user", "content": "What is a weir? ".repeat(200) },
            { "role": "assistant", "content": "A low dam." },
            { "role": "user", "content": "And why?" },
        ],
    });
    let headers = [(SIM_HEADER, "input_tokens=1000;output_tokens=10"), ("weir-team", "payments")];
    weir.post("/v1/chat/completions", &headers, long.to_string()).await.unwrap();
    everything_stored(&weir).await;
    (simulator, weir)
}

fn row<'a>(savings: &'a Value, name: &str) -> &'a Value {
    let rows = savings["rows"].as_array().unwrap();
    rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("no row {name:?} in {savings}"))
}

#[tokio::test]
async fn savings_by_layer_are_those_of_the_spans_and_what_is_only_observed_stands_apart() {
    let (_simulator, mut weir) = with_savings().await;
    let url = weir.url("");
    let ask = async |more: &[&str]| crate::support::weir(&[&["savings"], more].concat()).await.good();
    let savings: Value = serde_json::from_str(&ask(&["--server", &url, "--format", "json"]).await).unwrap();

    let usd = |value: &Value| value.as_f64().unwrap();
    let answered = 1_000.0 * 0.15e-6 + 1_000.0 * 0.6e-6;
    assert!((usd(&row(&savings, "cache")["saved_usd"]) - answered).abs() < 1e-9, "{savings}");
    assert!(usd(&row(&savings, "token_budget")["would_save_usd"]) > 0.0, "{savings}");
    assert!(usd(&row(&savings, "token_budget")["saved_usd"]) == 0.0, "{savings}");
    assert!((usd(&savings["spans_saved_usd"]) - answered).abs() < 1e-9, "{savings}");
    assert!(usd(&savings["spent_usd"]) > answered, "{savings}");

    let table = ask(&["--server", &url]).await;
    assert!(table.contains("reconciled: the spans of this time add up to $0.000750 too"), "{table}");
    assert!(table.contains("% saved"), "{table}");
    let csv = ask(&["--server", &url, "--format", "csv", "--by", "team"]).await;
    assert!(csv.starts_with("team,saved (usd),would save (usd)\n"), "{csv}");
    assert!(csv.contains("\npayments,0.000000,0.0"), "{csv}");

    assert!(weir.stop().await.unwrap().success());
    let folder = weir.data_dir();
    let there: Value =
        serde_json::from_str(&ask(&["--data-dir", folder.to_str().unwrap(), "--format", "json"]).await)
            .unwrap();
    assert_eq!(there["rows"], savings["rows"]);
}

#[tokio::test]
async fn what_a_provider_charged_is_held_against_what_was_counted() {
    let (_simulator, weir) = with_savings().await;
    let counted = weir
        .sql(
            "SELECT strftime(start_time, '%Y-%m-%d'), sum(cost_nano_usd)::DOUBLE / 1e9 FROM spans GROUP BY 1",
        )
        .await
        .unwrap();
    let export = |factor: f64| {
        let lines = counted.iter().map(|row| {
            format!("{}T00:00:00+00:00,{},usd,", row[0].as_str().unwrap(), row[1].as_f64().unwrap() * factor)
        });
        let header = "start_time_iso,amount_value,amount_currency,line_item".to_owned();
        [header].into_iter().chain(lines).collect::<Vec<_>>().join("\n")
    };
    let reconcile = async |text: String, more: &[&str]| {
        let folder = tempfile::tempdir().unwrap();
        let file: PathBuf = folder.path().join("costs.csv");
        std::fs::write(&file, text).unwrap();
        let url = weir.url("");
        let arguments = [&["reconcile", file.to_str().unwrap(), "--server", &url], more].concat();
        crate::support::weir(&arguments).await
    };

    let same = reconcile(export(1.0), &[]).await.good();
    assert!(same.contains("\nreconciled: openai charged"), "{same}");
    assert!(same.contains("(0.00 % apart)"), "{same}");
    let by_model = reconcile(export(1.0), &["--by", "model", "--format", "csv"]).await.good();
    assert!(by_model.contains("\ngpt-4o-mini,0.000000,0.00"), "{by_model}");

    let more = reconcile(export(2.0), &[]).await;
    assert_eq!(more.code, Some(1), "{}", more.stderr);
    assert!(more.stdout.contains("\nnot reconciled: openai charged"), "{}", more.stdout);
    assert!(more.stdout.contains("hint: calls that do not go through Weir"), "{}", more.stdout);

    let none = reconcile("what is this\n".to_owned(), &[]).await;
    assert_eq!(none.code, Some(1));
    assert!(none.stderr.contains("costs.csv is no export"), "{}", none.stderr);
    assert!(none.stderr.contains("expected a column with the day"), "{}", none.stderr);
}
