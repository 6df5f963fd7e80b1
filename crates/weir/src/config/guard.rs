//! `[guard]` and `[privacy]`: what prompts must not carry, and what is kept of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use weir_guard::{
    AgentScope, BodiesKept, ClassifierUse, CustomRule, Guard as Guarding, GuardError, GuardMode,
    GuardSettings, Kind, Kinds, PacksConfig, Privacy as Keeping, Scopes, SecretsPolicy,
};

use super::agents::{Agent, OTHERS, OnViolation};
use super::file::File;
use super::resolve::Resolver;

/// What is done about prompts that look like attempts to take a model over. docs/guide/risk.md says what is found.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Guard {
    /// How far it goes: "off"; "observe" records what was found; "flag" says so in the header `weir-guard` too; "block" refuses
    /// the call before anything is sent.
    pub mode: GuardMode,
    /// What it goes by: "seed" (five patterns; any match flags) and "strong" (weighted rules that also see through disguises, and
    /// look at documents and answers of tools).
    pub packs: Vec<Pack>,
    /// The score from which on the strong pack flags a call.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub strong_threshold: f64,
    /// What looks at a text's wording as a whole, beside the rules: "off"; "small", which is shipped and takes microseconds, and
    /// knows little beyond what it was trained on; or `{ model = "/path" }`, the folder of a sentence model with a head, such as
    /// `make injection-model` fetches. A model takes tens of milliseconds: calls are scored after they were recorded, and only "block" waits
    /// for it. docs/reference/injection-guard.md says how well each does.
    pub classifier: Classifier,
    /// The score from which on the classifier flags a call.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub classifier_threshold: f64,
    /// What differs for single applications, by name.
    pub apps: BTreeMap<String, GuardApp>,
    /// Rules of your own; they count towards the strong pack's score.
    pub rules: Vec<GuardRule>,
}

impl Default for Guard {
    fn default() -> Self {
        Self {
            mode: GuardMode::default(),
            packs: vec![Pack::Seed, Pack::Strong],
            strong_threshold: PacksConfig::default().strong_threshold,
            classifier: Classifier::Off,
            classifier_threshold: PacksConfig::default().classifier_threshold,
            apps: BTreeMap::new(),
            rules: Vec::new(),
        }
    }
}

/// A pack of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pack {
    /// The five patterns of the article that Weir follows.
    Seed,
    /// Weighted rules over normalised text.
    Strong,
}

/// A classifier.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Classifier {
    /// None.
    #[default]
    Off,
    /// The one that is shipped.
    Small,
    /// A sentence model and its head, in this folder.
    Model(PathBuf),
}

impl Classifier {
    /// The folder of its model.
    pub fn folder(&self) -> Option<&Path> {
        match self {
            Self::Model(folder) => Some(folder),
            Self::Off | Self::Small => None,
        }
    }

    fn used(&self) -> ClassifierUse {
        match self {
            Self::Off => ClassifierUse::Off,
            Self::Small => ClassifierUse::Small,
            Self::Model(folder) => {
                let name = folder.file_name().unwrap_or_default().to_string_lossy();
                ClassifierUse::Model(Arc::from(&*name))
            }
        }
    }
}

/// What differs for one application.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GuardApp {
    /// How far the guard goes for its calls.
    pub mode: GuardMode,
}

/// A rule of your own.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GuardRule {
    /// What it is called in reports.
    pub name: String,
    /// A regular expression, whatever the case of letters; without look-around and backreferences, so that it matches in linear time.
    pub pattern: String,
    /// What kind of attempt it tells, such as "override" or "exfiltration".
    #[serde(default = "custom")]
    pub category: String,
    /// How much it says by itself.
    #[serde(default = "one")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub weight: f64,
}

fn custom() -> String {
    "custom".to_owned()
}

const fn one() -> f64 {
    1.0
}

/// What is kept of what calls say. Applies to every source: calls through the gateway and telemetry.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Privacy {
    /// What is kept of prompts, answers, documents and tools: "full"; "redacted" takes personal data of every kind out; "hashed"
    /// keeps a SHA-256 of each; "off" keeps nothing.
    pub bodies: BodiesKept,
    /// What happens to keys, tokens and passwords: "redact" takes them out of what is recorded; "redact_upstream" out of what is
    /// sent to the provider too; "block" refuses a call whose prompt has one; "keep" keeps them.
    pub secrets: SecretsPolicy,
    /// Which personal data is taken out of what is recorded; none when empty.
    pub pii: Vec<Pii>,
    /// What differs for single applications, by name.
    pub apps: BTreeMap<String, PrivacyApp>,
}

