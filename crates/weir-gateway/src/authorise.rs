//! Who calls, and whether they may.
//!
//! A virtual key (`wk-…`) is accepted wherever SDKs put keys: `authorization: Bearer`, `x-api-key`, `api-key`. It is looked
//! up by its SHA-256, in memory, and never leaves Weir. With [`AuthMode::Keys`] nothing else is accepted; with
//! [`AuthMode::Passthrough`] a virtual key is honoured and anything else is the provider's business.

use std::sync::Arc;

use http::HeaderMap;
use http::header;
use sha2::{Digest, Sha256};
use weir_types::{KeyHash, VirtualKey, wildcard_matches};

use crate::config::AuthMode;
use crate::context::{CallContext, Identity};
use crate::headers::{API_KEY, X_API_KEY};
use crate::refusal::Refusal;

/// What virtual keys begin with.
const VIRTUAL_KEY_PREFIX: &str = "wk-";

/// Finds out who calls. What the caller may call is checked when that is known: [`may_call_model`], [`may_call_provider`].
pub(crate) fn authorise(ctx: &CallContext) -> Result<(), Refusal> {
    let gateway = ctx.gateway();
    let key = match virtual_key(&ctx.head.headers) {
        None if gateway.config.auth == AuthMode::Keys => return Err(Refusal::key_missing()),
        None => None,
        Some(secret) => {
            let hash = KeyHash(Sha256::digest(secret.as_bytes()).into());
            Some(gateway.parts.keys.find(&hash).ok_or_else(Refusal::key_unknown)?)
        }
    };
    // The key is known from here on, so that the record of a refused call names it.
    let identity = ctx.identity.get_or_init(|| Identity { key });
    match &identity.key {
        Some(key) => is_valid(key, ctx),
        None => Ok(()),
    }
}

fn is_valid(key: &VirtualKey, ctx: &CallContext) -> Result<(), Refusal> {
    if key.revoked_at.is_some() {
        return Err(Refusal::key_revoked(&key.id));
    }
    if key.expires_at.is_some_and(|at| at <= ctx.started_at) {
        return Err(Refusal::key_expired(&key.id));
    }
    Ok(())
}

/// Whether the caller may call this model.
pub(crate) fn may_call_model(ctx: &CallContext, model: &str) -> Result<(), Refusal> {
    let Some(key) = ctx.key() else { return Ok(()) };
    if key.models.is_empty() || key.models.iter().any(|pattern| wildcard_matches(pattern, model)) {
        return Ok(());
    }
    Err(Refusal::model_not_allowed(&key.id, model, &key.models.join(", ")))
}

/// Whether the caller may send requests that Weir does not read. A key that is bound to models may only look
/// (GET, HEAD), because nothing shows which model such a request would run.
pub(crate) fn may_call_unread(ctx: &CallContext) -> Result<(), Refusal> {
    let only_looks = ctx.head.method.is_safe();
    match ctx.key() {
        Some(key) if !key.models.is_empty() && !only_looks => {
            Err(Refusal::model_not_allowed(&key.id, ctx.head.uri.path(), &key.models.join(", ")))
        }
        _ => Ok(()),
    }
}

/// Whether the caller may call this provider.
pub(crate) fn may_call_provider(key: Option<&Arc<VirtualKey>>, provider: &str) -> bool {
    key.is_none_or(|key| key.providers.is_empty() || key.providers.iter().any(|name| &**name == provider))
}

/// The virtual key that a request shows, wherever it is.
fn virtual_key(headers: &HeaderMap) -> Option<&str> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let bearer = text(header::AUTHORIZATION).and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    [bearer, text(X_API_KEY), text(API_KEY)]
        .into_iter()
        .flatten()
        .find(|token| token.starts_with(VIRTUAL_KEY_PREFIX))
}
