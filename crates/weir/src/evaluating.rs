//! Judging finished calls: a thread of its own, started with the server and ended before it.
//!
//! The thread has its own async runtime, on which the judges' connections live: reading traces from the store blocks, and nothing
//! that serves calls waits behind it.

use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::oneshot;
use weir_embed::Embedder;
use weir_evaluate::{Judge, Panel, PanelParts, Runtime, RuntimeParts, StoredTraces, Watch, runtime};
use weir_store::Store;
use weir_types::{Clock, RecordSink};

use crate::config::EvaluationConfig;
use crate::own_gateway::OwnGateway;

/// Evaluators that have not started, and what they watch.
pub struct Evaluating {
    runtime: Runtime,
    watch: Watch,
}

/// Evaluators at work.
pub struct Running {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

/// The evaluators of a configuration; `None` where nothing is judged.
pub fn open(
    config: &EvaluationConfig,
    own: OwnGateway,
    store: &Store,
    sink: &Arc<dyn RecordSink>,
    embedder: Option<&Arc<Embedder>>,
    clock: &Arc<dyn Clock>,
    is_recovered: Box<dyn Fn() -> bool + Send + Sync>,
) -> anyhow::Result<Option<Evaluating>> {
    if config.evaluators.is_empty() {
        return Ok(None);
    }
    let panel = Arc::new(panel(config, Some(own), embedder.cloned(), Arc::clone(clock))?);
    let (runtime, watch) = runtime(RuntimeParts {
        panel,
        traces: Arc::new(StoredTraces(store.browse())),
        sink: Arc::clone(sink),
        clock: Arc::clone(clock),
        settle_us: config.settle_us,
        catch_up_us: config.catch_up_us,
        queue_max: config.queue_max,
        is_recovered,
    });
    Ok(Some(Evaluating { runtime, watch }))
}

/// Everyone who judges, at this gateway or at another one that is configured. Without a gateway nobody asks models.
pub fn panel(
    config: &EvaluationConfig,
    own: Option<OwnGateway>,
    embedder: Option<Arc<Embedder>>,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Panel> {
    // Another gateway does not know this one's mark, and is not shown it.
    let other = config.gateway_url.clone().map(|url| OwnGateway { url, mark: None });
    let gateway = other.or(own).filter(|_| config.asks_models);
    let judge = gateway.map(|gateway| Judge::new(config.judge(gateway.url, gateway.mark))).transpose()?;
    Ok(Panel::new(PanelParts {
        evaluators: config.evaluators.clone(),
        judge,
        judge_model: config.judge_model.clone(),
        embedder,
        first_of_hour: config.first_of_hour,
        clock,
    }))
}

impl Evaluating {
    /// What sees the records that are appended.
    pub fn watch(&self) -> Watch {
        self.watch.clone()
    }

    /// Starts the thread.
    pub fn start(self) -> anyhow::Result<Running> {
        let (stop, stopped) = oneshot::channel();
        let own = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new().name("weir-evaluate".to_owned());
        let runtime = self.runtime;
        // Whether it is told or its owner is gone makes no difference.
        let work = move || own.block_on(runtime.run(async move { drop(stopped.await) }));
        Ok(Running { stop, thread: thread.spawn(work)? })
    }
}

impl Running {
    /// Ends it. Judgements under way are let go of, and made after the next start.
    pub async fn stop(self) {
        drop(self.stop);
        let joined = tokio::task::spawn_blocking(move || self.thread.join()).await;
        if !matches!(joined, Ok(Ok(()))) {
            tracing::error!("evaluation ended early; calls were not judged since");
        }
    }
}
