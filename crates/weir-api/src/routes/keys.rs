//! Virtual keys: list, create, revoke.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use weir_types::{NewKey, UnixMicros, VirtualKey};

use crate::Shared;
use crate::audited::{self, Done};
use crate::error::ApiError;
use crate::extract::{JsonBody, Segments};
use crate::instant;
use crate::wire::{ErrorCode, KeyCreated, KeyItem, KeyList, KeyRequest};

/// Lists all keys, newest first.
#[utoipa::path(
    get,
    path = "/api/keys",
    tag = "keys",
    responses((status = 200, description = "All keys.", body = KeyList), ApiError)
)]
pub(crate) async fn list_keys(State(shared): State<Shared>) -> Result<Json<KeyList>, ApiError> {
    let keys = shared.key_admin.list().await?;
    Ok(Json(KeyList { keys: keys.iter().map(KeyItem::from).collect() }))
}

/// Makes a key. Its secret is in the answer, and nowhere else ever.
#[utoipa::path(
    post,
    path = "/api/keys",
    tag = "keys",
    request_body = KeyRequest,
    responses((status = 201, description = "The key with its secret.", body = KeyCreated), ApiError)
)]
pub(crate) async fn create_key(
    State(shared): State<Shared>,
    JsonBody(request): JsonBody<KeyRequest>,
) -> Result<(StatusCode, Json<KeyCreated>), ApiError> {
    let key = new_key(request, shared.clock.now())?;
    let (key, secret) = shared.key_admin.create(key).await?;
    audited(&shared, "key.create", None, &key).await;
    let created = KeyCreated { key: KeyItem::from(&key), secret: secret.expose().to_owned() };
    Ok((StatusCode::CREATED, Json(created)))
}

/// Revokes a key. It stops to work at once and stays in the list; revoking it again changes nothing.
#[utoipa::path(
    delete,
    path = "/api/keys/{id}",
    tag = "keys",
    params(("id" = String, Path, description = "The key's id, `key_…`.")),
    responses((status = 200, description = "The key.", body = KeyItem), ApiError)
)]
pub(crate) async fn revoke_key(
    State(shared): State<Shared>,
    Segments(id): Segments<String>,
) -> Result<Json<KeyItem>, ApiError> {
    let before = shared.key_admin.list().await?.into_iter().find(|key| *key.id == *id);
    let key = shared.key_admin.revoke(&id).await?;
    audited(&shared, "key.revoke", before.as_ref(), &key).await;
    Ok(Json(KeyItem::from(&key)))
}

async fn audited(shared: &Shared, action: &'static str, before: Option<&VirtualKey>, key: &VirtualKey) {
    let kept = |key: &VirtualKey| audited::kept(&KeyItem::from(key));
    let (target, before, after) = (Arc::clone(&key.id), before.and_then(kept), kept(key));
    Done { who: audited::name(None), action, target, before, after }.note(shared).await;
}

fn new_key(request: KeyRequest, now: UnixMicros) -> Result<NewKey, ApiError> {
    let texts = |list: Vec<String>| list.into_iter().map(Arc::from).collect();
    if request.name.trim().is_empty() {
        let message = "field `name` is empty: expected a name for people";
        return Err(ApiError::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidBody, message));
    }
    let expires_at = request.expires_at.map(|text| instant::instant("expires_at", &text, now)).transpose()?;
    if expires_at.is_some_and(|at| at <= now) {
        let message = "field `expires_at` is in the past: expected an instant after now, such as now+90d";
        return Err(ApiError::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidBody, message));
    }
    Ok(NewKey {
        name: Arc::from(request.name.trim()),
        team: request.team.map(Arc::from),
        app: request.app.map(Arc::from),
        models: texts(request.models),
        providers: texts(request.providers),
        expires_at,
    })
}
