//! Spans, traces and facets over HTTP.

use serde_json::json;
use weir_types::{
    BrowseError, NanoUsd, Scope, SortOrder, SpanBounds, SpanFilter, SpanSelection, SpanSort, TagKey,
    TimeRange, TraceFilter, TraceSort, UnixMicros,
};

use crate::client::Weir;
use crate::fakes::{NOW, SPAN, TRACE};

#[tokio::test]
async fn a_span_has_every_field_in_its_unit() {
    let weir = Weir::start().await;
    insta::assert_json_snapshot!(weir.get(&format!("/api/spans/{TRACE}/{SPAN}")).await.json());
}

#[tokio::test]
async fn a_trace_has_its_spans_and_scores() {
    let weir = Weir::start().await;
    let trace = weir.get(&format!("/api/traces/{TRACE}")).await.json();
    assert_eq!(trace["spans"][0]["span_id"], SPAN);
    insta::assert_json_snapshot!(trace["scores"]);
}

#[tokio::test]
async fn a_list_is_paged_by_what_the_page_before_said() {
    let weir = Weir::start().await;
    let first = weir.get("/api/spans").await.json();
    assert_eq!(first["spans"].as_array().unwrap().len(), 1);
    let second = weir.get(&format!("/api/spans?after={}", first["next"].as_str().unwrap())).await.json();
    assert_eq!(second, json!({"spans": [], "next": null}));
}

#[tokio::test]
async fn every_parameter_of_a_list_reaches_the_store() {
    let weir = Weir::start().await;
    let bounds = "min_duration_ms=1.5&max_duration_ms=9000&min_cost_usd=0.02&min_tokens=3";
    let which = "from=now-2h&to=now-1h&filter=team:payments&text=Gr%C3%BC%C3%9Fe";
    weir.get(&format!("/api/spans?{which}&{bounds}&roots=true&sort=cost&limit=7")).await.json();
    let filter = weir.store.last_filter.lock().unwrap().clone().unwrap();
    let range = TimeRange {
        from: UnixMicros(NOW.0 - 2 * UnixMicros::HOUR),
        to: UnixMicros(NOW.0 - UnixMicros::HOUR),
    };
    let bounds = SpanBounds {
        duration_us_min: Some(1_500),
        duration_us_max: Some(9_000_000),
        cost_min: Some(NanoUsd(20_000_000)),
        tokens_min: Some(3),
    };
    let scope = Scope::Is(TagKey::new("team"), "payments".into());
    let which = SpanSelection { range, scope, text: Some("Grüße".to_owned()), bounds, roots: true };
    let order = SortOrder { by: SpanSort::Cost, descending: false };
    assert_eq!(filter, SpanFilter { which, order, after: None, limit: 7 });
}

#[tokio::test]
async fn a_list_without_parameters_is_the_last_hour() {
    let weir = Weir::start().await;
    weir.get("/api/spans").await.json();
    let filter = weir.store.last_filter.lock().unwrap().clone().unwrap();
    let range = TimeRange { from: UnixMicros(NOW.0 - UnixMicros::HOUR), to: NOW };
    let which = SpanSelection::all(range);
    assert_eq!(filter, SpanFilter { which, order: SortOrder::default(), after: None, limit: 50 });
}

