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
