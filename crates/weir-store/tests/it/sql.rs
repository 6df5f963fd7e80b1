//! SQL of users: what they may do, and that they can do nothing else.

use std::time::{Duration, Instant};

use serde_json::json;
use weir_types::{BrowseError, Cancel, SqlLimits};

use crate::support::{open, record, sql, stored, try_sql};

async fn store() -> (weir_store::Store, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    store.sink().append(&[record(1), record(2), record(3)]).unwrap();
    store.flush().await.unwrap();
    (store, dir)
}

#[tokio::test]
async fn every_way_to_read_works() {
    let (store, _dir) = store().await;
    for statement in [
        "SELECT count(*) FROM spans",
        "  select 1;  ",
        "SELECT 1 -- with a comment;\n",
        "WITH t AS (SELECT team FROM spans) SELECT team, count(*) FROM t GROUP BY ALL",
        "FROM spans LIMIT 1",
        "VALUES (1), (2)",
        "DESCRIBE spans",
        "SHOW TABLES",
        "SUMMARIZE cells_1m",
        "EXPLAIN SELECT 1",
        "explain\n analyze select count(*) from spans",
        "SELECT * FROM range(3)",
        "SELECT unnest([1, 2])",
        "SELECT * FROM json_each('{\"a\": 1}')",
        "SELECT tags['team'] FROM points",
        "SELECT table_name FROM information_schema.tables",
        "SELECT * FROM duckdb_tables()",
        "SELECT quantile_cont(duration_us, 0.9) OVER (PARTITION BY team) FROM spans",
    ] {
        assert!(
            try_sql(&store, statement).await.is_ok(),
            "{statement}: {:?}",
            try_sql(&store, statement).await
        );
    }
}

#[tokio::test]
async fn every_way_to_change_or_to_look_outside_is_refused_and_changes_nothing() {
    let (store, dir) = store().await;
    let outside = dir.path().join("outside");
    let statements = [
        "",
        ";",
        "SELECT 1; SELECT 2",
        "SELECT 1; DROP TABLE spans",
        "INSERT INTO events SELECT * FROM events",
        "UPDATE spans SET team = 'x'",
        "DELETE FROM spans",
        "WITH gone AS (DELETE FROM spans RETURNING *) SELECT * FROM gone",
        "DROP TABLE spans",
        "CREATE TABLE t (a INT)",
        "CREATE TEMP TABLE t AS SELECT 1",
        "CREATE OR REPLACE MACRO m() AS 1",
        "ALTER TABLE spans ADD COLUMN x INT",
        "TRUNCATE spans",
        "BEGIN",
        "COMMIT",
        "ROLLBACK",
        "CHECKPOINT",
        "FORCE CHECKPOINT",
        "VACUUM",
        "ANALYZE",
        "FROM checkpoint()",
        "FROM force_checkpoint()",
        "CALL force_checkpoint()",
        "SET threads = 1",
        "SET lock_configuration = false",
        "SET enable_external_access = true",
        "RESET memory_limit",
        "PRAGMA memory_limit = '1GB'",
        "PRAGMA database_list",
        "CALL pragma_version()",
        "CALL enable_logging()",
        "FROM enable_logging()",
        "SELECT write_log('x')",
        "SELECT (SELECT write_log('x'))",
        "SELECT 1 WHERE write_log('x') IS NULL",
        "SELECT \"write_log\"('x')",
        "SELECT 'x'.write_log()",
        "INSTALL httpfs",
        "LOAD httpfs",
        "ATTACH 'OUTSIDE'",
        "ATTACH ':memory:' AS m",
        "DETACH weir",
        "USE memory",
        "COPY spans TO 'OUTSIDE'",
        "COPY (SELECT 1) TO 'OUTSIDE'",
        "COPY spans FROM '/etc/passwd'",
        "EXPORT DATABASE 'OUTSIDE'",
        "IMPORT DATABASE 'OUTSIDE'",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM 'https://example.com/x.csv'",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT content FROM read_blob('/etc/passwd')",
        "SELECT * FROM read_json_auto('/etc/passwd')",
        "SELECT * FROM parquet_scan('/etc/passwd')",
        "SELECT * FROM sniff_csv('/etc/passwd')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM (SELECT * FROM READ_CSV('/etc/passwd'))",
        "SELECT (SELECT count(*) FROM read_text('/etc/passwd'))",
        "WITH RECURSIVE t AS (SELECT 1 UNION ALL SELECT 2 FROM glob('/etc/*')) SELECT * FROM t",
        "EXPLAIN SELECT * FROM read_csv('/etc/passwd')",
        "EXPLAIN ANALYZE DELETE FROM spans",
        "EXPLAIN DELETE FROM spans",
        "EXPLAIN ANALYZE EXPLAIN DELETE FROM spans",
        "SELECT * FROM query('DELETE FROM spans')",
        "SELECT * FROM query_table('spans')",
        "SELECT * FROM json_execute_serialized_sql('{}')",
        "SELECT * FROM arrow_scan(1, 2, 3)",
        "SELECT * FROM duckdb_secrets()",
        "SELECT nextval('s')",
        "SELECT getenv('HOME')",
        "PREPARE p AS SELECT 1",
        "EXECUTE p",
        "SELECT $1",
        "SELECT ?",
        "SET VARIABLE x = 1",
        "LOAD '/tmp/x.so'",
        "SELECT 1 INTO t",
        "PIVOT spans ON team USING count(*)",
        "SELECT \u{0}",
    ];
    for statement in statements {
        let statement = statement.replace("OUTSIDE", &outside.display().to_string());
        let result = try_sql(&store, &statement).await;
        let Err(BrowseError::Invalid(message)) = result else { panic!("{statement}: {result:?}") };
        assert!(!message.is_empty(), "{statement}");
    }
    assert!(!outside.exists());
    assert_eq!(stored(&store).await, [1, 2, 3]);
    let settings = sql(&store, "SELECT current_setting('lock_configuration'), current_setting('enable_external_access'), current_setting('threads')").await;
    assert_eq!(settings.rows, [vec![json!(true), json!(false), json!(1)]]);
    store.sink().append(&[record(4)]).unwrap();
    store.flush().await.unwrap();
    assert_eq!(stored(&store).await, [1, 2, 3, 4], "the recorder is not disturbed");
}

