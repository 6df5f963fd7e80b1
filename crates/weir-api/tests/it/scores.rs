//! Scores that are sent over HTTP.

use serde_json::json;
use weir_types::{Record, ScoreValue, UnixMicros};

use crate::client::Weir;
use crate::fakes::{NOW, SPAN, TRACE};

#[tokio::test]
async fn scores_of_users_and_programs_are_kept() {
    let weir = Weir::start().await;
    let request = json!({ "scores": [
        { "trace_id": TRACE, "span_id": SPAN, "name": "custom.llm.user_feedback", "value": 1.0, "judge": "user",
          "rationale": "thanks", "tags": { "channel": "web" }, "time": "2023-11-14T22:00:00Z" },
        { "span_id": SPAN, "name": "custom.llm.tone", "label": "kind" },
    ]});
    let reply = weir.post("/api/scores", &request).await;
    assert_eq!((reply.status, reply.json()), (201, json!({ "kept": 2 })));
    let kept = weir.kept.0.lock().unwrap();
    let [Record::Score(first), Record::Score(second)] = kept.as_slice() else { panic!("{kept:?}") };
    assert_eq!((first.value.clone(), &*first.judge), (ScoreValue::Number(1.0), "user"));
    assert_eq!((first.time, first.tags.get("channel")), (UnixMicros(NOW.0 - 800_000_000), Some("web")));
    assert!(!first.by_span_alone && second.by_span_alone, "a span without its trace is found by the store");
    assert_eq!((second.value.clone(), &*second.judge), (ScoreValue::Label("kind".into()), "api"));
    assert_eq!(second.time, NOW);
}

#[tokio::test]
async fn what_is_wrong_with_a_score_is_said_and_none_of_its_request_is_kept() {
    let weir = Weir::start().await;
    let good = json!({ "span_id": SPAN, "name": "a", "value": 1 });
    for (score, part) in [
        (json!({ "name": "a", "value": 1 }), "`scores[1].trace_id`"),
        (json!({ "span_id": "xyz", "name": "a", "value": 1 }), "`scores[1].span_id`: expected 16"),
        (json!({ "span_id": SPAN, "name": "a" }), "`scores[1].value`"),
        (json!({ "span_id": SPAN, "name": "a", "value": 1, "label": "b" }), "`scores[1].value`"),
        (json!({ "span_id": SPAN, "name": " ", "value": 1 }), "`scores[1].name`"),
        (json!({ "span_id": SPAN, "name": "a", "value": 1, "time": "soon" }), "`scores[1].time`"),
        (json!({ "span_id": SPAN, "name": "a", "value": 1, "sapn": 1 }), "unknown field `sapn`"),
    ] {
        let request = json!({ "scores": [good, score] });
        let message = weir.post("/api/scores", &request).await.refused(400, "invalid_body");
        assert!(message.contains(part), "{score}: {message}");
    }
    weir.post("/api/scores", &json!({ "scores": [] })).await.refused(400, "invalid_body");
    assert!(weir.kept.0.lock().unwrap().is_empty());
}
