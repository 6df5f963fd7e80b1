//! Spans, traces and facets over HTTP.

use serde_json::json;
use weir_types::{BrowseError, Scope, TagKey, TimeRange, UnixMicros};

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
    weir.get("/api/spans?from=now-2h&to=now-1h&filter=team:payments&text=Gr%C3%BC%C3%9Fe&limit=7")
        .await
        .json();
    let filter = weir.store.last_filter.lock().unwrap().clone().unwrap();
    let range = TimeRange {
        from: UnixMicros(NOW.0 - 2 * UnixMicros::HOUR),
        to: UnixMicros(NOW.0 - UnixMicros::HOUR),
    };
    assert_eq!(filter.range, range);
    assert_eq!(filter.scope, Scope::Is(TagKey::new("team"), "payments".into()));
    assert_eq!((filter.text.as_deref(), filter.after, filter.limit), (Some("Grüße"), None, 7));
}

#[tokio::test]
async fn a_list_without_parameters_is_the_last_hour() {
    let weir = Weir::start().await;
    weir.get("/api/spans").await.json();
    let filter = weir.store.last_filter.lock().unwrap().clone().unwrap();
    assert_eq!(filter.range, TimeRange { from: UnixMicros(NOW.0 - UnixMicros::HOUR), to: NOW });
    assert_eq!((filter.scope, filter.limit), (Scope::All, 50));
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
        ("sort=cost", ["`sort`", "unknown", "`filter`"]),
    ] {
        let message = weir.get(&format!("/api/spans?{query}")).await.refused(400, "invalid_parameter");
        for part in parts {
            assert!(message.contains(part), "{query}: {message:?} lacks {part:?}");
        }
    }
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
