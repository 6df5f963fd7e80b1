//! Errors in MLflow's shape, which its client turns into `MlflowException` with the code that it acts by.

use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode, header};
use serde_json::json;
use weir_types::BrowseError;

/// Why a request of an MLflow client was not served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MlflowError {
    /// It makes no sense; the text says why.
    #[error("{0}")]
    Invalid(String),
    /// What it asks for is not there.
    #[error("{0}")]
    NotFound(String),
    /// It is for a part of MLflow that Weir does not have.
    #[error("{method} {path} is not served by weir, which keeps traces and no runs, models or files")]
    NotServed {
        /// The method.
        method: Method,
        /// The path.
        path: String,
    },
    /// The store or the journal does not answer now.
    #[error("{0}; try again later")]
    Unavailable(String),
}

impl MlflowError {
    /// What a store's error is to a client. Its text is logged and not shown: it may name files.
    #[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` asks for")]
    pub(crate) fn from_browse(error: BrowseError) -> Self {
        tracing::warn!(%error, "the store could not answer an mlflow client");
        match error {
            BrowseError::Invalid(_) => Self::Invalid("the page_token is not one of this weir's".to_owned()),
            BrowseError::TimedOut { .. } | BrowseError::Store(_) => {
                Self::Unavailable("the store could not answer".to_owned())
            }
        }
    }
}

impl IntoResponse for MlflowError {
    fn into_response(self) -> Response {
        let (status, code) = match self {
            Self::Invalid(_) => (StatusCode::BAD_REQUEST, "INVALID_PARAMETER_VALUE"),
            Self::NotFound(_) => (StatusCode::NOT_FOUND, "RESOURCE_DOES_NOT_EXIST"),
            Self::NotServed { .. } => (StatusCode::NOT_FOUND, "ENDPOINT_NOT_FOUND"),
            Self::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "TEMPORARILY_UNAVAILABLE"),
        };
        let body = json!({ "error_code": code, "message": self.to_string() });
        (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
    }
}
