//! What a path asks for.
//!
//! | path | meaning |
//! |---|---|
//! | `/v1/chat/completions`, `/v1/completions`, `/v1/responses`, `/v1/embeddings`, `/v1/messages`, `/v1/messages/count_tokens` | a call, routed by its model |
//! | `/serving-endpoints/…` (Databricks), `/openai/v1/…` and `/openai/deployments/{model}/…` (Azure) | the same, as those providers' clients spell it |
//! | `/<provider>/…` | passed through to that provider; a path of a known dialect is read and recorded as a call |
//! | `GET /v1/models` | the models of all providers |
//! | `/v1/files`, `/v1/audio/…` and the other paths in [`UNREAD_OPENAI`] | passed through to the provider of that family |
//!
//! Anything else is not the gateway's. A configured provider's name goes before Azure's `/openai/v1`.

use std::borrow::Cow;
use std::fmt::Write;

use weir_dialect::{Dialect, Family};

/// First segments after `/v1/` that belong to OpenAI's API and are passed through unread.
const UNREAD_OPENAI: &[&str] = &[
    "assistants",
    "audio",
    "batches",
    "containers",
    "conversations",
    "fine_tuning",
    "files",
    "images",
    "moderations",
    "realtime",
    "responses",
    "threads",
    "uploads",
    "vector_stores",
    "videos",
];

/// The calls: the path after `/v1/`, the same as a path of its own, and the format.
const CALLS: [(&str, &str, Dialect); 6] = [
    ("chat/completions", "/chat/completions", Dialect::OpenAiChat),
    ("completions", "/completions", Dialect::OpenAiCompletions),
    ("responses", "/responses", Dialect::OpenAiResponses),
    ("embeddings", "/embeddings", Dialect::OpenAiEmbeddings),
    ("messages", "/messages", Dialect::AnthropicMessages),
    ("messages/count_tokens", "/messages/count_tokens", Dialect::AnthropicCountTokens),
];

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// Who shall answer.
    pub(crate) place: Place,
    /// The format of the call; `None` when it is passed through unread.
    pub(crate) dialect: Option<Dialect>,
    /// The model that the path names.
    pub(crate) path_model: Option<String>,
    /// The path without what selects the place: `/chat/completions`, `/files/file-1`. For [`Place::Provider`] the path
    /// after the provider's name, to be appended to its base URL.
    pub(crate) rest: Cow<'static, str>,
}

/// Who shall answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Whoever serves the model.
    ModelRoute,
    /// This provider, by its index.
    Provider(usize),
    /// The first provider of this family.
    Family(Family),
    /// Every provider: the list of models.
    Everyone,
}

impl Endpoint {
    /// What this path asks for; `None` when it is not the gateway's. `provider` finds a provider by its name.
    pub(crate) fn of_path(path: &str, provider: impl Fn(&str) -> Option<usize>) -> Option<Self> {
        let (first, after) = path.strip_prefix('/')?.split_once('/')?;
        match first {
            "v1" => Self::canonical(after),
            "serving-endpoints" => Self::databricks(after),
            "openai" if after.starts_with("deployments/") => Self::azure_deployment(after),
            name => match provider(name) {
                Some(index) => Some(Self::pass_through(index, after)),
                None if name == "openai" => Self::canonical(after.strip_prefix("v1/").unwrap_or(after)),
                None => None,
            },
        }
    }

    /// Whose shape errors have.
    pub(crate) fn family(&self) -> Family {
        match (self.dialect, self.place) {
            (Some(dialect), _) => dialect.family(),
            (None, Place::Family(family)) => family,
            (None, _) => Family::OpenAi,
        }
    }

    fn canonical(after: &str) -> Option<Self> {
        let after = after.trim_end_matches('/');
        if let Some((_, rest, dialect)) = CALLS.iter().find(|(path, ..)| *path == after) {
            let rest = Cow::Borrowed(*rest);
            return Some(Self { place: Place::ModelRoute, dialect: Some(*dialect), path_model: None, rest });
        }
        let rest = || Cow::Owned(format!("/{after}"));
        let unread = |place| Self { place, dialect: None, path_model: None, rest: rest() };
        match after.split('/').next().unwrap_or_default() {
            "models" if after == "models" => Some(unread(Place::Everyone)),
            "models" => {
                let model = percent_decoded(after.strip_prefix("models/")?);
                Some(Self { path_model: Some(model), ..unread(Place::ModelRoute) })
            }
            "messages" => Some(unread(Place::Family(Family::Anthropic))),
            segment if UNREAD_OPENAI.contains(&segment) => Some(unread(Place::Family(Family::OpenAi))),
            _ => None,
        }
    }

