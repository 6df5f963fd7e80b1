//! `weir doctor --client`: what an application's environment says to its LLM and telemetry libraries, what is missing for
//! Weir to see its calls, and the lines that set it.
//!
//! It looks at the environment that it is run in, so it is run where the application runs. A variable that sends data
//! elsewhere on purpose is a note and no fault: only the application's owner knows.

use std::fmt::Write as _;

use weir_api::wire::{ReceiverState, ReceiverStatus};

use super::Findings;
use crate::cli::ClientLanguage;

/// Where Weir listens, as URLs that a client takes.
#[derive(Debug)]
pub(super) struct Addresses {
    /// The gateway, the API and MLflow: `http://127.0.0.1:7070`.
    pub weir: String,
    /// OTLP over HTTP.
    pub otlp: Option<String>,
    /// The Datadog trace agent.
    pub datadog: Option<String>,
    /// Host and port of `DogStatsD`.
    pub statsd: Option<(String, String)>,
}

impl Addresses {
    /// From what a running Weir says of its receivers; the standard ports when none says anything.
    pub(super) fn of(weir: &str, receivers: Option<&[ReceiverStatus]>) -> Self {
        let weir = weir.trim_end_matches('/').to_owned();
        let authority = weir.rsplit('/').next().unwrap_or_default();
        let port =
            authority.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
        let host = port.map_or(authority, |(host, _)| host);
        let place = |name: &str, port: u16| match receivers {
            None => Some((host.to_owned(), port.to_string())),
            Some(all) => all
                .iter()
                .filter(|receiver| receiver.name == name && receiver.state == ReceiverState::Listening)
                .find_map(|receiver| {
                    let address = receiver.address.as_deref()?;
                    let (_, port) = address.rsplit('/').next()?.rsplit_once(':')?;
                    Some((host.to_owned(), port.to_owned()))
                }),
        };
        let url = |(host, port): (String, String)| format!("http://{host}:{port}");
        Self {
            // Weir's own port takes OTLP too.
            otlp: Some(place("otlp_http", 4318).map_or_else(|| weir.clone(), url)),
            datadog: place("datadog", 8126).map(url),
            statsd: place("dogstatsd", 8125),
            weir,
        }
    }
}

/// A variable that leads data to Weir.
struct Wanted {
    name: &'static str,
    /// What for.
    purpose: &'static str,
    /// What it should be; `None` when Weir does not receive that.
    value: Option<String>,
    /// What the library does without it.
    default: Option<String>,
}

fn wanted(language: ClientLanguage, at: &Addresses) -> Vec<Wanted> {
    let want = |name, purpose, value: Option<String>, default: Option<&str>| Wanted {
        name,
        purpose,
        value,
        default: default.map(str::to_owned),
    };
    let some = |text: String| Some(text);
    let mut all = vec![
        want(
            "OPENAI_BASE_URL",
            "calls of the OpenAI library pass the gateway",
            some(format!("{}/v1", at.weir)),
            None,
        ),
        want(
            "ANTHROPIC_BASE_URL",
            "calls of the Anthropic library pass the gateway",
            some(at.weir.clone()),
            None,
        ),
        want(
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "OpenTelemetry, OpenLLMetry, OpenInference",
            at.otlp.clone(),
            Some("http://localhost:4318"),
        ),
        want(
            "DD_TRACE_AGENT_URL",
            "Datadog traces and LLM Observability",
            at.datadog.clone(),
            Some("http://localhost:8126"),
        ),
        want("DD_AGENT_HOST", "DogStatsD, host", at.statsd.as_ref().map(|p| p.0.clone()), Some("localhost")),
        want("DD_DOGSTATSD_PORT", "DogStatsD, port", at.statsd.as_ref().map(|p| p.1.clone()), Some("8125")),
    ];
    if language == ClientLanguage::Python {
        all.push(want("MLFLOW_TRACKING_URI", "MLflow traces", some(at.weir.clone()), None));
    }
    all
}

