//! Monitors, alerts and silences over HTTP.

use serde_json::json;
use weir_types::MonitorsError;

use crate::client::Weir;
use crate::fake_monitors::{LATENCY, model};
use crate::fakes::TRACE;

#[tokio::test]
async fn the_list_says_how_each_monitor_is_and_what_it_draws() {
    let weir = Weir::start().await;
    let listed = weir.get("/api/monitors").await.json();
    let monitor = &listed["monitors"][0];
    assert_eq!((&monitor["name"], &monitor["state"]), (&json!(LATENCY), &json!("alert")));
    assert_eq!(monitor["counts"], json!({"ok": 1, "no_data": 0, "warn": 0, "alert": 1}));
    assert_eq!(monitor["expression"], "p95(llm.request.duration) by model");
    assert_eq!(monitor["changed_at_ms"], json!(1_700_000_000_000_i64 - 12 * 60_000));
    assert_eq!(listed["monitors"][1]["changed_at_ms"], json!(null), "what was never judged has not changed");
}

#[tokio::test]
async fn a_monitor_has_its_groups_with_who_looks_after_them_and_what_silences_them() {
    let weir = Weir::start().await;
    let silence = json!({"scope": "monitor:p95-* AND model:gpt-4o", "ends_at": "now+2h", "note": "known"});
    weir.post("/api/silences", &silence).await.json();
    let request = json!({"by": "ana", "note": "on it"});
    weir.post("/api/alerts/alert-1/acknowledge", &request).await.json();
    let detail = weir.get(&format!("/api/monitors/{LATENCY}")).await.json();
    let [bad, pending] = [&detail["groups"][0], &detail["groups"][1]];
    assert_eq!((&bad["key"], &bad["state"]), (&json!("model:gpt-4o"), &json!("alert")));
    assert_eq!(bad["silenced_by"], json!(["sil_1"]));
    assert_eq!((&bad["acknowledged"]["by"], &bad["exemplars"]), (&json!("ana"), &json!([TRACE])));
    assert_eq!((&pending["pending"]["state"], &pending["silenced_by"]), (&json!("warn"), &json!([])));
    assert_eq!(detail["monitor"]["silenced_by"], json!([]), "the silence is about one group only");
    let missing = weir.get("/api/monitors/p95").await.refused(404, "not_found");
    assert!(missing.contains("GET /api/monitors"), "{missing}");
}

#[tokio::test]
async fn a_silence_of_a_whole_monitor_or_of_its_labels_is_said_at_the_monitor() {
    for (scope, expected) in [
        ("monitor:p95-latency", json!(["sil_1"])),
        ("team:platform", json!(["sil_1"])),
        ("team:other", json!([])),
        ("state:alert", json!([])),
    ] {
        let weir = Weir::start().await;
        let made = weir.post("/api/silences", &json!({"scope": scope, "ends_at": "now+1h"})).await;
        assert_eq!((made.status, &made.json()["is_in_force"]), (201, &json!(true)));
        let listed = weir.get("/api/monitors").await.json();
        assert_eq!(listed["monitors"][0]["silenced_by"], expected, "{scope}");
    }
}

#[tokio::test]
async fn a_silence_that_has_not_begun_silences_nothing() {
    let weir = Weir::start().await;
    let silence = json!({"scope": "*", "starts_at": "now+1h", "ends_at": "now+2h"});
    assert_eq!(weir.post("/api/silences", &silence).await.json()["is_in_force"], json!(false));
    assert_eq!(weir.get("/api/alerts").await.json()["alerts"][0]["group"]["silenced_by"], json!([]));
    assert_eq!(weir.call("DELETE", "/api/silences/sil_1").send().await.status, 204);
    assert_eq!(weir.get("/api/silences").await.json(), json!({"silences": []}));
    weir.call("DELETE", "/api/silences/sil_1").send().await.refused(404, "not_found");
}

#[tokio::test]
async fn what_is_wrong_with_a_silence_is_said() {
    let weir = Weir::start().await;
    for (request, code, part) in [
        (json!({"scope": "team:(", "ends_at": "now+1h"}), "invalid_expression", "expected"),
        (json!({"scope": " ", "ends_at": "now+1h"}), "invalid_body", "`scope` is empty"),
        (json!({"scope": "*", "ends_at": "now-1h"}), "invalid_body", "not after `starts_at`"),
        (json!({"scope": "*", "ends_at": "soon"}), "invalid_parameter", "\"soon\""),
        (json!({"scope": "*", "starts_at": "now-2h", "ends_at": "now-1h"}), "invalid_body", "in the past"),
        (json!({"scope": "*", "ends_at": "now+1h", "rrule": "weekly"}), "invalid_body", "FREQ="),
        (
            json!({"scope": "*", "ends_at": "now+1h", "tz": "Europe/Berln"}),
            "invalid_parameter",
            "Europe/Berln",
        ),
    ] {
        let message = weir.post("/api/silences", &request).await.refused(400, code);
        assert!(message.contains(part), "{request}: {message}");
    }
}