#[tokio::test]
async fn errors_say_what_is_wrong_and_where() {
    let (store, _dir) = store().await;
    for (statement, expected) in [
        ("SELEC 1", "syntax error at or near \"SELEC\""),
        ("SELECT modell FROM spans", "modell"),
        ("SELECT 1; SELECT 2", "2 statements; one is allowed"),
        ("DELETE FROM spans", "only SELECT"),
        ("FROM read_csv('x')", "\"read_csv\" is not allowed"),
    ] {
        let Err(BrowseError::Invalid(message)) = try_sql(&store, statement).await else {
            panic!("{statement}")
        };
        assert!(message.contains(expected), "{statement}: {message}");
    }
}

#[tokio::test]
async fn values_are_json_that_loses_nothing() {
    let (store, _dir) = store().await;
    let table = sql(
        &store,
        "SELECT 1::TINYINT AS tiny, 9007199254740992 AS exact, 9007199254740993 AS beyond, \
         170141183460469231731687303715884105727::HUGEINT AS huge, 7::HUGEINT AS small_huge, \
         12.50::DECIMAL(9,2) AS money, 0.5::DOUBLE AS half, 'NaN'::DOUBLE AS nan, true AS yes, NULL AS nothing, \
         TIMESTAMP '2026-01-02 03:04:05.678' AS at, DATE '2026-01-02' AS day, 'ab'::BLOB AS bytes, \
         [1, NULL] AS list, {'a': 1, 'b': [2]} AS struct, MAP {'k': 'v'} AS map, 'é\"' AS text, \
         count(*)::UBIGINT AS n, sum(input_tokens) AS total FROM spans",
    )
    .await;
    let types: Vec<_> = table.columns.iter().map(|column| column.data_type.as_str()).collect();
    assert_eq!(
        types,
        [
            "TINYINT",
            "BIGINT",
            "BIGINT",
            "HUGEINT",
            "HUGEINT",
            "DECIMAL(9,2)",
            "DOUBLE",
            "DOUBLE",
            "BOOLEAN",
            "INTEGER",
            "TIMESTAMP",
            "DATE",
            "BLOB",
            "INTEGER[]",
            "STRUCT(a INTEGER, b INTEGER[])",
            "MAP(VARCHAR, VARCHAR)",
            "VARCHAR",
            "UBIGINT",
            "HUGEINT",
        ]
    );
    assert_eq!(
        table.rows,
        [vec![
            json!(1),
            json!(9_007_199_254_740_992i64),
            json!("9007199254740993"),
            json!("170141183460469231731687303715884105727"),
            json!(7),
            json!("12.50"),
            json!(0.5),
            json!("NaN"),
            json!(true),
            json!(null),
            json!("2026-01-02T03:04:05.678Z"),
            json!("2026-01-02"),
            json!("6162"),
            json!([1, null]),
            json!({"a": 1, "b": [2]}),
            json!({"k": "v"}),
            json!("é\""),
            json!(3),
            json!(6),
        ]]
    );
}

