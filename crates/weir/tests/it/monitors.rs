//! `weir monitor`: what conditions mean and what is wrong with definitions, from outside.

use crate::support::*;

fn folder_with(config: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("weir.toml"), config).unwrap();
    folder
}

#[tokio::test]
async fn a_condition_is_explained_and_a_mistake_in_one_is_told_at_its_place() {
    let told = weir(&["monitor", "explain", "p95(llm.request.duration) by model_name > 5000ms"]).await.good();
    assert!(told.contains("the last 5m (default)") && told.contains("<= 5000ms (default)"), "{told}");
    let told = weir(&["monitor", "explain", "p95(llm.request.duration) by modle > 5000ms"]).await.bad();
    assert!(told.starts_with("error: ") && told.contains("did you mean `model`?"), "{told}");
}

#[tokio::test]
async fn the_configuration_moves_a_threshold_and_a_file_adds_a_monitor() {
    let folder = folder_with("[[monitors]]\nname = \"p95-latency-per-model\"\nthreshold = \"8s\"\n");
    let more = "[[monitors]]\nname = \"slow\"\ncondition = \"p99(llm.request.duration) > 20s\"\nmessage = \"{value}s\"\n";
    std::fs::write(folder.path().join("more.toml"), more).unwrap();
    let listed = weir_in(folder.path(), &["monitor", "list", "more.toml", "--format", "json"]).await.good();
    let listed: Vec<serde_json::Value> = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed.len(), 8);
    assert_eq!((&listed[1]["warning"], &listed[1]["critical"]), (&"8000".into(), &"10000".into()));
    assert_eq!((&listed[7]["name"], &listed[7]["file"]), (&"slow".into(), &"more.toml".into()));
    let checked = weir_in(folder.path(), &["monitor", "check", "more.toml"]).await.good();
    assert!(checked.contains("Model <model> P95 latency at 8000ms") && checked.contains("20s"), "{checked}");
}

#[tokio::test]
async fn a_monitor_that_means_nothing_keeps_weir_from_starting() {
    let folder = folder_with("[[monitors]]\nname = \"error-rate-spike\"\nthreshold = \"5usd\"\n");
    for arguments in [&["monitor", "check"][..], &["check"], &["serve"]] {
        let told = weir_in(folder.path(), arguments).await.bad();
        assert!(told.contains("the value is a ratio, the threshold is 5usd"), "{arguments:?}: {told}");
    }
}

/// A file of the repository.
fn of_repository(name: &str) -> String {
    format!("{}/../../{name}", env!("CARGO_MANIFEST_DIR"))
}

#[tokio::test]
async fn the_tests_of_the_seven_hold_and_builds_can_read_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = of_repository("monitors/seven.test.toml");
    let told = weir_in(folder.path(), &["monitor", "test", &file, "--junit", "out.xml"]).await.good();
    assert!(told.contains("8 tests, 0 of which failed\neach of 7 monitors leaves OK in some test"), "{told}");
    let xml = std::fs::read_to_string(folder.path().join("out.xml")).unwrap();
    assert!(xml.contains("tests=\"8\" failures=\"0\""), "{xml}");
}

const BUSY: &str =
    "[[monitors]]\nname = \"busy\"\ncondition = \"sum(calls) > 10 over 1m\"\nmessage = \"{value}\"\n";
const BUSY_TESTS: &str = r#"monitors = ["busy.toml"]
[[tests]]
name    = "a minute with eleven"
monitor = "busy"
series  = { calls = "1 11 1" }
[tests.expect]
"" = ["OK", "ALERT@3m", "OK"]
"#;

#[tokio::test]
async fn a_test_that_does_not_hold_is_told_at_its_line_and_can_be_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let more = folder.path().join("more");
    std::fs::create_dir(&more).unwrap();
    std::fs::write(more.join("busy.toml"), BUSY).unwrap();
    std::fs::write(more.join("busy.test.toml"), BUSY_TESTS).unwrap();
    let ran = weir_in(folder.path(), &["monitor", "test", "more/busy.test.toml"]).await;
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    insta::assert_snapshot!(ran.stdout);
    weir_in(folder.path(), &["monitor", "test", "more/busy.test.toml", "--update"]).await.good();
    let recorded = std::fs::read_to_string(more.join("busy.test.toml")).unwrap();
    assert!(
        recorded.ends_with("[tests.expect]\n\"\" = [\"OK@0m\", \"ALERT@2m\", \"OK@3m\"]\n"),
        "{recorded}"
    );
    weir_in(folder.path(), &["monitor", "test", "more/busy.test.toml"]).await.good();
}

