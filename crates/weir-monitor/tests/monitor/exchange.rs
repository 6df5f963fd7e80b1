//! Import and export: whole files against snapshots, and the laws that hold for all of them.

mod mutilated;
mod roundtrip;
mod traps;

use weir_monitor::{
    Definitions, Export, Import, Monitor, System, exchange_reference, export, import, load, shown_losses,
};

const DATADOG: &str = include_str!("../../../../testdata/monitors/exchange/datadog.json");
const RULES: &str = include_str!("../../../../testdata/monitors/exchange/rules.yaml");
const TERRAFORM: &str = include_str!("../../../../testdata/monitors/exchange/terraform.json");

fn imported(system: System, text: &str) -> Import {
    match import(system, "file", text) {
        Ok(import) => import,
        Err(error) => panic!("{error}"),
    }
}

/// Definitions and losses, as the command line shows them.
fn shown(import: &Import) -> String {
    format!("{}\n--- losses\n{}", import.to_toml(), shown_losses(&import.losses))
}

fn shown_export(export: &Export) -> String {
    format!("{}\n--- losses\n{}", export.text, shown_losses(&export.losses))
}

/// The monitors of a file of definitions, without the bundled ones.
fn loaded(toml: &str) -> Vec<Monitor> {
    let own = Definitions::read("own.toml", toml).unwrap_or_else(|error| panic!("{error}\n{toml}"));
    let monitors = load(&[own]).unwrap_or_else(|errors| panic!("{errors:?}\n{toml}"));
    monitors.into_iter().filter(|monitor| monitor.file == "own.toml").collect()
}

#[test]
fn an_export_of_datadog_becomes_definitions_and_a_list_of_losses() {
    let import = imported(System::Datadog, DATADOG);
    insta::assert_snapshot!(shown(&import));
    assert_eq!(loaded(&import.to_toml()).len(), import.monitors.len(), "all of them load");
}

#[test]
fn a_state_of_terraform_becomes_definitions_modules_and_all() {
    let import = imported(System::Terraform, TERRAFORM);
    insta::assert_snapshot!(shown(&import));
    assert_eq!(loaded(&import.to_toml()).len(), import.monitors.len(), "all of them load");
}

#[test]
fn the_bundled_seven_go_to_datadog() {
    insta::assert_snapshot!(shown_export(&export(System::Datadog, &load(&[]).unwrap())));
}

#[test]
fn the_bundled_seven_go_to_terraform() {
    insta::assert_snapshot!(shown_export(&export(System::Terraform, &load(&[]).unwrap())));
}

#[test]
fn rules_of_prometheus_become_definitions_and_what_has_no_counterpart_is_named() {
    let import = imported(System::Prometheus, RULES);
    insta::assert_snapshot!(shown(&import));
    assert_eq!(loaded(&import.to_toml()).len(), import.monitors.len(), "all of them load");
}

#[test]
fn the_bundled_seven_go_to_prometheus() {
    insta::assert_snapshot!(shown_export(&export(System::Prometheus, &load(&[]).unwrap())));
}

#[test]
fn every_key_of_a_definition_has_a_row_that_says_what_becomes_of_it() {
    let schema = serde_json::to_value(schemars::schema_for!(weir_monitor::Entry)).unwrap();
    let reference = exchange_reference();
    for key in schema["properties"].as_object().unwrap().keys() {
        assert!(reference.contains(&format!("\n| `{key}` |")), "{key} has no row in exchange/fate.rs");
    }
}

#[test]
fn the_reference_has_the_tables_of_the_code() {
    let page = include_str!("../../../../docs/reference/monitors.md");
    let reference = exchange_reference();
    assert!(page.contains(&reference), "docs/reference/monitors.md lacks:\n\n{reference}");
}
