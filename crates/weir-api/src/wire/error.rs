//! Errors on the wire: a closed set of codes that programs branch on, and texts for people.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What kind of error it is. The set is closed: clients may match on it, and a new member is a change of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// A parameter of the path or the query string is wrong (400).
    InvalidParameter,
    /// The expression or the filter is wrong; `span` says where (400).
    InvalidExpression,
    /// The SQL statement is wrong or not allowed (400).
    InvalidStatement,
    /// The body is not what the route reads (400, 408, 413 or 415).
    InvalidBody,
    /// A token or a session is needed (401).
    Unauthorized,
    /// The request came by a way that Weir does not accept: a foreign `Host` or `Origin` (403).
    Forbidden,
    /// There is no such thing (404).
    NotFound,
    /// The route exists, but not with this method (405).
    MethodNotAllowed,
    /// Someone else has changed it since it was read (409).
    Conflict,
    /// The answer would be larger than anyone can use (422).
    TooManyRows,
    /// Too many questions are being answered; try again (503).
    Overloaded,
    /// It took longer than allowed (504).
    TimedOut,
    /// Weir failed; its log says why (500).
    Internal,
}

/// Every error of the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorBody {
    /// What went wrong.
    pub error: ErrorDetail,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorDetail {
    /// What kind of error it is.
    pub code: ErrorCode,
    /// What was tried, the value, and what was expected; for people.
    pub message: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Where in the expression: start and end in UTF-16 code units, as JavaScript counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_items = 2, max_items = 2)]
    pub span: Option<[usize; 2]>,
    /// The error with the expression and a caret under the place, over several lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rendered: Option<String>,
}
