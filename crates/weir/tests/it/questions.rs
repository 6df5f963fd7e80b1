//! `weir sql` and `weir query`: the same answers from a running Weir and from the data folder, in every form.

use serde_json::Value;

use crate::support::*;

const BY_MODEL: &str = "select model, count(*) as calls, sum(input_tokens)::bigint as tokens from spans group by model order by model";

/// A Weir that has seen three calls of two models.
async fn with_three_calls() -> (RunningProvider, WeirProcess) {
    let (simulator, weir) = weir_before_simulator("").await;
    for tokens in ["input_tokens=10;output_tokens=1", "input_tokens=20;output_tokens=1"] {
        ask(&weir, tokens).await;
    }
    let headers = [(SIM_HEADER, "input_tokens=7;output_tokens=1")];
    weir.post("/v1/messages", &headers, message(false)).await.unwrap();
    everything_stored(&weir).await;
    (simulator, weir)
}

/// What the commands say of these calls, wherever they ask.
async fn assert_told_in_every_form(place: &[&str]) {
    let ask = async |arguments: &[&str]| weir(&[arguments, place].concat()).await.good();
    insta::assert_snapshot!("sql_table", ask(&["sql", BY_MODEL]).await);
    insta::assert_snapshot!("sql_json", ask(&["sql", BY_MODEL, "--format", "json"]).await);
    insta::assert_snapshot!("sql_csv", ask(&["sql", BY_MODEL, "--format", "csv"]).await);
    let tokens = "sum(llm.tokens.input) by model";
    insta::assert_snapshot!("query_table", ask(&["query", tokens]).await);
    insta::assert_snapshot!("query_csv", ask(&["query", tokens, "--format", "csv"]).await);
    let json: Value =
        serde_json::from_str(&ask(&["query", "sum(llm.tokens.input)", "--format", "json"]).await).unwrap();
    assert_eq!(json["values"][0]["value"], 37.0, "{json}");
    let series = ask(&["query", "sum(llm.tokens.input)", "--step", "1h", "--format", "csv"]).await;
    let sum: f64 =
        series.lines().skip(1).filter_map(|line| line.rsplit(',').next()?.parse::<f64>().ok()).sum();
    assert!((sum - 37.0).abs() < f64::EPSILON, "{series}");
    let explained = ask(&["query", "sum(llm.tokens.input)", "--explain"]).await;
    assert!(explained.contains("cells"), "{explained}");
}

#[tokio::test]
async fn a_running_weir_and_its_folder_give_the_same_answers() {
    let (_simulator, mut weir) = with_three_calls().await;
    assert_told_in_every_form(&["--server", &weir.url("")]).await;
    assert!(weir.stop().await.unwrap().success());
    let folder = weir.data_dir();
    assert_told_in_every_form(&["--data-dir", folder.to_str().unwrap()]).await;
}

#[tokio::test]
async fn after_a_kill_the_folder_answers_with_what_was_only_in_the_journal() {
    let (_simulator, mut weir) = weir_before_simulator("").await;
    ask(&weir, "input_tokens=10").await;
    weir.kill9().await.unwrap();
    let folder = weir.data_dir();
    let data_dir = ["--data-dir", folder.to_str().unwrap()];
    let arguments = [&["sql", "select input_tokens from spans", "--format", "csv"], &data_dir[..]].concat();
    assert_eq!(crate::support::weir(&arguments).await.good(), "input_tokens\n10\n");
}

#[tokio::test]
async fn a_question_that_makes_no_sense_is_answered_with_the_place() {
    let (_simulator, mut weir) = weir_before_simulator("").await;
    let url = weir.url("");
    let running = ["--server", &*url];
    let wrong = async |arguments: &[&str], place: &[&str]| {
        crate::support::weir(&[arguments, place].concat()).await.bad()
    };
    let remote = wrong(&["query", "p95(llm.request.duration) bye model"], &running).await;
    insta::assert_snapshot!("query_mistake", remote);
    let sql = wrong(&["sql", "drop table spans"], &running).await;
    assert!(sql.starts_with("error: "), "{sql}");
    let sql = wrong(&["sql", "select nothing from spans"], &running).await;
    assert!(sql.contains("nothing"), "{sql}");
    weir.stop().await.unwrap();
    let folder = weir.data_dir();
    let local =
        wrong(&["query", "p95(llm.request.duration) bye model"], &["--data-dir", folder.to_str().unwrap()])
            .await;
    assert_eq!(local, remote, "a mistake is told alike");
}

#[tokio::test]
async fn where_there_is_neither_a_weir_nor_data_that_is_said() {
    let said = weir(&["sql", "select 1", "--data-dir", "nowhere"]).await.bad();
    assert!(said.contains("there is no data in nowhere"), "{said}");
    let nobody = weir_testkit::free_address().unwrap();
    let said = weir(&["query", "sum(llm.cost.usd)", "--server", &format!("http://{nobody}")]).await.bad();
    assert!(said.contains(&format!("cannot reach Weir at http://{nobody}")), "{said}");
}
