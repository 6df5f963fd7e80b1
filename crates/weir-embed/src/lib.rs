//! Texts become vectors whose nearness is nearness of meaning.
//!
//! | module | does |
//! |---|---|
//! | `bert`, `weights` | the forward pass of BERT-like sentence models, and reading them from a folder |
//! | `word_piece` | texts to tokens, as those models were trained |
//! | `local` | such a model as an [`Embed`] |
//! | `head` | layers over a vector that say of which kind its text is |
//! | `endpoint` | a provider's `/embeddings` as an [`Embed`] |
//! | `embedder` | threads that embed for others, with a queue that has an end |
//!
//! A vector costs milliseconds of a processor, or a round trip. So nobody computes one where calls are served: [`Embedder`]
//! has threads of its own, and who comes when its queue is full is told so at once and does without.
//!
//! Invariants: vectors have length 1, so that their product is the cosine. A text that the model cannot read whole has no
//! vector, because two long texts that differ at the end would look alike.

mod bert;
mod embedder;
mod endpoint;
mod error;
mod head;
mod local;
mod weights;
mod word_piece;

use std::sync::Arc;

pub use embedder::{Embedder, QUEUE_MAX, Running};
pub use endpoint::{Endpoint, EndpointConfig};
pub use error::EmbedError;
pub use head::Head;
pub use local::LocalModel;

/// A text as a point: numbers whose squares sum up to 1.
pub type Vector = Arc<[f32]>;

/// Turns texts into vectors.
pub trait Embed: Send + Sync {
    /// What is shown to people: the model's name.
    fn name(&self) -> &str;

    /// The vector of a text. Takes milliseconds or a round trip: not for threads that serve calls.
    fn embed(&self, text: &str) -> Result<Vector, EmbedError>;

    /// The vectors of pieces of a text that overlap by half, each as long as the model reads, at most `pieces_max` of them from the
    /// beginning on; for who looks for something within a text. One vector where texts cannot be cut here.
    fn embed_pieces(&self, text: &str, pieces_max: usize) -> Result<Vec<Vector>, EmbedError> {
        let _ = pieces_max;
        Ok(vec![self.embed(text)?])
    }
}

/// The cosine of the angle between two texts' vectors: 1 for the same meaning, about 0 for nothing in common. Zero for vectors
/// of different models.
pub fn similarity(a: &[f32], b: &[f32]) -> f32 {
    /// Sums that are kept side by side, so that the processor can add them at once.
    const LANES: usize = 16;
    if a.len() != b.len() {
        return 0.0;
    }
    let mut sums = [0.0_f32; LANES];
    let (a, b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f32 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a.zip(b) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f32>() + rest
}

/// Makes a vector's length 1. A vector without length, which no text has, stays as it is.
fn normalised(mut numbers: Vec<f32>) -> Vector {
    let length = numbers.iter().map(|number| number * number).sum::<f32>().sqrt();
    if length > 0.0 {
        for number in &mut numbers {
            *number /= length;
        }
    }
    numbers.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_product_of_vectors_is_the_cosine_of_their_angle() {
        let a = normalised((0..50).map(|number| number as f32).collect());
        let b = normalised((0..50).map(|number| -number as f32).collect());
        assert!((similarity(&a, &a) - 1.0).abs() < 1e-6);
        assert!((similarity(&a, &b) + 1.0).abs() < 1e-6);
        assert!(
            similarity(&a, &b[..49]).abs() < f32::EPSILON,
            "vectors of two models have nothing in common"
        );
    }
}
