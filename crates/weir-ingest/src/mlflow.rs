//! An MLflow tracking server, as far as tracing needs one: `mlflow.set_tracking_uri("http://localhost:7070")`.
//!
//! MLflow's client finds or makes an experiment, announces each trace (`StartTraceV3`), and sends the spans by OTLP with the
//! experiment in a header. An experiment is an application here: its name becomes `app`. Nothing about experiments is kept
//! beside the spans: an experiment's id is made from its name, and its name is found among the applications that MLflow
//! reported.
//!
//! What announces a trace names its session and its user, which its spans do not. Whichever comes first is remembered, and
//! the spans carry it into the store.
//!
//! Traces are read back through [`Browse`], so that `mlflow.search_traces` works; runs, models and artifacts are not
//! served, and a client that asks for them is told so in MLflow's own shape of an error.

mod answer;
mod assessment;
mod error;
mod experiments;
mod known;
mod search;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::header;
use serde_json::{Value, json};
use weir_types::{Browse, Record, Score, Span, TraceId};

use crate::body::read_body;
use crate::inlet::Inlet;
use error::MlflowError;
pub use known::Known;

/// The receiver that assessments are counted for; spans are counted for `otlp_http`, by which they come.
pub const RECEIVER: &str = "mlflow";

/// The release whose interface this is. Clients decide by it how they send spans.
const VERSION: &str = "3.17.0";

/// Bytes of a request: a trace's announcement holds previews, not contents.
const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

struct Mlflow {
    inlet: Arc<Inlet>,
    browse: Arc<dyn Browse>,
    known: Arc<Known>,
}

type Shared = Arc<Mlflow>;
type Answer = Result<Response, MlflowError>;

/// The routes. `known` is shared with the receiver of spans.
pub fn router(inlet: Arc<Inlet>, browse: Arc<dyn Browse>, known: Arc<Known>) -> Router {
    let shared: Shared = Arc::new(Mlflow { inlet, browse, known });
    let experiments = Router::new()
        .route("/get-by-name", get(experiment_by_name))
        .route("/get", get(experiment_by_id))
        .route("/create", post(create_experiment))
        .route("/search", get(search_experiments).post(search_experiments));
    let traces = Router::new()
        .route("/", post(start_trace))
        .route("/search", post(search_traces))
        .route("/get", get(get_trace))
        .route("/batchGet", get(batch_get))
        .route("/batchGetInfos", get(batch_get_infos))
        .route("/{trace_id}", get(trace_info))
        .route("/{trace_id}/assessments", post(create_assessment))
        .route("/{trace_id}/assessments/{assessment_id}", get(get_assessment));
    Router::new()
        .route("/version", get(async || VERSION))
        .nest("/api/2.0/mlflow/experiments", experiments)
        .nest("/api/3.0/mlflow/traces", traces)
        .route("/api/2.0/mlflow/traces/{trace_id}/tags", get(unserved).patch(accept_tag).delete(accept_tag))
        .route("/api/2.0/mlflow/{*rest}", axum::routing::any(unserved))
        .route("/api/3.0/mlflow/{*rest}", axum::routing::any(unserved))
        .with_state(shared)
}

impl Mlflow {
    /// Runs a question to the store off the async threads.
    async fn ask<T: Send + 'static>(
        self: &Arc<Self>,
        question: impl FnOnce(&Self) -> Result<T, MlflowError> + Send + 'static,
    ) -> Result<T, MlflowError> {
        let shared = Arc::clone(self);
        let answered = tokio::task::spawn_blocking(move || question(&shared)).await;
        answered.map_err(|_| MlflowError::Unavailable("weir is shutting down".to_owned()))?
    }

    fn trace(&self, id: TraceId) -> Result<(Vec<Span>, Vec<Score>), MlflowError> {
        let (spans, scores) = self.browse.trace(id).map_err(MlflowError::from_browse)?;
        if spans.is_empty() {
            return Err(MlflowError::NotFound(format!("there is no trace {}", known::text_of(id))));
        }
        Ok((spans, scores))
    }
}

