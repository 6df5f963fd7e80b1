//! Layer 1: the token budget of one request. Says whether a prompt is over its agent's budget, and shortens it so that
//! it still means what it meant.
//!
//! What goes first, and what stays:
//!
//! 1. whole turns, oldest first: what the user said and everything up to what they said next;
//! 2. in the turn that is going on, whole steps (the model's calls and their results), oldest first, but for the last;
//! 3. of what is left, the longest text is cut in its middle, with a mark that says so: results of tools and documents
//!    first, then system prompt and last user message, which stay whole as long as they fit.
//!
//! Why not simply the first tokens of everything, as the seed's function does: a question often stands at the end, a
//! provider refuses a tool's result without its call, and a model without its instructions is another program.
//!
//! Counting stops as soon as the answer is certain. A short prompt is not counted, nor is a long one that cannot be
//! within the limit; what was taken out is estimated from its bytes and from what was counted beside it.
//!
//! Invariants: the shortened body is the client's body but for what was cut, byte for byte; it is valid JSON, every tool
//! result has its call, no character and no escape is split. Shortening twice is shortening once. Nothing here fails: what
//! is not understood is left as it is. No I/O, no clock.

mod agents;
mod cut;
mod scale;
mod shorten;
mod units;

use weir_dialect::{Dialect, RequestFacts, apply_edits};
use weir_meter::Counter;

use crate::Mode;
pub use agents::AgentBudgets;
use scale::Scale;
use shorten::shorten;

/// Tokens that bytes of JSON cannot tell of: the beginning of an answer and what stands around a list of tools.
const OVERHEAD_TOKENS_MAX: usize = 32;

/// What an agent's requests may have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TokenBudget {
    /// Tokens that the model may be given to read; `None` for no limit.
    pub max_input_tokens: Option<u64>,
    /// What happens to a prompt that has more.
    pub on_over: OnOver,
    /// Prompts with more than this share of the limit are shortened.
    pub threshold: f64,
    /// To this share of it. Not above `threshold`.
    pub truncate_to: f64,
    /// Tokens that the model may be let write; `None` for no limit.
    pub max_output_tokens: Option<u64>,
    /// Whether any of it is done.
    pub mode: Mode,
}

/// What happens to a prompt that is over its budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OnOver {
    /// It is shortened.
    #[default]
    Truncate,
    /// The call is refused. Only a prompt over the whole limit is, because nobody understands a refusal below it.
    Reject,
    /// It is noted that it would have been shortened.
    Observe,
}

impl Default for TokenBudget {
    fn default() -> Self {
        Self {
            max_input_tokens: None,
            on_over: OnOver::default(),
            threshold: 0.8,
            truncate_to: 0.7,
            max_output_tokens: None,
            mode: Mode::default(),
        }
    }
}

impl TokenBudget {
    /// A prompt with more tokens than this is over; `None` when there is no limit.
    pub fn act_above(&self) -> Option<u64> {
        let limit = self.max_input_tokens?;
        Some(if self.on_over == OnOver::Reject { limit } else { share(limit, self.threshold) })
    }

    /// What a prompt is shortened to; `None` when there is no limit.
    pub fn target(&self) -> Option<u64> {
        Some(share(self.max_input_tokens?, self.truncate_to.min(self.threshold)))
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a limit; the cast saturates"
)]
fn share(limit: u64, share: f64) -> u64 {
    (limit as f64 * share).floor() as u64
}

/// A request and how its tokens are counted.
#[derive(Clone, Copy)]
pub struct Prompt<'a> {
    /// Its dialect.
    pub dialect: Dialect,
    /// All of it.
    pub body: &'a str,
    /// What it says; read from `body`, whose slices they hold.
    pub facts: &'a RequestFacts<'a>,
    /// Counts for the model that will read it.
    pub counter: Counter<'a>,
}

/// A number of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tokens {
    /// How many.
    pub count: u64,
    /// Whether the provider counts the same; otherwise an estimate.
    pub is_exact: bool,
}

/// What was found about a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Size {
    /// It is within its limits, or has none.
    Within,
    /// It is over.
    Over {
        /// What it has.
        tokens: Tokens,
        /// How it can be made smaller; `None` when it cannot, or that was not asked.
        shorter: Option<Shorter>,
    },
}

/// A request that was made smaller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shorter {
    /// The request as it is now.
    pub body: String,
    /// What it has now.
    pub tokens: Tokens,
    /// Whether that is what was to be reached. It is not where tools, images and what must stay are more than that.
    pub is_within_target: bool,
    /// What is no longer in it.
    pub cut: Cut,
}

/// What was taken out of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cut {
    /// Messages (or items) that went whole.
    pub entries: usize,
    /// Texts that were cut in their middle.
    pub texts: usize,
    /// Bytes of JSON that are gone.
    pub bytes: usize,
}

/// At most about how many bytes of text [`size_up`] will count: whoever has no time for them knows before.
pub fn counted_bytes_max(prompt: &Prompt<'_>, budget: &TokenBudget) -> usize {
    /// Bytes of a token of text that counting is likely to meet at most.
    const TOKEN_BYTES: u64 = 8;
    let Some(limit) = budget.max_input_tokens.filter(|_| prompt.counter.is_exact()) else { return 0 };
    let within_limit = usize::try_from(limit.saturating_mul(TOKEN_BYTES)).unwrap_or(usize::MAX);
    input_bytes(prompt.facts).min(within_limit)
}

/// Finds out whether a prompt is over its budget, and how it can be made smaller where that is what happens to it.
pub fn size_up(prompt: &Prompt<'_>, budget: &TokenBudget) -> Size {
    let (Some(act_above), Some(target)) = (budget.act_above(), budget.target()) else { return Size::Within };
    if is_small(prompt, act_above) {
        return Size::Within;
    }
    let Some(mut scale) = Scale::of(prompt) else { return Size::Within };
    if !scale.is_over(act_above) {
        return Size::Within;
    }
    if budget.on_over == OnOver::Reject {
        return Size::Over { tokens: scale.total(), shorter: None };
    }
    let Some(shortened) = shorten(&mut scale, target) else {
        return Size::Over { tokens: scale.total(), shorter: None };
    };
    let before = scale.total();
    let body = apply_edits(prompt.body, shortened.edits);
    let bytes = prompt.body.len().saturating_sub(body.len());
    let shorter = Shorter {
        tokens: Tokens {
            count: shortened.tokens.min(before.count),
            is_exact: shortened.texts == 0 && scale.is_exact(),
        },
        is_within_target: shortened.tokens <= target,
        cut: Cut { entries: shortened.entries, texts: shortened.texts, bytes },
        body,
    };
    Size::Over { tokens: before, shorter: Some(shorter) }
}

/// Whether the length alone shows that a prompt is within a limit. An image has more tokens than its URL has bytes.
fn is_small(prompt: &Prompt<'_>, limit: u64) -> bool {
    let bytes = input_bytes(prompt.facts).saturating_add(OVERHEAD_TOKENS_MAX);
    let has_media =
        || prompt.facts.input.is_some_and(|input| input.contains("image") || input.contains("file"));
    prompt.counter.tokens_max(bytes) <= limit && !has_media()
}

fn input_bytes(facts: &RequestFacts<'_>) -> usize {
    [facts.input, facts.instructions, facts.tools].into_iter().flatten().map(str::len).sum()
}
