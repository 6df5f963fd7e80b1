//! How the API says no.
//!
//! An [`ApiError`] is what a handler returns; it becomes the one JSON shape of [`ErrorBody`]. Building one has no side
//! effect. What went wrong inside (a store's own words) is kept apart as `detail`: it is logged when the response is
//! made, once, and never shown, because it may name paths and machines.

use std::collections::BTreeMap;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response as DocumentedResponse, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};
use weir_query::{QueryError, QueryErrorKind};
use weir_types::{
    AlertStoreError, AuditError, BrowseError, BudgetError, DocumentError, KeyError, MonitorsError,
};

use crate::wire::{ErrorBody, ErrorCode, ErrorDetail};

/// Characters of a bad value that a message repeats: enough to recognise it, and no more.
const SHOWN_CHARS_MAX: usize = 80;

/// Seconds after which a client that met an overload may try again; a question rarely takes longer.
const RETRY_AFTER_SECONDS: u16 = 1;

/// Why a request was not answered. `Result<_, ApiError>` is what every handler returns.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{status}: {}", error.message)]
pub(crate) struct ApiError {
    status: StatusCode,
    error: Box<ErrorDetail>,
    detail: Option<String>,
}

impl ApiError {
    /// An error with a status of its own.
    pub fn new(status: StatusCode, code: ErrorCode, message: impl Into<String>) -> Self {
        let error = ErrorDetail { code, message: message.into(), hint: None, span: None, rendered: None };
        Self { status, error: Box::new(error), detail: None }
    }

    /// A parameter whose value makes no sense.
    pub fn parameter(name: &str, value: &str, expected: &str) -> Self {
        let message = format!("parameter `{name}` is {}: expected {expected}", shown(value));
        Self::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidParameter, message)
    }

    /// A parameter that is needed and not there.
    pub fn missing(name: &str, expected: &str) -> Self {
        let message = format!("parameter `{name}` is missing: expected {expected}");
        Self::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidParameter, message)
    }

    /// Something that is not there.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, ErrorCode::NotFound, message)
    }

    /// A failure of Weir's own; `detail` goes to the log only.
    pub fn internal(what: &str, detail: impl Into<String>) -> Self {
        let message = format!("{what} failed; weir's log says why");
        let mut error = Self::new(StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Internal, message);
        error.detail = Some(detail.into());
        error
    }

    /// A body over [`crate::BODY_BYTES_MAX`].
    pub fn body_too_large() -> Self {
        let message = format!("body is over the limit of {} bytes", crate::BODY_BYTES_MAX);
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::InvalidBody, message)
    }

    /// Too many questions at once.
    pub fn overloaded() -> Self {
        let message = "too many questions are being answered; try again";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Overloaded, message)
    }

    /// The text for people.
    pub fn into_message(self) -> String {
        self.error.message
    }

    /// The same error with what to do about it.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.error.hint = Some(hint.into());
        self
    }

    /// An error in an expression, or of evaluating it. What the store said stays inside.
    pub fn in_expression(error: &QueryError, source: &str) -> Self {
        let (status, code) = match error.kind {
            QueryErrorKind::Store => return Self::internal("answering the query", &error.message),
            QueryErrorKind::Timeout => (StatusCode::GATEWAY_TIMEOUT, ErrorCode::TimedOut),
            QueryErrorKind::Limit => (StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::TooManyRows),
            QueryErrorKind::Range => (StatusCode::BAD_REQUEST, ErrorCode::InvalidParameter),
            QueryErrorKind::Syntax
            | QueryErrorKind::Name
            | QueryErrorKind::Argument
            | QueryErrorKind::Unit
            | QueryErrorKind::Grouping => (StatusCode::BAD_REQUEST, ErrorCode::InvalidExpression),
        };
        let mut refused = Self::new(status, code, &error.message);
        refused.error.hint.clone_from(&error.hint);
        if error.kind != QueryErrorKind::Range {
            let utf16 = |at: usize| source.get(..at).unwrap_or(source).encode_utf16().count();
            refused.error.span = Some([utf16(error.span.start), utf16(error.span.end)]);
            refused.error.rendered = Some(error.render(source));
        }
        refused
    }
}

