//! What the guard does for which application.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Class, Kind, Kinds, PacksConfig, Scopes};

/// How far the guard goes when a prompt looks like an attack.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GuardMode {
    /// Nothing is looked for.
    Off,
    /// It is recorded, also that the call would have been blocked. The call waits for nothing.
    #[default]
    Observe,
    /// It is recorded, and the answer has the header `weir-guard`.
    Flag,
    /// The call is refused before anything is sent to the provider.
    Block,
}

/// What is kept of prompts, answers, documents and tools.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BodiesKept {
    /// All of them, without secrets and without the personal data that `pii` names.
    #[default]
    Full,
    /// The same, without personal data of any kind.
    Redacted,
    /// Only a SHA-256 of each, so that equal ones can be found.
    Hashed,
    /// Nothing.
    Off,
}

/// What happens to keys, tokens and passwords.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecretsPolicy {
    /// They are kept as they are.
    Keep,
    /// They are taken out of what is recorded; the provider gets them.
    #[default]
    Redact,
    /// They are taken out of what is recorded and of what is sent to the provider.
    RedactUpstream,
    /// They are taken out of what is recorded, and a call whose prompt has one is refused.
    Block,
}

/// What is kept of what an application's calls say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Privacy {
    /// Which bodies are kept.
    pub bodies: BodiesKept,
    /// What happens to secrets.
    pub secrets: SecretsPolicy,
    /// Which personal data is taken out.
    pub pii: Kinds,
}

impl Privacy {
    /// What is looked for and taken out.
    pub(crate) fn kinds(&self) -> Kinds {
        let pii = match self.bodies {
            BodiesKept::Redacted => Kinds::of_class(Class::Pii),
            _ => self.pii,
        };
        let has_secrets = self.secrets != SecretsPolicy::Keep;
        let secrets = if has_secrets { Kinds::of_class(Class::Secret) } else { Kinds::NONE };
        let pii: Kinds =
            Kind::ALL.iter().copied().filter(|kind| kind.class() == Class::Pii && pii.has(*kind)).collect();
        secrets.and(pii)
    }
}

/// Everything the guard is told.
#[derive(Debug, Clone, Default)]
pub struct GuardSettings {
    /// What injections are told by.
    pub packs: PacksConfig,
    /// How far it goes for applications that are not named, and for calls without one.
    pub mode: GuardMode,
    /// How far it goes for these applications.
    pub apps: BTreeMap<Arc<str>, GuardMode>,
    /// What is kept, for applications that are not named.
    pub privacy: Privacy,
    /// What is kept of these applications.
    pub privacy_apps: BTreeMap<Arc<str>, Privacy>,
    /// What agents may do.
    pub scopes: Scopes,
}
