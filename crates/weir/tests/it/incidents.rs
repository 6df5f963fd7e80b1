//! Each of the seven monitors fires and recovers on a scripted incident, and a receiver hears of it with the right text.
//! Killed between what is found and what is told, Weir tells it after the restart, once.
//!
//! Weir is `weir demo --incident` in a process of its own; the receiver is here, and checks signatures as a stranger would.

use std::time::Duration;

use serde_json::Value;
use tokio::net::UdpSocket;
use weir_testkit::free_address;

use crate::hook::{Hook, Told};
use crate::support::*;

/// How long an incident may take: a week of minutes is judged in one of them, on a machine that is busy.
const INCIDENT_MAX: Duration = Duration::from_mins(5);

/// A folder, a configuration with a receiver, a clock that outlives a kill, and the provider for a Weir that serves.
struct Stage {
    folder: tempfile::TempDir,
    hook: Hook,
    _simulator: RunningProvider,
    address: std::net::SocketAddr,
    statsd: std::net::SocketAddr,
}

impl Stage {
    async fn new() -> Self {
        let (folder, hook) = (tempfile::tempdir().unwrap(), Hook::start().await);
        let simulator = start_simulator().await.unwrap();
        let (address, statsd) = (free_address().unwrap(), free_address().unwrap());
        let text = format!(
            "[listeners]\notlp_grpc = \"off\"\notlp_http = \"off\"\ndatadog = \"off\"\ndogstatsd = \"{statsd}\"\n\n\
             [[receivers]]\nname = \"hook\"\nkind = \"webhook\"\nurl = \"{}\"\nallow_private = true\n\
             signing_secrets = [{{ env = \"WEIR_HOOK_SECRET\" }}]\n\n\
             [routing]\ngroup_wait = \"0s\"\ngroup_interval = \"0s\"\n",
            hook.url()
        );
        std::fs::write(folder.path().join("weir.toml"), config(&simulator, &text)).unwrap();
        Self { folder, hook, _simulator: simulator, address, statsd }
    }

    /// `weir` with these arguments in this stage, not started yet. What it says goes to a file.
    fn weir(&self, arguments: &[&str]) -> tokio::process::Command {
        let said = std::fs::File::options().create(true).append(true).open(self.said()).unwrap();
        let mut command = command(self.folder.path());
        command
            .args(arguments)
            .args(["--config", "weir.toml", "--data-dir", "data", "--listen", &self.address.to_string()])
            .env("WEIR_HOOK_SECRET", crate::hook::SECRET)
            .env("WEIR_TEST_CLOCK", self.clock())
            .stdout(said.try_clone().unwrap())
            .stderr(said);
        command
    }

    fn said(&self) -> std::path::PathBuf {
        self.folder.path().join("said.txt")
    }

    fn clock(&self) -> std::path::PathBuf {
        self.folder.path().join("clock")
    }

    /// Plays an incident to its end.
    async fn play(&self, name: &str) {
        let mut playing = self.weir(&["demo", "--incident", name]).spawn().unwrap();
        let ended = tokio::time::timeout(INCIDENT_MAX, playing.wait()).await;
        let is_good = ended.is_ok_and(|status| status.unwrap().success());
        assert!(is_good, "{name}: {}", std::fs::read_to_string(self.said()).unwrap());
    }

    /// Turns the clock of the Weir that runs, and of the next one.
    fn turn(&self, by: Duration) {
        let ahead_s: i64 = std::fs::read_to_string(self.clock()).unwrap().trim().parse().unwrap();
        let turned = ahead_s + i64::try_from(by.as_secs()).unwrap();
        let draft = self.folder.path().join("draft");
        std::fs::write(&draft, format!("{turned}\n")).unwrap();
        std::fs::rename(draft, self.clock()).unwrap();
    }

    /// Returns when the Weir that was started answers.
    async fn is_ready(&self) {
        let url = format!("http://{}/healthz", self.address);
        eventually("weir to be ready", async || {
            HttpClient.get(&url).await.ok().filter(|answer| answer.status.is_success()).map(drop)
        })
        .await
        .unwrap();
    }

    /// Returns when a statement gives at least this number.
    async fn is_stored(&self, statement: &str, least: u64) {
        let url = format!("http://{}/api/sql", self.address);
        eventually(statement, async || {
            let body = serde_json::json!({ "sql": statement }).to_string();
            let answer = HttpClient.post(&url, &[], body).await.ok()?.json();
            (answer["rows"][0][0].as_u64()? >= least).then_some(())
        })
        .await
        .unwrap();
    }
}

/// What a message says between two texts, as a number.
#[track_caller]
fn number(told: &Told, before: &str, after: &str) -> f64 {
    let rest = told.message.strip_prefix(before).unwrap_or_else(|| panic!("{before:?} in {told:#?}"));
    let end = rest.find(after).unwrap_or_else(|| panic!("{after:?} in {told:#?}"));
    rest[..end].parse().unwrap_or_else(|_| panic!("no number in {told:#?}"))
}

