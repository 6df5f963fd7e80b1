//! Messages of OpenAI's chat completions, and of everything compatible with it.

use std::ops::Range;

use super::{Entry, Kind, Role, members, shift, texts_or_blocks};
use crate::splice;

/// Reads one message.
pub(super) fn entry(body: &str, at: Range<usize>) -> Entry<'_> {
    let mut entry = Entry::new(at.clone(), Role::Unknown);
    let (mut content, mut name_of_function) = (None, None);
    for (name, value) in members(body, at) {
        match &*name {
            "role" => entry.role = role(&body[value]),
            "content" => content = Some(value),
            "tool_calls" => {
                let calls = splice::elements(&body[value.clone()]).into_iter();
                entry.calls.extend(calls.filter_map(|call| member(body, shift(call, value.start), "id")));
            }
            // The way before `tool_calls`: a call has no id, its result comes next and repeats the function's name.
            "function_call" if &body[value.clone()] != "null" => {
                entry.calls.extend(member(body, value, "name"));
            }
            "tool_call_id" => entry.answers.push(&body[value]),
            "name" => name_of_function = Some(&body[value]),
            _ => {}
        }
    }
    if entry.role == Role::Tool && entry.answers.is_empty() {
        entry.answers.extend(name_of_function);
    }
    if let Some(content) = content {
        let kind = match entry.role {
            Role::System => Kind::System,
            Role::User => Kind::User,
            Role::Model => Kind::Model,
            Role::Tool => Kind::Document,
            Role::Unknown => return entry,
        };
        entry.texts = texts_or_blocks(body, content, kind).into();
    }
    entry
}

fn role(json: &str) -> Role {
    match json {
        r#""system""# | r#""developer""# => Role::System,
        r#""user""# => Role::User,
        r#""assistant""# => Role::Model,
        r#""tool""# | r#""function""# => Role::Tool,
        _ => Role::Unknown,
    }
}

fn member<'a>(body: &'a str, at: Range<usize>, wanted: &str) -> Option<&'a str> {
    members(body, at).find(|(name, _)| name == wanted).map(|(_, value)| &body[value])
}