#[tokio::test]
async fn more_rows_than_wanted_are_left_out_and_it_is_said() {
    let (store, _dir) = store().await;
    let limits = |rows_max| SqlLimits { time_max: Duration::from_mins(1), rows_max };
    let browse = store.browse();
    let table = browse.sql("FROM range(1000000000000)", limits(5_000)).unwrap();
    assert_eq!((table.rows.len(), table.truncated), (5_000, true));
    let table = browse.sql("FROM range(5000)", limits(5_000)).unwrap();
    assert_eq!((table.rows.len(), table.truncated), (5_000, false));
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_stopped_and_the_next_one_is_not() {
    let (store, _dir) = store().await;
    let browse = store.browse();
    let limits = SqlLimits { time_max: Duration::from_millis(200), rows_max: 10 };
    for _ in 0..3 {
        let started_at = Instant::now();
        let endless = browse.sql("SELECT count(*) FROM range(10000000) a, range(10000000) b", limits);
        assert_eq!(endless, Err(BrowseError::TimedOut { seconds: 0 }));
        assert!(started_at.elapsed() < Duration::from_secs(30), "not stopped but finished");
        assert!(browse.sql("SELECT 1", limits).is_ok());
    }
}

#[tokio::test]
async fn a_statement_that_needs_too_much_memory_fails_alone() {
    let dir = tempfile::tempdir().unwrap();
    let config = weir_store::StoreConfig {
        memory_limit_bytes: 64 * 1024 * 1024,
        ..crate::support::config(dir.path())
    };
    let store = weir_store::Store::open(config, crate::support::TurnedClock::at(crate::support::START))
        .await
        .unwrap();
    store.sink().append(&[record(1)]).unwrap();
    store.flush().await.unwrap();
    let greedy = "SELECT length(string_agg(repeat('x', 1000000), '')) FROM range(10000)";
    let Err(BrowseError::Invalid(message)) = try_sql(&store, greedy).await else { panic!("refused") };
    assert!(message.contains("Memory"), "{message}");
    store.sink().append(&[record(2)]).unwrap();
    store.flush().await.unwrap();
    assert_eq!(stored(&store).await, [1, 2]);
}

#[tokio::test]
async fn a_statement_that_nobody_waits_for_is_interrupted_and_its_connection_serves_on() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    store.sink().append(&[record(1)]).unwrap();
    store.flush().await.unwrap();
    let (browse, cancel) = (store.browse(), Cancel::default());
    let token = cancel.clone();
    let limits = SqlLimits { time_max: Duration::from_hours(1), rows_max: 1 };
    let endless =
        "SELECT count(*) FROM range(100000000000) a, range(100000000000) b WHERE a.range + b.range = 7";
    let asking = tokio::task::spawn_blocking(move || token.scope(|| browse.sql(endless, limits)));
    cancel.cancel();
    // It comes back: the test would run for an hour otherwise, whether the query had begun when it was cancelled or not.
    assert!(asking.await.unwrap().is_err());
    assert_eq!(sql(&store, "SELECT count(*) FROM spans").await.rows, [[json!(1)]]);
}
