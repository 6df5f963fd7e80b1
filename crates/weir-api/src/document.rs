//! The OpenAPI document: what is said about the API as a whole. Routes and shapes are described where they are.

use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    ComponentsBuilder, InfoBuilder, License, OpenApi, OpenApiBuilder, RefOr, Schema, SecurityRequirement, Tag,
};
use utoipa::{PartialSchema, ToSchema};

use crate::wire::{ErrorBody, SkippedItem};

/// Shapes that clients send, and errors: the only ones in which a field may be absent.
const WITH_OPTIONAL_FIELDS: [&str; 10] = [
    "AcknowledgeRequest",
    "DiffersRequest",
    "ErrorDetail",
    "KeyRequest",
    "Login",
    "MonitorRequest",
    "PreviewRequest",
    "SelectedCalls",
    "SilenceRequest",
    "SqlRequest",
];

/// The document before any route is added.
pub(crate) fn base() -> OpenApi {
    let description = "Everything that the dashboard, the command line and your own scripts ask of Weir. Instants are \
        Unix milliseconds; where one is a parameter it may also be RFC 3339 or relative (`now-1h`). Every error has the \
        shape of `ErrorBody`.";
    let info = InfoBuilder::new()
        .title("Weir")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(description))
        .license(Some(License::new("Apache-2.0")))
        .build();
    let mut schemas = vec![(ErrorBody::name().into_owned(), ErrorBody::schema())];
    ErrorBody::schemas(&mut schemas);
    // Events of the live stream, which no response refers to.
    schemas.push((SkippedItem::name().into_owned(), SkippedItem::schema()));
    let components = ComponentsBuilder::new()
        .schemas_from_iter(schemas)
        .security_scheme(
            "token",
            SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build()),
        )
        .security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new("weir_session"))))
        .build();
    let either =
        [SecurityRequirement::new("token", NO_SCOPES), SecurityRequirement::new("session", NO_SCOPES)];
    OpenApiBuilder::new()
        .info(info)
        .components(Some(components))
        .security(Some(either))
        .tags(Some(tags()))
        .build()
}

const NO_SCOPES: [&str; 0] = [];

fn tags() -> Vec<Tag> {
    [
        ("query", "Numbers over time, and SQL."),
        ("spans", "Calls one by one."),
        ("cost", "Why spend changed, and what it will come to."),
        ("monitors", "What is watched for, what is not well, and who is told."),
        ("documents", "Saved views, panels and dashboards."),
        ("cache", "Answers that are given again."),
        ("keys", "Virtual keys."),
        ("session", "Logging in from a browser."),
        ("compatible", "Monitors in the forms of Alertmanager and Prometheus, for Grafana and `amtool`."),
        ("server", "Weir itself."),
    ]
    .into_iter()
    .map(|(name, text)| TagBuilder::new().name(name).description(Some(text)).build())
    .collect()
}

/// Says what the macros cannot: Weir writes `null` and never leaves a field out of an answer, so every field of every
/// answer is required.
pub(crate) fn finish(mut document: OpenApi) -> OpenApi {
    for (name, schema) in document.components.iter_mut().flat_map(|components| &mut components.schemas) {
        if let RefOr::T(Schema::Object(object)) = schema
            && !WITH_OPTIONAL_FIELDS.contains(&name.as_str())
        {
            object.required = object.properties.keys().cloned().collect();
        }
    }
    document
}
