//! Monitors as Alertmanager and Prometheus write them.

use serde_json::json;

use crate::client::Weir;

#[tokio::test]
async fn alerts_are_listed_as_alertmanager_lists_them() {
    let weir = Weir::start().await;
    let call = weir.call("GET", "/api/v2/alerts?active=true&inhibited=true&unprocessed=true");
    let listed = call.header("x-forwarded-proto", "https").send().await.json();
    let alert = &listed[0];
    assert_eq!(
        alert["labels"],
        json!({"alertname": "p95-latency", "severity": "critical", "model": "gpt-4o", "team": "platform"})
    );
    assert_eq!(alert["startsAt"], "2023-11-14T22:01:20Z");
    assert_eq!(alert["status"]["state"], "active");
    assert_eq!(alert["receivers"], json!([{"name": "pager"}]));
    let url = alert["generatorURL"].as_str().unwrap();
    let expected = format!("https://{}/monitors/p95%2Dlatency?group=model%3Agpt%2D4o", weir.addr);
    assert_eq!(url, expected);
    assert_eq!(alert["fingerprint"].as_str().unwrap().len(), 16);
    assert_eq!(listed.as_array().unwrap().len(), 1, "what is only pending is not listed");
    let groups = weir.get("/api/v2/alerts/groups").await.json();
    assert_eq!(groups[0]["labels"], json!({"alertname": "p95-latency"}));
}

#[tokio::test]
async fn alerts_are_narrowed_by_matchers_and_by_silences() {
    let weir = Weir::start().await;
    let count = async |query: &str| {
        let listed = weir.get(&format!("/api/v2/alerts?{query}")).await.json();
        listed.as_array().unwrap().len()
    };
    assert_eq!(count("filter=severity%3D%22critical%22&filter=model%3D~%22gpt-.*%22").await, 1);
    assert_eq!(count("filter=severity%3D%22critical%22&filter=team!%3D%22platform%22").await, 0);
    assert_eq!(count("active=false").await, 0);
    weir.post("/api/silences", &json!({"scope": "model:gpt-*", "ends_at": "now+1h", "by": "ana"}))
        .await
        .json();
    assert_eq!((count("active=false").await, count("silenced=false").await), (1, 0));
    let listed = weir.get("/api/v2/alerts").await.json();
    assert_eq!(listed[0]["status"]["silencedBy"], json!(["sil_1"]));
    let silences = weir.get("/api/v2/silences").await.json();
    assert_eq!(
        silences[0]["matchers"],
        json!([
            {"isEqual": true, "isRegex": true, "name": "model", "value": "gpt\\-.*"}
        ])
    );
    assert_eq!(
        (&silences[0]["status"]["state"], &silences[0]["createdBy"]),
        (&json!("active"), &json!("ana"))
    );
    weir.get("/api/v2/alerts?filter=nonsense").await.refused(400, "invalid_parameter");
}

#[tokio::test]
async fn monitors_are_listed_as_prometheus_lists_rules() {
    let weir = Weir::start().await;
    let answer = weir.get("/api/v1/rules?type=alert&limit=10").await.json();
    let group = &answer["data"]["groups"][0];
    assert_eq!((&answer["status"], &group["name"]), (&json!("success"), &json!("bundled")));
    let rule = &group["rules"][0];
    assert_eq!(
        (&rule["state"], &rule["type"], &rule["health"]),
        (&json!("firing"), &json!("alerting"), &json!("ok"))
    );
    assert_eq!(rule["duration"], 120.0, "as the definition says");
    let states: Vec<_> = rule["alerts"].as_array().unwrap().iter().map(|alert| &alert["state"]).collect();
    assert_eq!(states, ["firing", "pending"]);
    assert_eq!(
        (&group["rules"][1]["state"], &group["rules"][1]["health"]),
        (&json!("inactive"), &json!("unknown"))
    );
    let one = weir.get("/api/v1/rules?rule_name[]=errors").await.json();
    assert_eq!(one["data"]["groups"][0]["rules"].as_array().unwrap().len(), 1);
    assert_eq!(weir.get("/api/v1/rules?type=record").await.json()["data"]["groups"], json!([]));
    let alerts = weir.get("/api/v1/alerts").await.json();
    assert_eq!(alerts["data"]["alerts"][0]["value"], "12000");
}

#[tokio::test]
async fn what_fires_is_on_the_page_that_prometheus_scrapes() {
    let weir = Weir::start().await;
    let text = weir.get("/metrics").await.text().to_owned();
    for line in [
        "weir_up 1",
        "ALERTS{alertname=\"p95-latency\",alertstate=\"firing\",model=\"gpt-4o\",severity=\"critical\",team=\"platform\"} 1",
        "ALERTS{alertname=\"p95-latency\",alertstate=\"pending\",model=\"o3\",severity=\"warning\",team=\"platform\"} 1",
        "ALERTS_FOR_STATE{alertname=\"p95-latency\",model=\"gpt-4o\",severity=\"critical\",team=\"platform\"} 1699999280",
        "weir_alerts_left_out 0",
    ] {
        assert!(text.lines().any(|other| other == line), "{line}\n{text}");
    }
}
