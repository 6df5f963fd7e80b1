//! A call's life in the simulator: read, remember, misbehave, answer.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, AUTHORIZATION};
use http::request::Parts;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use serde::Serialize;

use super::answer;
use super::ask::{Ask, Format, read_count};
use super::body::{Counters, Ongoing, Playback};
use super::count::Counter;
use super::directive::{Directives, SIM_HEADER};
use super::header;
use super::identity::{Identities, Identity};
use super::incident::Weather;
use super::log::Log;
use super::model::Model;
use super::models;
use super::openai_embeddings::EmbeddingsAsk;
use super::pace::Pace;
use super::problem::{Family, Problem};
use super::reply::Reply;
use super::respond::{Content, Made, respond};
use super::route::Route;
use super::sse::{Event, LineStyle, write_json};
use super::{SimulatorConfig, anthropic_messages, openai_chat, openai_completions, openai_responses};

/// The body of a request; what providers accept.
const REQUEST_BYTES_MAX: usize = weir_types::limits::REQUEST_BODY_BYTES_MAX;

/// A simulated provider, shared by its connections.
pub(crate) struct Simulation {
    config: SimulatorConfig,
    started_at: Instant,
    identities: Identities,
    pub(crate) counters: std::sync::Arc<Counters>,
    counter: Counter,
    log: Log,
}

/// The connection is to be closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the simulator was asked to close the connection")]
pub(crate) struct Reset;

/// A call that was read.
struct Call<'a> {
    route: Route<'a>,
    family: Family,
    directives: Directives,
    weather: Weather,
    /// How many calls of this id came before.
    earlier: u64,
}

impl Simulation {
    pub(crate) fn new(config: SimulatorConfig) -> Self {
        Self {
            identities: Identities::new(config.seed),
            config,
            started_at: Instant::now(),
            counters: std::sync::Arc::default(),
            counter: Counter::default(),
            log: Log::default(),
        }
    }

    /// Answers one request.
    pub(crate) async fn handle(&self, request: Request<Incoming>) -> Result<Response<Playback>, Reset> {
        let (head, body) = request.into_parts();
        let route = Route::of(head.uri.path());
        if matches!(route, Route::Tally | Route::Requests) {
            return Ok(self.report(route, &head));
        }
        let mut ongoing = self.counters.begin();
        let accepts_gzip = accepts_gzip(&head.headers);
        let (call, body) = match self.read(&head, body, route).await {
            Ok(read) => read,
            Err(problem) => {
                let identity = self.identities.next(None, "");
                let made = refuse(&problem, route.family(), "", identity);
                return Ok(respond(made, &Directives::default(), false, ongoing));
            }
        };
        if call.directives.hang {
            std::future::pending::<()>().await;
        }
        if call.directives.reset {
            ongoing.finish();
            return Err(Reset);
        }
        let (made, delay) = self.make(&call, &head, &body);
        let delay = call.directives.delay_ms.map_or(delay, Duration::from_millis);
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        Ok(respond(made, &call.directives, accepts_gzip, ongoing))
    }

