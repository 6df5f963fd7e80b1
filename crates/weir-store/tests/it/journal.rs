//! The journal's promises, broken file by broken file.

use std::path::Path;

use weir_store::{Durability, SegmentEnd, Store, StoreConfig, StoreError, replay_segment};
use weir_types::{Content, Record, SinkError, UnixMicros, limits};

use crate::support::{START, TurnedClock, config, files, open, record, segments, span, stored};

/// A segment with these spans, one append each, as a process leaves it that ends before anything is in DuckDB.
async fn segment_of(numbers: &[u64]) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    // The recorder never gets to work, because its file is a folder.
    std::fs::create_dir(dir.path().join("weir.duckdb")).unwrap();
    // Where DuckDB cannot say where it is, positions begin with the time.
    let store = Store::open(config(dir.path()), TurnedClock::at(UnixMicros(1))).await.unwrap();
    for number in numbers {
        store.sink().append(&[record(*number)]).unwrap();
    }
    drop(store);
    let [segment] = &segments(dir.path())[..] else { panic!("one segment") };
    std::fs::read(segment).unwrap()
}

/// A folder whose journal has this segment and nothing else.
fn folder_with(segment: &[u8]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("journal")).unwrap();
    std::fs::write(dir.path().join("journal/00000000000000000001.wj"), segment).unwrap();
    dir
}

/// Where each frame of a segment ends.
fn ends_of_frames(segment: &[u8]) -> Vec<usize> {
    let mut ends = Vec::new();
    for cut in 0..=segment.len() {
        let replay = replay_segment(&segment[..cut], |_| {});
        if replay.end == SegmentEnd::Clean && replay.frames > ends.len() as u64 {
            ends.push(cut);
        }
    }
    ends
}

#[tokio::test]
async fn a_journal_cut_at_any_byte_gives_exactly_the_appends_before_the_cut() {
    let segment = segment_of(&[1, 2, 3]).await;
    let ends = ends_of_frames(&segment);
    assert_eq!(ends.len(), 3);
    // Every byte of the last frame and its surroundings, and some of the others.
    let cuts = (0..segment.len()).filter(|cut| cut % 61 == 0 || *cut + 9 > ends[1] && *cut < ends[1] + 20);
    for cut in cuts.chain([segment.len()]) {
        let dir = folder_with(&segment[..cut]);
        let store = open(dir.path()).await;
        store.sink().append(&[record(9)]).unwrap();
        store.flush().await.unwrap();
        let mut expected: Vec<u64> = (1..=ends.iter().filter(|end| **end <= cut).count() as u64).collect();
        expected.push(9);
        assert_eq!(stored(&store).await, expected, "cut at {cut}");
        assert!(
            files(&dir.path().join("journal"), "damaged").is_empty(),
            "a torn end is no damage, at {cut}"
        );
        store.close().await.unwrap();
    }
}

#[tokio::test]
async fn damage_in_the_middle_keeps_what_is_before_and_puts_the_rest_aside() {
    let mut segment = segment_of(&[1, 2, 3]).await;
    let ends = ends_of_frames(&segment);
    segment[ends[0] + 100] ^= 1;
    let dir = folder_with(&segment);
    let store = open(dir.path()).await;
    store.sink().append(&[record(9)]).unwrap();
    store.flush().await.unwrap();
    assert_eq!(stored(&store).await, [1, 9]);
    assert_eq!(store.stats().quarantined_bytes, (segment.len() - ends[0]) as u64);
    let [side_file] = &files(&dir.path().join("journal"), "damaged")[..] else { panic!("one side file") };
    assert_eq!(std::fs::read(side_file).unwrap(), segment[ends[0]..]);
}

#[tokio::test]
async fn a_damaged_old_segment_does_not_hide_the_next_one() {
    let mut first = segment_of(&[1, 2]).await;
    let end = ends_of_frames(&first)[0];
    first[end + 50] ^= 1;
    let dir = folder_with(&first);
    // The next segment holds positions from 7 on.
    let second = segment_of(&[3]).await;
    let shifted = with_positions_from(&second, 7);
    std::fs::write(dir.path().join("journal/00000000000000000007.wj"), shifted).unwrap();
    let store = open(dir.path()).await;
    store.flush().await.unwrap();
    assert_eq!(stored(&store).await, [1, 3]);
    assert!(store.stats().quarantined_bytes > 0);
    assert_eq!(store.stats().journal_position, 7);
}

#[tokio::test]
async fn what_was_lost_at_the_end_is_not_waited_for() {
    let mut first = segment_of(&[1, 2]).await;
    let end = ends_of_frames(&first)[0];
    first[end + 50] ^= 1;
    let dir = folder_with(&first);
    let header = with_positions_from(&segment_of(&[3]).await, 7)[..24].to_vec();
    std::fs::write(dir.path().join("journal/00000000000000000007.wj"), header).unwrap();
    let store = open(dir.path()).await;
    store.flush().await.unwrap();
    assert_eq!(stored(&store).await, [1]);
    store.sink().append(&[record(3)]).unwrap();
    store.flush().await.unwrap();
    assert_eq!(stored(&store).await, [1, 3]);
}

#[tokio::test]
async fn a_closed_store_answers_nothing_and_takes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    store.sink().append(&[record(1)]).unwrap();
    let (sink, browse) = (store.sink(), store.browse());
    store.close().await.unwrap();
    assert_eq!(sink.append(&[record(2)]), Err(SinkError::Closed));
    assert!(browse.extent().is_err());
}

