//! `[redis]`: what gateways of a fleet share.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use weir_notify::SecretRef;
use weir_types::Secret;

use super::resolve::Resolver;

/// A Redis or Valkey that gateways of a fleet share. While it is away, the cache misses.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Redis {
    /// Where it is: "redis://host:6379/0", or "unix:///path/to/socket"; nothing is shared when absent.
    pub url: Option<String>,
    /// Its password, where it wants one.
    pub password: Option<SecretRef>,
}

/// Where the server is.
pub struct RedisPlace {
    /// Its URL.
    pub url: String,
    /// Its password.
    pub password: Option<Secret>,
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
        Some(RedisPlace { url, password })
    }
}
