//! The local model against an implementation in double precision, and against the tokenizer's authors' own.
//! `testdata/embeddings/reference.py` says how the values were made.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use std::path::{Path, PathBuf};

use serde::Deserialize;
use weir_embed::{Embed as _, EmbedError, LocalModel, similarity};

#[derive(Deserialize)]
struct Reference {
    text: String,
    tokens: Vec<u32>,
    vector: Vec<f32>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn model() -> LocalModel {
    let folder = root().join(".cache/embedding-model");
    assert!(folder.exists(), "the model is not there; `make model` fetches it");
    LocalModel::read(&folder).unwrap()
}

#[test]
fn tokens_and_vectors_are_those_of_the_reference() {
    let model = model();
    let json = std::fs::read(root().join("testdata/embeddings/reference.json")).unwrap();
    let references: Vec<Reference> = serde_json::from_slice(&json).unwrap();
    assert!(references.len() > 5);
    for Reference { text, tokens, vector } in references {
        assert_eq!(model.tokens(&text), tokens, "{text:?}");
        let computed = model.embed(&text).unwrap();
        let cosine = similarity(&computed, &vector);
        assert!(cosine > 0.999_99, "{text:?}: {cosine}");
        let furthest = computed.iter().zip(&vector).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(furthest < 1e-5, "{text:?}: {furthest}");
    }
}

#[test]
fn a_text_that_the_model_cannot_read_whole_has_no_vector() {
    let model = model();
    assert!(model.embed(&"word ".repeat(254)).is_ok());
    assert_eq!(
        model.embed(&"word ".repeat(255)).err(),
        Some(EmbedError::TooLong { tokens: 257, tokens_max: 256 })
    );
    assert!(matches!(model.embed(&"x".repeat(1_000_000)), Err(EmbedError::TooLong { .. })));
}

#[test]
fn a_folder_without_a_model_is_told_by_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let error = LocalModel::read(folder.path()).err().unwrap().to_string();
    assert!(error.starts_with("cannot read") && error.contains("tokenizer.json"), "{error}");
}