/// A value as a message repeats it: quoted, escaped and cut.
pub(crate) fn shown(value: &str) -> String {
    let cut: String = value.chars().take(SHOWN_CHARS_MAX).collect();
    if cut.len() < value.len() { format!("{cut:?}…") } else { format!("{cut:?}") }
}

impl From<BrowseError> for ApiError {
    fn from(error: BrowseError) -> Self {
        let text = error.to_string();
        match error {
            BrowseError::Invalid(message) => {
                Self::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidStatement, message)
            }
            BrowseError::TimedOut { .. } => Self::new(StatusCode::GATEWAY_TIMEOUT, ErrorCode::TimedOut, text)
                .hint("ask for a shorter range"),
            BrowseError::Store(detail) => Self::internal("reading the store", detail),
        }
    }
}

impl From<BudgetError> for ApiError {
    fn from(error: BudgetError) -> Self {
        let text = error.to_string();
        match error {
            BudgetError::NotFound(_) => Self::not_found(text),
            BudgetError::Invalid { key, message } if key.is_empty() => {
                Self::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidBody, format!("the budget {message}"))
            }
            BudgetError::Invalid { .. } => Self::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidBody, text),
            BudgetError::Store(detail) => Self::internal("reading what was spent", detail),
        }
    }
}

impl From<KeyError> for ApiError {
    fn from(error: KeyError) -> Self {
        let text = error.to_string();
        match error {
            KeyError::NotFound(_) => Self::not_found(text),
            KeyError::Invalid(message) => Self::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidBody, message),
            KeyError::Store(detail) => Self::internal("using the state store", detail),
        }
    }
}

impl From<DocumentError> for ApiError {
    fn from(error: DocumentError) -> Self {
        let text = error.to_string();
        match error {
            DocumentError::NotFound(_) => Self::not_found(text),
            DocumentError::Conflict { .. } => Self::new(StatusCode::CONFLICT, ErrorCode::Conflict, text)
                .hint("read it again, make the change to what is there now, and send that revision"),
            DocumentError::Invalid(message) => {
                Self::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidBody, message)
            }
            DocumentError::Store(detail) => Self::internal("using the state store", detail),
        }
    }
}

impl From<AlertStoreError> for ApiError {
    fn from(error: AlertStoreError) -> Self {
        let text = error.to_string();
        match error {
            AlertStoreError::NotFound { .. } => Self::not_found(text),
            AlertStoreError::Invalid(message) => {
                Self::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidBody, message)
            }
            AlertStoreError::Store(detail) => Self::internal("using the state store", detail),
        }
    }
}

impl From<AuditError> for ApiError {
    fn from(AuditError(detail): AuditError) -> Self {
        Self::internal("reading the audit log", detail)
    }
}

impl From<MonitorsError> for ApiError {
    fn from(error: MonitorsError) -> Self {
        let text = error.to_string();
        match error {
            MonitorsError::NotFound(_) => Self::not_found(text),
            MonitorsError::Invalid(message) => {
                Self::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidBody, message)
            }
            MonitorsError::Store(detail) => Self::internal("asking the monitors", detail),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        if let Some(detail) = &self.detail {
            tracing::error!(detail, message = self.error.message, "api request failed");
        }
        let body = axum::Json(ErrorBody { error: *self.error });
        let mut response = (self.status, body).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer realm=\"weir\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}

/// In the OpenAPI document every route has this one response beside its own.
impl IntoResponses for ApiError {
    fn responses() -> BTreeMap<String, RefOr<DocumentedResponse>> {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(ErrorBody::name()))).build();
        let response = ResponseBuilder::new()
            .description("Any error; `code` says which.")
            .content("application/json", content)
            .build();
        BTreeMap::from([("default".to_owned(), RefOr::T(response))])
    }
}
