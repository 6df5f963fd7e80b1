//! What users are told about mistakes, word for word.

use std::path::PathBuf;

use insta::assert_snapshot;

use super::{Overrides, Source, load};

fn mistakes(text: &str) -> String {
    let source = Source { path: Some(PathBuf::from("weir.toml")), text: text.to_owned() };
    let environment = |name: &str| (name == "PRESENT").then(|| "secret".to_owned());
    match load(&source, &Overrides::default(), &environment) {
        Ok(config) => format!("no mistakes\n{}", config.summary()),
        Err(problems) => problems.to_string(),
    }
}

#[test]
fn nothing_at_all_is_a_configuration() {
    assert_snapshot!(mistakes(""));
}

#[test]
fn the_example_of_the_architecture_page_is_accepted() {
    assert_snapshot!(mistakes(
        r#"
[server]
listen   = "127.0.0.1:7070"
data_dir = "./weir-data"

[listeners]
otlp_grpc = "127.0.0.1:4317"
dogstatsd = "off"

[providers.openai]
kind     = "openai"
base_url = "https://api.openai.com/v1"
api_key  = { env = "PRESENT" }

[[routes]]
model   = "gpt-*"
targets = ["openai", { provider = "openai", model = "gpt-4o-mini" }]
"#
    ));
}

#[test]
fn every_mistake_is_told_at_once_with_its_place() {
    assert_snapshot!(mistakes(
        r#"
[server]
lisen = "127.0.0.1:7070"
worker_threads = 0

[gateway]
auth = "key"
timeouts.connect_ms = "5s"

[provider.openai]
kind = "openai"

[providers.mine]
kind = "opnai"
api_key = "sk-in-the-file"

[[routes]]
model = "gpt-*"
targets = []

[[routes]]
targets = [7]
"#
    ));
}

#[test]
fn what_types_cannot_say_is_checked_too() {
    assert_snapshot!(mistakes(
        r#"
[server]
listen = "everywhere"

[providers.mine]
base_url = "http://127.0.0.1:8000/v1"

[providers.azure]
kind = "azure"

[providers.openai]
api_key = { env = "ABSENT" }

[[routes]]
model = "gpt-*"
targets = ["openia"]

[[prices]]
model = "my-model"
input_usd_per_million = "cheap"
output_usd_per_million = "1"
"#
    ));
}

#[test]
fn a_door_that_is_open_to_the_network_is_refused() {
    assert_snapshot!(mistakes("[server]\nlisten = \"0.0.0.0:7070\"\n"));
}

#[test]
fn broken_syntax_is_told_with_its_line() {
    assert_snapshot!(mistakes("[server\nlisten = \"127.0.0.1:7070\"\ndata_dir = \n"));
}

#[test]
fn what_a_monitor_cannot_mean_is_a_mistake_of_the_configuration() {
    insta::assert_snapshot!(mistakes(
        r#"
[[monitors]]
name = "p95-latency-per-model"
threshold = "8usd"

[[monitors]]
name = "slow"
condition = "p95(llm.request.duration) by modle > 5s"
message = "slow"

[[monitors]]
name = "wordy"
condition = "rate(llm.request.error) > 5%"
message = "{valeu}%"
severity = "panic"
"#
    ));
    insta::assert_snapshot!(mistakes(
        r#"
[[monitors]]
name = "p95-latency-per-model"
threshold = "8usd"

[[monitors]]
name = "slow"
condition = "p95(llm.request.duration) by modle > 5s"
message = "slow"
"#
    ));
}

#[test]
fn what_is_wrong_with_notifications_is_told_and_secrets_are_not() {
    assert_snapshot!(mistakes(
        r#"
[server]
public_url = "weir.example.com"

[[receivers]]
name = "ops"
kind = "slack"
url = "http://hooks.example.com/T000/B000/XXXXXXXX"

[[receivers]]
name = "pager"
kind = "pagerduty"
routing_key = { env = "ABSENT" }

[routing]
receiver = "opps"
group_wait = "soon"

[[routing.routes]]
match = "team:payments AND ("
receiver = "pager"

[[inhibit]]
source = "monitor:error-rate-spike"
target = "{monitor:"

[[silences]]
name = "nightly"
scope = "*"
starts_at = "2026-01-05T02:00"
duration = "3h"
rrule = "FREQ=HOURLY"
"#
    ));
    assert_snapshot!(mistakes(
        r#"
[[receivers]]
name = "ops"
kind = "slak"
uri = { env = "PRESENT" }

[[receivers]]
kind = "webhook"
url = 7

[routing]
recevier = "ops"
"#
    ));
}

#[test]
fn notifications_are_part_of_the_summary() {
    assert_snapshot!(mistakes(
        r##"
[server]
public_url = "https://weir.example.com/"

[[receivers]]
name = "ops"
kind = "slack"
token = { env = "PRESENT" }
channel = "#ops"

[[receivers]]
name = "hook"
kind = "webhook"
url = "https://example.com/hook"

[routing]
group_by = ["monitor", "model"]
repeat_interval = "4h"

[[routing.routes]]
match = "state:alert AND NOT team:payments"
receiver = "hook"
continue = true
"##
    ));
}

#[test]
fn a_token_budget_is_read_with_its_defaults_and_its_mistakes_are_told() {
    let source = Source { path: None, text: "[agents.\"*\"]\nmax_input_tokens = 2000\n".to_owned() };
    let config = load(&source, &Overrides::default(), &|_| None).unwrap();
    let (name, budget) = config.gateway.agents.of(Some("any")).unwrap();
    assert_eq!((name, budget.act_above(), budget.target()), ("*", Some(1_600), Some(1_400)));
    let told = mistakes("[agents.\"chat-assistant\"]\ntruncate_to = 0.9\n");
    assert!(told.contains("is above the threshold of 0.8"), "{told}");
    let told = mistakes("[agents.\"*\"]\nthreshold = 1.5\n");
    assert!(told.contains("1.5 is no share from 0.01 to 1"), "{told}");
    let told = mistakes("[agents.\"*\"]\non_over = \"refuse\"\n");
    assert!(told.contains("on_over"), "{told}");
}

#[test]
fn a_word_or_a_table_may_say_which_classifier_is_used() {
    let said = |classifier: &str| mistakes(&format!("[guard]\nclassifier = {classifier}\n"));
    for good in ["\"off\"", "\"small\"", "{ model = \"/models/injection\" }"] {
        assert!(said(good).starts_with("no mistakes"), "{}", said(good));
    }
    assert!(
        said("{ mdoel = \"/models\" }").contains("did you mean `model`"),
        "{}",
        said("{ mdoel = \"/models\" }")
    );
    assert!(said("\"big\"").contains("expected \"off\" or \"small\""), "{}", said("\"big\""));
}
