//! `/api/documents`: saved views, panels and dashboards.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;
use weir_types::{DocumentChange, DocumentKind, NewDocument};

use crate::Shared;
use crate::answer::JsonText;
use crate::error::ApiError;
use crate::extract::{JsonBody, Params, Segments};
use crate::wire::{DocumentItem, DocumentList, DocumentRequest, DocumentUpdate};

/// Which documents.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct DocumentParams {
    /// `view`, `panel` or `dashboard`; all unless said.
    #[param(example = "dashboard")]
    kind: Option<String>,
}

/// Lists documents by name.
#[utoipa::path(
    get,
    path = "/api/documents",
    tag = "documents",
    params(DocumentParams),
    responses((status = 200, description = "The documents.", body = DocumentList), ApiError)
)]
pub(crate) async fn list_documents(
    State(shared): State<Shared>,
    Params(params): Params<DocumentParams>,
) -> Result<JsonText, ApiError> {
    let known = |text: &str| {
        DocumentKind::parse(text).ok_or_else(|| ApiError::parameter("kind", text, "view, panel or dashboard"))
    };
    let kind = params.kind.as_deref().map(known).transpose()?;
    let documents = shared.documents.list(kind).await?;
    // A thousand documents may be large: the text is made off the async threads.
    shared
        .gate
        .answer(move |_| {
            Ok(DocumentList { documents: documents.into_iter().map(DocumentItem::from).collect() })
        })
        .await
}

/// Makes a document.
#[utoipa::path(
    post,
    path = "/api/documents",
    tag = "documents",
    request_body = DocumentRequest,
    responses((status = 201, description = "The document.", body = DocumentItem), ApiError)
)]
pub(crate) async fn create_document(
    State(shared): State<Shared>,
    JsonBody(request): JsonBody<DocumentRequest>,
) -> Result<(StatusCode, Json<DocumentItem>), ApiError> {
    let DocumentRequest { kind, name, body } = request;
    let new = NewDocument { kind: kind.into(), name: Arc::from(name), body };
    let document = shared.documents.create(new).await?;
    Ok((StatusCode::CREATED, Json(document.into())))
}

/// One document.
#[utoipa::path(
    get,
    path = "/api/documents/{id}",
    tag = "documents",
    params(("id" = String, Path, description = "The document's id, `doc_…`.")),
    responses((status = 200, description = "The document.", body = DocumentItem), ApiError)
)]
pub(crate) async fn get_document(
    State(shared): State<Shared>,
    Segments(id): Segments<String>,
) -> Result<Json<DocumentItem>, ApiError> {
    Ok(Json(shared.documents.get(&id).await?.into()))
}

/// Changes a document, unless someone else has changed it since.
#[utoipa::path(
    put,
    path = "/api/documents/{id}",
    tag = "documents",
    params(("id" = String, Path, description = "The document's id, `doc_…`.")),
    request_body = DocumentUpdate,
    responses((status = 200, description = "The document as it is now.", body = DocumentItem), ApiError)
)]
pub(crate) async fn update_document(
    State(shared): State<Shared>,
    Segments(id): Segments<String>,
    JsonBody(request): JsonBody<DocumentUpdate>,
) -> Result<Json<DocumentItem>, ApiError> {
    let DocumentUpdate { name, body, revision } = request;
    let change = DocumentChange { name: Arc::from(name), body, revision };
    Ok(Json(shared.documents.replace(&id, change).await?.into()))
}

/// Deletes a document.
#[utoipa::path(
    delete,
    path = "/api/documents/{id}",
    tag = "documents",
    params(("id" = String, Path, description = "The document's id, `doc_…`.")),
    responses((status = 204, description = "It is gone."), ApiError)
)]
pub(crate) async fn delete_document(
    State(shared): State<Shared>,
    Segments(id): Segments<String>,
) -> Result<StatusCode, ApiError> {
    shared.documents.delete(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}