/// A segment of one frame, moved to a position; checksums as `docs/reference/journal.md` describes them.
fn with_positions_from(segment: &[u8], position: u64) -> Vec<u8> {
    let mut moved = segment.to_vec();
    moved[12..20].copy_from_slice(&position.to_le_bytes());
    let crc = crc32c::crc32c(&moved[..20]);
    moved[20..24].copy_from_slice(&crc.to_le_bytes());
    moved[32..40].copy_from_slice(&position.to_le_bytes());
    let crc = crc32c::crc32c(&moved[41..]);
    let crc = crc32c::crc32c_append(crc32c::crc32c_append(crc, &moved[24..28]), &moved[32..41]);
    moved[28..32].copy_from_slice(&crc.to_le_bytes());
    moved
}

#[tokio::test]
async fn the_records_of_one_append_arrive_all_or_none() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("weir.duckdb")).unwrap();
    let store = open(dir.path()).await;
    store.sink().append(&[record(1), record(2), record(3)]).unwrap();
    drop(store);
    let segment = std::fs::read(&segments(dir.path())[0]).unwrap();
    for cut in [segment.len() - 1, segment.len() / 2] {
        let mut records = 0;
        replay_segment(&segment[..cut], |frame| records += frame.records().unwrap().len());
        assert_eq!(records, 0);
    }
}

#[tokio::test]
async fn a_record_over_the_limit_is_refused_and_nothing_of_its_append_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let mut large = span(1, START);
    large.input = Some(Content::new("x".repeat(limits::RECORD_BYTES_MAX)));
    let error = store.sink().append(&[record(2), Record::Span(Box::new(large))]).unwrap_err();
    assert!(matches!(error, SinkError::TooLarge { bytes, max } if bytes > max), "{error}");
    store.sink().append(&[record(3)]).unwrap();
    store.flush().await.unwrap();
    assert_eq!(stored(&store).await, [3]);
    assert_eq!(store.stats().append_errors, 1);
}

#[tokio::test]
async fn segments_are_removed_once_they_are_stored() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let megabyte = "x".repeat(limits::CONTENT_BYTES_MAX);
    for number in 0..150 {
        let mut large = span(number, START);
        large.input = Some(Content::new(megabyte.as_str()));
        store.sink().append(&[Record::Span(Box::new(large))]).unwrap();
    }
    store.flush().await.unwrap();
    assert_eq!(stored(&store).await.len(), 150);
    assert_eq!(segments(dir.path()).len(), 1, "what is stored is gone");
    let len = std::fs::metadata(&segments(dir.path())[0]).unwrap().len();
    assert_eq!(store.stats().journal_bytes, len);
    store.close().await.unwrap();
    assert_eq!(std::fs::metadata(&segments(dir.path())[0]).unwrap().len(), 24, "only a header is left");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn with_fsync_an_append_returns_when_the_disk_has_it() {
    let dir = tempfile::tempdir().unwrap();
    let config = StoreConfig { durability: Durability::Fsync, ..config(dir.path()) };
    let store = Store::open(config, TurnedClock::at(START)).await.unwrap();
    let sink = store.sink();
    std::thread::scope(|threads| {
        for thread in 0..4u64 {
            let (sink, store) = (&sink, &store);
            threads.spawn(move || {
                for number in 0..50 {
                    let before = store.stats().journal_position;
                    sink.append(&[record(thread * 50 + number)]).unwrap();
                    assert!(store.stats().synced_position > before);
                }
            });
        }
    });
    store.flush().await.unwrap();
    assert_eq!(stored(&store).await, (0..200).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_second_weir_on_the_same_folder_is_told_so() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let second = Store::open(config(dir.path()), TurnedClock::at(START)).await;
    let Err(error @ StoreError::Locked { .. }) = second else { panic!("locked") };
    assert!(error.to_string().contains("in use by another weir"), "{error}");
    store.close().await.unwrap();
    open(dir.path()).await.close().await.unwrap();
}

#[tokio::test]
async fn a_journal_that_was_removed_begins_after_what_is_stored() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    for number in 1..=5 {
        store.sink().append(&[record(number)]).unwrap();
    }
    store.close().await.unwrap();
    std::fs::remove_dir_all(dir.path().join("journal")).unwrap();
    let store = open(dir.path()).await;
    store.sink().append(&[record(6)]).unwrap();
    drop(store);
    let store = open(dir.path()).await;
    store.flush().await.unwrap();
    assert_eq!(stored(&store).await, [1, 2, 3, 4, 5, 6]);
}

#[tokio::test]
async fn a_journal_that_is_behind_what_is_stored_loses_nothing_new() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    for number in 1..=5 {
        store.sink().append(&[record(number)]).unwrap();
        store.flush().await.unwrap();
    }
    store.close().await.unwrap();
    // An older journal is put back in the place of the newer one.
    std::fs::remove_file(&segments(dir.path())[0]).unwrap();
    std::fs::write(dir.path().join("journal/00000000000000000001.wj"), segment_of(&[1]).await).unwrap();
    for number in 6..=7 {
        let store = open(dir.path()).await;
        store.sink().append(&[record(number)]).unwrap();
        drop(store);
    }
    let store = open(dir.path()).await;
    store.flush().await.unwrap();
    assert_eq!(stored(&store).await, [1, 2, 3, 4, 5, 6, 7]);
}

#[tokio::test]
async fn nothing_is_opened_before_something_is_stored() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    assert_eq!(store.browse().extent(), Ok(None));
    assert!(!exists(dir.path()), "an idle Weir does not pay for DuckDB");
    store.sink().append(&[record(1)]).unwrap();
    store.flush().await.unwrap();
    assert!(exists(dir.path()));
    store.close().await.unwrap();
}

fn exists(dir: &Path) -> bool {
    dir.join("weir.duckdb").exists()
}
