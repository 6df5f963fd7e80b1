//! When Weir does not start, and says why.

use std::net::TcpListener;

use crate::support::*;

#[tokio::test]
async fn a_second_weir_on_the_same_data_is_refused() {
    let (_simulator, weir) = weir_before_simulator("").await;
    let data_dir = weir.data_dir();
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--data-dir", data_dir.to_str().unwrap()];
    let said = crate::support::weir(&arguments).await.bad();
    assert!(said.contains(data_dir.to_str().unwrap()) && said.contains("use"), "{said}");
    let said =
        crate::support::weir(&["sql", "select 1", "--data-dir", data_dir.to_str().unwrap()]).await.bad();
    assert!(said.contains(data_dir.to_str().unwrap()), "{said}");
    assert_serves(&weir).await;
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_with_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = weir(&["serve", "--listen", &address]).await.bad();
    assert!(said.contains(&format!("cannot listen on {address}")) && said.contains("--listen"), "{said}");
}

#[tokio::test]
async fn an_address_that_others_reach_needs_a_token_and_keys() {
    let said = weir(&["serve", "--listen", "0.0.0.0:0"]).await.bad();
    for expected in ["0.0.0.0:0", "server.admin_token", "gateway.auth = \"keys\""] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

#[tokio::test]
async fn a_configuration_with_mistakes_is_not_started() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("weir.toml"), "[server]\nlisen = \"127.0.0.1:0\"\n").unwrap();
    let said = weir_in(folder.path(), &["serve"]).await.bad();
    assert!(said.contains("weir.toml:2") && said.contains("listen"), "{said}");
    assert!(!folder.path().join("weir-data").exists(), "nothing was made");
}
