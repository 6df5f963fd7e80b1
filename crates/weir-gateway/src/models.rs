//! `GET /v1/models`: what can be called through this Weir.
//!
//! With one provider its list is passed on unchanged. With several their lists are put one after the other into one list
//! of OpenAI's shape, each entry as its provider wrote it and each id once; a provider that does not answer is left
//! out, and the list says so in `weir-models-missing`. Anthropic's clients (known by `anthropic-version`) get the
//! Anthropic providers only, whose entries have other members. Providers that the caller's key may not call are left out.

use std::collections::HashSet;
use std::rc::Rc;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Method, Response};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use weir_dialect::ResponseFacts;

use crate::authorise::may_call_provider;
use crate::config::ProviderKind;
use crate::context::{CallContext, Question};
use crate::finish::{Ending, finish};
use crate::forward::{ask, forward};
use crate::headers::WEIR_SPAN_ID;
use crate::receive::Outgoing;
use crate::refusal::Refusal;
use crate::relay::{GatewayBody, relay};
use crate::route::Candidate;

#[derive(Deserialize)]
struct List<'a> {
    #[serde(borrow, default)]
    data: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    id: std::borrow::Cow<'a, str>,
}

#[derive(Serialize)]
struct Merged<'a> {
    object: &'static str,
    data: Vec<&'a RawValue>,
}

/// Answers with the list of models.
pub(crate) async fn list(ctx: &Rc<CallContext>) -> Result<Response<GatewayBody>, Refusal> {
    if ctx.head.method != Method::GET && ctx.head.method != Method::HEAD {
        return Err(Refusal::method_not_allowed(&ctx.head.method, ctx.head.uri.path(), "GET"));
    }
    ctx.question.get_or_init(|| Question::unread(None));
    let candidates = candidates(ctx);
    match candidates.as_slice() {
        [] => Err(Refusal::no_provider(ctx.head.uri.path(), &ctx.gateway().config.provider_names())),
        [_] => {
            let reply = forward(ctx, candidates.into(), Outgoing::Whole).await?;
            relay(ctx, reply).await
        }
        several => merged(ctx, several).await,
    }
}

fn candidates(ctx: &CallContext) -> Vec<Candidate> {
    let only_anthropic = ctx.head.headers.contains_key("anthropic-version");
    let providers = ctx.gateway().providers.iter().enumerate();
    let wanted = providers.filter(|(_, provider)| {
        let is_kind = !only_anthropic || provider.kind == ProviderKind::Anthropic;
        is_kind && may_call_provider(ctx.key(), &provider.name)
    });
    wanted.map(|(provider, _)| Candidate { provider, model: None }).collect()
}

async fn merged(ctx: &CallContext, candidates: &[Candidate]) -> Result<Response<GatewayBody>, Refusal> {
    let asked = candidates.iter().map(|candidate| ask(ctx, candidate));
    let answers = futures_util::future::join_all(asked).await;
    let is_answer = |answer: &Option<Bytes>| answer.as_deref().and_then(parse).is_some();
    let missing: Vec<&str> = candidates
        .iter()
        .zip(&answers)
        .filter(|(_, answer)| !is_answer(answer))
        .map(|(candidate, _)| &*ctx.provider(candidate.provider).name)
        .collect();
    if missing.len() == candidates.len() {
        return Err(Refusal::unreachable(&missing.join(", "), "none of them listed its models"));
    }
    finish(ctx, ResponseFacts::default(), Ending::Answered).await;
    Ok(respond(ctx, merge(&answers), &missing))
}

fn parse(answer: &[u8]) -> Option<List<'_>> {
    serde_json::from_slice(answer).ok()
}

/// One list of all entries; the first provider that has an id keeps it.
fn merge(answers: &[Option<Bytes>]) -> Vec<u8> {
    let mut ids = HashSet::new();
    let lists = answers.iter().flatten().filter_map(|answer| parse(answer));
    let is_new = |entry: &&RawValue| {
        serde_json::from_str::<Entry<'_>>(entry.get()).is_ok_and(|entry| ids.insert(entry.id.into_owned()))
    };
    let data = lists.flat_map(|list| list.data).filter(is_new).collect();
    serde_json::to_vec(&Merged { object: "list", data }).unwrap_or_default()
}

fn respond(ctx: &CallContext, body: Vec<u8>, missing: &[&str]) -> Response<GatewayBody> {
    let mut response = Response::new(GatewayBody::whole(body.into()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(WEIR_SPAN_ID, ctx.trace.span_id_header());
    if let Ok(missing) = HeaderValue::try_from(missing.join(", "))
        && !missing.is_empty()
    {
        headers.insert("weir-models-missing", missing);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_stay_as_written_and_ids_occur_once() {
        let answers = [
            Some(Bytes::from_static(br#"{"object":"list","data":[{"id":"a", "x":1.0},{"id":"b"}]}"#)),
            None,
            Some(Bytes::from_static(br#"{"data":[{"id":"b","other":1},{"type":"model","id":"c"}]}"#)),
            Some(Bytes::from_static(b"not json")),
        ];
        assert_eq!(
            String::from_utf8(merge(&answers)).unwrap(),
            r#"{"object":"list","data":[{"id":"a", "x":1.0},{"id":"b"},{"type":"model","id":"c"}]}"#
        );
    }
}
