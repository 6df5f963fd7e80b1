//! Redaction: whatever a text says, nothing that is found remains, JSON stays JSON, and redacting twice is redacting once.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use weir_guard::{Class, Detector, Kinds};

static DETECTOR: LazyLock<Detector> =
    LazyLock::new(|| Detector::new(Kinds::of_class(Class::Secret).and(Kinds::of_class(Class::Pii))));

fuzz_target!(|text: &str| {
    let Some(redacted) = DETECTOR.redact_body(text) else { return };
    assert!(DETECTOR.redact_body(&redacted.text).is_none(), "{}", redacted.text);
    if serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok() {
        serde_json::from_str::<&serde_json::value::RawValue>(&redacted.text).expect("JSON stays JSON");
    }
});