    async fn read<'a>(
        &self,
        head: &Parts,
        body: Incoming,
        route: Route<'a>,
    ) -> Result<(Call<'a>, Bytes), Problem> {
        let body = Limited::new(body, REQUEST_BYTES_MAX)
            .collect()
            .await
            .map_err(|error| Problem {
                status: 413,
                ..Problem::invalid(format!("cannot read the body: {error}"))
            })?
            .to_bytes();
        let text = head.headers.get(SIM_HEADER).map(|value| String::from_utf8_lossy(value.as_bytes()));
        let directives = text
            .map_or(Ok(Directives::default()), |text| Directives::parse(&text))
            .map_err(Problem::invalid)?;
        let earlier = directives.id.as_deref().map_or(0, |id| self.log.remember(id, head, &body));
        let family = family(route, &head.headers);
        let weather = self.config.incidents.weather(family, self.started_at.elapsed());
        Ok((Call { route, family, directives, weather, earlier }, body))
    }

    /// Makes the answer, and says how long to wait before it.
    fn make(&self, call: &Call<'_>, head: &Parts, body: &[u8]) -> (Made, Duration) {
        let refused = |problem: &Problem, model: &str| {
            let identity = self.identities.next(call.directives.seed, model);
            (refuse(problem, call.family, model, identity), Duration::ZERO)
        };
        if let Err(problem) = self.admit(call, head) {
            return refused(&problem, "");
        }
        match call.route {
            Route::Text(format, path_model) => match Ask::read(format, body, path_model) {
                Ok(ask) => {
                    let said = self.say(call, &ask);
                    said.unwrap_or_else(|problem| refused(&problem, &ask.model))
                }
                Err(problem) => refused(&problem, ""),
            },
            route => match self.plain(call, route, body) {
                Ok(bytes) => {
                    let mut identity = self.identities.next(call.directives.seed, "");
                    let (headers, _) = header::of_provider(call.family, &mut identity, 1);
                    (Made { status: StatusCode::OK, headers, content: Content::Whole(bytes) }, Duration::ZERO)
                }
                Err(problem) => refused(&problem, ""),
            },
        }
    }

    /// Whether the call may pass: its key, its method, and the errors it asked for.
    fn admit(&self, call: &Call<'_>, head: &Parts) -> Result<(), Problem> {
        if call.route == Route::Nowhere {
            let words = format!("Invalid URL ({} {})", head.method, head.uri.path());
            return Err(Problem { status: 404, ..Problem::invalid(words) });
        }
        let method = if call.route.is_get() { http::Method::GET } else { http::Method::POST };
        if head.method != method {
            let words = format!("Not allowed to {} on {}", head.method, head.uri.path());
            return Err(Problem { status: 405, ..Problem::invalid(words) });
        }
        match key(&head.headers) {
            None if self.config.key_required => return Err(Problem::of_status(401)),
            Some(key) if key.contains("invalid") => return Err(Problem::wrong_key(call.family, key)),
            _ => {}
        }
        call.asked_failure().map_or(Ok(()), Err)
    }

    /// The answer to a request that wants text.
    fn say(&self, call: &Call<'_>, ask: &Ask) -> Result<(Made, Duration), Problem> {
        let directives = &call.directives;
        let model = Model::find(&ask.model)
            .filter(|model| model.writes())
            .ok_or_else(|| Problem::unknown_model(call.family, &ask.model))?;
        let mut identity = self.identities.next(directives.seed, &ask.model);
        if let Some(status) = call.weather.strike(&mut identity.rng) {
            return Err(Problem::of_status(status));
        }
        let answer = answer::compose(ask, directives, model, &mut identity, &self.counter);
        let usage = answer.usage.unwrap_or_default();
        let rng = identity.rng.fork();
        let mut pace = Pace::new(self.config.latency, directives, model, call.weather, usage.input, rng);
        let whole = pace.whole(usage.output);
        let processing_ms = u64::try_from(whole.as_millis()).unwrap_or(u64::MAX);
        let reply = Reply {
            ask,
            answer: &answer,
            model: model.answers_as(&ask.model),
            identity: identity.clone(),
            lines: LineStyle { crlf: directives.crlf, comments: directives.comments },
            done: !directives.no_done,
        };
        let (content, delay) = if ask.stream {
            let mut events = stream(reply);
            if let Some(after) = directives.error_after {
                fail_within(&mut events, after, ask, &identity);
            }
            let timed = events.into_iter().map(|event| (pace.pause(event.beat), event)).collect();
            (Content::Stream(timed), Duration::ZERO)
        } else {
            (Content::Whole(write_whole(reply)), whole)
        };
        let (headers, _) = header::of_provider(call.family, &mut identity, processing_ms);
        Ok((Made { status: StatusCode::OK, headers, content }, delay))
    }

    /// The answer to a request that wants something else.
    fn plain(&self, call: &Call<'_>, route: Route<'_>, body: &[u8]) -> Result<Vec<u8>, Problem> {
        match route {
            Route::Embeddings(path_model) => {
                let ask = EmbeddingsAsk::read(body, path_model)?;
                let name = ask.model()?;
                let model = Model::find(name).ok_or_else(|| Problem::unknown_model(call.family, name))?;
                ask.answer(model, name, &call.directives, &self.counter)
            }
            Route::CountTokens => {
                let ask = read_count(body)?;
                Model::find(&ask.model).ok_or_else(|| Problem::unknown_model(call.family, &ask.model))?;
                let tokens = call.directives.input_tokens.unwrap_or_else(|| self.counter.input(&ask));
                Ok(anthropic_messages::counted(tokens))
            }
            Route::Model(name) => {
                let model = Model::find(name).ok_or_else(|| Problem::unknown_model(call.family, name))?;
                Ok(models::one(call.family, name, model))
            }
            _ => Ok(models::list(call.family)),
        }
    }

    /// What tests ask the simulator about itself.
    fn report(&self, route: Route<'_>, head: &Parts) -> Response<Playback> {
        let bytes = if route == Route::Tally {
            json(&self.counters.tally())
        } else {
            let id = head.uri.query().and_then(|query| query.strip_prefix("id="));
            json(&self.log.requests(id))
        };
        // Reports are not calls: a tally of their own is thrown away.
        let ongoing: Ongoing = std::sync::Arc::<Counters>::default().begin();
        let made = Made { status: StatusCode::OK, headers: HeaderMap::new(), content: Content::Whole(bytes) };
        respond(made, &Directives::default(), false, ongoing)
    }
}

