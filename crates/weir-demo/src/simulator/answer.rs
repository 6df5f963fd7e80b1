//! What the model says, before it is put into a format.
//!
//! Directives win; then the company's script, when the question is one of its own; then what the request forces (a tool,
//! a schema); then a general answer. The length follows the request's limit, and the usage is counted from what was
//! really said unless a directive states it.

use serde_json::Value;

use super::ask::{Ask, Format, Tool, ToolChoice};
use super::count::Counter;
use super::directive::Directives;
use super::identity::Identity;
use super::model::{Ability, Model};
use super::phrase::{self, Piece};
use super::problem::Family;
use super::schema;
use crate::company::{Company, Exchange, Slots, fill};

/// Everything the model says to one request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub choices: Vec<Choice>,
    /// Absent when the provider is to say nothing about it.
    pub usage: Option<Usage>,
}

/// One answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Choice {
    /// The text, or the words of a refusal.
    pub pieces: Vec<Piece>,
    pub refused: bool,
    pub calls: Vec<Call>,
    pub finish: Finish,
}

/// A tool that is called.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    pub name: String,
    /// JSON text.
    pub arguments: String,
}

/// Why the model stopped; each format has its own word for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Finish {
    Stop,
    Length,
    ToolCalls,
    Refusal,
    /// As a directive spelt it.
    Said(String),
}

/// Tokens, inclusive: cached ones are part of `input`, reasoning is part of `output`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Usage {
    pub input: u64,
    pub cached: u64,
    pub cache_write: u64,
    pub output: u64,
    pub reasoning: u64,
}

const REFUSAL: &str = "I'm sorry, but I can't help with that request.";

/// Inputs from this length on are cached by OpenAI, in steps of [`CACHE_STEP_TOKENS`].
const CACHE_MIN_TOKENS: u64 = 1_024;
const CACHE_STEP_TOKENS: u64 = 128;

/// Composes the answer.
pub(crate) fn compose(
    ask: &Ask,
    directives: &Directives,
    model: &Model,
    identity: &mut Identity,
    counter: &Counter,
) -> Answer {
    let mut choices: Vec<Choice> =
        (0..ask.choices).map(|_| say(ask, directives, &mut identity.rng)).collect();
    let reasoning = reasoning_tokens(ask, directives, model, &mut identity.rng);
    let mut output = 0;
    for choice in &mut choices {
        let room = ask.output_tokens_max.map(|max| max.saturating_sub(reasoning));
        output += limit(choice, ask, directives, room, counter);
        if let Some(finish) = &directives.finish {
            choice.finish = Finish::Said(finish.clone());
        }
    }
    let usage = (!directives.no_usage).then(|| Usage {
        output: directives.output_tokens.unwrap_or(output + reasoning),
        reasoning,
        ..input_usage(ask, directives, identity, counter)
    });
    Answer { choices, usage }
}

/// One answer, as long as it wants to be.
fn say(ask: &Ask, directives: &Directives, rng: &mut fastrand::Rng) -> Choice {
    if directives.refusal {
        return Choice { refused: true, finish: Finish::Refusal, ..text(phrase::owned_pieces(REFUSAL)) };
    }
    if let Some(count) = directives.tool.filter(|_| !ask.tools.is_empty()) {
        return call_tools(ask, usize::try_from(count).unwrap_or(1), rng);
    }
    if let Some(pieces) = measured(directives, rng) {
        return text(pieces);
    }
    if let Some((_, exchange, slots)) = Company::bundled().find(&ask.question) {
        return from_script(ask, exchange, &slots);
    }
    if wants_tool(ask) {
        return call_tools(ask, 1, rng);
    }
    match &ask.schema {
        Some(schema) => {
            let instance = schema::instance(schema, &ask.question, rng);
            text(phrase::owned_pieces(&instance.to_string()))
        }
        None => text(phrase::general(rng)),
    }
}

fn text(pieces: Vec<Piece>) -> Choice {
    Choice { pieces, refused: false, calls: Vec::new(), finish: Finish::Stop }
}

/// A text of the length that directives ask for.
fn measured(directives: &Directives, rng: &mut fastrand::Rng) -> Option<Vec<Piece>> {
    if let Some(bytes) = directives.gigantic {
        let word = usize::try_from(bytes).map_or(String::new(), |bytes| "x".repeat(bytes));
        return Some(vec![Piece::Owned(word)]);
    }
    if let Some(bytes) = directives.reply_bytes {
        return Some(phrase::exactly_bytes(bytes, rng));
    }
    let pieces = directives.chunks.or(directives.output_tokens.map(phrase::pieces_of_tokens))?;
    Some(phrase::exactly(pieces, rng))
}

fn from_script(ask: &Ask, exchange: &Exchange, slots: &Slots<'_>) -> Choice {
    let step = exchange.steps.get(ask.tool_results);
    match step.filter(|step| ask.tools.iter().any(|tool| tool.name == step.tool)) {
        Some(step) => {
            let call = Call { name: step.tool.clone(), arguments: fill(&step.arguments, slots) };
            calling(ask, vec![call])
        }
        None => text(phrase::owned_pieces(&fill(&exchange.reply, slots))),
    }
}

