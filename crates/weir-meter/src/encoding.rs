//! Which of OpenAI's encodings a model uses, and counting with it.
//!
//! The tables are those of `tiktoken` 0.14 (`tiktoken/model.py`). `o200k_harmony` has the same vocabulary and the same
//! splitting as `o200k_base` and differs only in special tokens, which never come from text. The encodings of models
//! retired in 2024 (`p50k_base`, `r50k_base`, `gpt2`) are not bundled: texts for them are estimated.
//!
//! A tokenizer takes tens of megabytes and is built when a text is first counted with it.

use bpe_openai::Tokenizer;

use crate::counter::Part;

/// Bytes of the longest token of either encoding (a run of 128 spaces, or of 64 letters of two bytes).
pub(crate) const TOKEN_BYTES_MAX: u64 = 128;

/// A piece of the splitting (a word, a run of signs) that is at most this long is not cut, so that words stay whole.
const WORD_BYTES_MAX: usize = 32;

/// An encoding that is bundled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    O200k,
    Cl100k,
}

/// Encodings by the model's whole name.
const MODELS: [(&str, Encoding); 15] = [
    ("o1", Encoding::O200k),
    ("o3", Encoding::O200k),
    ("o4-mini", Encoding::O200k),
    ("gpt-5", Encoding::O200k),
    ("gpt-4.1", Encoding::O200k),
    ("gpt-4o", Encoding::O200k),
    ("gpt-4", Encoding::Cl100k),
    ("gpt-3.5-turbo", Encoding::Cl100k),
    ("gpt-3.5", Encoding::Cl100k),
    ("gpt-35-turbo", Encoding::Cl100k),
    ("davinci-002", Encoding::Cl100k),
    ("babbage-002", Encoding::Cl100k),
    ("text-embedding-ada-002", Encoding::Cl100k),
    ("text-embedding-3-small", Encoding::Cl100k),
    ("text-embedding-3-large", Encoding::Cl100k),
];

/// Encodings by the beginning of the model's name; the first that fits holds.
const PREFIXES: [(&str, Encoding); 18] = [
    ("o1-", Encoding::O200k),
    ("o3-", Encoding::O200k),
    ("o4-mini-", Encoding::O200k),
    ("gpt-5", Encoding::O200k),
    ("gpt-4.5-", Encoding::O200k),
    ("gpt-4.1-", Encoding::O200k),
    ("chatgpt-4o-", Encoding::O200k),
    ("gpt-4o-", Encoding::O200k),
    ("gpt-4-", Encoding::Cl100k),
    ("gpt-3.5-turbo-", Encoding::Cl100k),
    ("gpt-35-turbo-", Encoding::Cl100k),
    ("gpt-oss-", Encoding::O200k),
    ("ft:gpt-4o", Encoding::O200k),
    ("ft:gpt-4.1", Encoding::O200k),
    ("ft:gpt-4", Encoding::Cl100k),
    ("ft:gpt-3.5-turbo", Encoding::Cl100k),
    ("ft:davinci-002", Encoding::Cl100k),
    ("ft:babbage-002", Encoding::Cl100k),
];

/// The encoding of a model, `None` when it is not one of OpenAI's or not bundled. Prefixes of routers and clouds
/// (`openai/`, `azure/eu/`, `databricks-`) are looked through.
pub(crate) fn of_model(model: &str) -> Option<Encoding> {
    let name = bare_name(model);
    let whole = MODELS.iter().find(|(listed, _)| *listed == name);
    let prefix = || PREFIXES.iter().find(|(prefix, _)| name.starts_with(prefix));
    whole.or_else(prefix).map(|(_, encoding)| *encoding)
}

/// The model's own name, without what routers and clouds put before it.
pub(crate) fn bare_name(model: &str) -> &str {
    let name = model.rsplit_once('/').map_or(model, |(_, name)| name);
    let name = name.strip_prefix("databricks-").unwrap_or(name);
    name.strip_prefix("openai.").unwrap_or(name)
}

