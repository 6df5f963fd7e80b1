//! The guard's larger classifier: a sentence model whose vectors a head reads, on a thread of its own.
//!
//! A text takes tens of milliseconds. What has been recorded waits for its turn; what a call waits for goes first. Both queues have
//! an end (see [`weir_embed::Embedder`]): what comes when they are full is not scored, and counted.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::runtime::Handle;
use weir_embed::{Embed, Embedder, Head, LocalModel};
use weir_guard::{InjectionModel, Told};

/// The head's file, beside those of the sentence model.
const HEAD: &str = "head.safetensors";

/// Threads that score. One scores some twenty texts in a second; more would take processors from calls.
const THREADS: usize = 1;

/// Pieces of one text that are scored, from its beginning on: about a thousand words.
const PIECES_MAX: usize = 8;

/// See the module.
struct Classifier {
    name: String,
    embedder: Arc<Embedder>,
    head: Arc<Head>,
    runtime: Handle,
}

/// Loads the classifier from a folder with a sentence model and a head, and starts its thread.
pub fn open(folder: &Path) -> anyhow::Result<Arc<dyn InjectionModel>> {
    let context = "cannot load the model that `guard.classifier.model` names";
    let model = LocalModel::read(folder).context(context)?;
    let width = model.embed("weir").context(context)?.len();
    let head = Arc::new(Head::read(folder, HEAD, width).context(context)?);
    let name = model.name().to_owned();
    let embedder =
        Embedder::start(Box::new(model), THREADS).context("cannot start threads for the classifier")?;
    Ok(Arc::new(Classifier { name, embedder, head, runtime: Handle::current() }))
}

impl InjectionModel for Classifier {
    fn name(&self) -> &str {
        &self.name
    }

    fn score(&self, texts: Vec<String>) -> Option<f64> {
        let head = Arc::clone(&self.head);
        let running = self.embedder.run(move |model| worst(model, &head, &texts)).ok()?;
        // This thread is one that may wait: see the trait.
        self.runtime.block_on(running).ok().flatten()
    }

    fn score_later(&self, texts: Vec<String>, told: Told) -> bool {
        let head = Arc::clone(&self.head);
        self.embedder.later(move |model| told(worst(model, &head, &texts))).is_ok()
    }
}

/// The score of the worst piece of the worst text. A text that cannot be read does not hide the others.
fn worst(model: &dyn Embed, head: &Head, texts: &[String]) -> Option<f64> {
    let vectors = texts.iter().filter_map(|text| model.embed_pieces(text, PIECES_MAX).ok()).flatten();
    vectors.map(|vector| head.score(&vector)).reduce(f64::max)
}