impl Call<'_> {
    /// The error that the call asked for.
    fn asked_failure(&self) -> Option<Problem> {
        let status = match self.directives.fail_first {
            Some(first) if self.earlier < first => Some(self.directives.status.unwrap_or(500)),
            Some(_) => None,
            None => self.directives.status,
        };
        let retry_after_s = self.directives.retry_after;
        status.map(|status| Problem { retry_after_s, ..Problem::of_status(status) })
    }
}

fn refuse(problem: &Problem, family: Family, model: &str, mut identity: Identity) -> Made {
    let (mut headers, request_id) = header::of_provider(family, &mut identity, 1);
    problem.add_headers(family, &mut headers);
    let body = problem.body(family, model, &identity, &request_id);
    Made { status: problem.status(), headers, content: Content::Whole(body) }
}

fn write_whole(reply: Reply<'_>) -> Vec<u8> {
    match reply.ask.format {
        Format::Chat => openai_chat::whole(reply),
        Format::Completions => openai_completions::whole(reply),
        Format::Responses => openai_responses::whole(reply),
        Format::Messages => anthropic_messages::whole(reply),
    }
}

fn stream(reply: Reply<'_>) -> Vec<Event> {
    match reply.ask.format {
        Format::Chat => openai_chat::stream(reply),
        Format::Completions => openai_completions::stream(reply),
        Format::Responses => openai_responses::stream(reply),
        Format::Messages => anthropic_messages::stream(reply),
    }
}

/// Ends a stream with an error after so many events.
fn fail_within(events: &mut Vec<Event>, after: u64, ask: &Ask, identity: &Identity) {
    let family = ask.format.family();
    let status = if family == Family::Anthropic { 529 } else { 500 };
    let body = Problem::of_status(status).body(family, &ask.model, identity, "req_stream");
    let name = (ask.format == Format::Messages || ask.format == Format::Responses).then_some("error");
    let mut writer = super::sse::EventWriter::new(LineStyle::default(), body.len() + 32);
    writer.event(name, super::sse::Beat::Prompt, |bytes| bytes.extend_from_slice(&body));
    events.truncate(usize::try_from(after).unwrap_or(usize::MAX));
    events.extend(writer.into_events());
}

fn json(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_json(&mut bytes, value);
    bytes
}

/// Whose format a call uses; the list of models has the same path at both providers.
fn family(route: Route<'_>, headers: &HeaderMap) -> Family {
    match route {
        Route::Models | Route::Model(_) if headers.contains_key("anthropic-version") => Family::Anthropic,
        route => route.family(),
    }
}

/// The provider's key: OpenAI's in `authorization`, Anthropic's in `x-api-key`, Azure's in `api-key`.
fn key(headers: &HeaderMap) -> Option<&str> {
    let bearer = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer = bearer.and_then(|value| value.strip_prefix("Bearer "));
    let named = |name| headers.get(name).and_then(|value| value.to_str().ok());
    bearer.or_else(|| named("x-api-key")).or_else(|| named("api-key")).filter(|key| !key.is_empty())
}

fn accepts_gzip(headers: &HeaderMap) -> bool {
    headers
        .get(ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.contains("gzip"))
}
