//! Which endpoint a path means.
//!
//! Paths are matched by their ends, so that the same listener plays OpenAI (`/v1/…`), Azure
//! (`/openai/deployments/<model>/…`) and Databricks (`/serving-endpoints/…`).

use super::ask::Format;
use super::problem::Family;

/// An endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route<'a> {
    /// Text is wanted; the path may name the model.
    Text(Format, Option<&'a str>),
    Embeddings(Option<&'a str>),
    CountTokens,
    Models,
    Model(&'a str),
    /// `GET /sim/stats`: the tally.
    Tally,
    /// `GET /sim/requests`: what came in, for tests.
    Requests,
    Nowhere,
}

impl<'a> Route<'a> {
    pub(crate) fn of(path: &'a str) -> Self {
        let path = path.trim_end_matches('/');
        let Some((parent, last)) = path.rsplit_once('/') else { return Self::Nowhere };
        match last {
            "completions" if parent.ends_with("/chat") => Self::Text(Format::Chat, deployment(path)),
            "completions" => Self::Text(Format::Completions, deployment(path)),
            "responses" => Self::Text(Format::Responses, deployment(path)),
            "embeddings" => Self::Embeddings(deployment(path)),
            "invocations" => Self::Text(Format::Chat, parent.rsplit('/').next()),
            "messages" => Self::Text(Format::Messages, None),
            "count_tokens" => Self::CountTokens,
            "models" => Self::Models,
            "stats" if parent == "/sim" => Self::Tally,
            "requests" if parent == "/sim" => Self::Requests,
            name if parent.ends_with("/models") => Self::Model(name),
            _ => Self::Nowhere,
        }
    }

    pub(crate) fn family(self) -> Family {
        match self {
            Self::Text(format, _) => format.family(),
            Self::CountTokens => Family::Anthropic,
            _ => Family::OpenAi,
        }
    }

    /// Whether the endpoint is read with GET.
    pub(crate) fn is_get(self) -> bool {
        matches!(self, Self::Models | Self::Model(_) | Self::Tally | Self::Requests)
    }
}

/// The model that Azure's paths name: `/openai/deployments/<model>/chat/completions`.
fn deployment(path: &str) -> Option<&str> {
    let (_, after) = path.split_once("/deployments/")?;
    after.split('/').next().filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_all_providers_are_known() {
        use Format::{Chat, Completions, Messages, Responses};
        for (path, route) in [
            ("/v1/chat/completions", Route::Text(Chat, None)),
            ("/openai/deployments/gpt-4o/chat/completions", Route::Text(Chat, Some("gpt-4o"))),
            ("/serving-endpoints/databricks-dbrx/invocations", Route::Text(Chat, Some("databricks-dbrx"))),
            ("/v1/completions", Route::Text(Completions, None)),
            ("/v1/responses", Route::Text(Responses, None)),
            ("/v1/embeddings", Route::Embeddings(None)),
            ("/v1/messages", Route::Text(Messages, None)),
            ("/v1/messages/count_tokens", Route::CountTokens),
            ("/v1/models/gpt-4o", Route::Model("gpt-4o")),
            ("/v1/files", Route::Nowhere),
        ] {
            assert_eq!(Route::of(path), route, "{path}");
        }
    }
}
