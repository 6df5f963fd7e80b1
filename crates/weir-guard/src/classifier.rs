//! The classifier: a logistic regression over hashed words, pairs and triples of words.
//!
//! It knows attacks that no rule names, such as made-up characters without morals, by how they are worded. It is the one kind
//! of model that is small enough to ship (64 kB) and quick enough to stand in the way of calls. `bench/guard/train.py` trains it
//! and defines it; a test holds this file to that script's numbers. What it can and cannot tell is measured in
//! docs/reference/injection-guard.md.
//!
//! A text is looked at in windows that overlap by half, because an attack in a long text would drown in the rest.

use crate::GuardError;

/// The weights: scale and bias as little-endian floats, then one signed byte for each bucket.
const WEIGHTS: &[u8] = include_bytes!("../../../data/guard/classifier.bin");
const BUCKETS: usize = 1 << 16;
const HEADER: usize = 8;
/// Words that are looked at at once, as in training.
const WINDOW_WORDS: usize = 256;
/// Words that follow one another in a feature, at most.
const WORDS_OF_FEATURE_MAX: usize = 3;

/// The classifier, ready to ask.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Classifier {
    weights: &'static [u8],
    scale: f32,
    bias: f32,
}

impl Classifier {
    /// The one that comes with this program.
    pub(crate) fn bundled() -> Result<Self, GuardError> {
        let broken =
            || GuardError::Data { name: "classifier.bin", reason: format!("it has {} bytes", WEIGHTS.len()) };
        if WEIGHTS.len() != HEADER + BUCKETS {
            return Err(broken());
        }
        let float = |at: usize| WEIGHTS[at..at + 4].try_into().map(f32::from_le_bytes).map_err(|_| broken());
        Ok(Self { weights: &WEIGHTS[HEADER..], scale: float(0)?, bias: float(4)? })
    }

    /// How likely a folded text is an attack, 0 to 1: that of its worst window.
    pub(crate) fn score(&self, text: &str) -> f64 {
        let words: Vec<u32> = hashes(text);
        let mut worst = f64::MIN;
        let mut start = 0;
        loop {
            let window = &words[start..words.len().min(start + WINDOW_WORDS)];
            worst = worst.max(self.score_of_window(window));
            start += WINDOW_WORDS / 2;
            if start + WINDOW_WORDS / 2 >= words.len() {
                break;
            }
        }
        1.0 / (1.0 + (-worst).exp())
    }

    fn score_of_window(&self, words: &[u32]) -> f64 {
        let (mut sum, mut features) = (0_i64, 0_u32);
        for index in 0..words.len() {
            let mut state = 0_u32;
            for word in words[index..].iter().take(WORDS_OF_FEATURE_MAX) {
                state = (state ^ word).wrapping_mul(0x9e37_79b1);
                let bucket = ((state ^ (state >> 16)) as usize) & (BUCKETS - 1);
                sum += i64::from(self.weights[bucket].cast_signed());
                features += 1;
            }
        }
        let features = f64::from(features.max(1));
        sum as f64 * f64::from(self.scale) / features.sqrt() + f64::from(self.bias)
    }
}

/// The hashes of a text's words: runs of letters and digits, where all that is not ASCII counts as a letter.
fn hashes(text: &str) -> Vec<u32> {
    const EMPTY: u32 = 0x811c_9dc5;
    let mut words = Vec::with_capacity(text.len() / 5 + 1);
    let (mut state, mut is_in_word) = (EMPTY, false);
    for &byte in text.as_bytes() {
        if byte.is_ascii_alphanumeric() || !byte.is_ascii() {
            state = (state ^ u32::from(byte)).wrapping_mul(0x0100_0193);
            is_in_word = true;
        } else if is_in_word {
            words.push(state);
            (state, is_in_word) = (EMPTY, false);
        }
    }
    if is_in_word {
        words.push(state);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fold::fold;

    #[test]
    fn scores_are_those_of_the_script_that_trained_it() {
        let classifier = Classifier::bundled().unwrap();
        let samples = include_str!("../../../testdata/guard/classifier.tsv");
        let mut count = 0;
        for line in samples.lines().filter(|line| !line.starts_with('#')) {
            let (score, text) = line.split_once('\t').unwrap();
            let score: f64 = score.parse().unwrap();
            let found = classifier.score(fold(text).text());
            assert!((found - score).abs() < 1e-4, "{found} for {score}: {text}");
            count += 1;
        }
        assert!(count >= 5);
        assert!(classifier.score("").is_finite());
    }
}