    /// `chat/completions` and the like, or `<endpoint>/invocations`, whose model is the endpoint.
    fn databricks(after: &str) -> Option<Self> {
        match after.trim_end_matches('/').strip_suffix("/invocations") {
            Some(model) if !model.contains('/') => Some(Self {
                place: Place::ModelRoute,
                dialect: Dialect::of_path(&format!("/serving-endpoints/{after}")),
                path_model: Some(percent_decoded(model)),
                rest: Cow::Owned(format!("/{}", after.trim_end_matches('/'))),
            }),
            _ => Self::canonical(after),
        }
    }

    fn azure_deployment(after: &str) -> Option<Self> {
        let (model, rest) = after.strip_prefix("deployments/")?.split_once('/')?;
        let endpoint = Self::canonical(rest)?;
        Some(Self { path_model: Some(percent_decoded(model)), ..endpoint })
    }

    fn pass_through(provider: usize, after: &str) -> Self {
        let rest = format!("/{after}");
        // Providers' base URLs often end in `/v1`, and then clients leave it out.
        let dialect = Dialect::of_path(&rest).or_else(|| Dialect::of_path(&format!("/v1{rest}")));
        let path_model = rest.split_once("/deployments/").map(|(_, model)| model).or_else(|| {
            rest.split_once("/serving-endpoints/")
                .map(|(_, after)| after)
                .filter(|_| rest.ends_with("/invocations"))
        });
        let path_model = path_model.and_then(|model| model.split('/').next()).map(percent_decoded);
        Self { place: Place::Provider(provider), dialect, path_model, rest: Cow::Owned(rest) }
    }
}

/// A path segment or baggage value as it was meant; what is not UTF-8 is replaced.
pub(crate) fn percent_decoded(segment: &str) -> String {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = (byte == b'%').then(|| after.get(..2)).flatten();
        let decoded = escaped
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(decoded.unwrap_or(byte));
        rest = if decoded.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A path segment as it is written in a URL.
pub(crate) fn percent_encoded(segment: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:@".contains(&byte);
    if segment.bytes().all(is_plain) {
        return Cow::Borrowed(segment);
    }
    let mut text = String::with_capacity(segment.len() + 16);
    for byte in segment.bytes() {
        if is_plain(byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn describe(path: &str) -> String {
        let provider = |name: &str| ["groq", "anthropic"].iter().position(|known| *known == name);
        match Endpoint::of_path(path, provider) {
            None => "not the gateway's".to_owned(),
            Some(endpoint) => {
                let dialect = endpoint.dialect.map_or("unread".to_owned(), |dialect| format!("{dialect:?}"));
                let model = endpoint.path_model.unwrap_or("-".to_owned());
                format!("{:?} {dialect} model {model} rest {}", endpoint.place, endpoint.rest)
            }
        }
    }

    #[test]
    fn paths_mean_what_the_table_says() {
        let paths = [
            "/v1/chat/completions",
            "/v1/completions",
            "/v1/responses",
            "/v1/responses/resp_1/cancel",
            "/v1/embeddings/",
            "/v1/messages",
            "/v1/messages/count_tokens",
            "/v1/messages/batches",
            "/v1/models",
            "/v1/models/ft%3Agpt-4o",
            "/v1/files/file-1",
            "/v1/threads/t/messages",
            "/v1/traces",
            "/serving-endpoints/chat/completions",
            "/serving-endpoints/my-model/invocations",
            "/openai/v1/responses",
            "/openai/deployments/gpt%2D4o/chat/completions",
            "/groq/chat/completions",
            "/groq/openai/v1/models",
            "/anthropic/v1/messages",
            "/unknown/v1/messages",
            "/api/query",
            "/",
            "/v1",
        ];
        let described: Vec<String> =
            paths.iter().map(|path| format!("{path}\n    {}", describe(path))).collect();
        insta::assert_snapshot!(described.join("\n"));
    }

    #[test]
    fn a_segment_survives_encoding() {
        for segment in ["gpt-4o", "meta-llama/Llama 3", "50%", "ä"] {
            assert_eq!(percent_decoded(&percent_encoded(segment)), segment);
        }
    }
}
