//! Answers as bytes. Whatever may be large is written as JSON where it was read, on a blocking thread: the threads that
//! serve the API serve calls to models too, and a page of spans takes longer to write than those may stand still.

use std::io;

use axum::body::Bytes;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::error::ApiError;
use crate::wire::ErrorCode;

/// Bytes of an answer. A page of spans has some 10 MiB at most; what is larger (a trace of thousands of whole prompts)
/// would stop a browser, and several at once would stop Weir.
pub(crate) const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// JSON that is ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JsonText(Bytes);

impl JsonText {
    /// Writes a value.
    pub fn of(value: &impl Serialize) -> Result<Self, ApiError> {
        Self::within(ANSWER_BYTES_MAX, value)
    }

    fn within(max: usize, value: &impl Serialize) -> Result<Self, ApiError> {
        let mut text = Bounded { bytes: Vec::new(), max, is_full: false };
        let written = serde_json::to_writer(&mut text, value);
        if text.is_full {
            let message = format!("the answer is over the limit of {max} bytes");
            return Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::TooManyRows, message)
                .hint("ask for fewer rows, or for single spans"));
        }
        written.map_err(|error| ApiError::internal("writing the answer", error.to_string()))?;
        Ok(Self(text.bytes.into()))
    }
}

impl IntoResponse for JsonText {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], self.0).into_response()
    }
}

/// Takes bytes up to a limit.
struct Bounded {
    bytes: Vec<u8>,
    max: usize,
    is_full: bool,
}

impl io::Write for Bounded {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + part.len() > self.max {
            self.is_full = true;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.bytes.extend_from_slice(part);
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_may_fill_the_limit_and_not_pass_it() {
        let value = "0123456789";
        assert_eq!(JsonText::within(12, &value), Ok(JsonText(Bytes::from_static(b"\"0123456789\""))));
        let error = JsonText::within(11, &value).unwrap_err().to_string();
        assert!(error.contains("limit of 11 bytes"), "{error}");
    }
}
