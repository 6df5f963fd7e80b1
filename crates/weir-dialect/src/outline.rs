//! The conversation of a request as places in its body: messages, who speaks in them, the texts in them that can be
//! shortened, and which tool results answer which calls.
//!
//! This is for whoever must make a request smaller. It knows nothing of sizes or limits; it says which elements stand
//! where and what belongs together, in words that no dialect owns, so that the choice is made once for all of them.
//!
//! Failure: what is not understood is an entry without texts that is to be left alone. A list whose entries refer to
//! others that the provider keeps (`item_reference`) may not lose any, see [`Outline::may_lose_entries`].

mod anthropic;
mod chat;
mod responses;

use std::ops::Range;

use smallvec::SmallVec;

use crate::{Dialect, Edit, Family, Literal, RequestFacts, splice};

/// A request's conversation. Every place is a range of bytes of the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline<'a> {
    /// Texts of the instructions that stand apart from the conversation (`system`, `instructions`).
    pub instructions: Vec<Text>,
    /// The conversation, oldest first. One entry where it is a mere string.
    pub entries: Vec<Entry<'a>>,
    /// Whether entries may be taken out.
    pub may_lose_entries: bool,
    /// Whether the first entry that is not [`Role::System`] must be [`Role::User`].
    pub begins_with_user: bool,
}

/// One element of the conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Where it stands.
    pub at: Range<usize>,
    /// Who speaks.
    pub role: Role,
    /// What in it can be shortened.
    pub texts: SmallVec<[Text; 1]>,
    /// Ids of the calls that it makes, as JSON text.
    pub calls: SmallVec<[&'a str; 1]>,
    /// Ids of the calls whose results it holds, as JSON text.
    pub answers: SmallVec<[&'a str; 1]>,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Whoever runs the program: `system`, `developer`.
    System,
    /// The user, and nobody else.
    User,
    /// The model: what it said, thought or called.
    Model,
    /// A tool; Anthropic's clients put what the user says next into the same message.
    Tool,
    /// Nobody that this crate knows.
    Unknown,
}

/// A string of the body that a model reads as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// Where the JSON string stands, quotes included.
    pub at: Range<usize>,
    /// Whose it is.
    pub kind: Kind,
}

/// Whose text it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Instructions of whoever runs the program.
    System,
    /// What the user says.
    User,
    /// What the model said.
    Model,
    /// What a tool found, or a document.
    Document,
}

impl<'a> Outline<'a> {
    /// Reads the conversation of a request. `facts` are those of `body`, of which they hold slices. `None` for dialects
    /// without a conversation (embeddings) and for requests without input.
    pub fn of(dialect: Dialect, body: &'a str, facts: &RequestFacts<'_>) -> Option<Self> {
        let place = |part: &str| place_in(body, part);
        if matches!(dialect, Dialect::OpenAiEmbeddings | Dialect::AnthropicCountTokens) {
            return None;
        }
        let input = place(facts.input?)?;
        let mut outline = Self {
            instructions: Vec::new(),
            entries: Vec::new(),
            may_lose_entries: dialect != Dialect::OpenAiCompletions,
            begins_with_user: dialect.family() == Family::Anthropic,
        };
        if let Some(instructions) = facts.instructions.and_then(place) {
            outline.instructions = texts_or_blocks(body, instructions, Kind::System);
        }
        let read = |at| match dialect {
            Dialect::OpenAiChat => chat::entry(body, at),
            Dialect::OpenAiResponses => responses::entry(body, at),
            Dialect::AnthropicMessages => anthropic::entry(body, at),
            _ => bare(body, at),
        };
        if Literal::of(&body[input.clone()]).is_some() {
            outline.entries.push(bare(body, input));
        } else {
            let elements = splice::elements(&body[input.clone()]).into_iter();
            outline.entries = elements.map(|at| read(shift(at, input.start))).collect();
        }
        outline.may_lose_entries &= !outline.entries.iter().any(|entry| entry.role == Role::Unknown);
        Some(outline)
    }

    /// The edits that take entries out; `is_kept` tells by their number which stay. At least one must.
    pub fn removal(&self, is_kept: impl Fn(usize) -> bool) -> Vec<Edit> {
        let mut edits = Vec::new();
        let mut last_kept: Option<usize> = None;
        let mut has_gap = false;
        for (number, entry) in self.entries.iter().enumerate() {
            if !is_kept(number) {
                has_gap = true;
                continue;
            }
            if has_gap {
                // Between kept entries the later comma stays, before the first of them none does.
                let from = last_kept.map_or(self.entries[0].at.start, |kept| self.entries[kept].at.end);
                let to = match last_kept {
                    Some(_) => self.entries[number - 1].at.end,
                    None => entry.at.start,
                };
                edits.push(Edit { at: from..to, text: String::new() });
            }
            (last_kept, has_gap) = (Some(number), false);
        }
        if let (Some(kept), true) = (last_kept, has_gap) {
            let to = self.entries.last().map_or(0, |entry| entry.at.end);
            edits.push(Edit { at: self.entries[kept].at.end..to, text: String::new() });
        }
        edits
    }
}

impl Entry<'_> {
    fn new(at: Range<usize>, role: Role) -> Self {
        Self { at, role, texts: SmallVec::new(), calls: SmallVec::new(), answers: SmallVec::new() }
    }
}

/// A string that is all of an entry.
fn bare(body: &str, at: Range<usize>) -> Entry<'_> {
    let is_text = Literal::of(&body[at.clone()]).is_some();
    let mut entry = Entry::new(at.clone(), if is_text { Role::User } else { Role::Unknown });
    if is_text {
        entry.texts.push(Text { at, kind: Kind::User });
    }
    entry
}

/// The members of the object at this place, with their places in the body; none when it is no object.
fn members(body: &str, at: Range<usize>) -> impl Iterator<Item = (std::borrow::Cow<'_, str>, Range<usize>)> {
    let members = splice::members(&body[at.clone()]).unwrap_or_default();
    members.into_iter().map(move |member| (member.name, shift(member.value_at, at.start)))
}

/// The string at this place, or the texts of the blocks (`{"type":"text","text":…}`, also `input_text`, `output_text`) in the
/// array at this place.
fn texts_or_blocks(body: &str, at: Range<usize>, kind: Kind) -> Vec<Text> {
    if Literal::of(&body[at.clone()]).is_some() {
        return vec![Text { at, kind }];
    }
    let blocks = splice::elements(&body[at.clone()]).into_iter();
    blocks.filter_map(|block| text_of_block(body, shift(block, at.start), kind)).collect()
}

/// The text of a block, if it is one of text.
fn text_of_block(body: &str, at: Range<usize>, kind: Kind) -> Option<Text> {
    let (mut is_text, mut text) = (false, None);
    for (name, value) in members(body, at) {
        match &*name {
            "type" => is_text = matches!(&body[value], r#""text""# | r#""input_text""# | r#""output_text""#),
            "text" => text = Literal::of(&body[value.clone()]).map(|_| Text { at: value, kind }),
            _ => {}
        }
    }
    text.filter(|_| is_text)
}

fn shift(at: Range<usize>, by: usize) -> Range<usize> {
    at.start + by..at.end + by
}

/// Where a slice of the body stands in it; `None` when it is none.
fn place_in(body: &str, part: &str) -> Option<Range<usize>> {
    let start = (part.as_ptr() as usize).checked_sub(body.as_ptr() as usize)?;
    let at = start..start.checked_add(part.len())?;
    body.get(at.clone()).filter(|found| std::ptr::eq(*found, part))?;
    Some(at)
}
