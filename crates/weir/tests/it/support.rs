//! Commands that are run to their end, configurations, and what the store has of a call.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::process::Command;
pub use weir_testkit::{
    Answer, HttpClient, OpenAnswer, RedisServer, RunningProvider, SIM_HEADER, WeirProcess, eventually,
    start_simulator,
};

/// The longest a command may run; a replay of an hour on a busy machine is the longest of them.
const COMMAND_MAX: Duration = Duration::from_mins(5);

/// What came of a command.
pub struct Ran {
    /// The exit status; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl Ran {
    /// Its standard output; panics with all it said when it did not end well.
    #[track_caller]
    pub fn good(self) -> String {
        assert_eq!(self.code, Some(0), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self.stdout
    }

    /// Its standard error; panics when it ended well.
    #[track_caller]
    pub fn bad(self) -> String {
        assert_eq!(self.code, Some(1), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self.stderr
    }
}

/// `weir` with an environment that says nothing, in this folder.
pub fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    command.current_dir(folder).stdin(Stdio::null()).kill_on_drop(true);
    for name in ["WEIR_CONFIG", "WEIR_SERVER", "WEIR_ADMIN_TOKEN", "OPENAI_API_KEY", "COLUMNS"] {
        command.env_remove(name);
    }
    command
}

/// Runs `weir` with these arguments to its end.
pub async fn weir_in(folder: &Path, arguments: &[&str]) -> Ran {
    let running = command(folder).args(arguments).output();
    let output = tokio::time::timeout(COMMAND_MAX, running).await;
    let output = output.unwrap_or_else(|_| panic!("weir {arguments:?} did not end")).unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Runs `weir` with these arguments in a folder where there is nothing.
pub async fn weir(arguments: &[&str]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    weir_in(folder.path(), arguments).await
}

/// A configuration with both providers at this simulator, and `more` before them.
pub fn config(simulator: &RunningProvider, more: &str) -> String {
    let address = simulator.address();
    format!(
        "{more}\n[providers.openai]\nbase_url = \"http://{address}/v1\"\n\n[providers.anthropic]\nbase_url = \
         \"http://{address}\"\n"
    )
}

/// One simulator and one Weir before it.
pub async fn weir_before_simulator(more: &str) -> (RunningProvider, WeirProcess) {
    let simulator = start_simulator().await.unwrap();
    let weir = WeirProcess::start(&config(&simulator, more)).await.unwrap();
    (simulator, weir)
}

/// A chat completion to ask for.
pub fn chat(stream: bool) -> String {
    json!({ "model": "gpt-4o-mini", "stream": stream, "messages": [{ "role": "user", "content": "hello" }] })
        .to_string()
}

/// An Anthropic message to ask for.
pub fn message(stream: bool) -> String {
    json!({
        "model": "claude-sonnet-4-5", "max_tokens": 100, "stream": stream,
        "messages": [{ "role": "user", "content": "hello" }],
    })
    .to_string()
}

/// Asks for a chat completion with these directives for the simulator.
pub async fn ask(weir: &WeirProcess, directives: &str) -> Answer {
    weir.post("/v1/chat/completions", &[(SIM_HEADER, directives)], chat(false)).await.unwrap()
}

/// Asks for what must work, and that it does.
pub async fn assert_serves(weir: &WeirProcess) {
    let answer = ask(weir, "input_tokens=3;output_tokens=5").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["usage"]["prompt_tokens"], 3);
}

/// Returns when all that was answered so far is in the tables.
pub async fn everything_stored(weir: &WeirProcess) {
    eventually("everything to be stored", async || {
        let status = weir.get("/api/status").await.ok()?.json();
        (status["store"]["behind_appends"] == 0).then_some(())
    })
    .await
    .unwrap();
}

/// The row of the call that this answer belongs to, by column. Panics when it is not there once.
pub async fn span_of(weir: &WeirProcess, answer: &Answer) -> Map<String, Value> {
    span(weir, answer.header("weir-span-id")).await
}

/// The row of a call, by column. Panics when it is not there once.
pub async fn span(weir: &WeirProcess, span_id: &str) -> Map<String, Value> {
    assert_eq!(span_id.len(), 16, "{span_id:?} is no span id");
    everything_stored(weir).await;
    let statement = format!("select * from spans where span_id = '{span_id}'");
    let answer = weir.post("/api/sql", &[], json!({ "sql": statement }).to_string()).await.unwrap().json();
    let (columns, rows) = (answer["columns"].as_array().unwrap(), answer["rows"].as_array().unwrap());
    assert_eq!(rows.len(), 1, "{span_id} is in the store {} times", rows.len());
    let names = columns.iter().map(|column| column["name"].as_str().unwrap().to_owned());
    names.zip(rows[0].as_array().unwrap().iter().cloned()).collect()
}

/// The one row of a statement, as whole numbers; what is NULL is 0.
pub async fn numbers(weir: &WeirProcess, statement: &str) -> Vec<i64> {
    let rows = weir.sql(statement).await.unwrap();
    assert_eq!(rows.len(), 1, "{statement}");
    let number = |value: &Value| match value {
        Value::Null => 0,
        Value::String(text) => text.parse().unwrap(),
        other => other.as_i64().unwrap_or_else(|| panic!("{statement} gave {other}")),
    };
    rows[0].iter().map(number).collect()
}

/// The value of an expression over the last hour, which must be a whole number.
pub async fn whole_value_of(weir: &WeirProcess, expression: &str) -> i64 {
    let path = format!("/api/query/instant?from=now-1h&to=now&expr={}", expression.replace(' ', "%20"));
    let answer = weir.get(&path).await.unwrap();
    let values = answer.json()["values"].as_array().cloned().unwrap_or_default();
    assert_eq!(values.len(), 1, "{expression}: {}", answer.text());
    let value = values[0]["value"].as_f64().unwrap();
    value.to_string().parse().unwrap_or_else(|_| panic!("{expression} is {value}"))
}
