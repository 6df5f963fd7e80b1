//! Expressions over HTTP. What they mean is tested where the language is; here it is how they travel.

use serde_json::json;
use weir_types::{BrowseError, TimeRange, UnixMicros};

use crate::client::Weir;

const P95_BY_MODEL: &str = "p95:llm.request.duration%7B*%7D%20by%20%7Bmodel%7D";

#[tokio::test]
async fn an_expression_becomes_series_with_unit_step_and_tags() {
    let weir = Weir::start().await;
    let path = format!("/api/query?expr={P95_BY_MODEL}&from=now-10m&to=now&step=5m");
    let answer = weir.get(&path).await.json();
    assert_eq!((&answer["unit"], &answer["step_ms"]), (&json!("ms"), &json!(300_000)));
    let mut models: Vec<_> =
        answer["series"].as_array().unwrap().iter().map(|series| &series["tags"]["model"]).collect();
    models.sort_by_key(ToString::to_string);
    assert_eq!(models, [&json!("gpt-4o"), &json!(null)]);
    let points = answer["series"][0]["points"].as_array().unwrap();
    assert!(points.iter().any(|point| point[1] == json!(250.0)), "{points:?}");
    assert!(
        points.iter().all(|point| point[0].is_i64() && point[0].as_i64().unwrap() % 300_000 == 0),
        "{points:?}"
    );
}

#[tokio::test]
async fn the_range_reaches_the_store() {
    let weir = Weir::start().await;
    weir.get(&format!("/api/query?expr={P95_BY_MODEL}&from=1699999200000&to=2023-11-14T22:13:00Z&step=60s"))
        .await
        .json();
    let scanned = weir.store.last_scan.lock().unwrap().clone().unwrap().range;
    let asked = TimeRange { from: UnixMicros(1_699_999_200_000_000), to: UnixMicros(1_699_999_980_000_000) };
    assert_eq!(scanned, asked);
}

#[tokio::test]
async fn one_window_gives_one_value_for_each_group() {
    let weir = Weir::start().await;
    let answer = weir.get(&format!("/api/query/instant?expr={P95_BY_MODEL}&from=now-1d")).await.json();
    let values = answer["values"].as_array().unwrap();
    assert!(values.contains(&json!({"tags": {"model": "gpt-4o"}, "value": 250.0})), "{values:?}");
}

#[tokio::test]
async fn an_error_in_an_expression_says_where_in_characters_of_javascript() {
    let weir = Weir::start().await;
    // Two bytes in UTF-8 and one unit in UTF-16 for each ü, so byte offsets and JavaScript's differ.
    let path = "/api/query?expr=avg:llm.request.duration%7Bteam:%22%C3%BC%C3%BC%22%7D%20%29";
    let reply = weir.get(path).await;
    reply.refused(400, "invalid_expression");
    let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    let source: Vec<u16> = "avg:llm.request.duration{team:\"üü\"} )".encode_utf16().collect();
    let start = usize::try_from(body["error"]["span"][0].as_u64().unwrap()).unwrap();
    assert_eq!(String::from_utf16(&source[start..=start]).unwrap(), ")", "{body}");
    assert!(body["error"]["rendered"].as_str().unwrap().contains('^'), "{body}");
}

#[tokio::test]
async fn each_bad_parameter_is_named_with_its_value_and_what_was_expected() {
    let weir = Weir::start().await;
    for (query, parts) in [
        ("", ["`expr`", "missing", "an expression"]),
        ("expr=x&from=yesterday", ["`from`", "\"yesterday\"", "RFC 3339"]),
        ("expr=x&to=12:00", ["`to`", "\"12:00\"", "unix milliseconds"]),
        ("expr=x&from=now&to=now-1h", ["`from`", "\"now\"", "before `to`"]),
        ("expr=x&step=0", ["`step`", "\"0\"", "positive length"]),
        ("expr=x&step=fast", ["`step`", "\"fast\"", "60s"]),
        ("expr=x&form=now-1h", ["`form`", "unknown", "`from`"]),
        ("expr=x&expr=y", ["`expr`", "\"y\"", "given twice"]),
        ("expr=%ff", ["`expr`", "\"%ff\"", "UTF-8"]),
    ] {
        let message = weir.get(&format!("/api/query?{query}")).await.refused(400, "invalid_parameter");
        for part in parts {
            assert!(message.contains(part), "{query}: {message:?} lacks {part:?}");
        }
    }
    let message = weir
        .get(&format!("/api/query?expr={P95_BY_MODEL}&tz=Mars/Olympus"))
        .await
        .refused(400, "invalid_parameter");
    assert!(message.contains("Mars/Olympus"), "{message}");
}

#[tokio::test]
async fn a_failing_store_is_told_by_kind_and_never_quoted() {
    let weir = Weir::start().await;
    let path = format!("/api/query?expr={P95_BY_MODEL}");
    weir.store.break_with(BrowseError::TimedOut { seconds: 10 });
    assert!(weir.get(&path).await.refused(504, "timed_out").contains("10 s"));
    weir.store.break_with(BrowseError::Invalid(String::new()));
    weir.get(&path).await.refused(422, "too_many_rows");
    weir.store.break_with(BrowseError::Store("/secret/place is broken".to_owned()));
    let reply = weir.get(&path).await;
    reply.refused(500, "internal");
    assert!(!reply.text().contains("secret"), "{}", reply.text());
}

#[tokio::test]
async fn metrics_are_those_that_weir_derives_and_those_that_it_has_seen() {
    let weir = Weir::start().await;
    let answer = weir.get("/api/metrics").await.json();
    let find = |name: &str| {
        answer["metrics"].as_array().unwrap().iter().find(|metric| metric["name"] == name).cloned()
    };
    assert_eq!(find("shop.orders"), Some(json!({"name": "shop.orders", "unit": "none", "tags": ["region"]})));
    let errors = find("llm.request.error").unwrap();
    assert_eq!(errors["unit"], "count");
    assert!(errors["tags"].as_array().unwrap().contains(&json!("error_type")), "{errors}");
    assert_eq!(find("llm.cost.usd").unwrap()["unit"], "usd");
}