/// What the receiver was told of one monitor; all of one alert, each once, from the first warning to the end.
#[track_caller]
fn story(hook: &Hook, monitor: &str, expected: &[(&str, &str)]) -> Vec<Told> {
    let told = hook.told(monitor);
    let kinds: Vec<_> = told.iter().map(|told| (told.kind.as_str(), told.state.as_str())).collect();
    assert_eq!(kinds, expected, "{told:#?}");
    assert!(told.iter().all(|one| one.alert_id == told[0].alert_id), "one alert has one id: {told:#?}");
    let mut ids: Vec<&str> = told.iter().map(|told| told.webhook_id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), told.len(), "each message has its id: {told:#?}");
    told
}

const WARNS: [(&str, &str); 2] = [("trigger", "warn"), ("recover", "ok")];
const ALERTS: [(&str, &str); 2] = [("trigger", "alert"), ("recover", "ok")];

#[tokio::test]
async fn token_spend_that_grows_week_over_week_is_told_and_so_is_its_end() {
    let stage = Stage::new().await;
    stage.play("spend").await;
    let told = story(&stage.hook, "token-spend-rate-of-change", &WARNS);
    let advice = "% week-over-week.\nCheck for new traffic patterns or prompt expansion.";
    let grown = number(&told[0], "Token spend increased ", advice);
    assert!((100.0..300.0).contains(&grown), "{grown}");
    assert_eq!(told[0].alert["unit"], "percent");
    assert!((told[0].alert["value"].as_f64().unwrap() - grown).abs() < 0.1, "a percentage stays as it is");
    let details = told[0].alert["details"].to_string();
    assert!(details.contains("by tokens in a call") && details.contains("team finance: +$"), "{details}");
    assert!(!told[0].alert["traces"].as_array().unwrap().is_empty());
    assert!(number(&told[1], "Token spend increased ", advice) < 30.0);
}

