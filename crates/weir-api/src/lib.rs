//! Routes, OpenAPI document and embedded web app.
//!
//! [`router`] answers everything on Weir's port that is not a call to a model: `/api`, `/healthz`, `/metrics`, and the
//! dashboard. It knows the store only through the traits of `weir-types`, so that it can be tested with stores that
//! live in memory, and it knows nothing of the gateway.
//!
//! Life of a request: the guard refuses foreign hosts and origins, the token or session is checked, parameters are read
//! into types, the store is asked on a blocking thread through a gate of bounded width, the record becomes a wire struct.
//!
//! Invariants: every error has one shape and a code of a closed set; texts of the store's own errors are logged and never
//! shown; no request body is over [`BODY_BYTES_MAX`]; the document in `ui/openapi.json` is the one this code makes.

mod answer;
mod audited;
mod auth;
mod blocking;
mod compress;
mod csv;
mod differs;
mod document;
mod error;
mod extract;
mod group_key;
mod guard;
mod hush;
mod instant;
mod live;
mod matcher;
mod routes;
mod standing;
mod status;
mod web;
pub mod wire;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use utoipa::openapi::OpenApi;
use weir_types::{
    AlertStore, AuditLog, Browse, Budgets, CacheAdmin, Clock, Documents, KeyAdmin, Monitors, PriceSource,
    RecordSink, Scan, Silence, UnixMicros,
};

pub use auth::ApiAuth;
pub use instant::{parse_range, parse_step_us};
pub use live::LiveFeed;
pub use status::{Status, StatusSource};

/// Bytes of a request body. The longest is a statement that a person wrote.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

/// Whether a silence is in force at an instant.
pub type SilenceHolds = Arc<dyn Fn(&Silence, UnixMicros) -> bool + Send + Sync>;

/// What the API is made of.
#[derive(Clone)]
pub struct ApiParts {
    /// Answers expressions.
    pub scan: Arc<dyn Scan>,
    /// Answers questions about single spans, and SQL.
    pub browse: Arc<dyn Browse>,
    /// Keeps the virtual keys.
    pub key_admin: Arc<dyn KeyAdmin>,
    /// Keeps what people arrange in the dashboard.
    pub documents: Arc<dyn Documents>,
    /// Shows and changes budgets.
    pub budgets: Arc<dyn Budgets>,
    /// Shows and changes monitors.
    pub monitors: Arc<dyn Monitors>,
    /// Keeps what monitors found, who was told and who shall not be.
    pub alerts: Arc<dyn AlertStore>,
    /// Keeps who changed what.
    pub audit: Arc<dyn AuditLog>,
    /// Says whether a silence is in force at an instant: the same that the notifier goes by.
    pub silence_holds: SilenceHolds,
    /// Shows calls as they happen; whoever appends records does so through its [`LiveFeed::tap`].
    pub live: LiveFeed,
    /// Keeps scores that are sent.
    pub sink: Arc<dyn RecordSink>,
    /// The cache of answers, where one is configured.
    pub cache: Option<Arc<dyn CacheAdmin>>,
    /// Knows list prices, for what caches saved.
    pub prices: Arc<dyn PriceSource>,
    /// Says what `now` is.
    pub clock: Arc<dyn Clock>,
    /// Says how Weir is doing.
    pub status: Arc<dyn StatusSource>,
    /// Writes `/metrics`: Prometheus text about Weir itself.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// Who may ask.
    pub auth: ApiAuth,
}

/// What handlers share: the parts, and the gates in front of the store.
struct Api {
    parts: ApiParts,
    gate: blocking::Gate,
    /// Statements have a gate of their own: a slow one must not keep the dashboard waiting.
    sql_gate: blocking::Gate,
}

impl std::ops::Deref for Api {
    type Target = ApiParts;

    fn deref(&self) -> &ApiParts {
        &self.parts
    }
}

/// The state of the router.
type Shared = Arc<Api>;

/// The router of everything that is not a call to a model.
pub fn router(parts: ApiParts) -> Router {
    let api: Shared =
        Arc::new(Api { parts, gate: blocking::Gate::default(), sql_gate: blocking::Gate::default() });
    let guarded = Router::from(routes::guarded())
        .layer(middleware::from_fn_with_state(Arc::clone(&api), guard::authenticated));
    Router::from(routes::open())
        .merge(guarded)
        .fallback(web::serve)
        .method_not_allowed_fallback(web::method_not_allowed)
        .layer(middleware::from_fn(compress::compress))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(Arc::clone(&api), guard::guard))
        .with_state(api)
}

/// The OpenAPI document of everything under `/api`, with `/healthz` and `/metrics`.
pub fn openapi() -> OpenApi {
    routes::document()
}
