//! Each of the seven monitors fires and recovers on a scripted incident, and a receiver hears of it with the right text. In
//! each Weir is killed between what is found and what is told: it tells it after the restart, once.
//!
//! Weir is `weir demo --incident` in a process of its own; the receiver is here, and checks signatures as a stranger would.

use std::time::Duration;

use crate::hook::{Hook, Told};
use crate::support::*;

/// How long an incident may take: a day of minutes is judged in one of them, on a machine that is busy.
const INCIDENT_MAX: Duration = Duration::from_mins(5);

/// A folder and a configuration with a receiver.
struct Stage {
    folder: tempfile::TempDir,
    hook: Hook,
}

impl Stage {
    async fn new() -> Self {
        let (folder, hook) = (tempfile::tempdir().unwrap(), Hook::start().await);
        let text = format!(
            "[[receivers]]\nname = \"hook\"\nkind = \"webhook\"\nurl = \"{}\"\nallow_private = true\n\
             signing_secrets = [{{ env = \"WEIR_HOOK_SECRET\" }}]\n\n\
             [routing]\ngroup_wait = \"0s\"\ngroup_interval = \"0s\"\n",
            hook.url()
        );
        std::fs::write(folder.path().join("weir.toml"), text).unwrap();
        Self { folder, hook }
    }

    /// Starts an incident, or goes on with it. What it says goes to a file.
    fn start(&self, name: &str) -> tokio::process::Child {
        let said = std::fs::File::options().create(true).append(true).open(self.said()).unwrap();
        command(self.folder.path())
            .args(["demo", "--incident", name, "--config", "weir.toml", "--data-dir", "data"])
            .env("WEIR_HOOK_SECRET", crate::hook::SECRET)
            .stdout(said.try_clone().unwrap())
            .stderr(said)
            .spawn()
            .unwrap()
    }

    fn said(&self) -> std::path::PathBuf {
        self.folder.path().join("said.txt")
    }

    fn all_said(&self) -> String {
        std::fs::read_to_string(self.said()).unwrap()
    }

    /// Plays an incident while the receiver refuses what is about its monitor, kills Weir when that was tried, and plays the
    /// rest. Returns what the receiver was told of the monitor: all of one alert, each once, the first as it was
    /// told when it was refused.
    async fn play_with_a_kill(&self, name: &str, monitor: &str, expected: &[(&str, &str)]) -> Vec<Told> {
        self.hook.refuse(Some(monitor));
        let mut playing = self.start(name);
        let refused = tokio::time::timeout(INCIDENT_MAX, async {
            loop {
                if let Some(refused) = self.hook.refused(monitor).into_iter().next() {
                    return refused;
                }
                self.hook.next().await;
            }
        });
        let refused = refused.await;
        // Whoever is refused has committed what it tells.
        playing.kill().await.unwrap();
        let refused = refused.unwrap_or_else(|_| panic!("nothing was told: {}", self.all_said()));
        assert!(self.hook.told(monitor).is_empty());

        self.hook.refuse(None);
        let ended = tokio::time::timeout(INCIDENT_MAX, self.start(name).wait()).await;
        let is_good = ended.is_ok_and(|status| status.unwrap().success());
        assert!(is_good, "{name}: {}", self.all_said());

        let told = self.hook.told(monitor);
        let kinds: Vec<_> = told.iter().map(|told| (told.kind.as_str(), told.state.as_str())).collect();
        assert_eq!(kinds, expected, "{told:#?}");
        assert!(told.iter().all(|one| one.alert_id == refused.alert_id), "one alert has one id: {told:#?}");
        assert_eq!((&told[0].webhook_id, &told[0].message), (&refused.webhook_id, &refused.message));
        let mut ids: Vec<&str> = told.iter().map(|told| told.webhook_id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), told.len(), "each message has its id: {told:#?}");
        told
    }
}

