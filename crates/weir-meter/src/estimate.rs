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
const BYTES_PER_TOKEN_MAX: f32 = 8.0;

/// A JSON string of base64 that is at least this long is an image, a sound or a document, and not text.
const MEDIA_BYTES_MIN: usize = 2_048;
/// Tokens of an image: the most of Claude's (1,600 for 1.15 megapixels), about two tiles of Gemini's wide ones.
const IMAGE_TOKENS: u64 = 1_600;
/// Bytes of base64 for a token of a PDF: a page has about 1,000 tokens and 70 kB.
const PDF_BYTES_PER_TOKEN: u64 = 70;
/// How every PDF begins, in base64.
const PDF_BASE64: &str = "JVBERi0";

/// Bytes of JSON text for a token by the beginning of the model's name, for the first calls; the first that fits holds.
/// Measured where a tokenizer is public, otherwise what the provider's documentation says;
/// `docs/reference/prices.md` tells which.
const DEFAULTS: [(&str, f32); 9] = [
    ("claude", 3.5),
    ("gemini", 4.0),
    ("gpt", 3.8),
    ("llama", 3.8),
    ("meta-llama", 3.8),
    ("deepseek", 3.6),
    ("qwen", 3.8),
    ("mistral", 3.6),
    ("command", 3.8),
];

/// For every other model: the low end, because for a budget an estimate that is too high is safer than one too low.
const DEFAULT: f32 = 3.5;

type Learned = HashMap<Box<str>, HashMap<Box<str>, AtomicU64>>;

/// What was learned so far.
#[derive(Debug, Default)]
pub(crate) struct Estimates {
    learned: RwLock<Learned>,
}

/// Decaying sums.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ratio {
    bytes: f32,
    tokens: f32,
}

impl Estimates {
    /// The ratio of bytes and tokens as it is known now.
    pub fn ratio(&self, provider: &str, model: &str) -> Ratio {
        let learned = self.learned.read().unwrap_or_else(PoisonError::into_inner);
        let ratio = learned.get(provider).and_then(|models| models.get(model));
        ratio.map_or_else(|| Ratio::default_for(model), |word| Ratio::unpack(word.load(Ordering::Relaxed)))
    }