/// Looks at each variable, then says how to set those that are missing.
pub(super) fn look(
    language: ClientLanguage,
    at: &Addresses,
    env: &dyn Fn(&str) -> Option<String>,
    findings: &mut Findings,
) {
    let env = |name: &str| env(name).filter(|value| !value.trim().is_empty());
    let mut lines = String::new();
    for Wanted { name, purpose, value, default } in wanted(language, at) {
        let Some(value) = value else {
            findings.note(&format!("{name}: Weir does not receive this ({purpose}); see [listeners]"));
            continue;
        };
        match env(name) {
            Some(set) if same_place(&set, &value) => findings.good(&format!("{name}={set}: {purpose}")),
            Some(set) => {
                findings.note(&format!("{name}={} leads elsewhere: {purpose}", without_secrets(&set)));
            }
            None if default.as_deref().is_some_and(|default| same_place(default, &value)) => {
                findings.good(&format!("{name} is not set, and the default is Weir's: {purpose}"));
                continue;
            }
            None => findings.note(&format!("{name} is not set: {purpose}")),
        }
        if env(name).is_none_or(|set| !same_place(&set, &value)) {
            // Writing to a String cannot fail.
            let _ = writeln!(lines, "  export {name}={value}");
        }
    }
    look_at_switches(language, &env, &mut lines, findings);
    if !lines.is_empty() {
        findings.paragraph("set what the application uses:", &lines);
    }
    findings.paragraph("and start it with what traces it:", start_lines(language));
}

/// Variables that switch off or shape what libraries tell.
fn look_at_switches(
    language: ClientLanguage,
    env: &dyn Fn(&str) -> Option<String>,
    lines: &mut String,
    findings: &mut Findings,
) {
    let is = |name: &str, values: &[&str]| {
        env(name).is_some_and(|value| values.contains(&value.to_ascii_lowercase().as_str()))
    };
    if is("OTEL_SDK_DISABLED", &["true"]) {
        findings.bad("OTEL_SDK_DISABLED=true: OpenTelemetry tells nothing", "unset OTEL_SDK_DISABLED");
    }
    if is("OTEL_TRACES_EXPORTER", &["none", "console", "logging"]) {
        findings.bad("OTEL_TRACES_EXPORTER keeps traces from leaving", "export OTEL_TRACES_EXPORTER=otlp");
    }
    if is("DD_TRACE_ENABLED", &["false", "0"]) {
        findings.bad("DD_TRACE_ENABLED=false: the tracer is off", "unset DD_TRACE_ENABLED");
    }
    if is("DD_LLMOBS_AGENTLESS_ENABLED", &["true", "1"]) && env("DD_LLMOBS_OVERRIDE_ORIGIN").is_none() {
        findings.bad(
            "DD_LLMOBS_AGENTLESS_ENABLED sends LLM data past the agent's port",
            "unset DD_LLMOBS_AGENTLESS_ENABLED, or set DD_LLMOBS_OVERRIDE_ORIGIN to Weir's agent",
        );
    }
    if !is("DD_LLMOBS_ENABLED", &["true", "1"]) {
        findings.note(
            "DD_LLMOBS_ENABLED is not set: Datadog's tracer tells of requests, not of prompts and tokens",
        );
        lines.push_str("  export DD_LLMOBS_ENABLED=1 DD_LLMOBS_ML_APP=<your app>\n");
    }
    if env("OTEL_SERVICE_NAME").is_none() && env("DD_SERVICE").is_none() {
        findings.note("neither OTEL_SERVICE_NAME nor DD_SERVICE is set: calls will name no service");
        lines.push_str("  export OTEL_SERVICE_NAME=<your service> DD_SERVICE=<your service>\n");
    }
    let captures = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT";
    if language == ClientLanguage::Python && env(captures).is_none() {
        findings.note(&format!("{captures} is not set: some instrumentations leave prompts out"));
        let _ = writeln!(lines, "  export {captures}=true");
    }
}

