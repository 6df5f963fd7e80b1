//! What can go wrong on the way to a vector.

use std::path::PathBuf;

use thiserror::Error;

/// Why there is no model, or no vector.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EmbedError {
    /// A file of the model cannot be read.
    #[error("cannot read {path}: {reason}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The model is none that is computed here.
    #[error(
        "the model in {path} cannot be used: {reason}; expected a BERT-like sentence model such as all-MiniLM-L6-v2"
    )]
    Model {
        /// Its folder.
        path: PathBuf,
        /// What is not as expected.
        reason: String,
    },
    /// The head is none that is computed here.
    #[error("the head {path} cannot be used: {reason}")]
    Head {
        /// Its file.
        path: PathBuf,
        /// What is not as expected.
        reason: String,
    },
    /// The text is longer than the model reads.
    #[error("the text has {tokens} tokens or more, and the model reads {tokens_max}")]
    TooLong {
        /// Tokens that were counted.
        tokens: usize,
        /// Tokens that the model reads.
        tokens_max: usize,
    },
    /// Too many texts wait already.
    #[error("too many texts wait for their vector")]
    Busy,
    /// The threads have ended.
    #[error("the embedder has ended")]
    Ended,
    /// The endpoint did not give a vector.
    #[error("the embeddings endpoint {url} gave no vector: {reason}")]
    Endpoint {
        /// Where.
        url: String,
        /// What it did.
        reason: String,
    },
    /// The endpoint cannot be reached from here at all.
    #[error("the embeddings endpoint {url} cannot be used: {reason}")]
    Client {
        /// Where.
        url: String,
        /// Why.
        reason: String,
    },
}
