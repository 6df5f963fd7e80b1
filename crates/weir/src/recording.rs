//! The way of every record: past the guard, by those who watch for what is to be judged, to those who look on, into the store.
//!
//! What evaluators write goes the same way but is not watched for: a judgement is not judged.

use std::path::Path;
use std::sync::Arc;

use weir_api::LiveFeed;
use weir_embed::Embedder;
use weir_evaluate::Watch;
use weir_guard::{Guard, GuardedSink};
use weir_store::Store;
use weir_types::{Clock, RecordSink};

use crate::config::{EmbeddingsPlace, EvaluationConfig};
use crate::evaluating::{self, Evaluating};
use crate::injection;
use crate::own_gateway::OwnGateway;

/// What stands along the way of records.
pub struct Recording {
    /// Where every source appends.
    pub sink: Arc<dyn RecordSink>,
    /// Looks at what is recorded, and at calls before they go out.
    pub guard: Arc<Guard>,
    /// Shows what is recorded.
    pub live: LiveFeed,
    /// Turns texts into vectors, where something does.
    pub embedder: Option<Arc<Embedder>>,
    /// Those who judge what was recorded.
    pub evaluating: Option<Evaluating>,
    /// What they have to do.
    pub watch: Option<Watch>,
}

impl Recording {
    /// Lays the way into this store, past a guard and the model of its classifier.
    pub fn open(
        (guard, classifier): (Guard, Option<&Path>),
        embeddings: Option<&EmbeddingsPlace>,
        evaluation: &EvaluationConfig,
        own: OwnGateway,
        store: &Arc<Store>,
        clock: &Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let guard = match classifier {
            Some(folder) => guard.with_model(injection::open(folder)?),
            None => guard,
        };
        let (live, guard) = (LiveFeed::default(), Arc::new(guard));
        let guarded = |sink| Arc::new(GuardedSink::new(sink, Arc::clone(&guard))) as Arc<dyn RecordSink>;
        let shown = live.tap(store.sink());
        // Calls of providers live on the background's runtime.
        let embedder = embeddings.map(|place| place.open(tokio::runtime::Handle::current())).transpose()?;
        let judgements = guarded(Arc::clone(&shown));
        let evaluating = evaluating::open(
            evaluation,
            own,
            store,
            &judgements,
            embedder.as_ref(),
            clock,
            is_recovered(store),
        )?;
        let watch = evaluating.as_ref().map(Evaluating::watch);
        let sink = match &watch {
            Some(watch) => guarded(watch.tap(shown)),
            None => judgements,
        };
        Ok(Self { sink, guard, live, embedder, evaluating, watch })
    }
}

/// Whether what the journal holds now has been stored.
pub fn is_recovered(store: &Arc<Store>) -> Box<dyn Fn() -> bool + Send + Sync> {
    let (store, position) = (Arc::clone(store), store.stats().journal_position);
    Box::new(move || store.stats().stored_position >= position)
}
