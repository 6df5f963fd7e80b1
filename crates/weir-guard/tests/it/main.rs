//! The guard as its users see it: attacks in disguise, texts made to be slow, and laws that hold for every text.

mod evasion;
mod laws;

use std::sync::LazyLock;

use weir_guard::{ClassifierUse, Packs, PacksConfig, Passage, Place};

/// The packs with everything on. Built once, because compiling rules without optimisation takes seconds.
static PACKS: LazyLock<Packs> = LazyLock::new(|| {
    Packs::new(&PacksConfig { classifier: ClassifierUse::Small, ..PacksConfig::default() })
        .expect("the bundled packs are right")
});

fn passage(place: Place, text: &str) -> Passage<'_> {
    Passage { place, path: "/0/content".to_owned(), text: text.into() }
}