async fn experiment_by_name(State(shared): State<Shared>, request: Request) -> Answer {
    let Some(name) = parameter(&request, "experiment_name") else {
        return Err(MlflowError::Invalid("experiment_name is missing".to_owned()));
    };
    let found = shared.ask({
        let name = name.clone();
        move |mlflow| experiments::is_known(&*mlflow.browse, &mlflow.known, &name)
    });
    if !found.await? {
        return Err(MlflowError::NotFound(format!("there is no experiment {name:?} yet")));
    }
    Ok(answer(&json!({ "experiment": experiments::json_of(&name) })))
}

async fn experiment_by_id(State(shared): State<Shared>, request: Request) -> Answer {
    let Some(id) = parameter(&request, "experiment_id") else {
        return Err(MlflowError::Invalid("experiment_id is missing".to_owned()));
    };
    let found = shared.ask(move |mlflow| experiments::name_of(&*mlflow.browse, &mlflow.known, &id)).await?;
    let name = found.ok_or_else(|| MlflowError::NotFound("there is no experiment of this id".to_owned()))?;
    Ok(answer(&json!({ "experiment": experiments::json_of(&name) })))
}

async fn create_experiment(State(shared): State<Shared>, request: Request) -> Answer {
    let body = body_of(request).await?;
    let name = body["name"].as_str().filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| MlflowError::Invalid("name is missing".to_owned()))?;
    shared.known.add_experiment(name);
    Ok(answer(&json!({ "experiment_id": experiments::id_of(name) })))
}

async fn search_experiments(State(shared): State<Shared>) -> Answer {
    let names = shared.ask(|mlflow| experiments::all(&*mlflow.browse, &mlflow.known)).await?;
    let listed: Vec<Value> = names.iter().map(|name| experiments::json_of(name)).collect();
    Ok(answer(&json!({ "experiments": listed })))
}

/// Announces a trace. Its spans come by OTLP; what only the announcement knows is remembered for them.
async fn start_trace(State(shared): State<Shared>, request: Request) -> Answer {
    let body = body_of(request).await?;
    let info = &body["trace"]["trace_info"];
    let id = trace_id(info["trace_id"].as_str().unwrap_or_default())?;
    let completed = shared.known.announce(id, info);
    let completed = completed.into_iter().map(|span| Record::Span(Box::new(span))).collect();
    // The store keeps one row for a span: the one that says more.
    shared.inlet.accept(completed).map_err(|error| MlflowError::Unavailable(error.to_string()))?;
    let mut info = info.clone();
    // By this tag a client knows that spans are sent to the server and not to a store of files.
    info["tags"]["mlflow.trace.spansLocation"] = json!("TRACKING_STORE");
    Ok(answer(&json!({ "trace": { "trace_info": info } })))
}

async fn trace_info(State(shared): State<Shared>, Path(id): Path<String>) -> Answer {
    let id = trace_id(&id)?;
    let (spans, scores) = shared.ask(move |mlflow| mlflow.trace(id)).await?;
    Ok(answer(&json!({ "trace": { "trace_info": answer::info(id, &spans, &scores) } })))
}

async fn get_trace(State(shared): State<Shared>, request: Request) -> Answer {
    let id = trace_id(&parameter(&request, "trace_id").unwrap_or_default())?;
    let (spans, scores) = shared.ask(move |mlflow| mlflow.trace(id)).await?;
    Ok(answer(&json!({ "trace": answer::trace(id, &spans, &scores) })))
}

async fn batch_get(State(shared): State<Shared>, request: Request) -> Answer {
    let ids = trace_ids(&request)?;
    let traces = batch(&shared, ids).await?;
    let traces = traces.iter().map(|(id, spans, scores)| answer::trace(*id, spans, scores));
    Ok(answer(&json!({ "traces": traces.collect::<Vec<_>>() })))
}

async fn batch_get_infos(State(shared): State<Shared>, request: Request) -> Answer {
    let ids = trace_ids(&request)?;
    let traces = batch(&shared, ids).await?;
    let infos = traces.iter().map(|(id, spans, scores)| answer::info(*id, spans, scores));
    Ok(answer(&json!({ "trace_infos": infos.collect::<Vec<_>>() })))
}

