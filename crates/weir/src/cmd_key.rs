//! `weir key`: virtual keys, made by a running Weir or in the state store itself.

use std::process::ExitCode;
use std::sync::Arc;

use serde_json::json;
use weir_api::wire::{KeyCreated, KeyItem, KeyList, KeyRequest};
use weir_types::{Clock as _, KeyError, NewKey, SystemClock, UnixMicros};

use crate::cli::{Format, KeyAction, KeyArgs};
use crate::client::{Backend, Local};
use crate::output;

/// Makes, lists or revokes.
pub fn run(args: &KeyArgs) -> anyhow::Result<ExitCode> {
    let backend = Backend::find(&args.server)?;
    match &args.action {
        KeyAction::Create { quiet, expires_in_days, .. } => {
            let created = create(backend, &requested(&args.action), *expires_in_days)?;
            output::print(&if *quiet { created.secret + "\n" } else { told(&created) })?;
        }
        KeyAction::List { format } => output::print(&table(&list(backend)?, *format)?)?,
        KeyAction::Revoke { id } => {
            let key = revoke(backend, id)?;
            output::print(&format!(
                "revoked {} ({}); calls with it are refused from now on\n",
                key.id, key.name
            ))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn requested(action: &KeyAction) -> KeyRequest {
    let KeyAction::Create { name, team, app, models, providers, expires_in_days, .. } = action else {
        return KeyRequest::default();
    };
    KeyRequest {
        name: name.clone().unwrap_or_else(|| named_after(team.as_deref(), app.as_deref())),
        team: team.clone(),
        app: app.clone(),
        models: models.clone(),
        providers: providers.clone(),
        expires_at: expires_in_days.map(|days| format!("now+{days}d")),
    }
}

/// A name for a key that was given none: whose it is.
fn named_after(team: Option<&str>, app: Option<&str>) -> String {
    let parts: Vec<&str> = [team, app].into_iter().flatten().collect();
    if parts.is_empty() { "unnamed".to_owned() } else { parts.join(" ") }
}

fn create(
    backend: Backend,
    request: &KeyRequest,
    expires_in_days: Option<u32>,
) -> anyhow::Result<KeyCreated> {
    match backend {
        Backend::Remote(client) => client.post("/api/keys", &json!(request)),
        local @ Backend::Local(_) => {
            let key = new_key(request, expires_in_days);
            let (key, secret) =
                locally(local, |local| local.runtime.block_on(local.store.key_admin().create(key)))?;
            Ok(KeyCreated { key: KeyItem::from(&key), secret: secret.expose().to_owned() })
        }
    }
}

fn new_key(request: &KeyRequest, expires_in_days: Option<u32>) -> NewKey {
    let shared = |text: &String| Arc::from(text.as_str());
    let expires_at = |days: u32| SystemClock.now().saturating_add_us(i64::from(days) * UnixMicros::DAY);
    NewKey {
        name: shared(&request.name),
        team: request.team.as_ref().map(shared),
        app: request.app.as_ref().map(shared),
        models: request.models.iter().map(shared).collect(),
        providers: request.providers.iter().map(shared).collect(),
        expires_at: expires_in_days.map(expires_at),
    }
}

fn list(backend: Backend) -> anyhow::Result<Vec<KeyItem>> {
    match backend {
        Backend::Remote(client) => Ok(client.get::<KeyList>("/api/keys", &[])?.keys),
        local @ Backend::Local(_) => {
            Ok(locally(local, |local| local.runtime.block_on(local.store.key_admin().list()))?
                .iter()
                .map(KeyItem::from)
                .collect())
        }
    }
}

fn revoke(backend: Backend, id: &str) -> anyhow::Result<KeyItem> {
    match backend {
        Backend::Remote(client) => client.delete(&format!("/api/keys/{id}")),
        local @ Backend::Local(_) => Ok(KeyItem::from(&locally(local, |local| {
            local.runtime.block_on(local.store.key_admin().revoke(id))
        })?)),
    }
}

/// Does something with the data folder, and closes it again.
fn locally<T>(backend: Backend, act: impl FnOnce(&Local) -> Result<T, KeyError>) -> anyhow::Result<T> {
    let Backend::Local(local) = backend else { anyhow::bail!("a running Weir keeps its keys itself") };
    let result = act(&local);
    local.close()?;
    Ok(result?)
}

fn told(created: &KeyCreated) -> String {
    format!(
        "{}\n\nThis is shown once: store it now. It is {} ({}).\nUse it in place of a provider's key, for example:\n  \
         export OPENAI_API_KEY={} OPENAI_BASE_URL=http://127.0.0.1:7070/v1\n",
        created.secret, created.key.id, created.key.prefix, created.secret
    )
}

fn table(keys: &[KeyItem], format: Format) -> anyhow::Result<String> {
    if format == Format::Json {
        return Ok(serde_json::to_string(keys)? + "\n");
    }
    let header = ["id", "prefix", "name", "team", "app", "models", "created", "state"].map(str::to_owned);
    let now_ms = SystemClock.now().as_millis();
    let rows = keys.iter().map(|key| {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let models = if key.models.is_empty() { "all".to_owned() } else { key.models.join(" ") };
        let state = match (key.revoked_at_ms, key.expires_at_ms) {
            (Some(at), _) => format!("revoked {}", date(at)),
            (None, Some(at)) if at <= now_ms => format!("expired {}", date(at)),
            (None, Some(at)) => format!("until {}", date(at)),
            (None, None) => "valid".to_owned(),
        };
        let (id, prefix, name) = (key.id.clone(), format!("{}…", key.prefix), key.name.clone());
        vec![id, prefix, name, text(&key.team), text(&key.app), models, date(key.created_at_ms), state]
    });
    if format == Format::Csv { output::csv(&header, rows) } else { Ok(output::aligned(&header, rows, &[])) }
}

fn date(unix_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(unix_ms)
        .map_or_else(|_| unix_ms.to_string(), |at| at.strftime("%F").to_string())
}
