//! The question of a call: its last user message, apart from everything else.
//!
//! What is left when the words are taken out makes the call's [`Place`]. Two questions are compared only where that is the same
//! to the byte, by the rules of the exact cache: tenant, provider, model, system prompt, history, tools, parameters, headers,
//! and whatever else the last message holds, such as an image.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use weir_dialect::{Dialect, Edit, Literal, Outline, Role, apply_edits, read_request};

use crate::cache::key::{self, CacheCall};

/// Bytes of a question. What is longer is a document: models of sentences cannot read it, and nobody asks it twice in other
/// words.
pub(super) const TEXT_BYTES_MAX: usize = 4_096;

/// Everything about a call but the words of its question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Place(pub(super) [u8; 32]);

/// Calls whose threshold is measured together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ScopeKey(pub(super) [u8; 32]);

/// The question of a call.
#[derive(Debug, Clone)]
pub struct Question {
    pub(super) place: Place,
    pub(super) scope: ScopeKey,
    pub(super) text: Arc<str>,
    pub(super) team: Option<Arc<str>>,
    pub(super) agent: Option<Arc<str>>,
    pub(super) provider: Arc<str>,
    pub(super) model: Arc<str>,
}

/// Whose call it is, as far as a scope is about it.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    /// The team.
    pub team: Option<&'a Arc<str>>,
    /// The agent.
    pub agent: Option<&'a Arc<str>>,
}

impl Question {
    /// Reads the question; `None` for calls that do not end with what a user says, or say too much.
    pub fn of(call: &CacheCall<'_>, asker: Asker<'_>) -> Option<Self> {
        let has_questions = matches!(
            call.dialect,
            Dialect::OpenAiChat | Dialect::OpenAiResponses | Dialect::AnthropicMessages
        );
        if !has_questions {
            return None;
        }
        let body = std::str::from_utf8(call.body).ok()?;
        let facts = read_request(call.dialect, call.body).ok()?;
        let outline = Outline::of(call.dialect, body, &facts)?;
        let last = outline.entries.last().filter(|entry| entry.role == Role::User)?;
        let mut text = String::new();
        let mut edits = Vec::new();
        for part in &last.texts {
            let literal = Literal::of(body.get(part.at.clone())?)?;
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&literal.decode(0..literal.len()));
            if text.len() > TEXT_BYTES_MAX {
                return None;
            }
            edits.push(Edit { at: part.at.clone(), text: "\"\"".into() });
        }
        if text.trim().is_empty() {
            return None;
        }
        let rest = apply_edits(body, edits);
        let rest = key::read(&CacheCall { body: rest.as_bytes(), ..*call })?;
        Some(Self {
            place: Place(named(b"place", &[&rest.key.0])),
            scope: ScopeKey(named(
                b"scope",
                &[&key::tenant_and_model(call), asker.agent.map_or(&[][..], |agent| agent.as_bytes())],
            )),
            text: text.into(),
            team: asker.team.cloned(),
            agent: asker.agent.cloned(),
            provider: call.provider.into(),
            model: call.model.into(),
        })
    }
}

fn named(name: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new_with_prefix(name);
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}