fn trace_ids(request: &Request) -> Result<Vec<TraceId>, MlflowError> {
    parameters(request, "trace_ids").take(search::TRACES_MAX).map(|id| trace_id(&id)).collect()
}

/// A trace with its spans and scores.
type WholeTrace = (TraceId, Vec<Span>, Vec<Score>);

/// The traces that are asked for and are there.
async fn batch(shared: &Shared, ids: Vec<TraceId>) -> Result<Vec<WholeTrace>, MlflowError> {
    shared
        .ask(move |mlflow| {
            let mut found = Vec::new();
            for id in ids {
                match mlflow.trace(id) {
                    Ok((spans, scores)) => found.push((id, spans, scores)),
                    Err(MlflowError::NotFound(_)) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(found)
        })
        .await
}

async fn search_traces(State(shared): State<Shared>, request: Request) -> Answer {
    let search = search::Search::read(&body_of(request).await?)?;
    let found = shared.ask(move |mlflow| search.run(&*mlflow.browse, &mlflow.known)).await?;
    Ok(answer(&found))
}

async fn create_assessment(State(shared): State<Shared>, Path(id): Path<String>, request: Request) -> Answer {
    let id = trace_id(&id)?;
    let body = body_of(request).await?;
    let now = shared.inlet.clock().now();
    let (score, echo) = assessment::read(id, &body["assessment"], now)?;
    shared
        .inlet
        .accept_from(RECEIVER, vec![Record::Score(Box::new(score))])
        .map_err(|error| MlflowError::Unavailable(error.to_string()))?;
    Ok(answer(&json!({ "assessment": echo })))
}

async fn get_assessment(
    State(shared): State<Shared>,
    Path((id, assessment_id)): Path<(String, String)>,
) -> Answer {
    let id = trace_id(&id)?;
    let (_, scores) = shared.ask(move |mlflow| mlflow.trace(id)).await?;
    let mut all = scores.iter().map(assessment::json_of);
    let found = all.find(|one| one["assessment_id"] == assessment_id.as_str());
    let found =
        found.ok_or_else(|| MlflowError::NotFound(format!("there is no assessment {assessment_id:?}")))?;
    Ok(answer(&json!({ "assessment": found })))
}

/// Tags of traces that come after the trace are accepted and let go: spans are not changed once they are stored.
async fn accept_tag() -> Response {
    answer(&json!({}))
}

async fn unserved(request: Request) -> MlflowError {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    MlflowError::NotServed { method, path }
}

/// Reads a body of JSON.
async fn body_of(request: Request) -> Result<Value, MlflowError> {
    let (head, body): (_, Body) = request.into_parts();
    let body = read_body(&head.headers, body, BODY_BYTES_MAX).await;
    let body = body.map_err(|fault| MlflowError::Invalid(format!("the body cannot be read: {fault:?}")))?;
    serde_json::from_slice(&body)
        .map_err(|error| MlflowError::Invalid(format!("the body is no JSON: {error}")))
}

fn trace_id(text: &str) -> Result<TraceId, MlflowError> {
    known::id_of(text).ok_or_else(|| {
        let shown: String = text.chars().take(80).collect();
        MlflowError::Invalid(format!(
            "{shown:?} is no id of a trace, such as tr-0af7651916cd43dd8448eb211c80319c"
        ))
    })
}

fn answer(body: &Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

/// The first value of a parameter of the query.
fn parameter(request: &Request, name: &str) -> Option<String> {
    parameters(request, name).next()
}

/// Every value of a parameter of the query.
fn parameters<'r>(request: &'r Request, name: &'r str) -> impl Iterator<Item = String> + 'r {
    let query = request.uri().query().unwrap_or_default();
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(move |(key, _)| *key == name).map(|(_, value)| {
        let value = value.replace('+', " ");
        percent_encoding::percent_decode_str(&value).decode_utf8_lossy().into_owned()
    })
}
