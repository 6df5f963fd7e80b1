//! Monitors of events and objectives, from what clients send to what a running Weir says of it.

use serde_json::json;
use weir_testkit::{WeirProcess, free_address};

use crate::support::*;

const MONITORS: &str = r#"
[[monitors]]
name = "injections"
condition = 'events("source:guard \"Prompt injection\"").rollup("count").by("app").last("15m") > 3'
message = "{value} injections in {app.name}"

[[monitors]]
name = "quiet"
condition = 'events("source:guard \"no such words\"").rollup("count").last("15m") > 0'
message = "never"

[[slos]]
name = "calm"
bad = "count(weir.events{source:guard, level:warning})"
total = "count(weir.events{source:guard})"
target = "99%"

[[monitors]]
name = "calm-burn"
condition = 'burn_rate("calm").long_window("1h").short_window("5m") > 14.4'
message = "the budget burns {value} times as fast as it may"
"#;

/// Sends an event as DogStatsD's clients do.
async fn tell(to: std::net::SocketAddr, title: &str, app: &str) {
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let text = "seen by a filter";
    let line = format!("_e{{{},{}}}:{title}|{text}|s:guard|t:warning|#app:{app}", title.len(), text.len());
    socket.send_to(line.as_bytes(), to).await.unwrap();
}

/// Waits until minutes were judged, which takes more than one.
async fn when_judged<T>(what: &str, mut condition: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..9 {
        if let Ok(found) = eventually(what, &mut condition).await {
            return found;
        }
    }
    panic!("{what} took minutes");
}

#[tokio::test]
async fn events_that_clients_send_alert_by_what_they_say_and_go_on_after_a_restart() {
    let statsd = free_address().unwrap();
    let listeners = "\n[listeners]\notlp_grpc = \"off\"\notlp_http = \"off\"\ndatadog = \"off\"\n";
    let config = format!("{MONITORS}{listeners}dogstatsd = \"{statsd}\"\n");
    let mut weir = WeirProcess::start(&config).await.unwrap();
    for n in 0..4 {
        tell(statsd, &format!("Prompt Injection, no. {n}"), "chat").await;
        tell(statsd, "Injection of a prompt", "chat").await;
    }
    tell(statsd, "prompt injection", "mail").await;
    eventually("the events to be stored", async || {
        let stored = numbers(&weir, "select count(*) from events where source = 'guard'").await;
        (stored == [9]).then_some(())
    })
    .await
    .unwrap();
    let counted = "count(weir.events{source:guard,words:%22* prompt injection *%22})";
    assert_eq!(whole_value_of(&weir, counted).await, 5);

    // What a definition would have done is known before any minute is over.
    let body = json!({
        "entry": {
            "name": "mail",
            "condition": "events(\"source:guard\").rollup(\"count\").by(\"app\").last(\"5m\") >= 1",
            "message": "{value}",
        },
        "from": "now-1h",
        "to": "now",
    });
    let tried = weir.post("/api/monitors/preview", &[], body.to_string()).await.unwrap();
    assert_eq!(tried.status, 200, "{}", tried.text());

    let group_of_chat = async |weir: &WeirProcess| {
        let answer = weir.get("/api/monitors/injections").await.ok()?.json();
        let groups = answer["groups"].as_array()?.clone();
        groups.into_iter().find(|group| group.to_string().contains("chat") && group["state"] == "alert")
    };
    // Minutes are judged when they are over.
    let found = when_judged("the monitor to alert", async || group_of_chat(&weir).await).await;
    assert_eq!(found["judgement"]["value"], 4.0, "{found}");
    let quiet = weir.get("/api/monitors/quiet").await.unwrap().json();
    assert_eq!(quiet["monitor"]["error"], serde_json::Value::Null, "{quiet}");
    let history = weir.get("/api/monitors/injections/transitions").await.unwrap().text();
    assert!(history.contains("1 × Prompt Injection, no. 0"), "{history}");

    let burn = weir.get("/api/monitors/calm-burn").await.unwrap().json();
    let group = &burn["groups"][0];
    assert_eq!((&group["state"], &group["judgement"]["value"]), (&json!("alert"), &json!(100.0)), "{burn}");
    assert!(burn["monitor"]["explanation"].as_str().unwrap().contains("1 % may be bad"), "{burn}");

    // What was judged comes out again from what is stored, while Weir runs.
    for monitor in ["injections", "calm-burn"] {
        let path = format!("/api/monitors/{monitor}/verify?from=now-1h");
        let verified = weir.get(&path).await.unwrap().json();
        assert_eq!(verified["result"], "same", "{verified}");
    }

    weir.kill9().await.unwrap();
    weir.restart().await.unwrap();
    let again = eventually("the alert to be there again", async || group_of_chat(&weir).await).await.unwrap();
    assert_eq!(again["since_ms"], found["since_ms"], "{again}");
}
