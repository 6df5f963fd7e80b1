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

    fn embed_pieces(&self, text: &str, pieces_max: usize) -> Result<Vec<Vector>, EmbedError> {
        let tokens_max = self.weights.tokens_max;
        // What is beyond the last piece is not even cut into tokens.
        let wanted = tokens_max.saturating_mul(pieces_max);
        let text = &text[..text.floor_char_boundary(wanted.saturating_mul(TOKEN_BYTES_MAX))];
        let tokens = self.tokenizer.tokens(text, wanted);
        let Some((&begin, said)) = tokens.split_first() else { return Ok(Vec::new()) };
        let end = self.tokenizer.end();
        let said = said.strip_suffix(&[end]).unwrap_or(said);
        let pieces = pieces_of(said.len(), tokens_max.saturating_sub(2).max(2)).take(pieces_max);
        let vector = |piece: std::ops::Range<usize>| {
            let marked: Vec<u32> = [&[begin][..], &said[piece], &[end]].concat();
            normalised(forward(&self.weights, &marked))
        };
        Ok(pieces.map(vector).collect())
    }
}

/// Pieces of a length that overlap by half, one at least, such that the last ends where all ends.
fn pieces_of(length: usize, piece: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    let step = piece / 2;
    let count = 1 + length.saturating_sub(piece).div_ceil(step);
    (0..count).map(move |number| number * step..(number * step + piece).min(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_overlap_by_half_and_leave_nothing_out() {
        let told = |length, piece| pieces_of(length, piece).map(|at| (at.start, at.end)).collect::<Vec<_>>();
        assert_eq!(told(0, 4), [(0, 0)]);
        assert_eq!(told(4, 4), [(0, 4)]);
        assert_eq!(told(5, 4), [(0, 4), (2, 5)]);
        assert_eq!(told(9, 4), [(0, 4), (2, 6), (4, 8), (6, 9)]);
    }
}
