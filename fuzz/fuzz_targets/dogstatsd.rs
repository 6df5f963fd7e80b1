//! DogStatsD: whatever a datagram holds, each of its lines is kept or refused, and no value is kept that is no number.

#![no_main]

use libfuzzer_sys::fuzz_target;
use weir_ingest::dogstatsd;
use weir_types::{Record, UnixMicros};

const NOW: UnixMicros = UnixMicros(1_700_000_000_000_000);

fuzz_target!(|data: &[u8]| {
    let (records, refusals) = dogstatsd::decode(data, NOW);
    let is_empty = |line: &&[u8]| line.is_empty() || *line == b"\r";
    let lines = data.split(|byte| *byte == b'\n').filter(|line| !is_empty(line)).count();
    assert!(!records.is_empty() || !refusals.is_empty() || lines == 0);
    for record in records {
        if let Record::Point(point) = record {
            assert!(point.value.is_finite() && !point.name.is_empty() && point.tags.len() <= 101);
        }
    }
});