#[tokio::test]
async fn a_mistake_in_a_file_of_tests_is_told_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("busy.toml"), BUSY).unwrap();
    std::fs::write(folder.path().join("x.test.toml"), BUSY_TESTS.replace("1 11 1", "1 eleven 1")).unwrap();
    let told = weir_in(folder.path(), &["monitor", "test", "x.test.toml"]).await.bad();
    assert!(told.contains("x.test.toml:5: test \"a minute with eleven\": series calls: `eleven`"), "{told}");
    let inline = BUSY_TESTS.replace("[tests.expect]\n\"\" =", "expect.'' =");
    std::fs::write(folder.path().join("x.test.toml"), &inline).unwrap();
    let told = weir_in(folder.path(), &["monitor", "test", "x.test.toml", "--update"]).await.bad();
    assert!(told.contains("must be a table [tests.expect] of its own"), "{told}");
    assert_eq!(std::fs::read_to_string(folder.path().join("x.test.toml")).unwrap(), inline);
    let told = weir_in(folder.path(), &["monitor", "test", "nowhere.toml"]).await.bad();
    assert!(told.contains("cannot read the tests nowhere.toml"), "{told}");
}

/// A file of the fixtures of the exchange.
fn fixture(name: &str) -> String {
    of_repository(&format!("testdata/monitors/exchange/{name}"))
}

#[tokio::test]
async fn monitors_of_other_systems_are_imported_with_a_list_of_what_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    for (system, file) in
        [("datadog", "datadog.json"), ("terraform", "terraform.json"), ("prometheus", "rules.yaml")]
    {
        let to = format!("{system}.toml");
        let ran = weir_in(folder.path(), &["monitor", "import", system, &fixture(file), "--to", &to]).await;
        assert!(ran.stderr.contains("did not come along"), "{system}: {}", ran.stderr);
        assert!(ran.good().contains("monitors written to"));
        let checked = weir_in(folder.path(), &["monitor", "check", &to]).await.good();
        assert!(checked.contains("no mistakes"), "{checked}");
        // Nobody's changes are written over.
        let told =
            weir_in(folder.path(), &["monitor", "import", system, &fixture(file), "--to", &to]).await.bad();
        assert!(told.contains("cannot write the definitions"), "{told}");
    }
}

#[tokio::test]
async fn what_is_no_export_of_the_other_system_is_an_error_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    for (system, wanted) in [("datadog", "no JSON"), ("terraform", "no JSON"), ("prometheus", "no `groups`")]
    {
        std::fs::write(folder.path().join("file"), "nothing").unwrap();
        let told =
            weir_in(folder.path(), &["monitor", "import", system, "file", "--to", "out.toml"]).await.bad();
        assert!(told.contains(wanted), "{system}: {told}");
        assert!(!folder.path().join("out.toml").exists());
    }
}

#[tokio::test]
async fn monitors_are_exported_by_name_and_a_wrong_name_is_told() {
    let ran = weir(&["monitor", "export", "datadog", "p95-latency-per-model"]).await;
    assert!(ran.stderr.contains("min_samples 20"), "{}", ran.stderr);
    let list: Vec<serde_json::Value> = serde_json::from_str(&ran.good()).unwrap();
    assert_eq!(list.len(), 1);
    assert_eq!(list[0]["options"]["thresholds"]["critical"], 10_000);
    let hcl = weir(&["monitor", "export", "terraform"]).await.good();
    assert_eq!(hcl.matches("resource \"datadog_monitor\"").count(), 7, "{hcl}");
    let told = weir(&["monitor", "export", "prometheus", "error-rate-spik"]).await.bad();
    assert!(told.contains("did you mean `error-rate-spike`?"), "{told}");
}
