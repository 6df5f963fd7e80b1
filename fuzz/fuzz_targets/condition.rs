//! Conditions of monitors: nothing panics, errors point into the text, and what parses can be explained.

#![no_main]

use libfuzzer_sys::fuzz_target;
use weir_monitor::{explain, parse_condition};

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    match parse_condition(&text) {
        Ok(condition) => assert!(!explain(&condition).is_empty()),
        Err(error) => {
            let span = &error.span;
            assert!(span.start <= span.end && span.end <= text.len(), "{span:?}");
            assert!(!error.render(&text).is_empty());
        }
    }
});
