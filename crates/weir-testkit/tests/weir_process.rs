//! The real binary as a child: it starts, records, survives a kill with its data, and stops when asked to.

use serde_json::json;
use weir_testkit::{TestError, WeirProcess, eventually, start_simulator};

#[tokio::test]
async fn a_weir_that_is_killed_has_its_data_when_it_starts_again() {
    let provider = start_simulator().await.unwrap();
    let config =
        format!("[providers.openai]\nkind = \"openai\"\nbase_url = \"{}\"\n", provider.openai_base_url());
    let mut weir = match WeirProcess::start(&config).await {
        Ok(weir) => weir,
        // The binary is another package, which `cargo test -p weir-testkit` alone does not build.
        Err(error @ TestError::NoBinary { .. }) if std::env::var_os("WEIR_BIN").is_none() => {
            eprintln!("not tested: {error}");
            return;
        }
        Err(error) => panic!("{error}"),
    };
    let body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]}).to_string();
    let answer = weir.post("/v1/chat/completions", &[], body).await.unwrap();
    let span_id = answer.header("weir-span-id").to_owned();
    assert_eq!(span_id.len(), 16, "{}", answer.text());

    weir.kill9().await.unwrap();
    assert!(weir.get("/healthz").await.is_err());
    weir.restart().await.unwrap();
    let stored = async || {
        let rows = weir.sql(&format!("SELECT model FROM spans WHERE span_id = '{span_id}'")).await.ok()?;
        rows.first().map(|row| row[0].clone())
    };
    assert_eq!(eventually("the span after the kill", stored).await.unwrap(), "gpt-4o");
    assert!(weir.stop().await.unwrap().success(), "{}", weir.log());
    provider.stop().await;
}
