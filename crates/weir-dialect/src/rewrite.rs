//! Changing a request by splicing its bytes.
//!
//! A request is only changed where it must be: another model name for a fallback, or a question for the usage of a
//! stream. Everything else, unknown members, duplicates, number spellings and white space, reaches the provider as the
//! client wrote it.

use crate::request::{json_object, not_json};
use crate::splice::{self, Edit, Member};
use crate::{Dialect, RequestError, text};

/// What to change in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RequestEdit<'a> {
    /// The model to ask for instead.
    pub model: Option<&'a str>,
    /// Ask for usage in the stream. Dialects whose streams always state it are left alone.
    pub ask_for_stream_usage: bool,
}

/// Applies an edit: every byte that is not part of it stays as it was, in order.
///
/// A member that occurs several times is changed everywhere, so that the edit holds whichever of them the provider
/// reads.
pub fn rewrite_request(
    dialect: Dialect,
    body: &[u8],
    edit: &RequestEdit<'_>,
) -> Result<Vec<u8>, RequestError> {
    let json = json_object(body)?;
    let members = splice::members(json).map_err(|error| not_json(json, &error))?;
    let mut edits = Vec::new();
    if let Some(model) = edit.model {
        edits.extend(splice::set_edits(json, &members, "model", &text::encode(model)));
    }
    if edit.ask_for_stream_usage && dialect.has_stream_options() {
        edits.extend(stream_usage_edits(json, &members));
    }
    Ok(splice::apply(json, merge_insertions(edits)).into_bytes())
}

/// Sets `stream_options.include_usage`, keeping the other options.
fn stream_usage_edits(json: &str, members: &[Member<'_>]) -> Vec<Edit> {
    const ASK: &str = r#"{"include_usage":true}"#;
    let existing: Vec<Edit> = members
        .iter()
        .filter(|member| member.name == "stream_options")
        .map(|member| Edit {
            at: member.value_at.clone(),
            text: splice::set_members(member.value, &[("include_usage", "true")])
                .unwrap_or_else(|| ASK.to_owned()),
        })
        .collect();
    if existing.is_empty() { vec![splice::add_edit(json, members, "stream_options", ASK)] } else { existing }
}

/// Two members added to an empty object would lack the comma between them; everywhere else an addition brings its own.
fn merge_insertions(mut edits: Vec<Edit>) -> Vec<Edit> {
    if let [first, second] = edits.as_mut_slice()
        && first.at == second.at
        && !second.text.starts_with(',')
    {
        second.text.insert(0, ',');
    }
    edits
}
