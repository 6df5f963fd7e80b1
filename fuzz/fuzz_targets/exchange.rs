//! Files of other systems: nothing panics, what is imported loads, and what loads can be exported.

#![no_main]

use libfuzzer_sys::fuzz_target;
use weir_monitor::{Definitions, System, export, import, load, shown_losses};

const SYSTEMS: [System; 3] = [System::Datadog, System::Terraform, System::Prometheus];

fuzz_target!(|data: &[u8]| {
    // The last byte chooses whose file it is.
    let Some((choice, file)) = data.split_last() else { return };
    let text = String::from_utf8_lossy(file);
    let Ok(imported) = import(SYSTEMS[usize::from(*choice) % SYSTEMS.len()], "file", &text) else { return };
    assert!(!shown_losses(&imported.losses).is_empty());
    let toml = imported.to_toml();
    let definitions = Definitions::read("imported", &toml).unwrap_or_else(|error| panic!("{error}\n{toml}"));
    let monitors = load(&[definitions]).unwrap_or_else(|errors| panic!("{errors:?}\n{toml}"));
    for system in SYSTEMS {
        assert!(!export(system, &monitors).text.is_empty() || system == System::Terraform);
    }
});