#[tokio::test]
async fn alerts_are_what_is_not_well_and_somebody_can_look_after_them() {
    let weir = Weir::start().await;
    let listed = weir.get("/api/alerts").await.json();
    assert_eq!((listed["alerts"].as_array().unwrap().len(), &listed["total"]), (1, &json!(1)));
    assert_eq!(listed["alerts"][0]["monitor"], LATENCY);
    let said = weir.post("/api/alerts/alert-1/acknowledge", &json!({})).await.json();
    assert_eq!(said["by"], "somebody");
    let unknown = weir.post("/api/alerts/alert-9/acknowledge", &json!({})).await;
    assert!(unknown.refused(404, "not_found").contains("alert-9"));
}

#[tokio::test]
async fn series_and_transitions_are_those_of_the_group_that_is_asked_for() {
    let weir = Weir::start().await;
    let path = format!("/api/monitors/{LATENCY}/series?group=model:o3&from=now-1d");
    let series = weir.get(&path).await.json();
    let one = &series["series"][0];
    assert_eq!((&one["group"], &one["states"]), (&json!("model:o3"), &json!(["ok", "warn"])));
    assert_eq!((&one["values"], &one["upper"]), (&json!([900.0, 6000.0]), &json!([null, 5500.0])));
    assert_eq!(one["baseline"], json!(null), "a column without any number is no column");
    let path = format!("/api/monitors/{LATENCY}/transitions?group=model_name:o3&from=now-1d&limit=5");
    assert_eq!(weir.get(&path).await.json()["transitions"][0]["reason"], "crossed");
    let asked = weir.alerts.last_filter.lock().unwrap().clone().unwrap();
    assert_eq!((asked.group, asked.limit, asked.to), (Some(model("o3")), 5, None));
    let path = format!("/api/monitors/{LATENCY}/series?group=o3");
    assert!(weir.get(&path).await.refused(400, "invalid_parameter").contains("model:gpt-4o"));
}

#[tokio::test]
async fn a_condition_is_explained_or_its_mistake_is_shown_at_its_place() {
    let weir = Weir::start().await;
    let explain = |text: &str| json!({"condition": text});
    let right = "p95(llm.request.duration) by model > 5s over 10m";
    let meant = weir.post("/api/monitors/explain", &explain(right)).await.json();
    assert_eq!(
        (&meant["unit"], &meant["expression"]),
        (&json!("ms"), &json!("p95(llm.request.duration) by model"))
    );
    assert!(meant["explanation"].as_str().unwrap().contains("the last 10m"), "{meant}");
    let reply = weir.post("/api/monitors/explain", &explain("p95(llm.request.duration) by modle > 5s")).await;
    assert!(reply.refused(400, "invalid_expression").contains("modle"));
    let body: weir_api::wire::ErrorBody = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(body.error.span, Some([29, 34]));
    let composite = weir.post("/api/monitors/explain", &explain("@a && !@b")).await.json();
    assert_eq!((&composite["unit"], &composite["expression"]), (&json!(null), &json!(null)));
}

#[tokio::test]
async fn a_preview_says_what_would_have_been_and_where_the_levels_are() {
    let weir = Weir::start().await;
    let entry = json!({"name": LATENCY, "threshold": "8s", "critical": "20s"});
    let preview = weir.post("/api/monitors/preview", &json!({"entry": entry})).await.json();
    assert_eq!((&preview["warning"], &preview["critical"]), (&json!(8_000.0), &json!(20_000.0)));
    assert_eq!((&preview["alerts_per_week"], &preview["flaps"]), (&json!(2.5), &json!(1)));
    let span = preview["series"][0]["at_ms"].as_array().unwrap();
    assert_eq!(span[1].as_i64().unwrap() - span[0].as_i64().unwrap(), 7 * 86_400_000, "a week unless said");
    let new = json!({"name": "new", "condition": "rate(llm.request.error) > 5%", "message": "x"});
    let preview = weir.post("/api/monitors/preview", &json!({"entry": new})).await.json();
    assert_eq!((&preview["warning"], &preview["critical"]), (&json!(null), &json!(0.05)));
    for (request, part) in [
        (json!({"entry": "x"}), "`entry` is no object"),
        (json!({"entry": {}}), "`entry.name` is missing"),
        (json!({"entry": {"name": "x", "condition": 1}}), "expected a text"),
    ] {
        let message = weir.post("/api/monitors/preview", &request).await.refused(400, "invalid_body");
        assert!(message.contains(part), "{request}: {message}");
    }
    let long = json!({"entry": {"name": LATENCY}, "from": "now-400d"});
    weir.post("/api/monitors/preview", &long).await.refused(400, "invalid_parameter");
}