#[tokio::test]
async fn a_slow_model_warns_and_then_alerts_in_milliseconds() {
    let stage = Stage::new().await;
    stage.play("latency").await;
    let expected = [("trigger", "warn"), ("trigger", "alert"), ("recover", "ok")];
    let told = story(&stage.hook, "p95-latency-per-model", &expected);
    let ms = |told| number(told, "Model gpt-4o P95 latency at ", "ms — exceeds SLO");
    // Histograms are right within 1.08 %.
    assert!((5_935.0..11_870.0).contains(&ms(&told[0])), "{told:#?}");
    assert!((11_870.0..60_000.0).contains(&ms(&told[1])), "{told:#?}");
    assert!(ms(&told[2]) <= 5_000.0, "{told:#?}");
    assert_eq!((&told[1].alert["unit"], &told[1].alert["threshold"]), (&"ms".into(), &10_000.0.into()));
    assert_eq!(told[1].alert["group"], serde_json::json!({ "model": "gpt-4o" }));
    assert!(!told[1].alert["traces"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn a_rate_of_errors_is_told_in_percent() {
    let stage = Stage::new().await;
    stage.play("errors").await;
    let told = story(&stage.hook, "error-rate-spike", &ALERTS);
    let text = "LLM error rate at 7.5% — possible model endpoint issue or rate limiting";
    assert_eq!(told[0].message, text);
    assert_eq!((&told[0].alert["value"], &told[0].alert["value_text"]), (&0.075.into(), &"7.5%".into()));
    assert_eq!(told[1].message, text.replace("7.5", "0"));
    assert!(!told[0].alert["traces"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn a_drop_of_faithfulness_is_told_with_the_app_it_is_of() {
    let stage = Stage::new().await;
    stage.play("hallucination").await;
    let told = story(&stage.hook, "hallucination-proxy", &WARNS);
    let text = "Faithfulness score dropped to 0.58 for support-assistant.\nReview recent prompt changes or retrieval quality.";
    assert_eq!(told[0].message, text);
    assert_eq!(told[0].alert["group"], serde_json::json!({ "app": "support-assistant" }));
    assert_eq!(told[1].message, text.replace("0.58", "0.91"));
}

#[tokio::test]
async fn an_agent_that_goes_in_circles_is_told_with_what_it_usually_takes() {
    let stage = Stage::new().await;
    stage.play("agent-loop").await;
    let told = story(&stage.hook, "per-agent-cost-anomaly", &WARNS);
    let start = "Agent agentic-remediation token consumption is anomalous.\nCurrent: ";
    assert!(number(&told[0], start, " / ") > 1_000_000.0, "{told:#?}");
    let baseline = told[0].message.rsplit_once("Historical baseline: ").unwrap().1.parse::<f64>().unwrap();
    assert!((700.0..2_800.0).contains(&baseline), "{told:#?}");
    assert_eq!(told[0].alert["unit"], "tokens");
    assert!(number(&told[1], start, " / ") < 10_000.0, "{told:#?}");
}

#[tokio::test]
async fn a_prompt_with_patterns_of_injection_is_told() {
    let stage = Stage::new().await;
    stage.play("injection").await;
    let told = story(&stage.hook, "prompt-injection", &ALERTS);
    assert_eq!(told[0].message, "Prompt injection pattern detected — risk score 0.6");
    assert_eq!(told[1].message, "Prompt injection pattern detected — risk score 0");
}

#[tokio::test]
async fn retrieval_that_finds_the_wrong_things_is_told_with_its_category() {
    let stage = Stage::new().await;
    stage.play("retrieval").await;
    let told = story(&stage.hook, "rag-retrieval-quality", &WARNS);
    let text = "Average relevance 0.41 below threshold for query category billing";
    assert_eq!(told[0].message, text);
    let group = serde_json::json!({ "index": "help-articles", "query_category": "billing" });
    assert_eq!(told[0].alert["group"], group);
    assert_eq!(told[1].message, text.replace("0.41", "0.83"));
}

/// Plays an incident while the receiver refuses everything, kills Weir when it has tried to tell of the monitor, and starts
/// the real thing on the same data. Returns what was refused, and the new Weir.
async fn killed_before_it_could_tell(
    stage: &Stage,
    name: &str,
    monitor: &str,
) -> (Told, tokio::process::Child) {
    stage.hook.refuse(true);
    let mut playing = stage.weir(&["demo", "--incident", name]).spawn().unwrap();
    let refused =
        eventually("weir to try to tell", async || stage.hook.refused(monitor).into_iter().next()).await;
    // Whoever is refused has committed what it tells.
    playing.kill().await.unwrap();
    let refused = refused.unwrap_or_else(|error| {
        panic!("{error}; {}", std::fs::read_to_string(stage.said()).unwrap());
    });
    assert!(stage.hook.told(monitor).is_empty());
    stage.hook.refuse(false);
    let weir = stage.weir(&["serve"]).spawn().unwrap();
    stage.is_ready().await;
    eventually("the alert to be told after the restart", async || {
        (!stage.hook.told(monitor).is_empty()).then_some(())
    })
    .await
    .unwrap();
    (refused, weir)
}

/// Turns to where the present minute is judged again and again, until the end of the alert was told.
async fn recovers(stage: &Stage, monitor: &str) {
    for _ in 0..3 {
        let before = stage.hook.told(monitor).len();
        stage.turn(Duration::from_secs(71));
        let told = eventually("the end to be told", async || {
            (stage.hook.told(monitor).len() > before).then_some(())
        });
        if told.await.is_ok() {
            return;
        }
    }
    panic!("it did not recover: {}", std::fs::read_to_string(stage.said()).unwrap());
}

#[tokio::test]
async fn killed_between_an_error_rate_and_its_delivery_weir_tells_it_once_after_the_restart() {
    let stage = Stage::new().await;
    let monitor = "error-rate-spike";
    let (refused, mut weir) = killed_before_it_could_tell(&stage, "errors", monitor).await;
    stage.turn(Duration::from_mins(6));
    let url = format!("http://{}/v1/chat/completions", stage.address);
    for _ in 0..24 {
        assert_eq!(HttpClient.post(&url, &[], chat(false)).await.unwrap().status, 200);
    }
    stage.is_stored("select count(*) from spans where model = 'gpt-4o-mini' and status = 'ok'", 24).await;
    recovers(&stage, monitor).await;
    let told = story(&stage.hook, monitor, &ALERTS);
    assert_eq!((&told[0].alert_id, &told[0].webhook_id), (&refused.alert_id, &refused.webhook_id));
    assert_eq!(told[0].message, refused.message);
    weir.kill().await.unwrap();
}

#[tokio::test]
async fn killed_between_a_drop_of_scores_and_its_delivery_weir_tells_it_once_after_the_restart() {
    let stage = Stage::new().await;
    let monitor = "hallucination-proxy";
    let (refused, mut weir) = killed_before_it_could_tell(&stage, "hallucination", monitor).await;
    stage.turn(Duration::from_mins(16));
    let socket = UdpSocket::bind(("127.0.0.1", 0)).await.unwrap();
    for _ in 0..12 {
        let datagram = b"custom.llm.faithfulness_score:0.95|g|#app:support-assistant";
        socket.send_to(datagram, stage.statsd).await.unwrap();
    }
    let statement =
        "select count(*) from points where name = 'custom.llm.faithfulness_score' and value = 0.95";
    stage.is_stored(statement, 12).await;
    recovers(&stage, monitor).await;
    let told = story(&stage.hook, monitor, &WARNS);
    assert_eq!((&told[0].alert_id, &told[0].webhook_id), (&refused.alert_id, &refused.webhook_id));
    assert_eq!(told[0].message, refused.message);
    assert_eq!(told[1].alert["value"], Value::from(0.95));
    weir.kill().await.unwrap();
}
