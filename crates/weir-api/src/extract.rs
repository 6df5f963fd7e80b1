//! Takes parameters and bodies out of requests, with errors that say what was wrong.
//!
//! axum's own extractors answer with their own texts in their own shape, decode broken UTF-8 to replacement characters
//! and ignore parameters they do not know; a mistyped parameter would silently mean "the default". These do none of that.

use std::borrow::Cow;
use std::time::Duration;

use axum::extract::rejection::{BytesRejection, JsonRejection, PathRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use http::StatusCode;
use http::request::Parts;
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;

use crate::error::{ApiError, shown};
use crate::wire::ErrorCode;

/// Seconds in which a body must arrive: at most 1 MiB, so this is slow for any network and short for an attacker.
const BODY_SECONDS_MAX: u64 = 10;

/// The parameters of the query string. `T` has `Option<String>` fields only and refuses unknown ones; the handler reads
/// each with a function that knows its name.
pub(crate) struct Params<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parse_params(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

fn parse_params<T: DeserializeOwned>(query: &str) -> Result<T, ApiError> {
    let mut values = serde_json::Map::new();
    for part in query.split('&').filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let (name, value) = (decode(name, name)?, decode(name, value)?);
        if !value.is_empty() && values.insert(name.clone(), value.clone().into()).is_some() {
            return Err(ApiError::parameter(&name, &value, "one value, but it is given twice"));
        }
    }
    T::deserialize(serde_json::Value::Object(values)).map_err(|error| {
        ApiError::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidParameter, format!("query string: {error}"))
    })
}

fn decode<'a>(name: &str, text: &'a str) -> Result<String, ApiError> {
    let spaced: Cow<'a, str> =
        if text.contains('+') { Cow::Owned(text.replace('+', " ")) } else { Cow::Borrowed(text) };
    percent_decode_str(&spaced)
        .decode_utf8()
        .map(Cow::into_owned)
        .map_err(|_| ApiError::parameter(name, text, "percent-encoded UTF-8"))
}

/// A number of things to return: `fallback` unless said, at least 1 and at most `max`.
pub(crate) fn limit(text: Option<&str>, fallback: usize, max: usize) -> Result<usize, ApiError> {
    let Some(text) = text else { return Ok(fallback) };
    text.parse()
        .ok()
        .filter(|number| (1..=max).contains(number))
        .ok_or_else(|| ApiError::parameter("limit", text, &format!("a whole number from 1 to {max}")))
}

/// Whether something is wanted: `false` unless said.
pub(crate) fn flag(name: &str, text: Option<&str>) -> Result<bool, ApiError> {
    match text {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(other) => Err(ApiError::parameter(name, other, "true or false")),
    }
}

/// The variable parts of the path.
pub(crate) struct Segments<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Segments<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(segments)) => Ok(Self(segments)),
            Err(PathRejection::FailedToDeserializePathParams(_)) => {
                let path = shown(parts.uri.path());
                let message = format!("path {path}: expected percent-encoded UTF-8 in each part");
                Err(ApiError::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidParameter, message))
            }
            Err(error) => Err(ApiError::internal("reading the path", error.to_string())),
        }
    }
}

/// Reads a part of the path.
pub(crate) fn segment<T: std::str::FromStr>(name: &str, text: &str, expected: &str) -> Result<T, ApiError> {
    text.parse().map_err(|_| ApiError::parameter(name, text, expected))
}

/// A JSON body.
pub(crate) struct JsonBody<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let reading = axum::Json::from_request(request, state);
        match tokio::time::timeout(Duration::from_secs(BODY_SECONDS_MAX), reading).await {
            Ok(Ok(axum::Json(body))) => Ok(Self(body)),
            Ok(Err(rejection)) => Err(refused_body(&rejection)),
            Err(_) => {
                let message = format!("body did not arrive within {BODY_SECONDS_MAX} s");
                Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, ErrorCode::InvalidBody, message))
            }
        }
    }
}

fn refused_body(rejection: &JsonRejection) -> ApiError {
    let refuse = |status, message: String| ApiError::new(status, ErrorCode::InvalidBody, message);
    match rejection {
        JsonRejection::JsonSyntaxError(error) => {
            refuse(StatusCode::BAD_REQUEST, format!("body is not JSON: {}", cause(error)))
        }
        JsonRejection::JsonDataError(error) => {
            refuse(StatusCode::BAD_REQUEST, format!("body has the wrong shape: {}", cause(error)))
        }
        JsonRejection::MissingJsonContentType(_) => refuse(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "header `content-type` is missing or foreign: expected application/json".to_owned(),
        ),
        JsonRejection::BytesRejection(error) => refused_bytes(error),
        _ => refuse(StatusCode::BAD_REQUEST, "body cannot be read: expected JSON".to_owned()),
    }
}

fn refused_bytes(rejection: &BytesRejection) -> ApiError {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return ApiError::body_too_large();
    }
    ApiError::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidBody, "body ends early")
}

/// The innermost error's text: what serde said, without axum's words around it.
fn cause(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        from: Option<String>,
        text: Option<String>,
    }

    fn text_of(query: &str) -> Result<Option<String>, String> {
        parse_params::<Sample>(query).map(|sample| sample.text).map_err(|error| error.to_string())
    }

    #[test]
    fn values_are_decoded_and_empty_ones_are_absent() {
        assert_eq!(text_of("text=gr%C3%BC%C3%9Fe+an%2Balle"), Ok(Some("grüße an+alle".to_owned())));
        assert_eq!(text_of("text=&from="), Ok(None));
        assert_eq!(text_of("&&"), Ok(None));
    }

    #[test]
    fn unknown_repeated_and_broken_parameters_are_refused_by_name() {
        assert!(text_of("texts=a").unwrap_err().contains("unknown field `texts`, expected `from` or `text`"));
        assert!(text_of("text=a&text=b").unwrap_err().contains("`text` is \"b\": expected one value"));
        assert!(
            text_of("text=%ff").unwrap_err().contains("`text` is \"%ff\": expected percent-encoded UTF-8")
        );
        assert!(text_of("%ff=a").is_err());
    }
}
