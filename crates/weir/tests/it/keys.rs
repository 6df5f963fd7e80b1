//! Virtual keys: made on the command line, with and without a running Weir, and what they open and charge.

use serde_json::Value;
use weir_testkit::{SimulatedProvider, SimulatorConfig};

use crate::support::*;

/// Calls need a virtual key, and the provider needs its own, which is in this file.
fn locked(simulator: &RunningProvider, secret_file: &std::path::Path) -> String {
    format!(
        "[gateway]\nauth = \"keys\"\n\n[providers.openai]\nbase_url = \"http://{}/v1\"\napi_key = {{ file = '{}' }}\n",
        simulator.address(),
        secret_file.display()
    )
}

#[tokio::test]
async fn with_keys_no_call_without_one_is_answered_and_its_team_pays_whatever_headers_say() {
    let simulator =
        SimulatedProvider::start(SimulatorConfig { key_required: true, ..SimulatorConfig::default() })
            .await
            .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let secret_file = folder.path().join("key");
    std::fs::write(&secret_file, "sk-provider\n").unwrap();
    let weir = WeirProcess::start(&locked(&simulator, &secret_file)).await.unwrap();
    let server = weir.url("");
    let create = [
        "key", "create", "--name", "shop", "--team", "payments", "--app", "checkout", "-q", "--server",
        &server,
    ];
    let key = crate::support::weir(&create).await.good().trim().to_owned();
    assert!(key.starts_with("wk-"), "{key}");

    for headers in
        [vec![], vec![("authorization", "Bearer sk-provider")], vec![("authorization", "Bearer wk-guessed")]]
    {
        let answer = weir.post("/v1/chat/completions", &headers, chat(false)).await.unwrap();
        assert_eq!(answer.status, 401, "{headers:?}");
        assert_eq!(span_of(&weir, &answer).await["http_status"], 401);
    }
    assert_eq!(simulator.tally().requests, 0);

    let bearer = format!("Bearer {key}");
    let headers = [
        ("authorization", &*bearer),
        ("weir-team", "someone-else"),
        ("weir-app", "other"),
        ("weir-user", "ann"),
    ];
    let answer = weir.post("/v1/chat/completions", &headers, chat(false)).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let span = span_of(&weir, &answer).await;
    assert_eq!(
        (&span["team"], &span["app"], &span["user"]),
        (&"payments".into(), &"checkout".into(), &"ann".into())
    );
    let keys = list(&["--server", &server]).await;
    assert_eq!(span["key_id"], keys[0]["id"]);

    let id = keys[0]["id"].as_str().unwrap();
    crate::support::weir(&["key", "revoke", id, "--server", &server]).await.good();
    let answer = weir.post("/v1/chat/completions", &headers, chat(false)).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.header("weir-error")), (401, "key_revoked"));
    assert!(!weir.log().contains(&key), "keys are in no log");
}

#[tokio::test]
async fn a_key_opens_only_the_models_it_was_made_for() {
    let (_simulator, weir) = weir_before_simulator("").await;
    let server = weir.url("");
    let create = ["key", "create", "--team", "search", "--model", "gpt-4o-mini*", "-q", "--server", &server];
    let key = crate::support::weir(&create).await.good();
    let bearer = format!("Bearer {}", key.trim());
    let headers = [("authorization", &*bearer)];
    assert_eq!(weir.post("/v1/chat/completions", &headers, chat(false)).await.unwrap().status, 200);
    let answer = weir.post("/v1/messages", &headers, message(false)).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.header("weir-error")), (403, "model_not_allowed"));
    assert_eq!(list(&["--server", &server]).await[0]["name"], "search", "without a name it is its team's");
}

#[tokio::test]
async fn keys_that_are_made_while_no_weir_runs_work_when_it_does() {
    let (_simulator, mut weir) = weir_before_simulator("[gateway]\nauth = \"keys\"").await;
    assert!(weir.stop().await.unwrap().success());
    let folder = weir.data_dir();
    let data_dir = folder.to_str().unwrap();
    let create = |name: &'static str| {
        let arguments = ["key", "create", "--name", name, "--team", "research", "-q", "--data-dir", data_dir];
        async move { crate::support::weir(&arguments).await.good().trim().to_owned() }
    };
    let (kept, revoked) = (create("kept").await, create("revoked").await);
    let keys = list(&["--data-dir", data_dir]).await;
    assert_eq!(keys.len(), 2);
    let doomed = keys.iter().find(|key| key["name"] == "revoked").unwrap();
    let revoke = ["key", "revoke", doomed["id"].as_str().unwrap(), "--data-dir", data_dir];
    assert!(crate::support::weir(&revoke).await.good().contains("revoked"));
    let table = crate::support::weir(&["key", "list", "--data-dir", data_dir]).await.good();
    assert!(table.contains("research") && table.contains("valid"), "{table}");
    assert!(!table.contains(&kept), "a secret is shown once, when it is made");

    weir.restart().await.unwrap();
    for (key, status) in [(kept, 200), (revoked, 401)] {
        let headers = [("authorization", &*format!("Bearer {key}"))];
        assert_eq!(weir.post("/v1/chat/completions", &headers, chat(false)).await.unwrap().status, status);
    }
}

#[tokio::test]
async fn a_key_that_does_not_exist_cannot_be_revoked() {
    let (_simulator, weir) = weir_before_simulator("").await;
    let said = crate::support::weir(&["key", "revoke", "key_none", "--server", &weir.url("")]).await.bad();
    assert!(said.contains("key_none"), "{said}");
}

/// All keys, as `weir key list --format json` tells them.
async fn list(place: &[&str]) -> Vec<Value> {
    let arguments = [&["key", "list", "--format", "json"], place].concat();
    serde_json::from_str(&weir(&arguments).await.good()).unwrap()
}
