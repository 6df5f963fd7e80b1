//! The injection guard: whatever a text is, it has a report whose places are in it, on boundaries of characters, and the same each time.
//! The last byte chooses where in a call the text stands.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use weir_guard::{ClassifierUse, Packs, PacksConfig, Passage, Place};

static PACKS: LazyLock<Packs> = LazyLock::new(|| {
    Packs::new(&PacksConfig { classifier: ClassifierUse::Small, ..PacksConfig::default() }).expect("the bundled packs are right")
});

fuzz_target!(|data: &[u8]| {
    let Some((choice, text)) = data.split_last() else { return };
    let text = String::from_utf8_lossy(text);
    let place = if choice % 2 == 0 { Place::Input } else { Place::Documents };
    let passages = [Passage { place, path: String::new(), text: (&*text).into() }];
    let report = PACKS.inspect(&passages);
    for found in &report.matches {
        assert!(found.start < found.end && found.end <= text.len());
        assert!(text.is_char_boundary(found.start) && text.is_char_boundary(found.end));
    }
    for score in [report.seed, report.strong, report.classifier].into_iter().flatten() {
        assert!((0.0..=1.0).contains(&score));
    }
    assert_eq!(PACKS.inspect(&passages), report);
});