#[tokio::test]
async fn what_is_wrong_with_a_list_is_named() {
    let weir = Weir::start().await;
    for (query, parts) in [
        ("limit=0", ["`limit`", "\"0\"", "1 to 1000"]),
        ("limit=1001", ["`limit`", "\"1001\"", "1 to 1000"]),
        ("limit=-1", ["`limit`", "\"-1\"", "whole number"]),
        ("limit=ten", ["`limit`", "\"ten\"", "whole number"]),
        ("after=nonsense", ["`after`", "\"nonsense\"", "`next` of the page before"]),
        ("sort=-colour", ["`sort`", "\"-colour\"", "one of start, duration, cost, tokens, ttft"]),
        ("order=cost", ["`order`", "unknown", "`filter`"]),
        ("roots=1", ["`roots`", "\"1\"", "true or false"]),
        ("min_duration_ms=-1", ["`min_duration_ms`", "\"-1\"", "not negative"]),
        ("min_tokens=1.5", ["`min_tokens`", "\"1.5\"", "whole number"]),
    ] {
        let message = weir.get(&format!("/api/spans?{query}")).await.refused(400, "invalid_parameter");
        for part in parts {
            assert!(message.contains(part), "{query}: {message:?} lacks {part:?}");
        }
    }
    let message = weir.get("/api/spans?filter=colour:red").await.refused(400, "invalid_expression");
    assert!(message.contains("colour"), "{message}");
    let reply = weir.get("/api/spans?filter=team%20payments%20(").await;
    reply.refused(400, "invalid_expression");
    assert!(reply.text().contains("\"span\":["), "{}", reply.text());
    let long = "x".repeat(5_000);
    let message = weir.get(&format!("/api/spans?text={long}")).await.refused(400, "invalid_parameter");
    assert!(message.contains("at most 4096 bytes") && message.len() < 300, "{message}");
}

#[tokio::test]
async fn ids_are_checked_and_absent_things_are_not_found() {
    let weir = Weir::start().await;
    let other = "00000000000000000000000000000001";
    for path in [format!("/api/spans/{other}/{SPAN}"), format!("/api/traces/{other}")] {
        assert!(weir.get(&path).await.refused(404, "not_found").contains(other));
    }
    for (path, name) in [
        (format!("/api/spans/xyz/{SPAN}"), "`trace_id`"),
        (format!("/api/spans/{TRACE}/0000000000000000"), "`span_id`"),
        ("/api/traces/%C3%BC".to_owned(), "`trace_id`"),
    ] {
        let message = weir.get(&path).await.refused(400, "invalid_parameter");
        assert!(message.contains(name) && message.contains("hexadecimal"), "{message}");
    }
    weir.get("/api/traces/%ff").await.refused(400, "invalid_parameter");
}

#[tokio::test]
async fn facets_are_the_values_of_one_tag() {
    let weir = Weir::start().await;
    let both = weir.get("/api/facets?tag=model").await.json();
    assert_eq!(both, json!({"values": [{"value": "gpt-4o", "count": 3}, {"value": "o3", "count": 1}]}));
    let aliased = weir.get("/api/facets?tag=model_name&limit=1").await.json();
    assert_eq!(aliased["values"].as_array().unwrap().len(), 1);
    assert!(weir.get("/api/facets").await.refused(400, "invalid_parameter").contains("`tag` is missing"));
    assert!(
        weir.get("/api/facets?tag=colour").await.refused(400, "invalid_parameter").contains("\"colour\"")
    );
}

#[tokio::test]
async fn a_failing_store_is_an_internal_error_without_its_words() {
    let weir = Weir::start().await;
    weir.store.break_with(BrowseError::Store("/secret/place is broken".to_owned()));
    for path in [
        "/api/spans".to_owned(),
        format!("/api/spans/{TRACE}/{SPAN}"),
        format!("/api/traces/{TRACE}"),
        "/api/facets?tag=model".to_owned(),
        "/api/facets/all".to_owned(),
        "/api/traces".to_owned(),
        "/api/histogram".to_owned(),
    ] {
        let reply = weir.get(&path).await;
        reply.refused(500, "internal");
        assert!(!reply.text().contains("secret"), "{path}: {}", reply.text());
    }
}

#[tokio::test]
async fn the_status_is_told_while_the_store_fails() {
    let weir = Weir::start().await;
    weir.store.break_with(BrowseError::Store("/secret/place is broken".to_owned()));
    let reply = weir.get("/api/status").await;
    assert_eq!(reply.json()["first_span_at_ms"], json!(null));
    assert!(!reply.text().contains("secret"), "{}", reply.text());
}

