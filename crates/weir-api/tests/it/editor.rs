//! What an editor of expressions asks.

use crate::client::Weir;

#[tokio::test]
async fn ways_to_go_on_replace_what_was_begun() {
    let weir = Weir::start().await;
    let answer = weir.get("/api/query/complete?text=sum(shop.o)&at=10").await.json();
    assert_eq!((&answer["from"], &answer["to"]), (&4.into(), &10.into()));
    assert_eq!(answer["items"][0]["text"], "shop.orders");
    assert_eq!(answer["items"][0]["kind"], "metric");
    let tags = weir.get("/api/query/complete?text=sum(shop.orders)%20by%20re").await.json();
    let texts: Vec<_> = tags["items"].as_array().unwrap().iter().map(|item| &item["text"]).collect();
    assert!(texts.contains(&&"region".into()), "tags of metrics that clients send too: {texts:?}");
    let start = weir.get("/api/query/complete").await.json();
    assert!(start["items"].as_array().unwrap().iter().any(|item| item["kind"] == "function"));
    weir.get("/api/query/complete?text=x&at=-1").await.refused(400, "invalid_parameter");
}

#[tokio::test]
async fn an_expression_is_explained_and_a_wrong_one_refused() {
    let weir = Weir::start().await;
    let answer = weir.get("/api/query/explain?expr=token_spend").await.json();
    let text = answer["text"].as_str().unwrap();
    assert!(text.contains("llm.cost.usd") && text.contains("unit    usd"), "{text}");
    weir.get("/api/query/explain?expr=sum(").await.refused(400, "invalid_expression");
}

#[tokio::test]
async fn a_heatmap_has_a_count_for_every_row() {
    let weir = Weir::start().await;
    let path = "/api/heatmap?metric=llm.request.duration&from=1699999800000&to=1700000100000&step=60s";
    let answer = weir.get(path).await.json();
    assert_eq!((&answer["step_ms"], &answer["unit"]), (&60_000.into(), &"ms".into()));
    let rows = answer["buckets"].as_array().unwrap().len();
    let columns = answer["columns"].as_array().unwrap();
    assert!(rows > 0 && columns.iter().all(|column| column["counts"].as_array().unwrap().len() == rows));
    assert_eq!(columns[0]["counts"][0], 1);
    for (query, part) in [
        ("", "`metric` is missing"),
        ("metric=llm.request.duration&step=1s", "whole number of minutes"),
        ("metric=llm.request.duration&from=now-30d&step=1m", "that step makes"),
    ] {
        let reply = weir.get(&format!("/api/heatmap?{query}")).await;
        assert!((400..=422).contains(&reply.status) && reply.text().contains(part), "{}", reply.text());
    }
    let count = weir.get("/api/heatmap?metric=llm.request.count").await;
    assert!(count.refused(400, "invalid_expression").contains("is 1"));
}
