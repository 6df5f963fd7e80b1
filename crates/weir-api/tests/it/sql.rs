//! SQL over HTTP.

use serde_json::json;
use weir_types::BrowseError;

use crate::client::Weir;

#[tokio::test]
async fn a_statement_gives_columns_and_rows_and_large_numbers_stay_exact() {
    let weir = Weir::start().await;
    let answer = weir.post("/api/sql", &json!({"sql": "SELECT 1"})).await.json();
    let expected = json!({
        "columns": [{"name": "n", "type": "BIGINT"}, {"name": "big", "type": "HUGEINT"}],
        "rows": [[10_000, "9007199254740993"]],
        "truncated": true,
    });
    assert_eq!(answer, expected);
}

#[tokio::test]
async fn a_refused_statement_says_why() {
    let weir = Weir::start().await;
    let reply = weir.post("/api/sql", &json!({"sql": "DROP TABLE spans"})).await;
    assert_eq!(reply.refused(400, "invalid_statement"), "only SELECT is allowed");
    weir.store.break_with(BrowseError::TimedOut { seconds: 30 });
    let reply = weir.post("/api/sql", &json!({"sql": "SELECT 1"})).await;
    assert!(reply.refused(504, "timed_out").contains("30 s"));
}

#[tokio::test]
async fn a_body_of_another_shape_says_what_was_expected() {
    let weir = Weir::start().await;
    for (body, part) in [
        ("", "not JSON"),
        ("{\"sql\":", "line 1 column 7"),
        ("[]", "wrong shape"),
        ("{}", "missing field `sql`"),
        ("{\"sql\":1}", "expected a string"),
        ("{\"sql\":\"SELECT 1\",\"rows\":1}", "unknown field `rows`, expected `sql` or `format`"),
    ] {
        let call = weir.call("POST", "/api/sql").header("content-type", "application/json");
        let message = call.body(body).send().await.refused(400, "invalid_body");
        assert!(message.contains(part), "{body}: {message}");
    }
    let reply = weir.call("POST", "/api/sql").header("content-type", "text/plain").body("{}").send().await;
    assert!(reply.refused(415, "invalid_body").contains("application/json"));
}