#[tokio::test]
async fn a_trace_in_a_list_has_sums_and_what_its_first_span_says() {
    let weir = Weir::start().await;
    let page = weir.get("/api/traces?sort=-cost&limit=3&filter=status:error&text=x").await.json();
    insta::assert_json_snapshot!(page);
    let filter = weir.store.last_traces.lock().unwrap().clone().unwrap();
    let range = TimeRange { from: UnixMicros(NOW.0 - UnixMicros::HOUR), to: NOW };
    let scope = Scope::Is(TagKey::new("status"), "error".into());
    let which = SpanSelection { scope, text: Some("x".to_owned()), ..SpanSelection::all(range) };
    let order = SortOrder { by: TraceSort::Cost, descending: true };
    assert_eq!(filter, TraceFilter { which, order, after: None, limit: 3 });
    let message = weir.get("/api/traces?after=x").await.refused(400, "invalid_parameter");
    assert!(message.contains("`after`"), "{message}");
    weir.get("/api/traces?sort=ttft").await.refused(400, "invalid_parameter");
}

#[tokio::test]
async fn facets_of_several_tags_come_together() {
    let weir = Weir::start().await;
    let answer = weir.get("/api/facets/all?tags=model_name,team&limit=1&min_tokens=5").await.json();
    let group = |value: &str| json!({"values": [{"value": value, "count": 3}], "distinct": 7});
    let expected = json!({"facets": {"model": group("some model"), "team": group("some team")}, "total": 12});
    assert_eq!(answer, expected);
    let bounds = weir.store.last_which.lock().unwrap().clone().unwrap().bounds;
    assert_eq!(bounds, SpanBounds { tokens_min: Some(5), ..SpanBounds::default() });
    let all = weir.get("/api/facets/all").await.json();
    assert!(all["facets"].as_object().unwrap().len() > 10, "{all}");
    let message = weir.get("/api/facets/all?tags=model,colour").await.refused(400, "invalid_parameter");
    assert!(message.contains("\"colour\""), "{message}");
}

#[tokio::test]
async fn spans_are_counted_over_the_whole_range() {
    let weir = Weir::start().await;
    let answer = weir.get("/api/histogram?from=1700000000000&to=1700000300000&buckets=5").await.json();
    assert_eq!(answer["step_ms"], 60_000);
    let buckets = answer["buckets"].as_array().unwrap();
    assert_eq!(buckets[0], json!({"start_ms": 1_699_999_980_000_i64, "ok": 2, "error": 1}));
    assert_eq!(buckets.last().unwrap(), &json!({"start_ms": 1_700_000_280_000_i64, "ok": 0, "error": 0}));
    assert_eq!(buckets.len(), 6);
    weir.get("/api/histogram?buckets=501").await.refused(400, "invalid_parameter");
}

#[tokio::test]
async fn what_is_special_about_some_calls_is_asked_of_the_store() {
    let weir = Weir::start().await;
    let selected = json!({"from": "now-10m", "min_duration_ms": 2_000, "filter": "status:error"});
    let request = json!({"from": "now-2h", "filter": "team:payments", "selected": selected});
    let answer = weir.post("/api/differs", &request).await.json();
    assert_eq!((&answer["selected"], &answer["tags"][0]["tag"]), (&json!(100), &json!("team")));
    let (base, selected) = weir.store.last_contrast.lock().unwrap().clone().unwrap();
    assert_eq!(base.range, TimeRange { from: UnixMicros(NOW.0 - 2 * UnixMicros::HOUR), to: NOW });
    assert_eq!(selected.range, TimeRange { from: UnixMicros(NOW.0 - 10 * UnixMicros::MINUTE), to: NOW });
    assert_eq!(selected.bounds.duration_us_min, Some(2_000_000));
    assert_eq!(selected.scope, Scope::Is(TagKey::new("status"), "error".into()));
    for bad in [json!({}), json!({"selected": {"filter": "status:"}}), json!({"selected": {"to": "later"}})] {
        assert_eq!(weir.post("/api/differs", &bad).await.status, 400, "{bad}");
    }
}
