//! `[redis]`: what gateways of a fleet share.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use weir_control::budget::OnUnavailable;
use weir_notify::SecretRef;
use weir_types::Secret;

use super::resolve::Resolver;

/// A Redis or Valkey that gateways of a fleet share. While it is away, the cache misses.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Redis {
    /// Where it is: "redis://host:6379/0", or "unix:///path/to/socket"; nothing is shared when absent.
    pub url: Option<String>,
    /// Its password, where it wants one.
    pub password: Option<SecretRef>,
    /// Whether budgets and rate limits hold for all gateways together. The server must not evict what it holds for them:
    /// `maxmemory-policy noeviction`, or a server of their own beside that of the cache.
    pub share_limits: bool,
    /// What limits let through while the server is away or has lost its memory: "local_share" (an equal share of what was left),
    /// "deny" (nothing, status 503) or "allow" (what fits what this gateway itself has used). docs/guide/cost-control.md
    /// has the bound that each gives.
    pub on_unavailable: OnUnavailable,
}

impl Default for Redis {
    fn default() -> Self {
        Self { url: None, password: None, share_limits: true, on_unavailable: OnUnavailable::default() }
    }
}

/// Where the server is.
pub struct RedisPlace {
    /// Its URL.
    pub url: String,
    /// Its password.
    pub password: Option<Secret>,
    /// What limits let through without it; `None` when each gateway counts for itself.
    pub limits: Option<OnUnavailable>,
}

impl Resolver<'_> {
    /// Reads `[redis]`; `is_needed_by` names a key that cannot do without.
    pub(super) fn redis(&mut self, written: &Redis, is_needed_by: Option<&str>) -> Option<RedisPlace> {
        let password = written.password.as_ref().and_then(|secret| self.secret("redis.password", secret));
        let Some(url) = written.url.clone() else {
            if let Some(key) = is_needed_by {
                let message = "this needs a Redis, and none is named".to_owned();
                self.report::<()>(key, message, Some("set `redis.url`, such as \"redis://127.0.0.1:6379\""));
            }
            return None;
        };
        Some(RedisPlace { url, password, limits: written.share_limits.then_some(written.on_unavailable) })
    }
}
