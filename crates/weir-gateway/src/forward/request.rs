//! The request as one provider gets it.

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{HeaderMap, Request};
use weir_dialect::{Dialect, RequestEdit, rewrite_request};

use super::attempt::AttemptError;
use crate::context::CallContext;
use crate::headers;
use crate::provider::Provider;
use crate::route::Candidate;
use crate::trace_context::TRACEPARENT;
use crate::upstream::body::UpstreamBody;

/// The client's body, changed only where it must be: another model's name, the model that only the path names, the
/// question for usage.
pub(super) fn body(
    ctx: &CallContext,
    candidate: &Candidate,
    asks_for_usage: bool,
) -> Result<Bytes, AttemptError> {
    let (Some(question), Some(dialect)) = (ctx.question.get(), ctx.dialect()) else {
        return Ok(Bytes::new());
    };
    let needs_model = ctx.provider(candidate.provider).needs_model_in_body(&ctx.endpoint);
    let path_model = question.model.as_deref().filter(|_| needs_model && !question.names_model);
    let model = candidate.model.as_deref().or(path_model);
    let edit = RequestEdit { model, ask_for_stream_usage: asks_for_usage };
    if edit == RequestEdit::default() {
        Ok(question.body.clone())
    } else {
        edited(dialect, &question.body, &edit)
    }
}

fn edited(dialect: Dialect, body: &[u8], edit: &RequestEdit<'_>) -> Result<Bytes, AttemptError> {
    let edited = rewrite_request(dialect, body, edit);
    edited.map(Bytes::from).map_err(|error| AttemptError::Unsendable { cause: error.to_string() })
}

/// The request with this body.
pub(super) fn with_body(
    ctx: &CallContext,
    candidate: &Candidate,
    body: UpstreamBody,
) -> Result<Request<UpstreamBody>, AttemptError> {
    let provider = ctx.provider(candidate.provider);
    let model = candidate.model.as_ref().or(ctx.model()).map(|model| &**model).unwrap_or_default();
    let path = provider.path_and_query(&ctx.endpoint, model, ctx.head.uri.query());
    let path =
        path.ok_or_else(|| AttemptError::Unsendable { cause: "its path fits in no URL".to_owned() })?;
    let is_read = matches!(body, UpstreamBody::Whole(_));
    let mut request = Request::new(body);
    *request.method_mut() = ctx.head.method.clone();
    *request.uri_mut() = path.into();
    *request.headers_mut() = upstream_headers(ctx, provider, is_read);
    Ok(request)
}

fn upstream_headers(ctx: &CallContext, provider: &Provider, is_read: bool) -> HeaderMap {
    let mut headers = headers::for_upstream(&ctx.head.headers);
    provider.add_headers(&mut headers, ctx.key().is_some());
    headers.insert(TRACEPARENT, ctx.trace.traceparent());
    if is_read {
        // Weir reads the answer; the client, who may have offered gzip, gets it as readable as Weir did.
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
    headers
}
