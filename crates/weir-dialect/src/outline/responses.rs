//! Input items of OpenAI's responses.

use std::ops::Range;

use super::{Entry, Kind, Role, members, texts_or_blocks};

/// Reads one item. A message need not say that it is one.
pub(super) fn entry(body: &str, at: Range<usize>) -> Entry<'_> {
    let mut entry = Entry::new(at.clone(), Role::Unknown);
    let (mut kind_of_item, mut role, mut content, mut output) = (r#""message""#, None, None, None);
    let (mut id, mut call, mut request) = (None, None, None);
    let mut is_object = false;
    for (name, value) in members(body, at) {
        is_object = true;
        match &*name {
            "type" => kind_of_item = &body[value],
            "role" => role = Some(&body[value]),
            "content" => content = Some(value),
            "output" => output = Some(value),
            "id" => id = Some(&body[value]),
            "call_id" => call = Some(&body[value]),
            "approval_request_id" => request = Some(&body[value]),
            _ => {}
        }
    }
    match kind_of_item {
        r#""message""# => {
            let (role, kind) = match role {
                Some(r#""system""# | r#""developer""#) => (Role::System, Kind::System),
                Some(r#""user""#) => (Role::User, Kind::User),
                Some(r#""assistant""#) => (Role::Model, Kind::Model),
                _ => return entry,
            };
            entry.role = role;
            entry.texts = content.map(|at| texts_or_blocks(body, at, kind)).unwrap_or_default().into();
        }
        // Stands for an item that the provider keeps: nobody here knows which calls it makes.
        r#""item_reference""# => {}
        r#""mcp_approval_response""# => {
            entry.role = Role::Tool;
            entry.answers.extend(request);
        }
        kind if kind.ends_with(r#"_output""#) => {
            entry.role = Role::Tool;
            entry.answers.extend(call);
            entry.texts =
                output.map(|at| texts_or_blocks(body, at, Kind::Document)).unwrap_or_default().into();
        }
        // Calls of tools of every kind, reasoning, and calls that the provider has run itself.
        _ if is_object => {
            entry.role = Role::Model;
            entry.calls.extend(call.or(id));
        }
        _ => {}
    }
    entry
}
