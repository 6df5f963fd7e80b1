//! Estimates for models whose tokenizer is not public: bytes for a token, corrected by what providers state.
//!
//! Each (provider, model) pair keeps two decaying sums, of bytes and of tokens; their quotient is the estimate. Large
//! requests weigh as much as they have tokens, so a few short calls with their fixed overhead do not spoil it. Both
//! sums live in one atomic word: learning and reading never wait for each other.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use crate::chat::TokenCount;

/// Pairs whose ratio is kept; clients choose model names, so there must be an end. Pairs beyond it use the defaults.
const LEARNED_MAX: usize = 1_024;

/// How much of the past one observation replaces.
const LEARNING_RATE: f32 = 1.0 / 16.0;

/// How many tokens the default counts for at the beginning: about one medium request.
const PRIOR_TOKENS: f32 = 500.0;

/// Observations outside are not text (images and documents in base64, hidden prompts) and are left out.
const BYTES_PER_TOKEN_MIN: f32 = 0.5;
/// See [`BYTES_PER_TOKEN_MIN`].
const BYTES_PER_TOKEN_MAX: f32 = 16.0;

/// Bytes of JSON text for a token by the beginning of the model's name, for the first calls. Where two fit the first
/// holds. Sources are in `docs/reference/prices.md`.
const DEFAULTS: [(&str, f32); 8] = [
    ("claude", 3.5),
    ("gemini", 4.0),
    ("llama", 4.0),
    ("meta-llama", 4.0),
    ("mistral", 3.7),
    ("deepseek", 3.8),
    ("qwen", 3.9),
    ("command", 4.0),
];

/// For every other model: the low end, because an estimate that is too high is safer for budgets than one too low.
const DEFAULT: f32 = 3.5;

type Learned = HashMap<Box<str>, HashMap<Box<str>, AtomicU64>>;

/// What was learned so far.
#[derive(Debug, Default)]
pub(crate) struct Estimates {
    learned: RwLock<Learned>,
}

/// Decaying sums.
#[derive(Clone, Copy)]
struct Ratio {
    bytes: f32,
    tokens: f32,
}

impl Estimates {
    /// The estimated tokens of this many bytes.
    pub fn tokens(&self, provider: &str, model: &str, bytes: usize) -> TokenCount {
        let learned = self.learned.read().unwrap_or_else(PoisonError::into_inner);
        let ratio = learned.get(provider).and_then(|models| models.get(model));
        let ratio = ratio
            .map_or_else(|| Ratio::default_for(model), |word| Ratio::unpack(word.load(Ordering::Relaxed)));
        TokenCount { tokens: ratio.tokens_of(bytes), exact: false }
    }

    /// Takes one observation in.
    pub fn learn(&self, provider: &str, model: &str, bytes: usize, tokens: u64) {
        let seen = Ratio { bytes: bytes as f32, tokens: tokens as f32 };
        if !(BYTES_PER_TOKEN_MIN..=BYTES_PER_TOKEN_MAX).contains(&(seen.bytes / seen.tokens)) {
            return;
        }
        let learned = self.learned.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(word) = learned.get(provider).and_then(|models| models.get(model)) {
            let add = |word| Some(Ratio::unpack(word).with(seen).pack());
            // The closure always returns a value, so the update cannot fail.
            let _ = word.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
            return;
        }
        drop(learned);
        let mut learned = self.learned.write().unwrap_or_else(PoisonError::into_inner);
        if learned.values().map(HashMap::len).sum::<usize>() < LEARNED_MAX {
            let first = Ratio::default_for(model).with(seen);
            learned.entry(provider.into()).or_default().insert(model.into(), AtomicU64::new(first.pack()));
        }
    }
}

impl Ratio {
    fn default_for(model: &str) -> Self {
        let name = model.rsplit_once(['/', '.']).map_or(model, |(_, name)| name);
        let name = name.strip_prefix("databricks-").unwrap_or(name);
        let known = DEFAULTS.iter().find(|(prefix, _)| name.starts_with(prefix));
        let bytes_per_token = known.map_or(DEFAULT, |(_, bytes)| *bytes);
        Self { bytes: bytes_per_token * PRIOR_TOKENS, tokens: PRIOR_TOKENS }
    }

    fn with(self, seen: Self) -> Self {
        let keep = 1.0 - LEARNING_RATE;
        Self {
            bytes: self.bytes * keep + seen.bytes * LEARNING_RATE,
            tokens: self.tokens * keep + seen.tokens * LEARNING_RATE,
        }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the casts saturate")]
    fn tokens_of(self, bytes: usize) -> u64 {
        (bytes as f64 * f64::from(self.tokens) / f64::from(self.bytes)).ceil() as u64
    }

    fn pack(self) -> u64 {
        u64::from(self.bytes.to_bits()) << 32 | u64::from(self.tokens.to_bits())
    }

    #[expect(clippy::cast_possible_truncation, reason = "takes the two halves apart")]
    fn unpack(word: u64) -> Self {
        Self { bytes: f32::from_bits((word >> 32) as u32), tokens: f32::from_bits(word as u32) }
    }
}
