//! DuckDB or the disk away: appends go on, nothing is lost, and it shows.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use weir_store::{Store, StoreConfig, StoreError};
use weir_types::SinkError;

use crate::support::{START, TurnedClock, config, open, record, sql, stored};

#[tokio::test]
async fn while_duckdb_is_away_appends_go_on_and_later_everything_arrives_once() {
    let dir = tempfile::tempdir().unwrap();
    let in_the_way = dir.path().join("weir.duckdb");
    std::fs::create_dir(&in_the_way).unwrap();
    let store = open(dir.path()).await;
    for number in 0..40 {
        store.sink().append(&[record(number)]).unwrap();
    }
    let error = store.flush().await.unwrap_err();
    let last = store.stats().journal_position;
    assert!(matches!(error, StoreError::NotStored { waiting_for, .. } if waiting_for == last), "{error}");
    assert!(store.stats().commit_errors > 0);
    assert!(store.stats().commit_error.is_some_and(|error| error.contains("DuckDB could not open its file")));
    std::fs::remove_dir(&in_the_way).unwrap();
    while store.flush().await.is_err() {}
    assert_eq!(stored(&store).await, (0..40).collect::<Vec<_>>());
    assert_eq!(store.stats().commit_error, None);
}

#[tokio::test]
async fn more_than_memory_holds_is_read_back_from_the_files_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let in_the_way = dir.path().join("weir.duckdb");
    std::fs::create_dir(&in_the_way).unwrap();
    let store = open(dir.path()).await;
    let batch = |from: u64| (from..from + 1_000).map(record).collect::<Vec<_>>();
    for from in (0..60_000).step_by(1_000) {
        store.sink().append(&batch(from)).unwrap();
    }
    std::fs::remove_dir(&in_the_way).unwrap();
    // Some arrive while the recorder is still reading.
    for from in (60_000..70_000).step_by(1_000) {
        store.sink().append(&batch(from)).unwrap();
    }
    while store.flush().await.is_err() {}
    assert!(store.stats().spills > 0);
    let counts =
        sql(&store, "SELECT count(*), count(DISTINCT span_id), sum(input_tokens)::BIGINT FROM spans").await;
    assert_eq!(counts.rows[0], [70_000, 70_000, 70_000 * 69_999u64 / 2].map(serde_json::Value::from));
    let ordered = sql(&store, "SELECT count(*) FROM (SELECT input_tokens < lag(input_tokens) OVER (ORDER BY rowid) AS back FROM spans) WHERE back").await;
    assert_eq!(ordered.rows[0][0], 0, "the order of appends is the order of rows");
}

#[tokio::test]
async fn a_full_journal_drops_bodies_first_and_refuses_last() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("weir.duckdb")).unwrap();
    let config = StoreConfig { journal_bytes_max: 20_000, ..config(dir.path()) };
    let store = Store::open(config, TurnedClock::at(START)).await.unwrap();
    let refused = (0..1_000).find_map(|number| store.sink().append(&[record(number)]).err());
    let Some(SinkError::Journal(message)) = refused else { panic!("it fills up") };
    assert!(message.contains("at its limit of 20000 bytes"), "{message}");
    let stats = store.stats();
    assert!(stats.dropped_bodies > 0, "{stats:?}");
    assert_eq!((stats.dropped_records, stats.append_errors), (1, 1));
    std::fs::remove_dir(dir.path().join("weir.duckdb")).unwrap();
    while store.flush().await.is_err() {}
    let spans = stats.appended.spans;
    let kept = sql(&store, "SELECT count(*), count(input), count(*) FILTER (policy LIKE '%bodies_dropped%'), sum(cost_nano_usd)::BIGINT FROM spans").await;
    let expected = [spans, spans - stats.dropped_bodies, stats.dropped_bodies, spans * 10];
    assert_eq!(kept.rows[0], expected.map(serde_json::Value::from));
}

/// A disk that is full in the middle of a write: the child's files may not be longer than 512 kB, which the state store needs not half of.
#[tokio::test]
async fn an_append_that_the_disk_does_not_take_is_refused_whole_and_later_ones_work() {
    let dir = tempfile::tempdir().unwrap();
    let test = "outage::child_with_a_full_disk";
    let script = format!(
        "trap '' XFSZ; ulimit -f 512; exec {:?} {test} --exact --ignored --nocapture",
        std::env::current_exe().unwrap()
    );
    let mut child = Command::new("bash")
        .args(["-c", &script])
        .env("WEIR_TEST_DIR", dir.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let lines: Vec<_> = output.lines().map(Result::unwrap).collect();
    assert!(child.wait().unwrap().success());
    let acknowledged: Vec<u64> =
        lines.iter().filter_map(|line| line.strip_prefix("ack ")).map(|n| n.parse().unwrap()).collect();
    assert!(lines.iter().any(|line| line == "refused"), "{lines:?}");
    std::fs::remove_dir(dir.path().join("weir.duckdb")).unwrap();
    let store = open(dir.path()).await;
    store.flush().await.unwrap();
    assert_eq!(stored(&store).await, acknowledged);
    assert_eq!(store.stats().torn_tails, 0, "the refused write was cut off at once");
}

#[tokio::test]
#[ignore = "a child of the test above"]
async fn child_with_a_full_disk() {
    let dir = std::path::PathBuf::from(std::env::var("WEIR_TEST_DIR").unwrap());
    std::fs::create_dir(dir.join("weir.duckdb")).unwrap();
    let store = open(&dir).await;
    let mut refusals = 0;
    for number in 0.. {
        // A large append fails before a small one does.
        let size = if number % 2 == 0 { 40 } else { 1 };
        let numbers = number * 100..number * 100 + size;
        let records: Vec<_> = numbers.clone().map(record).collect();
        match store.sink().append(&records) {
            Ok(()) => numbers.for_each(|number| println!("ack {number}")),
            Err(SinkError::Journal(_)) => {
                println!("refused");
                refusals += 1;
                if refusals == 20 {
                    break;
                }
            }
            Err(other) => panic!("{other}"),
        }
    }
}
