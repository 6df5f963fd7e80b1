//! Messages of Anthropic's.
//!
//! What the model thought is never a text to shorten: a signature vouches for it.

use std::ops::Range;

use super::{Entry, Kind, Role, Text, members, shift, text_of_block, texts_or_blocks};
use crate::{Literal, splice};

/// Reads one message.
pub(super) fn entry(body: &str, at: Range<usize>) -> Entry<'_> {
    let mut entry = Entry::new(at.clone(), Role::Unknown);
    let mut content = None;
    for (name, value) in members(body, at) {
        match &*name {
            "role" => {
                entry.role = match &body[value] {
                    r#""user""# => Role::User,
                    r#""assistant""# => Role::Model,
                    r#""system""# => Role::System,
                    _ => Role::Unknown,
                }
            }
            "content" => content = Some(value),
            _ => {}
        }
    }
    let Some(content) = content else { return entry };
    let kind = match entry.role {
        Role::System => Kind::System,
        Role::User | Role::Tool => Kind::User,
        Role::Model => Kind::Model,
        Role::Unknown => return entry,
    };
    if Literal::of(&body[content.clone()]).is_some() {
        entry.texts.push(Text { at: content, kind });
        return entry;
    }
    for at in splice::elements(&body[content.clone()]) {
        block(body, shift(at, content.start), kind, &mut entry);
    }
    if entry.role == Role::User && !entry.answers.is_empty() {
        entry.role = Role::Tool;
    }
    entry
}

fn block<'a>(body: &'a str, at: Range<usize>, kind: Kind, entry: &mut Entry<'a>) {
    let (mut kind_of_block, mut id, mut answers) = ("", None, None);
    let (mut content, mut source) = (None, None);
    for (name, value) in members(body, at.clone()) {
        match &*name {
            "type" => kind_of_block = &body[value],
            "id" => id = Some(&body[value]),
            "tool_use_id" => answers = Some(&body[value]),
            "content" => content = Some(value),
            "source" => source = Some(value),
            _ => {}
        }
    }
    match kind_of_block {
        r#""text""# => entry.texts.extend(text_of_block(body, at, kind)),
        r#""tool_use""# => entry.calls.extend(id),
        r#""tool_result""# => {
            entry.answers.extend(answers);
            let texts = content.map(|at| texts_or_blocks(body, at, Kind::Document));
            entry.texts.extend(texts.unwrap_or_default());
        }
        r#""search_result""# => {
            let texts = content.map(|at| texts_or_blocks(body, at, Kind::Document));
            entry.texts.extend(texts.unwrap_or_default());
        }
        r#""document""# => entry.texts.extend(source.and_then(|at| text_of_source(body, at))),
        _ => {}
    }
}

/// The text of a document that is given as text.
fn text_of_source(body: &str, at: Range<usize>) -> Option<Text> {
    let (mut is_text, mut data) = (false, None);
    for (name, value) in members(body, at) {
        match &*name {
            "type" => is_text = &body[value] == r#""text""#,
            "data" => data = Literal::of(&body[value.clone()]).map(|_| value),
            _ => {}
        }
    }
    data.filter(|_| is_text).map(|at| Text { at, kind: Kind::Document })
}