impl Encoding {
    fn tokenizer(self) -> &'static Tokenizer {
        match self {
            Self::O200k => bpe_openai::o200k_base(),
            Self::Cl100k => bpe_openai::cl100k_base(),
        }
    }

    /// Tokens of a text. Text that looks like a special token (`<|endoftext|>`) is text, as it is for providers.
    pub fn count(self, text: &str) -> u64 {
        self.tokenizer().count(text) as u64
    }

    /// Whether a text has at most `limit` tokens. Each token has 1 to [`TOKEN_BYTES_MAX`] bytes, so a text that is short
    /// or long enough is not looked at; otherwise counting stops when the limit is passed.
    pub fn fits_within(self, text: &str, limit: u64) -> bool {
        text.len() as u64 <= limit || self.count_within(text, limit).is_some()
    }

    /// Tokens of a text when there are at most `limit`. Does not look at a text that is too long, and stops counting when
    /// the limit is passed.
    pub fn count_within(self, text: &str, limit: u64) -> Option<u64> {
        if (text.len() as u64).div_ceil(TOKEN_BYTES_MAX) > limit {
            return None;
        }
        let tokenizer = self.tokenizer();
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        tokenizer.count_till_limit(&tokenizer.normalize(text), limit).map(|tokens| tokens as u64)
    }

    /// The longest beginning that has at most `limit` tokens and ends where a token and a character do; words stay whole.
    pub fn head(self, text: &str, limit: u64) -> Part {
        let tokenizer = self.tokenizer();
        let mut head = Part::default();
        for piece in tokenizer.split(text) {
            let left = usize::try_from(limit - head.tokens).unwrap_or(usize::MAX);
            if let Some(tokens) = tokenizer.bpe.count_till_limit(piece.as_bytes(), left) {
                head = Part { bytes: head.bytes + piece.len(), tokens: head.tokens + tokens as u64 };
                continue;
            }
            if piece.len() > WORD_BYTES_MAX {
                let ids = tokenizer.bpe.encode_via_backtracking(piece.as_bytes());
                let lengths = ids.iter().map(|id| tokenizer.bpe.token_len(*id));
                let part = longest(lengths, left, |bytes| piece.is_char_boundary(bytes));
                head = Part { bytes: head.bytes + part.bytes, tokens: head.tokens + part.tokens };
            }
            break;
        }
        head
    }

    /// The longest end that has at most `limit` tokens and begins where a token and a character do; words stay whole.
    pub fn tail(self, text: &str, limit: u64) -> Part {
        let tokenizer = self.tokenizer();
        let counted = |piece: &str| (piece.len(), tokenizer.bpe.count(piece.as_bytes()) as u64);
        let pieces: Vec<(usize, u64)> = tokenizer.split(text).map(counted).collect();
        let mut tail = Part::default();
        for (bytes, tokens) in pieces.into_iter().rev() {
            if tail.tokens + tokens <= limit {
                tail = Part { bytes: tail.bytes + bytes, tokens: tail.tokens + tokens };
                continue;
            }
            if bytes > WORD_BYTES_MAX {
                let end = text.len() - tail.bytes;
                let piece = &text[end - bytes..end];
                let ids = tokenizer.bpe.encode_via_backtracking(piece.as_bytes());
                let lengths = ids.iter().rev().map(|id| tokenizer.bpe.token_len(*id));
                let left = usize::try_from(limit - tail.tokens).unwrap_or(usize::MAX);
                let part = longest(lengths, left, |bytes| piece.is_char_boundary(piece.len() - bytes));
                tail = Part { bytes: tail.bytes + part.bytes, tokens: tail.tokens + part.tokens };
            }
            break;
        }
        tail
    }
}

/// As many tokens of these lengths as are allowed and end between two characters.
fn longest(lengths: impl Iterator<Item = usize>, max: usize, is_between: impl Fn(usize) -> bool) -> Part {
    let (mut bytes, mut longest) = (0, Part::default());
    for (number, length) in lengths.take(max).enumerate() {
        bytes += length;
        if is_between(bytes) {
            longest = Part { bytes, tokens: number as u64 + 1 };
        }
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_token_is_longer_than_the_bound() {
        for encoding in [Encoding::O200k, Encoding::Cl100k] {
            let bpe = &encoding.tokenizer().bpe;
            let ids = 0..u32::try_from(bpe.num_tokens()).unwrap();
            let longest = ids.map(|id| bpe.token_len(id)).max();
            assert_eq!(longest, Some(usize::try_from(TOKEN_BYTES_MAX).unwrap()), "{encoding:?}");
        }
    }

    #[test]
    fn models_have_the_encodings_of_tiktoken() {
        use Encoding::{Cl100k, O200k};
        for (model, encoding) in [
            ("gpt-4o", Some(O200k)),
            ("gpt-4o-mini-2024-07-18", Some(O200k)),
            ("gpt-4.1-nano", Some(O200k)),
            ("gpt-5.1-codex", Some(O200k)),
            ("o3-mini", Some(O200k)),
            ("chatgpt-4o-latest", Some(O200k)),
            ("gpt-oss-120b", Some(O200k)),
            ("gpt-4", Some(Cl100k)),
            ("gpt-4-turbo-2024-04-09", Some(Cl100k)),
            ("gpt-3.5-turbo-instruct", Some(Cl100k)),
            ("azure/gpt-35-turbo-16k", Some(Cl100k)),
            ("openai/gpt-4o", Some(O200k)),
            ("databricks-gpt-oss-20b", Some(O200k)),
            ("openai.gpt-oss-20b-1:0", Some(O200k)),
            ("ft:gpt-4o-2024-08-06:org::id", Some(O200k)),
            ("ft:gpt-4-0613:org::id", Some(Cl100k)),
            ("text-embedding-3-small", Some(Cl100k)),
            ("text-davinci-003", None),
            ("gpt2", None),
            ("claude-sonnet-4-5", None),
            ("", None),
        ] {
            assert_eq!(of_model(model), encoding, "{model}");
        }
    }
}