/// Whether the request forces a tool, or the question names one by a word of its name.
fn wants_tool(ask: &Ask) -> bool {
    if ask.tools.is_empty() || ask.tool_results > 0 {
        return false;
    }
    match &ask.tool_choice {
        ToolChoice::None => false,
        ToolChoice::Required | ToolChoice::Named(_) => true,
        ToolChoice::Auto => {
            let question = ask.question.to_lowercase();
            ask.tools.iter().any(|tool| is_named_in(tool, &question))
        }
    }
}

fn is_named_in(tool: &Tool, question: &str) -> bool {
    let words = tool.name.split(['_', '-', '.']).map(str::to_lowercase);
    words.filter(|word| word.len() > 3).any(|word| question.contains(&word))
}

fn call_tools(ask: &Ask, count: usize, rng: &mut fastrand::Rng) -> Choice {
    let question = ask.question.to_lowercase();
    let named = match &ask.tool_choice {
        ToolChoice::Named(name) => ask.tools.iter().find(|tool| tool.name == *name),
        ToolChoice::Auto | ToolChoice::None | ToolChoice::Required => {
            ask.tools.iter().find(|tool| is_named_in(tool, &question))
        }
    };
    let calls = named
        .into_iter()
        .chain(ask.tools.iter().cycle())
        .take(count)
        .map(|tool| Call { name: tool.name.clone(), arguments: arguments(tool, &ask.question, rng) });
    let calls = calls.collect();
    calling(ask, calls)
}

fn arguments(tool: &Tool, question: &str, rng: &mut fastrand::Rng) -> String {
    match schema::instance(&tool.parameters, question, rng) {
        Value::Object(fields) => Value::Object(fields).to_string(),
        // A tool without a schema takes no arguments.
        _ => "{}".to_owned(),
    }
}

fn calling(ask: &Ask, calls: Vec<Call>) -> Choice {
    // Claude says what it is about to do; GPT calls without a word.
    let pieces = match ask.format {
        Format::Messages => phrase::owned_pieces("I'll look that up."),
        _ => Vec::new(),
    };
    Choice { pieces, refused: false, calls, finish: Finish::ToolCalls }
}

/// Cuts the answer to the room there is and returns its tokens.
fn limit(
    choice: &mut Choice,
    ask: &Ask,
    directives: &Directives,
    room: Option<u64>,
    counter: &Counter,
) -> u64 {
    let (family, model) = (ask.format.family(), ask.model.as_str());
    // Stated tokens need no counting, which is what makes a simulator under load cheap.
    if directives.output_tokens.is_some() {
        return 0;
    }
    let said: String = choice.pieces.iter().map(AsRef::as_ref).collect();
    let calls: u64 = choice
        .calls
        .iter()
        .map(|call| {
            counter.text(family, model, &call.name) + counter.text(family, model, &call.arguments) + 8
        })
        .sum();
    let tokens = counter.text(family, model, &said);
    let Some(room) = room.filter(|room| tokens > *room && choice.calls.is_empty()) else {
        return tokens + calls;
    };
    let mut used = 0;
    let fits = choice.pieces.iter().take_while(|piece| {
        used += counter.text(family, model, piece);
        used <= room
    });
    let kept = fits.count();
    choice.pieces.truncate(kept);
    choice.finish = Finish::Length;
    room
}

fn reasoning_tokens(ask: &Ask, directives: &Directives, model: &Model, rng: &mut fastrand::Rng) -> u64 {
    let natural = match model.ability {
        Ability::Reasoning => rng.u64(1..=8) * 64,
        Ability::Chat | Ability::Embedding(_) => 0,
    };
    let most = directives.output_tokens.or(ask.output_tokens_max.map(|max| max / 2)).unwrap_or(u64::MAX);
    directives.reasoning_tokens.unwrap_or(natural).min(most)
}

fn input_usage(ask: &Ask, directives: &Directives, identity: &mut Identity, counter: &Counter) -> Usage {
    let input = directives.input_tokens.unwrap_or_else(|| counter.input(ask));
    // A call that states its tokens has no cached ones unless it says so.
    let caches = ask.cacheable && directives.input_tokens.is_none() && input >= CACHE_MIN_TOKENS;
    let cacheable = if caches { input / CACHE_STEP_TOKENS * CACHE_STEP_TOKENS } else { 0 };
    // Three of four calls find the cache warm; the fourth fills it, which only Anthropic charges for.
    let warm = caches && identity.rng.u32(..4) > 0;
    let (read, written) = match (warm, ask.format.family()) {
        (true, _) => (cacheable, 0),
        (false, Family::Anthropic) => (0, cacheable),
        (false, Family::OpenAi) => (0, 0),
    };
    let cached = directives.cached_tokens.unwrap_or(read).min(input);
    let cache_write = directives.cache_write_tokens.unwrap_or(written).min(input - cached);
    Usage { input, cached, cache_write, ..Usage::default() }
}
