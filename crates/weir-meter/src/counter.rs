//! Counting piece by piece for one model: what a request is made of is weighed part by part, and no more of it than an
//! answer needs.
//!
//! A counter takes what is known about a model when it is made. An estimate that another call corrects in the meantime
//! does not change sums that are half done.
//!
//! Invariants: where counting is exact, the counts of a request's texts and of the request without them add up to the
//! count of the request. A beginning or an end of a text ends between two characters, and where a token of the whole text
//! does as far as tokens are known.

use crate::chat::{self, TokenCount};
use crate::encoding::{Encoding, TOKEN_BYTES_MAX};
use crate::estimate::Ratio;

/// Counts for one model.
#[derive(Debug, Clone, Copy)]
pub struct Counter<'a> {
    way: Way,
    model: &'a str,
}

#[derive(Debug, Clone, Copy)]
enum Way {
    Exact(Encoding),
    Estimating(Ratio),
}

/// A beginning or an end of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Part {
    /// How long it is.
    pub bytes: usize,
    /// Its tokens.
    pub tokens: u64,
}

impl<'a> Counter<'a> {
    pub(crate) fn exact(encoding: Encoding, model: &'a str) -> Self {
        Self { way: Way::Exact(encoding), model }
    }

    pub(crate) fn estimating(ratio: Ratio, model: &'a str) -> Self {
        Self { way: Way::Estimating(ratio), model }
    }

    /// Whether texts are counted as the provider counts them. Otherwise a text's tokens follow from the bytes of its JSON
    /// alone ([`Self::of_bytes`]).
    pub fn is_exact(&self) -> bool {
        matches!(self.way, Way::Exact(_))
    }

    /// Estimated tokens of this many bytes of JSON; `None` where texts are counted exactly.
    pub fn of_bytes(&self, bytes: usize) -> Option<u64> {
        match self.way {
            Way::Exact(_) => None,
            Way::Estimating(ratio) => Some(ratio.tokens_of(bytes)),
        }
    }

    /// How many bytes of JSON are estimated to have at most these tokens; `None` where texts are counted exactly.
    pub fn bytes_of(&self, tokens: u64) -> Option<usize> {
        match self.way {
            Way::Exact(_) => None,
            Way::Estimating(ratio) => Some(ratio.bytes_of(tokens)),
        }
    }

    /// The least tokens that a text of this many bytes can have.
    pub fn tokens_min(&self, bytes: usize) -> u64 {
        match self.way {
            Way::Exact(_) => (bytes as u64).div_ceil(TOKEN_BYTES_MAX),
            Way::Estimating(ratio) => ratio.tokens_of(bytes),
        }
    }

    /// The most tokens that a text of this many bytes can have: no token is shorter than a byte.
    pub fn tokens_max(&self, bytes: usize) -> u64 {
        match self.way {
            Way::Exact(_) => bytes as u64,
            Way::Estimating(ratio) => ratio.tokens_of(bytes),
        }
    }

    /// Tokens of a text when there are at most `limit`; stops counting when there are more.
    pub fn text_within(&self, text: &str, limit: u64) -> Option<u64> {
        match self.way {
            Way::Exact(encoding) => encoding.count_within(text, limit),
            Way::Estimating(ratio) => Some(ratio.tokens_of(text.len())).filter(|tokens| *tokens <= limit),
        }
    }

    /// Input tokens of a request: [`crate::Meter::count_chat`].
    pub fn request(&self, messages_json: &str, tools_json: Option<&str>) -> TokenCount {
        match self.way {
            Way::Exact(encoding) => chat::count(encoding, self.model, messages_json, tools_json),
            Way::Estimating(ratio) => {
                ratio.tokens_of_request(&[messages_json, tools_json.unwrap_or_default()])
            }
        }
    }

    /// The longest beginning of a text with at most `tokens`.
    pub fn head(&self, text: &str, tokens: u64) -> Part {
        match self.way {
            Way::Exact(encoding) => encoding.head(text, tokens),
            Way::Estimating(ratio) => {
                let bytes = text.floor_char_boundary(ratio.bytes_of(tokens));
                Part { bytes, tokens: ratio.tokens_of(bytes) }
            }
        }
    }

    /// The longest end of a text with at most `tokens`.
    pub fn tail(&self, text: &str, tokens: u64) -> Part {
        match self.way {
            Way::Exact(encoding) => encoding.tail(text, tokens),
            Way::Estimating(ratio) => {
                let from = text.len().saturating_sub(ratio.bytes_of(tokens));
                let bytes = text.len() - text.ceil_char_boundary(from);
                Part { bytes, tokens: ratio.tokens_of(bytes) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::{Meter, PriceBook};

    const TEXT: &str = r"([a-z]{1,12}|[0-9]{1,5}| |\n|  |é|€|😀|[一-鿿]|[!-/]|\PC){0,60}";

    proptest! {
        #[test]
        fn a_beginning_and_an_end_have_the_tokens_they_say_and_no_more_than_allowed(text in TEXT, limit in 0_u64..40) {
            let meter = Meter::new(PriceBook::bundled());
            for model in ["gpt-4o", "gpt-4", "claude-x"] {
                let counter = meter.counter("p", model);
                let (head, tail) = (counter.head(&text, limit), counter.tail(&text, limit));
                prop_assert!(head.tokens <= limit && tail.tokens <= limit);
                prop_assert!(text.is_char_boundary(head.bytes) && text.is_char_boundary(text.len() - tail.bytes));
                for (part, text) in [(head, &text[..head.bytes]), (tail, &text[text.len() - tail.bytes..])] {
                    // Cut out, a run of white space may be split otherwise than within.
                    let alone = meter.count_text("p", model, text).tokens;
                    prop_assert!(alone.abs_diff(part.tokens) <= 1, "{model} {text:?} {alone} {part:?}");
                }
            }
        }

        #[test]
        fn counting_within_a_limit_agrees_with_counting(text in TEXT, limit in 0_u64..80) {
            let meter = Meter::new(PriceBook::bundled());
            for model in ["gpt-4o", "claude-x"] {
                let counter = meter.counter("p", model);
                let tokens = meter.count_text("p", model, &text).tokens;
                prop_assert_eq!(counter.text_within(&text, limit), (tokens <= limit).then_some(tokens));
                prop_assert!((counter.tokens_min(text.len())..=counter.tokens_max(text.len())).contains(&tokens));
            }
        }
    }

    #[test]
    fn a_beginning_ends_where_a_token_of_the_whole_text_does() {
        let text = "The quick brown fox jumped over 12345678 lazy dogs, didn't it?\n\n  Yes: naïve façade, 日本語のテキスト!";
        let tokenizer = bpe_openai::o200k_base();
        let lengths = tokenizer.encode(text).into_iter().map(|id| tokenizer.bpe.token_len(id));
        let ends: Vec<usize> = lengths
            .scan(0, |at, length| {
                *at += length;
                Some(*at)
            })
            .collect();
        let meter = Meter::new(PriceBook::bundled());
        let counter = meter.counter("openai", "gpt-4o");
        for limit in 1..ends.len() as u64 {
            let head = counter.head(text, limit);
            assert!(head.bytes == 0 || ends.contains(&head.bytes), "{limit} {head:?}");
        }
    }

    #[test]
    fn one_word_without_an_end_is_cut_within() {
        let text = "a".repeat(10_000);
        let meter = Meter::new(PriceBook::bundled());
        let counter = meter.counter("openai", "gpt-4o");
        assert_eq!(counter.head(&text, 10).tokens, 10);
        assert_eq!(counter.tail(&text, 10).tokens, 10);
    }
}