/// What differs for one application.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PrivacyApp {
    /// In place of `privacy.bodies`.
    pub bodies: Option<BodiesKept>,
    /// In place of `privacy.secrets`.
    pub secrets: Option<SecretsPolicy>,
    /// In place of `privacy.pii`.
    pub pii: Option<Vec<Pii>>,
}

/// A kind of personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pii {
    /// Addresses of electronic mail.
    Email,
    /// Telephone numbers: with a country's code, or as North America writes them.
    Phone,
    /// Numbers of payment cards whose check digit is right.
    CreditCard,
    /// Numbers of bank accounts whose check digits are right.
    Iban,
    /// Social security numbers of the United States.
    Ssn,
    /// Addresses of the Internet; those of private networks stay.
    Ip,
}

impl Pii {
    const fn kind(self) -> Kind {
        match self {
            Self::Email => Kind::Email,
            Self::Phone => Kind::Phone,
            Self::CreditCard => Kind::CreditCard,
            Self::Iban => Kind::Iban,
            Self::Ssn => Kind::Ssn,
            Self::Ip => Kind::Ip,
        }
    }
}

impl Resolver<'_> {
    /// The guard; what cannot be meant is reported.
    pub(super) fn guard(&mut self, file: &File) -> Option<Guarding> {
        let guard = &file.guard;
        let rule = |rule: &GuardRule| CustomRule {
            name: rule.name.clone(),
            pattern: rule.pattern.clone(),
            category: rule.category.clone(),
            weight: rule.weight,
        };
        let packs = PacksConfig {
            seed: guard.packs.contains(&Pack::Seed),
            strong: guard.packs.contains(&Pack::Strong),
            strong_threshold: guard.strong_threshold,
            classifier: guard.classifier.used(),
            classifier_threshold: guard.classifier_threshold,
            custom: guard.rules.iter().map(rule).collect(),
        };
        let privacy = Keeping {
            bodies: file.privacy.bodies,
            secrets: file.privacy.secrets,
            pii: kinds(&file.privacy.pii),
        };
        let kept_of = |app: &PrivacyApp| Keeping {
            bodies: app.bodies.unwrap_or(privacy.bodies),
            secrets: app.secrets.unwrap_or(privacy.secrets),
            pii: app.pii.as_ref().map_or(privacy.pii, |pii| kinds(pii)),
        };
        let settings = GuardSettings {
            packs,
            mode: guard.mode,
            apps: guard.apps.iter().map(|(name, app)| (Arc::from(name.as_str()), app.mode)).collect(),
            privacy_apps: file
                .privacy
                .apps
                .iter()
                .map(|(name, app)| (Arc::from(name.as_str()), kept_of(app)))
                .collect(),
            privacy,
            scopes: scopes(&file.agents),
        };
        match Guarding::new(settings) {
            Ok(guarding) => Some(guarding),
            Err(error) => {
                let key = key_of(&error, &guard.rules);
                self.report(&key, error.to_string(), None)
            }
        }
    }
}

fn kinds(pii: &[Pii]) -> Kinds {
    pii.iter().map(|pii| pii.kind()).collect()
}

fn scopes(agents: &BTreeMap<String, Agent>) -> Scopes {
    let scope = |agent: &Agent| AgentScope {
        models: agent.models.clone(),
        tools: agent.tools.clone(),
        domains: agent.domains.clone(),
        blocks: agent.on_violation == OnViolation::Block,
    };
    let named = agents.iter().filter(|(name, _)| *name != OTHERS);
    Scopes {
        named: named.map(|(name, agent)| (Arc::from(name.as_str()), scope(agent))).collect(),
        others: agents.get(OTHERS).map(scope),
    }
}

fn key_of(error: &GuardError, rules: &[GuardRule]) -> String {
    let index = |name: &str| rules.iter().rposition(|rule| rule.name == name).unwrap_or_default();
    match error {
        GuardError::Pattern { rule, .. } => format!("guard.rules[{}].pattern", index(rule)),
        GuardError::Rule { rule, .. } => format!("guard.rules[{}]", index(rule)),
        GuardError::Share { key, .. } => (*key).to_owned(),
        GuardError::Data { .. } => "guard".to_owned(),
    }
}
