//! Takes the request in: all of it, within bounds of size and time, and read once.
//!
//! Reading happens for routing, so a body that cannot be read cannot be routed and is refused with the place of the
//! fault; it is not passed on in the hope that a provider makes sense of it. Requests of no known dialect are not read:
//! their bodies go upstream as they arrive, whatever their size.
//!
//! A prompt over its agent's token budget is shortened here ([`crate::trim`]), so that every later step and the record see
//! the request that is sent.
//!
//! A body over the limit is refused, but read on and thrown away first (within bounds too): a client that is still
//! sending when the connection closes would see a reset instead of the refusal.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header;
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use weir_dialect::{Dialect, read_request};

use crate::context::{CallContext, Question};
use crate::guard;
use crate::refusal::Refusal;
use crate::trim;

/// Bytes of an oversized body that are thrown away before the refusal. Four times the default limit.
const DISCARD_BYTES_MAX: usize = 256 * 1024 * 1024;

/// What `BytesMut` reserves at most on the word of `content-length` alone.
const RESERVE_BYTES_MAX: u64 = 1024 * 1024;

/// A request body as it will be sent.
pub(crate) enum Outgoing {
    /// All of it, as [`Question::body`] has it.
    Whole,
    /// As it arrives; it can be sent once.
    Arriving(Incoming),
}

/// Takes the body in and finds out what it asks.
pub(crate) async fn receive(ctx: &CallContext, body: Incoming) -> Result<Outgoing, Refusal> {
    let path_model = ctx.endpoint.path_model.as_deref();
    let Some(dialect) = ctx.dialect() else {
        ctx.question.get_or_init(|| Question::unread(path_model.map(Arc::from)));
        return Ok(Outgoing::Arriving(body));
    };
    check_head(ctx)?;
    let body = whole_body(ctx, body).await?;
    let question = read(dialect, path_model, &body)?;
    let (question, refusal) = trim::fit(ctx, dialect, question).await;
    let (question, refusal) = match refusal {
        None => guard::without_secrets(ctx, dialect, question),
        refused => (question, refused),
    };
    ctx.question.get_or_init(|| question);
    refusal.map_or(Ok(Outgoing::Whole), Err)
}

/// What the head must say for the body to be readable. A missing content type is tolerated.
fn check_head(ctx: &CallContext) -> Result<(), Refusal> {
    if ctx.head.method != http::Method::POST {
        return Err(Refusal::method_not_allowed(&ctx.head.method, ctx.head.uri.path(), "POST"));
    }
    if let Some(encoding) = ctx.head.headers.get(header::CONTENT_ENCODING)
        && !encoding.as_bytes().eq_ignore_ascii_case(b"identity")
    {
        return Err(Refusal::content_encoding(encoding));
    }
    match ctx.head.headers.get(header::CONTENT_TYPE) {
        Some(value) if !is_json(value.as_bytes()) => Err(Refusal::content_type(value)),
        _ => Ok(()),
    }
}

/// `application/json` and `application/…+json`, with or without parameters.
fn is_json(content_type: &[u8]) -> bool {
    let essence = content_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    let subtype =
        essence.get(.."application/".len()).filter(|start| start.eq_ignore_ascii_case(b"application/"));
    let subtype = subtype.map(|start| &essence[start.len()..]);
    subtype.is_some_and(|subtype| {
        let ends_json = subtype.len() > 5 && subtype[subtype.len() - 5..].eq_ignore_ascii_case(b"+json");
        subtype.eq_ignore_ascii_case(b"json") || ends_json
    })
}

/// Reads a body. The path's model counts where the body names none.
fn read(dialect: Dialect, path_model: Option<&str>, body: &Bytes) -> Result<Question, Refusal> {
    let facts = read_request(dialect, body).map_err(|error| Refusal::body(&error))?;
    let model = facts.model.as_deref().or(path_model).map(Arc::from);
    Ok(Question::of(facts, model, body))
}

async fn whole_body(ctx: &CallContext, mut body: Incoming) -> Result<Bytes, Refusal> {
    let limits = &ctx.gateway().config.limits;
    let time_max = Duration::from_millis(limits.request_ms_max);
    let collected = tokio::time::timeout(time_max, collect(&mut body, limits.request_bytes_max)).await;
    match collected.map_err(|_| Refusal::body_timeout(limits.request_ms_max))? {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => {
            // A client that waits for `100 Continue` has not sent anything and needs no such care.
            if !ctx.head.headers.contains_key(header::EXPECT) {
                let _ = tokio::time::timeout(time_max, discard(&mut body)).await;
            }
            Err(Refusal::body_too_large(limits.request_bytes_max))
        }
        Err(cause) => Err(Refusal::body_cut(&cause)),
    }
}

/// The body; `None` when it is, or says it will be, over the limit. Without a copy when it comes in one piece.
async fn collect(body: &mut Incoming, bytes_max: usize) -> Result<Option<Bytes>, hyper::Error> {
    let length = body.size_hint();
    if length.lower() > bytes_max as u64 {
        return Ok(None);
    }
    let Some(first) = next_data(body).await? else { return Ok(Some(Bytes::new())) };
    if first.len() <= bytes_max && body.is_end_stream() {
        return Ok(Some(first));
    }
    let reserve = length.upper().unwrap_or(0).min(RESERVE_BYTES_MAX);
    let mut bytes = BytesMut::with_capacity(usize::try_from(reserve).unwrap_or(0).max(first.len()));
    bytes.extend_from_slice(&first);
    while bytes.len() <= bytes_max {
        match next_data(body).await? {
            Some(data) => bytes.extend_from_slice(&data),
            None => return Ok(Some(bytes.freeze())),
        }
    }
    Ok(None)
}

async fn discard(body: &mut Incoming) -> Result<(), hyper::Error> {
    let mut discarded = 0;
    while let Some(data) = next_data(body).await?
        && discarded < DISCARD_BYTES_MAX
    {
        discarded += data.len();
    }
    Ok(())
}

async fn next_data(body: &mut Incoming) -> Result<Option<Bytes>, hyper::Error> {
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_known_by_its_name_whatever_its_parameters() {
        for json in ["application/json", "Application/JSON; charset=utf-8", "application/vnd.x+json"] {
            assert!(is_json(json.as_bytes()), "{json}");
        }
        for other in
            ["", "text/plain", "multipart/form-data; boundary=json", "application/jsonl", "application/+json"]
        {
            assert!(!is_json(other.as_bytes()), "{other}");
        }
    }
}
