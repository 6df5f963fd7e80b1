//! Questions about money over HTTP. How they are answered is tested where the query language is.

use serde_json::{Value, json};

use crate::client::Weir;

fn nano(amounts: &Value, name: &str) -> i128 {
    amounts[name].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn the_parts_of_a_change_add_up_exactly() {
    let weir = Weir::start().await;
    let answer = weir.get("/api/cost/change?from=now-7d&by=team&tz=Europe/Berlin").await.json();
    let amounts = &answer["nano_usd"];
    let parts = ["volume", "tokens_per_call", "model_mix", "price", "cache"];
    let sum: i128 = parts.iter().map(|part| nano(amounts, part)).sum();
    assert_eq!(sum, nano(amounts, "change"));
    assert_eq!(nano(amounts, "after") - nano(amounts, "before"), sum);
    assert_eq!(answer["unexplained_usd"], json!(0.0));
    assert_eq!(answer["by"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_forecast_has_every_day_of_the_month_and_says_how_it_is_made() {
    let weir = Weir::start().await;
    let answer = weir.get("/api/cost/forecast").await.json();
    assert_eq!((&answer["month"], &answer["confidence"]), (&json!("2023-11"), &json!(0.8)));
    assert!(answer["projected_usd"].is_number() && answer["reason"].is_null(), "{answer}");
    assert!(answer["method"].as_str().unwrap().contains("weekday"), "{answer}");
    let days = answer["days"].as_array().unwrap();
    assert_eq!(
        (days.len(), &days[0]["day"], &days[29]["day"]),
        (30, &json!("2023-11-01"), &json!("2023-11-30"))
    );
    let (today, tomorrow) = (&days[13], &days[14]);
    assert!(today["spent_usd"].is_number() && today["expected_usd"].is_number(), "{today}");
    assert!(tomorrow["spent_usd"].is_null() && tomorrow["low_usd"].is_number(), "{tomorrow}");
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let weir = Weir::start().await;
    for (path, code) in [
        ("/api/cost/change?by=colour", "invalid_parameter"),
        ("/api/cost/change?tz=Mars/Olympus", "invalid_parameter"),
        ("/api/cost/forecast?tz=Mars/Olympus", "invalid_parameter"),
        ("/api/cost/forecast?filter=team:", "invalid_expression"),
    ] {
        weir.get(path).await.refused(400, code);
    }
}
