//! Where commands get their answers: from a running Weir, or, when none runs, from the data folder itself.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::de::DeserializeOwned;
use serde_json::Value;
use weir_store::{Store, StoreConfig};
use weir_types::SystemClock;

use crate::cli::ServerArgs;
use crate::config::{self, Source};

/// The longest a command waits for an answer; the server stops a query earlier than this.
const ANSWER_MAX: Duration = Duration::from_mins(2);
/// The longest a command waits for a connection to a server on this machine.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// Who answers.
pub enum Backend {
    /// A running Weir.
    Remote(Client),
    /// The data folder, opened by this process.
    Local(Box<Local>),
}

/// The data folder, opened by this process.
pub struct Local {
    /// The store.
    pub store: Store,
    /// The runtime that the store lives on.
    pub runtime: tokio::runtime::Runtime,
}

impl Backend {
    /// Finds out who answers: a named server must be there; otherwise the configured address is tried first.
    pub fn find(args: &ServerArgs) -> anyhow::Result<Self> {
        if let Some(url) = &args.server {
            let client = Client::new(url, args.token.clone());
            client.ready().with_context(|| format!("cannot reach Weir at {url}"))?;
            return Ok(Self::Remote(client));
        }
        let source = Source::find(args.config.as_deref())?;
        let file = config::read(&source).map_err(|problems| anyhow::anyhow!("{problems}"))?;
        let url = format!("http://{}", file.server.listen);
        let client = Client::new(&url, args.token.clone());
        // A data folder that was named on the command line is meant, whoever listens at the default address.
        if args.data_dir.is_none() && client.ready().is_ok() {
            return Ok(Self::Remote(client));
        }
        let data_dir = args.data_dir.clone().unwrap_or(file.server.data_dir);
        Self::open(&data_dir, &url)
    }

    fn open(data_dir: &Path, url: &str) -> anyhow::Result<Self> {
        if !data_dir.is_dir() {
            bail!(
                "no Weir listens at {url}, and there is no data in {}; start one with `weir serve`, or name one with \
                 --server or --data-dir",
                data_dir.display()
            );
        }
        let local = Local::open(data_dir).with_context(|| format!("no Weir listens at {url}"))?;
        Ok(Self::Local(Box::new(local)))
    }
}

impl Local {
    /// Opens a data folder, and takes in what is only in its journal.
    pub fn open(data_dir: &Path) -> anyhow::Result<Self> {
        if !data_dir.is_dir() {
            bail!("there is no data in {}", data_dir.display());
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let config = StoreConfig { data_dir: data_dir.to_path_buf(), ..StoreConfig::default() };
        let store = runtime
            .block_on(Store::open(config, Arc::new(SystemClock)))
            .with_context(|| format!("{} cannot be opened", data_dir.display()))?;
        runtime.block_on(store.flush())?;
        Ok(Self { store, runtime })
    }

    /// Closes the store.
    pub fn close(self) -> anyhow::Result<()> {
        self.runtime.block_on(self.store.close())?;
        Ok(())
    }
}

/// Speaks to a running Weir.
pub struct Client {
    agent: ureq::Agent,
    url: String,
    token: Option<String>,
}

impl Client {
    /// A client for the Weir at this address.
    pub fn new(url: &str, token: Option<String>) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT_MAX))
            .timeout_global(Some(ANSWER_MAX))
            .build();
        Self { agent: config.into(), url: url.trim_end_matches('/').to_owned(), token }
    }

    /// A client for the Weir that runs, for what only a running one knows.
    pub fn of_running(args: &ServerArgs) -> anyhow::Result<Self> {
        let url = if let Some(url) = &args.server {
            url.clone()
        } else {
            let source = Source::find(args.config.as_deref())?;
            let file = config::read(&source).map_err(|problems| anyhow::anyhow!("{problems}"))?;
            format!("http://{}", file.server.listen)
        };
        let client = Self::new(&url, args.token.clone());
        client.ready().with_context(|| format!("cannot reach Weir at {url}"))?;
        Ok(client)
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether a Weir answers there.
    pub fn ready(&self) -> anyhow::Result<()> {
        let status = self.agent.get(format!("{}/healthz", self.url)).call()?.status();
        if !status.is_success() {
            bail!("{}/healthz answers {status}", self.url);
        }
        Ok(())
    }

    /// Asks for a document, with these query parameters.
    pub fn get<T: DeserializeOwned>(&self, path: &str, parameters: &[(&str, &str)]) -> anyhow::Result<T> {
        let mut request = self.authorized(self.agent.get(format!("{}{path}", self.url)));
        for (name, value) in parameters {
            request = request.query(*name, *value);
        }
        self.read(request.call())
    }

    /// Sends a document and reads the answer.
    pub fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> anyhow::Result<T> {
        self.read(self.authorized(self.agent.post(format!("{}{path}", self.url))).send_json(body))
    }

    /// Deletes what the path names and reads the answer.
    pub fn delete<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        self.delete_with(path, &[])
    }

    /// The same, with these query parameters.
    pub fn delete_with<T: DeserializeOwned>(
        &self,
        path: &str,
        parameters: &[(&str, &str)],
    ) -> anyhow::Result<T> {
        let mut request = self.authorized(self.agent.delete(format!("{}{path}", self.url)));
        for (name, value) in parameters {
            request = request.query(*name, *value);
        }
        self.read(request.call())
    }

    fn authorized<B>(&self, request: ureq::RequestBuilder<B>) -> ureq::RequestBuilder<B> {
        match &self.token {
            Some(token) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        }
    }

    fn read<T: DeserializeOwned>(
        &self,
        response: Result<http::Response<ureq::Body>, ureq::Error>,
    ) -> anyhow::Result<T> {
        let response = response.with_context(|| format!("cannot reach Weir at {}", self.url))?;
        let status = response.status();
        let text = response.into_body().with_config().limit(u64::MAX).read_to_string()?;
        if status.is_success() {
            return serde_json::from_str(&text)
                .with_context(|| format!("{} sent an answer of another shape", self.url));
        }
        bail!("{}", error_text(&text).unwrap_or_else(|| format!("{} answers {status}", self.url)))
    }
}

/// What the API says of an error, as it would be shown in the editor.
fn error_text(body: &str) -> Option<String> {
    let body: Value = serde_json::from_str(body).ok()?;
    let error = body.get("error")?;
    let text = |name: &str| error.get(name).and_then(Value::as_str);
    if let Some(rendered) = text("rendered") {
        return Some(rendered.trim_end().to_owned());
    }
    let message = text("message")?;
    Some(text("hint").map_or_else(|| message.to_owned(), |hint| format!("{message}\n  hint: {hint}")))
}
