//! `weir check` and `weir doctor`: what is wrong, told at once, and by the exit status too.

use std::path::Path;

use insta::assert_snapshot;

use crate::support::*;

fn folder_with(config: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("weir.toml"), config).unwrap();
    folder
}

#[tokio::test]
async fn a_good_configuration_is_told_back() {
    let folder = folder_with(
        "[providers.openai]\n[providers.local]\nkind = \"openai\"\nbase_url = \"http://127.0.0.1:8000/v1\"\n\n[[routes]]\n\
         model = \"llama-*\"\ntargets = [\"local\", { provider = \"openai\", model = \"gpt-4o-mini\" }]\n",
    );
    assert_snapshot!(weir_in(folder.path(), &["check"]).await.good());
}

#[tokio::test]
async fn every_mistake_is_told_with_file_line_key_and_suggestion() {
    let folder = folder_with(
        "[server]\nlisen = \"127.0.0.1:7070\"\n\n[gateway]\nauth = \"key\"\n\n[providers.openai]\nkind = \"opanai\"\n\
         timeout_ms = \"5s\"\n",
    );
    let ran = weir_in(folder.path(), &["check", "--config", "weir.toml"]).await;
    assert_eq!(ran.stdout, "");
    assert_snapshot!(ran.bad());
}

#[tokio::test]
async fn a_secret_that_is_not_there_is_a_mistake_and_its_name_is_told() {
    let folder = folder_with("[providers.openai]\napi_key = { env = \"WEIR_TEST_NO_SUCH_KEY\" }\n");
    let said = weir_in(folder.path(), &["check"]).await.bad();
    assert!(said.contains("weir.toml:2") && said.contains("WEIR_TEST_NO_SUCH_KEY is not set"), "{said}");
}

#[tokio::test]
async fn a_file_that_is_not_there_or_no_toml_is_told() {
    let said = weir(&["check", "--config", "nowhere.toml"]).await.bad();
    assert!(said.contains("nowhere.toml"), "{said}");
    let folder = folder_with("[server\n");
    let said = weir_in(folder.path(), &["check"]).await.bad();
    assert!(said.contains("weir.toml:1"), "{said}");
}

#[tokio::test]
async fn the_schema_is_one_json_document() {
    let schema: serde_json::Value = serde_json::from_str(&weir(&["check", "--schema"]).await.good()).unwrap();
    assert!(schema["properties"]["providers"].is_object(), "{schema}");
}

async fn doctor(folder: &Path, server: &str) -> Ran {
    weir_in(folder, &["doctor", "--config", "weir.toml", "--server", server]).await
}

#[tokio::test]
async fn the_doctor_finds_nothing_wrong_with_a_weir_that_works() {
    let (simulator, weir) = weir_before_simulator("").await;
    assert_serves(&weir).await;
    everything_stored(&weir).await;
    let folder = folder_with(&config(&simulator, ""));
    let told = doctor(folder.path(), &weir.url("")).await.good();
    assert!(told.contains("nothing is wrong") && !told.contains("BAD"), "{told}");
    assert!(told.contains("1 spans written"), "{told}");
}

#[tokio::test]
async fn the_doctor_finds_what_is_not_there_and_what_cannot_be_read() {
    let nobody = weir_testkit::free_address().unwrap();
    let folder = folder_with(&format!("[providers.openai]\nbase_url = \"http://{nobody}/v1\"\n"));
    let ran = doctor(folder.path(), &format!("http://{nobody}")).await;
    assert_eq!(ran.code, Some(1));
    for expected in ["provider openai", "cannot be reached", "no Weir answers", "2 things are wrong"] {
        assert!(ran.stdout.contains(expected), "{expected}: {}", ran.stdout);
    }
    let folder = folder_with("[sever]\n");
    let ran = doctor(folder.path(), &format!("http://{nobody}")).await;
    assert_eq!(ran.code, Some(1));
    assert!(ran.stdout.contains("1 mistake in weir.toml"), "{}", ran.stdout);
}