/// What a message says between two texts, as a number.
#[track_caller]
fn number(told: &Told, before: &str, after: &str) -> f64 {
    let rest = told.message.strip_prefix(before).unwrap_or_else(|| panic!("{before:?} in {told:#?}"));
    let end = rest.find(after).unwrap_or_else(|| panic!("{after:?} in {told:#?}"));
    rest[..end].parse().unwrap_or_else(|_| panic!("no number in {told:#?}"))
}

const WARNS: [(&str, &str); 2] = [("trigger", "warn"), ("recover", "ok")];
const ALERTS: [(&str, &str); 2] = [("trigger", "alert"), ("recover", "ok")];

#[tokio::test]
async fn token_spend_that_grows_week_over_week_is_told_and_so_is_its_end() {
    let told = Stage::new().await.play_with_a_kill("spend", "token-spend-rate-of-change", &WARNS).await;
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
    let expected = [("trigger", "warn"), ("trigger", "alert"), ("recover", "ok")];
    let told = Stage::new().await.play_with_a_kill("latency", "p95-latency-per-model", &expected).await;
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
    let told = Stage::new().await.play_with_a_kill("errors", "error-rate-spike", &ALERTS).await;
    let text = "LLM error rate at 7.5% — possible model endpoint issue or rate limiting";
    assert_eq!(told[0].message, text);
    assert_eq!((&told[0].alert["value"], &told[0].alert["value_text"]), (&0.075.into(), &"7.5%".into()));
    assert_eq!(told[1].message, text.replace("7.5", "0"));
    assert!(!told[0].alert["traces"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn a_drop_of_faithfulness_is_told_with_the_app_it_is_of() {
    let told = Stage::new().await.play_with_a_kill("hallucination", "hallucination-proxy", &WARNS).await;
    let text = "Faithfulness score dropped to 0.58 for support-assistant.\nReview recent prompt changes or retrieval quality.";
    assert_eq!(told[0].message, text);
    assert_eq!(told[0].alert["group"], serde_json::json!({ "app": "support-assistant" }));
    assert_eq!(told[1].message, text.replace("0.58", "0.91"));
}

#[tokio::test]
async fn an_agent_that_goes_in_circles_is_told_with_what_it_usually_takes() {
    let told = Stage::new().await.play_with_a_kill("agent-loop", "per-agent-cost-anomaly", &WARNS).await;
    let start = "Agent agentic-remediation token consumption is anomalous.\nCurrent: ";
    assert!(number(&told[0], start, " / ") > 1_000_000.0, "{told:#?}");
    let baseline = told[0].message.rsplit_once("Historical baseline: ").unwrap().1.parse::<f64>().unwrap();
    assert!((700.0..2_800.0).contains(&baseline), "{told:#?}");
    assert_eq!(told[0].alert["unit"], "tokens");
    assert!(number(&told[1], start, " / ") < 10_000.0, "{told:#?}");
}

#[tokio::test]
async fn a_prompt_with_patterns_of_injection_is_told() {
    let told = Stage::new().await.play_with_a_kill("injection", "prompt-injection", &ALERTS).await;
    // The application says 0.6, the share of patterns; Weir's own guard read the call too and is surer.
    let score = told[0].message.strip_prefix("Prompt injection pattern detected — risk score ").unwrap();
    assert!((0.6..=1.0).contains(&score.parse::<f64>().unwrap()), "{told:#?}");
    assert_eq!(told[1].message, "Prompt injection pattern detected — risk score 0");
}

#[tokio::test]
async fn retrieval_that_finds_the_wrong_things_is_told_with_its_category() {
    let told = Stage::new().await.play_with_a_kill("retrieval", "rag-retrieval-quality", &WARNS).await;
    let text = "Average relevance 0.41 below threshold for query category billing";
    assert_eq!(told[0].message, text);
    let group = serde_json::json!({ "index": "help-articles", "query_category": "billing" });
    assert_eq!(told[0].alert["group"], group);
    assert_eq!(told[1].message, text.replace("0.41", "0.83"));
}
