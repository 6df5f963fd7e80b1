//! Virtual keys on the wire. The key itself is shown once, by [`KeyCreated`], and by nothing else.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use weir_types::{UnixMicros, VirtualKey};

/// All keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyList {
    /// Newest first, revoked ones included.
    pub keys: Vec<KeyItem>,
}

/// A key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyItem {
    /// The key's public name; what spans carry.
    pub id: String,
    /// A name for people.
    pub name: String,
    /// The first characters of the key, to recognise it by.
    pub prefix: String,
    /// The team that its calls are charged to.
    pub team: Option<String>,
    /// The application that its calls belong to.
    pub app: Option<String>,
    /// Models it may call, with `*` as a wildcard; empty for all.
    pub models: Vec<String>,
    /// Providers it may call; empty for all.
    pub providers: Vec<String>,
    /// When it was made, in Unix milliseconds.
    pub created_at_ms: i64,
    /// When it stops to work, in Unix milliseconds.
    pub expires_at_ms: Option<i64>,
    /// When it was revoked, in Unix milliseconds.
    pub revoked_at_ms: Option<i64>,
}

/// What a new key shall be.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyRequest {
    /// A name for people.
    pub name: String,
    /// The team to charge.
    #[serde(default)]
    pub team: Option<String>,
    /// The application.
    #[serde(default)]
    pub app: Option<String>,
    /// Models it may call, with `*` as a wildcard; empty for all.
    #[serde(default)]
    pub models: Vec<String>,
    /// Providers it may call; empty for all.
    #[serde(default)]
    pub providers: Vec<String>,
    /// When it stops to work: `now+90d`, RFC 3339, or Unix milliseconds as text. Never when absent.
    #[serde(default)]
    #[schema(example = "now+90d")]
    pub expires_at: Option<String>,
}

/// A new key with its secret. `Debug` does not show the secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyCreated {
    /// The key.
    pub key: KeyItem,
    /// What a client shows; it cannot be had again.
    #[schema(example = "wk-…")]
    pub secret: String,
}

impl fmt::Debug for KeyCreated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyCreated").field("key", &self.key).finish_non_exhaustive()
    }
}

impl From<&VirtualKey> for KeyItem {
    fn from(key: &VirtualKey) -> Self {
        let texts = |list: &[std::sync::Arc<str>]| list.iter().map(ToString::to_string).collect();
        Self {
            id: key.id.to_string(),
            name: key.name.to_string(),
            prefix: key.prefix.to_string(),
            team: key.team.as_deref().map(str::to_owned),
            app: key.app.as_deref().map(str::to_owned),
            models: texts(&key.models),
            providers: texts(&key.providers),
            created_at_ms: key.created_at.as_millis(),
            expires_at_ms: key.expires_at.map(UnixMicros::as_millis),
            revoked_at_ms: key.revoked_at.map(UnixMicros::as_millis),
        }
    }
}
