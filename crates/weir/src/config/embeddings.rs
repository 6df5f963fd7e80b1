//! `[embeddings]`: what turns texts into vectors.

use std::path::PathBuf;

use anyhow::Context as _;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use weir_embed::{Embed, Embedder, Endpoint, EndpointConfig, LocalModel};
use weir_gateway::{ProviderConfig, ProviderKind};

use super::resolve::Resolver;

/// What turns texts into vectors, for whatever compares meanings: a model in this process, or a provider's `/embeddings`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Embeddings {
    /// The folder of a sentence-embedding model of BERT's kind, such as all-MiniLM-L6-v2: `config.json`,
    /// `model.safetensors` and `tokenizer.json`.
    pub model_path: Option<PathBuf>,
    /// One of `providers` that speaks OpenAI's dialect and has an `api_key`, to be asked instead.
    pub provider: Option<String>,
    /// The provider's model, such as "text-embedding-3-small".
    pub model: Option<String>,
    /// Threads that compute or wait for vectors.
    #[schemars(range(min = 1, max = 64))]
    pub threads: u16,
}

impl Default for Embeddings {
    fn default() -> Self {
        Self { model_path: None, provider: None, model: None, threads: 1 }
    }
}

/// Where vectors come from.
pub struct EmbeddingsPlace {
    source: Source,
    threads: usize,
}

enum Source {
    Local(PathBuf),
    Endpoint(EndpointConfig),
}

impl EmbeddingsPlace {
    /// Loads the model, or gets ready to ask the provider, and starts the threads.
    pub fn open(&self, runtime: Handle) -> anyhow::Result<std::sync::Arc<Embedder>> {
        let model: Box<dyn Embed> = match &self.source {
            Source::Local(folder) => Box::new(
                LocalModel::read(folder)
                    .context("cannot load the model that `embeddings.model_path` names")?,
            ),
            Source::Endpoint(config) => Box::new(Endpoint::new(config, runtime)?),
        };
        Embedder::start(model, self.threads).context("cannot start threads for embeddings")
    }
}

impl Resolver<'_> {
    /// Reads `[embeddings]`; `is_needed_by` names a key that cannot do without.
    pub(super) fn embeddings(
        &mut self,
        written: &Embeddings,
        providers: &[ProviderConfig],
        is_needed_by: Option<&str>,
    ) -> Option<EmbeddingsPlace> {
        let source = match (&written.model_path, &written.provider, &written.model) {
            (Some(folder), None, None) => Some(Source::Local(folder.clone())),
            (None, Some(name), Some(model)) => {
                self.provider_of_embeddings(name, model, providers).map(Source::Endpoint)
            }
            (None, None, None) => {
                if let Some(key) = is_needed_by {
                    let message = "this compares meanings, and nothing is configured that can".to_owned();
                    let hint = "set `embeddings.model_path` to the folder of a model, or `embeddings.provider` and \
                                `embeddings.model`";
                    self.report::<()>(key, message, Some(hint));
                }
                None
            }
            _ => {
                let message = "expected either `model_path`, or `provider` and `model`".to_owned();
                self.report("embeddings", message, None)
            }
        };
        Some(EmbeddingsPlace { source: source?, threads: written.threads.into() })
    }

    fn provider_of_embeddings(
        &mut self,
        name: &str,
        model: &str,
        providers: &[ProviderConfig],
    ) -> Option<EndpointConfig> {
        let key = "embeddings.provider";
        let Some(provider) = providers.iter().find(|provider| &*provider.name == name) else {
            let hint = "name one of `[providers.<name>]`";
            return self.report(key, format!("there is no provider {name:?}"), Some(hint));
        };
        if provider.kind != ProviderKind::OpenAi {
            let message =
                format!("{name} is of kind {:?}, and its paths are not known", provider.kind.as_str());
            return self.report(key, message, Some("expected a provider of kind \"openai\""));
        }
        Some(EndpointConfig {
            base_url: provider.base_url.clone(),
            api_key: provider.api_key.clone(),
            model: model.to_owned(),
        })
    }
}
