//! `GET /api/live`: calls as they happen, as server-sent events.
//!
//! A person reads some lines a second, and a browser draws fifty; a gateway makes thousands. What is over the bound is
//! counted and told once a second, so the tail says of itself that it is not everything.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::Stream;
use futures_util::stream::unfold;
use serde::Deserialize;
use tokio::time::{Interval, MissedTickBehavior, interval};
use utoipa::IntoParams;
use weir_types::{Content, Scope, Span, SpanKind};

use crate::Shared;
use crate::error::ApiError;
use crate::extract::Params;
use crate::live::{Sight, Watcher};
use crate::wire::{SkippedItem, SpanItem};

/// Spans that one watcher is shown in a second.
const SHOWN_PER_SECOND_MAX: u32 = 50;

/// How often those that were not shown are told.
const TELL_SKIPPED_EVERY: Duration = Duration::from_secs(1);

/// How often a quiet stream says that it is there: shorter than any proxy's patience.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(15);

/// How many characters of input and output are shown, as in lists.
const PREVIEW_CHARS: usize = 1_000;

/// Which spans.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct LiveParams {
    /// A condition on tags, as in expressions.
    #[param(example = "team:payments AND status:error")]
    filter: Option<String>,
    /// Kinds of spans, separated by commas; all unless said.
    #[param(example = "llm,embedding")]
    kinds: Option<String>,
}

/// Spans as they are recorded, as server-sent events, from now on.
///
/// `event: span` has a `SpanItem`, cut as in lists. `event: skipped` has a `SkippedItem`: at most 50 spans a second are
/// shown. Nothing is replayed after a reconnection.
#[utoipa::path(
    get,
    path = "/api/live",
    tag = "spans",
    params(LiveParams),
    responses(
        (status = 200, description = "A stream of events.", body = String, content_type = "text/event-stream"),
        ApiError
    )
)]
pub(crate) async fn watch_live(
    State(shared): State<Shared>,
    Params(params): Params<LiveParams>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let scope = super::selection::scope(params.filter.as_deref())?;
    let kinds = kinds(params.kinds.as_deref())?;
    let watcher = shared.live.watch().ok_or_else(ApiError::overloaded)?;
    let tail = Tail::new(watcher, scope, kinds);
    let events = unfold(tail, async |mut tail| tail.next().await.map(|event| (Ok(event), tail)));
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT_EVERY)))
}

fn kinds(text: Option<&str>) -> Result<Vec<SpanKind>, ApiError> {
    let Some(text) = text else { return Ok(Vec::new()) };
    let known = |name: &str| {
        SpanKind::parse(name.trim())
            .ok_or_else(|| ApiError::parameter("kinds", text, "kinds of spans, such as llm,embedding"))
    };
    text.split(',').map(known).collect()
}

/// One watcher's stream.
struct Tail {
    watcher: Watcher,
    scope: Scope,
    /// Empty for all.
    kinds: Vec<SpanKind>,
    second: Interval,
    shown: u32,
    skipped: u64,
}

impl Tail {
    fn new(watcher: Watcher, scope: Scope, kinds: Vec<SpanKind>) -> Self {
        let mut second = interval(TELL_SKIPPED_EVERY);
        second.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { watcher, scope, kinds, second, shown: 0, skipped: 0 }
    }

    /// Waits for the next event; `None` at the end.
    async fn next(&mut self) -> Option<Event> {
        loop {
            tokio::select! {
                // The second first: whoever is flooded must still be told.
                biased;
                _ = self.second.tick() => {
                    self.shown = 0;
                    let count = std::mem::take(&mut self.skipped);
                    if count > 0 {
                        return Some(event("skipped", &SkippedItem { count }));
                    }
                }
                sight = self.watcher.next() => match sight? {
                    Sight::Missed(count) => self.skipped += count,
                    Sight::Span(span) if !self.wants(&span) => {}
                    Sight::Span(_) if self.shown >= SHOWN_PER_SECOND_MAX => self.skipped += 1,
                    Sight::Span(span) => {
                        self.shown += 1;
                        return Some(event("span", &SpanItem::from(&summary(&span))));
                    }
                },
            }
        }
    }

    fn wants(&self, span: &Span) -> bool {
        let is_kind = self.kinds.is_empty() || self.kinds.contains(&span.kind);
        is_kind && self.scope.matches(&|key: &str| span.tag(key))
    }
}

/// A span as lists show it.
fn summary(span: &Span) -> Span {
    let cut = |content: &Option<Content>| {
        content.as_ref().map(|content| {
            let text = content.expose();
            let end = text.char_indices().nth(PREVIEW_CHARS).map_or(text.len(), |(at, _)| at);
            Content::new(&text[..end])
        })
    };
    Span {
        input: cut(&span.input),
        output: cut(&span.output),
        documents: None,
        tools: None,
        attributes: None,
        ..span.clone()
    }
}

fn event(name: &str, value: &impl serde::Serialize) -> Event {
    // Wire structs have string keys only, so writing them does not fail; JSON has no raw line breaks.
    let json = serde_json::to_string(value).unwrap_or_default();
    Event::default().event(name).data(json)
}
