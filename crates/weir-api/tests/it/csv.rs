//! Answers as CSV.

use serde_json::json;

use crate::client::Weir;

const BY_MODEL: &str = "expr=p95:llm.request.duration%7B*%7D%20by%20%7Bmodel%7D";

#[tokio::test]
async fn series_are_one_line_for_each_point() {
    let weir = Weir::start().await;
    let path = format!("/api/query?{BY_MODEL}&from=1699999800000&to=1700000100000&step=5m&format=csv");
    let reply = weir.get(&path).await;
    assert_eq!(reply.header("content-type"), Some("text/csv; charset=utf-8; header=present"));
    assert_eq!(reply.header("content-disposition"), Some("attachment; filename=\"weir.csv\""));
    let lines: Vec<_> = reply.text().split("\r\n").collect();
    assert_eq!(lines[0], "time,model,value");
    assert!(lines.contains(&"2023-11-14T22:10:00Z,gpt-4o,250.0"), "{lines:?}");
    assert_eq!(lines.last(), Some(&""), "the last line is ended too");
}

#[tokio::test]
async fn values_and_rows_of_sql_are_tables_too() {
    let weir = Weir::start().await;
    let values = weir.get(&format!("/api/query/instant?{BY_MODEL}&format=csv")).await;
    assert!(values.text().starts_with("model,value\r\n"), "{}", values.text());
    assert!(values.text().contains("gpt-4o,250.0\r\n"), "{}", values.text());
    let rows = weir.post("/api/sql", &json!({"sql": "SELECT 1", "format": "csv"})).await;
    assert_eq!(rows.text(), "n,big\r\n10000,9007199254740993\r\n");
}

#[tokio::test]
async fn other_formats_are_refused() {
    let weir = Weir::start().await;
    let message =
        weir.get(&format!("/api/query?{BY_MODEL}&format=xml")).await.refused(400, "invalid_parameter");
    assert!(message.contains("json or csv"), "{message}");
    let sql = weir.post("/api/sql", &json!({"sql": "SELECT 1", "format": "xml"})).await;
    sql.refused(400, "invalid_parameter");
}