#[tokio::test]
async fn a_monitor_is_saved_under_its_own_name_only_and_forgotten_again() {
    let weir = Weir::start().await;
    let path = format!("/api/monitors/{LATENCY}");
    let put = |body: serde_json::Value| weir.call("PUT", &path).json(&body);
    let saved = put(json!({"entry": {"threshold": "8s"}})).send().await.json();
    assert_eq!(saved["saved"], json!({"name": LATENCY, "threshold": "8s"}));
    let message = put(json!({"entry": {"name": "other"}})).send().await.refused(400, "invalid_body");
    assert!(message.contains("other"), "{message}");
    assert_eq!(weir.call("DELETE", &format!("{path}/saved")).send().await.status, 204);
    assert_eq!(weir.get(&path).await.json()["monitor"]["saved"], json!(null));
    weir.call("DELETE", "/api/monitors/none/saved").send().await.refused(404, "not_found");
}

#[tokio::test]
async fn the_logs_of_notifications_and_actions_are_told() {
    let weir = Weir::start().await;
    let told = weir.get("/api/notifications?monitor=p95-latency").await.json();
    assert_eq!(told["notifications"][0]["state"], "failed");
    assert_eq!(told["notifications"][0]["notices"], 2);
    assert_eq!(weir.get("/api/notifications?monitor=x").await.json(), json!({"notifications": []}));
    let actions = weir.get("/api/actions").await.json();
    assert_eq!(actions["actions"][0]["calls_per_minute"], 10);
    assert_eq!(actions["actions"][1]["model"], "gpt-4o-mini");
    assert_eq!(actions["actions"][1]["ended_because"], "recovered");
}

#[tokio::test]
async fn who_changed_what_is_kept() {
    let weir = Weir::start().await;
    let put = |body| weir.call("PUT", "/api/monitors/p95-latency").json(&body).send();
    put(json!({"entry": {"threshold": "8s"}, "by": "ana"})).await.json();
    put(json!({"entry": {"threshold": "9s"}, "by": "ben"})).await.json();
    weir.post("/api/silences", &json!({"scope": "*", "ends_at": "now+1h", "by": "ana"})).await.json();
    weir.call("DELETE", "/api/silences/sil_1?by=ana").send().await;
    weir.post("/api/alerts/alert-1/acknowledge", &json!({"by": "ben"})).await.json();
    weir.call("DELETE", "/api/monitors/p95-latency/saved").send().await;
    weir.post("/api/keys", &json!({"name": "ci"})).await.json();
    let kept = weir.get("/api/audit").await.json();
    let entries = kept["entries"].as_array().unwrap();
    let told: Vec<String> = entries
        .iter()
        .map(|entry| format!("{} {} {}", entry["who"], entry["action"], entry["target"]).replace('"', ""))
        .collect();
    assert_eq!(
        told,
        [
            "somebody key.create key_1",
            "somebody monitor.forget p95-latency",
            "ben alert.acknowledge alert-1",
            "ana silence.end sil_1",
            "ana silence.create sil_1",
            "ben monitor.save p95-latency",
            "ana monitor.save p95-latency",
        ]
    );
    let changed = (&entries[5]["before"]["threshold"], &entries[5]["after"]["threshold"]);
    assert_eq!(changed, (&json!("8s"), &json!("9s")));
    assert_eq!(entries[0]["after"].get("secret"), None);
    let silences = weir.get("/api/audit?action=silence.&limit=1").await.json();
    assert_eq!(silences["entries"][0]["action"], "silence.end");
    let older = weir.get("/api/audit?before=2").await.json();
    assert_eq!(older["entries"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn failures_of_the_state_store_are_not_repeated() {
    let weir = Weir::start().await;
    *weir.alerts.is_broken.lock().unwrap() = true;
    for path in ["/api/monitors", "/api/alerts", "/api/silences", "/api/notifications", "/api/v2/alerts"] {
        let message = weir.get(path).await.refused(500, "internal");
        assert!(!message.contains("secret"), "{path}: {message}");
    }
    assert!(weir.get("/metrics").await.text().contains("weir_up 1"), "a scraper still sees how Weir is");
    *weir.alerts.is_broken.lock().unwrap() = false;
    *weir.monitors.broken.lock().unwrap() = Some(MonitorsError::Store("/secret/place".to_owned()));
    let message = weir.get(&format!("/api/monitors/{LATENCY}/series")).await.refused(500, "internal");
    assert!(!message.contains("secret"), "{message}");
}

#[tokio::test]
async fn monitors_are_for_those_who_may_ask() {
    let weir = Weir::start_with_token("t").await;
    for path in ["/api/monitors", "/api/alerts", "/api/silences", "/api/v2/alerts", "/api/v1/rules"] {
        weir.get(path).await.refused(401, "unauthorized");
    }
    let save = weir.call("PUT", "/api/monitors/x").json(&json!({"entry": {}})).send().await;
    save.refused(401, "unauthorized");
    weir.post("/api/silences", &json!({})).await.refused(401, "unauthorized");
}
