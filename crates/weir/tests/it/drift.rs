//! Answers that are no longer what they were, from spans of OpenTelemetry to the metric that a monitor watches.

use serde_json::{Value, json};

use crate::support::*;

const CONFIG: &str = "[drift]\nwindow_hours = 1\nreference_hours = 6\nsamples_min = 50\n";
const MINUTE_NS: u64 = 60_000_000_000;

/// `count` calls that ended some minutes ago, a second apart, each with its own length from `lengths` on.
fn calls(now_ns: u64, minutes_ago: u64, count: u64, lengths: u64, id: u64) -> Vec<Value> {
    let calls = (0..count).map(|at| {
        let end = now_ns - minutes_ago * MINUTE_NS + at * 1_000_000_000;
        let attribute = |key: &str, value: &str| json!({ "key": key, "value": { "stringValue": value } });
        json!({
            "traceId": format!("{:032x}", id + at),
            "spanId": format!("{:016x}", id + at),
            "name": "chat gpt-4o-mini",
            "kind": 3,
            "startTimeUnixNano": (end - 400_000_000 - (at % 50) * 3_000_000).to_string(),
            "endTimeUnixNano": end.to_string(),
            "attributes": [
                attribute("gen_ai.operation.name", "chat"),
                attribute("gen_ai.request.model", "gpt-4o-mini"),
                { "key": "gen_ai.usage.input_tokens", "value": { "intValue": "20" } },
                { "key": "gen_ai.usage.output_tokens", "value": { "intValue": (lengths + at % 50).to_string() } },
            ],
        })
    });
    calls.collect()
}

#[tokio::test]
async fn answers_that_became_longer_have_shifted_and_their_times_have_not() {
    let mut weir = WeirProcess::start(CONFIG).await.unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now_ns = u64::try_from(now.as_nanos()).unwrap();
    let spans = [calls(now_ns, 120, 300, 100, 1), calls(now_ns, 20, 100, 180, 1_000)].concat();
    let resource = json!({ "attributes": [{ "key": "service.name", "value": { "stringValue": "shop" } }] });
    let body = json!({ "resourceSpans": [{ "resource": resource, "scopeSpans": [{ "spans": spans }] }] });
    let json_type = [("content-type", "application/json")];
    let answer = weir.post("/v1/traces", &json_type, body.to_string()).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    everything_stored(&weir).await;

    // The first look is when a Weir starts and has what it was sent.
    weir.restart().await.unwrap();
    let rows = eventually("points of drift", async || {
        let rows = weir
            .sql(
                "SELECT name, tags['feature'], value FROM points WHERE name LIKE 'weir.drift.%' \
                 AND tags['model'] = 'gpt-4o-mini' ORDER BY ALL",
            )
            .await
            .unwrap();
        (rows.len() == 4).then_some(rows)
    })
    .await
    .unwrap();
    let value = |name: &str, feature: &str| {
        let row = rows.iter().find(|row| row[0] == name && row[1] == feature);
        row.unwrap_or_else(|| panic!("{name} {feature} in {rows:?}"))[2].as_f64().unwrap()
    };
    assert!(value("weir.drift.psi", "output_tokens") > 0.25, "{rows:?}");
    assert!((value("weir.drift.ks", "output_tokens") - 1.0).abs() < 1e-9, "{rows:?}");
    assert!(value("weir.drift.psi", "duration") < 0.1, "{rows:?}");
}