fn start_lines(language: ClientLanguage) -> &'static str {
    match language {
        ClientLanguage::Python => {
            "  ddtrace-run python app.py                  # Datadog\n  \
             opentelemetry-instrument python app.py     # OpenTelemetry\n  \
             mlflow.openai.autolog()                    # MLflow, in the program\n"
        }
        ClientLanguage::Node => {
            "  node --import dd-trace/initialize.mjs app.js                              # Datadog\n  \
             node --import @opentelemetry/auto-instrumentations-node/register app.js   # OpenTelemetry\n"
        }
    }
}

/// Whether two values lead to one place; a trailing slash and the name of loopback make no difference.
fn same_place(a: &str, b: &str) -> bool {
    let plain = |text: &str| {
        let text = text.trim().trim_end_matches('/').to_ascii_lowercase();
        text.replace("localhost", "127.0.0.1").replace("[::1]", "127.0.0.1")
    };
    plain(a) == plain(b)
}

/// A URL without the user and password that it may have.
fn without_secrets(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, place))) => format!("{scheme}://…@{place}"),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(language: ClientLanguage, set: &[(&str, &str)]) -> (String, usize) {
        let mut findings = Findings::default();
        let env = |name: &str| set.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        look(language, &Addresses::of("http://127.0.0.1:7070", None), &env, &mut findings);
        (findings.text, findings.faults)
    }

    #[test]
    fn what_is_missing_is_told_with_the_line_that_sets_it() {
        let (text, faults) = told(ClientLanguage::Python, &[]);
        assert!(text.contains("  export OPENAI_BASE_URL=http://127.0.0.1:7070/v1\n"), "{text}");
        assert!(text.contains("  export MLFLOW_TRACKING_URI=http://127.0.0.1:7070\n"), "{text}");
        assert!(text.contains("DD_TRACE_AGENT_URL is not set, and the default is Weir's"), "{text}");
        assert!(!text.contains("export DD_TRACE_AGENT_URL"), "{text}");
        assert_eq!(faults, 0);
        assert!(!told(ClientLanguage::Node, &[]).0.contains("MLFLOW"));
    }

    #[test]
    fn what_is_set_to_weir_is_good_and_what_leads_elsewhere_is_told_without_its_password() {
        let set = [
            ("OPENAI_BASE_URL", "http://localhost:7070/v1/"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://me:secret@collector.example"),
        ];
        let (text, _) = told(ClientLanguage::Node, &set);
        assert!(text.contains("ok    OPENAI_BASE_URL=http://localhost:7070/v1/"), "{text}");
        assert!(text.contains("https://…@collector.example leads elsewhere"), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }

    #[test]
    fn what_switches_telemetry_off_is_a_fault() {
        let set =
            [("OTEL_SDK_DISABLED", "TRUE"), ("DD_TRACE_ENABLED", "0"), ("OTEL_TRACES_EXPORTER", "none")];
        assert_eq!(told(ClientLanguage::Python, &set).1, 3);
    }

    #[test]
    fn the_ports_are_those_where_weir_listens() {
        let receiver = |name: &str, address: Option<&str>, state| ReceiverStatus {
            name: name.to_owned(),
            address: address.map(str::to_owned),
            state,
            accepted: 0,
            refused: 0,
            refusals: Vec::new(),
        };
        let receivers = [
            receiver("otlp_http", Some("127.0.0.1:14318"), ReceiverState::Listening),
            receiver("datadog", Some("127.0.0.1:8126"), ReceiverState::Taken),
            receiver("dogstatsd", Some("udp://127.0.0.1:18125"), ReceiverState::Listening),
        ];
        let at = Addresses::of("http://weir.internal:7070/", Some(&receivers));
        assert_eq!(at.weir, "http://weir.internal:7070");
        assert_eq!(at.otlp.as_deref(), Some("http://weir.internal:14318"));
        assert_eq!(at.datadog, None);
        assert_eq!(at.statsd, Some(("weir.internal".to_owned(), "18125".to_owned())));
    }
}
