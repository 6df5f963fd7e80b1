//! `kill -9` at random moments: what was acknowledged is there, once.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::support::{open, record, stored};

/// How often the process is killed. Each time it has done something else.
const ROUNDS: usize = 20;
/// Numbers of one round do not meet those of another.
const NUMBERS_PER_ROUND: u64 = 1_000_000;
const THREADS: usize = 4;

#[tokio::test]
async fn after_kill_9_every_acknowledged_record_is_stored_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = BTreeSet::new();
    for round in 0..ROUNDS {
        let acks_before_kill = fastrand::usize(1..3_000);
        acknowledged.extend(append_until_killed(dir.path(), round, acks_before_kill));
        let store = open(dir.path()).await;
        store.flush().await.unwrap();
        let stored = stored(&store).await;
        let unique: BTreeSet<u64> = stored.iter().copied().collect();
        assert_eq!(unique.len(), stored.len(), "something is stored twice after round {round}");
        let lost: Vec<_> = acknowledged.difference(&unique).take(5).collect();
        assert!(lost.is_empty(), "acknowledged and lost in round {round}: {lost:?} …");
        // Every other time the next process finds the journal as a kill leaves it.
        if round % 2 == 0 {
            store.close().await.unwrap();
        }
    }
    assert!(acknowledged.len() > ROUNDS);
}

/// Runs the child until it has acknowledged so many, kills it, and returns all that it acknowledged.
fn append_until_killed(dir: &Path, round: usize, acks: usize) -> Vec<u64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["kill::child_that_appends", "--exact", "--ignored", "--nocapture"])
        .env("WEIR_TEST_DIR", dir)
        .env("WEIR_TEST_ROUND", round.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut acknowledged = Vec::new();
    let mut line = String::new();
    while output.read_line(&mut line).unwrap() > 0 {
        // A line without its end was not acknowledged: the kill came first.
        if let Some(number) = line.strip_prefix("ack ").and_then(|rest| rest.strip_suffix('\n')) {
            acknowledged.push(number.parse().unwrap());
        }
        if acknowledged.len() == acks {
            kill_9(&mut child);
        }
        line.clear();
    }
    kill_9(&mut child);
    child.wait().unwrap();
    assert!(acknowledged.len() >= acks, "the child ended by itself");
    acknowledged
}

fn kill_9(child: &mut Child) {
    // SIGKILL on Unix; an error says that it is dead already.
    let _ = child.kill();
}

#[tokio::test]
#[ignore = "a child of the test above"]
async fn child_that_appends() {
    let dir = std::env::var("WEIR_TEST_DIR").unwrap();
    let round: u64 = std::env::var("WEIR_TEST_ROUND").unwrap().parse().unwrap();
    let store = open(Path::new(&dir)).await;
    let sink = store.sink();
    std::thread::scope(|threads| {
        for thread in 0..THREADS {
            let sink = &sink;
            threads.spawn(move || {
                for number in (thread as u64..).step_by(THREADS) {
                    let number = round * NUMBERS_PER_ROUND + number;
                    sink.append(&[record(number)]).unwrap();
                    let mut output = std::io::stdout().lock();
                    writeln!(output, "ack {number}").and_then(|()| output.flush()).unwrap();
                }
            });
        }
    });
}
