//! `[[probes]]`: questions that Weir itself asks on a schedule.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use weir_evaluate::probe::{Expectation, Expected, Probe};
use weir_notify::SecretRef;
use weir_types::Secret;

use super::resolve::Resolver;

/// A question that Weir asks a model on a schedule, through its own gateway. Whether the answer was as expected is the metric
/// `weir.probe.passed`; the calls are spans with `source = probe`. docs/guide/quality.md has an example.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProbeEntry {
    /// Its name.
    pub name: String,
    /// The model that is asked.
    pub model: String,
    /// The question.
    pub prompt: String,
    /// What the model is told to be.
    #[serde(default)]
    pub instructions: Option<String>,
    /// How long the answer may be, in tokens; 256 when absent.
    #[serde(default)]
    #[schemars(range(min = 1, max = 100_000))]
    pub max_tokens: Option<u32>,
    /// How often it is asked; 15 when absent.
    #[serde(default)]
    #[schemars(range(min = 1, max = 10_080))]
    pub every_minutes: Option<u32>,
    /// How long the answer may take, in seconds; 30 when absent.
    #[serde(default)]
    #[schemars(range(min = 1, max = 600))]
    pub timeout_s: Option<u32>,
    /// What is shown to the gateway: a virtual key, or the provider's own where the gateway has none.
    #[serde(default)]
    pub api_key: Option<SecretRef>,
    /// What the answer must be like. Without it any answer will do.
    #[serde(default)]
    pub expect: Expect,
}

/// What the answer to a probe must be like.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Expect {
    /// Texts that it must hold, whatever their case.
    pub contains: Vec<String>,
    /// Texts that it must not hold, whatever their case.
    pub contains_not: Vec<String>,
    /// A regular expression that must match somewhere in it.
    pub matches: Option<String>,
    /// Whether it must be JSON.
    pub json: bool,
    /// The longest it may take, in milliseconds.
    pub duration_ms_max: Option<u64>,
    /// The most tokens it may have.
    pub output_tokens_max: Option<u64>,
}

/// A probe with what it shows to the gateway.
pub struct KeyedProbe {
    /// The question.
    pub probe: Probe,
    /// The key, where one is named.
    pub api_key: Option<Secret>,
}

impl Resolver<'_> {
    /// Reads `[[probes]]`.
    pub(super) fn probes(&mut self, entries: &[ProbeEntry]) -> Vec<KeyedProbe> {
        let mut names = HashSet::new();
        let probes = entries.iter().enumerate().filter_map(|(at, entry)| {
            let key = format!("probes.{at}");
            if !names.insert(&entry.name) {
                let message = format!("there is another probe with the name {:?}", entry.name);
                self.report::<()>(&format!("{key}.name"), message, Some("give each probe a name of its own"));
            }
            let expect = entry.expect.clone();
            let expected = Expected::new(Expectation {
                contains: expect.contains,
                contains_not: expect.contains_not,
                matches: expect.matches,
                json: expect.json,
                duration_ms_max: expect.duration_ms_max,
                output_tokens_max: expect.output_tokens_max,
            });
            let expected = expected.map_err(|error| {
                self.report::<()>(&format!("{key}.expect.matches"), error.to_string(), None);
            });
            let api_key =
                entry.api_key.as_ref().and_then(|secret| self.secret(&format!("{key}.api_key"), secret));
            let minutes = |minutes: u32| Duration::from_secs(60 * u64::from(minutes));
            let probe = Probe {
                name: Arc::from(&*entry.name),
                model: Arc::from(&*entry.model),
                instructions: entry.instructions.clone(),
                prompt: entry.prompt.clone(),
                max_tokens: entry.max_tokens.unwrap_or(256),
                every: minutes(entry.every_minutes.unwrap_or(15)),
                timeout: Duration::from_secs(entry.timeout_s.unwrap_or(30).into()),
                expected: expected.ok()?,
            };
            Some(KeyedProbe { probe, api_key })
        });
        probes.collect()
    }
}
