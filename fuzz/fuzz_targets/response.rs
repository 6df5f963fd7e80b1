//! Whole answers and error bodies: nothing panics, and what is kept as output is JSON. The last three bytes choose the
//! dialect and the status.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::value::RawValue;
use weir_dialect::{Dialect, read_error, read_response};

fuzz_target!(|data: &[u8]| {
    let Some((body, [dialect, status @ ..])) = data.split_last_chunk::<3>() else { return };
    let dialect = Dialect::ALL[usize::from(*dialect) % Dialect::ALL.len()];
    if let Some(output) = read_response(dialect, body).output {
        serde_json::from_str::<&RawValue>(&output).expect("the output is JSON");
    }
    let error = read_error(u16::from_le_bytes(*status), body);
    assert!(!error.kind.as_str().is_empty());
});
