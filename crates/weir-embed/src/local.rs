//! A sentence-embedding model in this process.

use std::path::Path;

use crate::bert::forward;
use crate::weights::{Weights, file};
use crate::word_piece::WordPiece;
use crate::{Embed, EmbedError, Vector, normalised};

/// Bytes of a text for each token that the model reads, above which the text is not even cut: words of natural languages have
/// four to six, and what has more than this is too long whatever it is.
const TOKEN_BYTES_MAX: usize = 32;

/// A BERT-like sentence model: `all-MiniLM-L6-v2`, `bge-small`, `e5-small` and their kin. Takes as much memory as its file.
pub struct LocalModel {
    name: String,
    weights: Weights,
    tokenizer: WordPiece,
}

impl LocalModel {
    /// Reads a model from a folder as sentence-transformers writes it: `config.json`, `model.safetensors`,
    /// `tokenizer.json`. Computes one vector, so that what cannot be computed is told now.
    pub fn read(folder: &Path) -> Result<Self, EmbedError> {
        let fault = |reason: &str| EmbedError::Model { path: folder.to_owned(), reason: reason.to_owned() };
        let tokenizer = WordPiece::read(&file(folder, "tokenizer.json")?, folder)?;
        let weights = Weights::read(folder)?;
        if tokenizer.len() > weights.words.nrows() {
            return Err(fault("its tokenizer has more tokens than its weights"));
        }
        let name = folder.file_name().map_or_else(|| "local".into(), |name| name.to_string_lossy());
        let model = Self { name: name.into_owned(), weights, tokenizer };
        let vector = model.embed("weir")?;
        if vector.iter().any(|number| !number.is_finite()) {
            return Err(fault("its vectors are not finite"));
        }
        Ok(model)
    }

    /// The tokens of a text, marks included: what [`Embed::embed`] would read.
    pub fn tokens(&self, text: &str) -> Vec<u32> {
        self.tokenizer.tokens(text, usize::MAX)
    }
}

impl Embed for LocalModel {
    fn name(&self) -> &str {
        &self.name
    }

    fn embed(&self, text: &str) -> Result<Vector, EmbedError> {
        let tokens_max = self.weights.tokens_max;
        if text.len() > tokens_max * TOKEN_BYTES_MAX {
            return Err(EmbedError::TooLong { tokens: tokens_max + 1, tokens_max });
        }
        let tokens = self.tokenizer.tokens(text, tokens_max);
        if tokens.len() > tokens_max {
            return Err(EmbedError::TooLong { tokens: tokens.len(), tokens_max });
        }
        Ok(normalised(forward(&self.weights, &tokens)))
    }
}