    /// The estimated tokens of this many bytes.
    pub fn tokens(&self, provider: &str, model: &str, bytes: usize) -> TokenCount {
        TokenCount { tokens: self.ratio(provider, model).tokens_of(bytes), exact: false }
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

/// The base64 of a piece between two quotes, if it is that; an escaped character shows that it is not.
fn media(string: &str) -> Option<&str> {
    let base64 = string.rsplit_once(";base64,").map_or(string, |(_, base64)| base64);
    let is_base64 =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_');
    (base64.len() >= MEDIA_BYTES_MIN && base64.bytes().all(is_base64)).then_some(base64)
}

fn tokens_of_media(base64: &str) -> u64 {
    if base64.starts_with(PDF_BASE64) { base64.len() as u64 / PDF_BYTES_PER_TOKEN } else { IMAGE_TOKENS }
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

    /// The estimated tokens of this many bytes; a part of a token is a token.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the casts saturate")]
    pub fn tokens_of(self, bytes: usize) -> u64 {
        (bytes as f64 * f64::from(self.tokens) / f64::from(self.bytes)).ceil() as u64
    }

    /// How many bytes are estimated to have no more tokens than these.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the casts saturate")]
    pub fn bytes_of(self, tokens: u64) -> usize {
        (tokens as f64 * f64::from(self.bytes) / f64::from(self.tokens)).floor() as usize
    }

    /// The estimated tokens of a request's JSON; images and documents in it do not count by their bytes.
    pub fn tokens_of_request(self, parts: &[&str]) -> TokenCount {
        let (mut bytes, mut media_tokens) = (0, 0_u64);
        for part in parts {
            bytes += part.len();
            for string in part.split('"').filter_map(media) {
                bytes -= string.len();
                media_tokens = media_tokens.saturating_add(tokens_of_media(string));
            }
        }
        TokenCount { tokens: self.tokens_of(bytes).saturating_add(media_tokens), exact: false }
    }

    fn pack(self) -> u64 {
        u64::from(self.bytes.to_bits()) << 32 | u64::from(self.tokens.to_bits())
    }

    #[expect(clippy::cast_possible_truncation, reason = "takes the two halves apart")]
    fn unpack(word: u64) -> Self {
        Self { bytes: f32::from_bits((word >> 32) as u32), tokens: f32::from_bits(word as u32) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(estimates: &Estimates, model: &str, bytes: usize) -> u64 {
        estimates.tokens("p", model, bytes).tokens
    }

    #[test]
    fn families_begin_with_their_defaults_whatever_stands_before_the_name() {
        let estimates = Estimates::default();
        for model in
            ["claude-x", "us.anthropic.claude-x", "anthropic/claude-x", "databricks-claude-x", "unknown"]
        {
            assert_eq!(tokens(&estimates, model, 3_500), 1_000, "{model}");
        }
        assert_eq!(tokens(&estimates, "gemini-9", 4_000), 1_000);
        assert_eq!(tokens(&estimates, "gemini-9", 1), 1, "a part of a token is a token");
        assert_eq!(tokens(&estimates, "gemini-9", 0), 0);
    }

    #[test]
    fn an_estimate_comes_to_what_the_provider_states() {
        let estimates = Estimates::default();
        for _ in 0..100 {
            estimates.learn("p", "m", 6_000, 3_000);
        }
        let learned = tokens(&estimates, "m", 6_000);
        assert!((2_970..=3_000).contains(&learned), "{learned}");
        assert_eq!(estimates.tokens("other", "m", 3_500).tokens, 1_000, "pairs are apart");
    }

    #[test]
    fn each_observation_brings_the_estimate_closer() {
        let estimates = Estimates::default();
        let mut last = tokens(&estimates, "m", 10_000);
        for _ in 0..30 {
            estimates.learn("p", "m", 10_000, 5_000);
            let next = tokens(&estimates, "m", 10_000);
            assert!((last..=5_000).contains(&next), "{last} {next}");
            last = next;
        }
    }

    #[test]
    fn images_and_documents_do_not_count_by_their_bytes() {
        let estimates = Estimates::default();
        let count = |json: &str| estimates.ratio("p", "m").tokens_of_request(&[json]).tokens;
        let image = format!(r#"[{{"url":"data:image/png;base64,{}"}}]"#, "iVBORw0K".repeat(10_000));
        assert_eq!(count(&image), IMAGE_TOKENS + 10);
        let document = format!(r#"[{{"data":"{PDF_BASE64}{}"}}]"#, "A".repeat(70_000));
        assert_eq!(count(&document), 1_000 + 4);
        let text = format!(r#"["{}"]"#, "no base64, ".repeat(1_000));
        assert_eq!(count(&text), tokens(&estimates, "m", text.len()));
    }

    #[test]
    fn what_is_not_text_teaches_nothing() {
        let estimates = Estimates::default();
        for (bytes, stated) in [(0, 0), (0, 5), (5, 0), (1_000_000, 800), (10, 1_000)] {
            estimates.learn("p", "m", bytes, stated);
            assert_eq!(tokens(&estimates, "m", 10_000), 2_858, "{bytes} {stated}");
        }
    }

    #[test]
    fn the_number_of_learned_models_is_bounded() {
        let estimates = Estimates::default();
        for index in 0..LEARNED_MAX + 10 {
            estimates.learn("p", &index.to_string(), 1_000, 1_000);
        }
        assert_eq!(estimates.learned.read().expect("no thread panicked")["p"].len(), LEARNED_MAX);
        assert_eq!(tokens(&estimates, &(LEARNED_MAX + 1).to_string(), 3_500), 1_000);
    }
}
