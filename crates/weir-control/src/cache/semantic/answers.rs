//! Whether two answers say the same.
//!
//! They do when their words are the same but for case, spaces and punctuation. Otherwise by their vectors and, where either is
//! short, by the guards that questions have to pass as well: in a short answer the number or the name is the answer. Calls of
//! tools are the same only when names and arguments are.
//!
//! This is an estimate and known to be one: a model asked twice says the same in different words, or differs in what does not
//! matter, and both may count as false hits. So the measured rate is too high rather than too low, where it errs. What it
//! cannot see is a difference late in long answers, because models of sentences read only their beginning.

use serde_json::Value;
use weir_dialect::{Dialect, StreamOptions, StreamReader, read_response};
use weir_embed::{Embed, EmbedError, Vector, similarity};

use super::guards;
use crate::cache::CachedAnswer;

/// Words up to which an answer is short.
const SHORT_WORDS: usize = 24;

/// Bytes of an answer that are compared.
const TEXT_BYTES_MAX: usize = 1_024;

/// Bytes of a streamed answer that are read; enough for what is compared, in any dialect.
const OUTPUT_BYTES_MAX: usize = 64 * 1024;

/// Similarity from which on two answers say the same. Answers that were sampled twice for one question lie above it nearly
/// always, those to different questions about one subject below.
const SIMILARITY_MIN: f32 = 0.85;

/// Whether two answers say the same; `None` when that cannot be told.
pub(super) fn agree(model: &dyn Embed, dialect: Dialect, a: &CachedAnswer, b: &CachedAnswer) -> Option<bool> {
    let (a, b) = (Said::of(dialect, a)?, Said::of(dialect, b)?);
    if a.calls != b.calls {
        return Some(false);
    }
    if plain(&a.text) == plain(&b.text) {
        return Some(true);
    }
    let is_short = |text: &str| text.split_whitespace().count() <= SHORT_WORDS;
    if (is_short(&a.text) || is_short(&b.text)) && differs_in_substance(&a.text, &b.text) {
        return Some(false);
    }
    let (a, b) = (vector(model, &a.text)?, vector(model, &b.text)?);
    Some(similarity(&a, &b) >= SIMILARITY_MIN)
}

/// Answers are sentences, so one other word is no other answer; what counts, is called or is denied must agree.
fn differs_in_substance(a: &str, b: &str) -> bool {
    guards::difference(a, b).is_some_and(|guard| guard != guards::Guard::Swap)
}

/// What an answer says.
#[derive(Default)]
struct Said {
    text: String,
    /// Names and arguments of tools.
    calls: Vec<String>,
}

impl Said {
    fn of(dialect: Dialect, answer: &CachedAnswer) -> Option<Self> {
        let kept = answer.facts.output.clone().filter(|_| !answer.facts.output_truncated);
        let output = match kept {
            Some(output) => output,
            None if answer.is_stream => {
                let options = StreamOptions { strip_usage: false, content_bytes_max: OUTPUT_BYTES_MAX };
                let mut reader = StreamReader::new(dialect, options);
                let _ = reader.push(answer.body.clone());
                let _ = reader.flush();
                reader.finish().output?
            }
            None => read_response(dialect, &answer.body).output?,
        };
        let mut said = Self::default();
        said.read(&serde_json::from_str(&output).ok()?);
        Some(said)
    }

    /// Dialects differ in what surrounds a text, not in what its member is called.
    fn read(&mut self, value: &Value) {
        match value {
            Value::Array(values) => values.iter().for_each(|value| self.read(value)),
            Value::Object(members) => {
                for (name, value) in members {
                    match (name.as_str(), value) {
                        ("text" | "content" | "refusal", Value::String(text)) => {
                            self.text.push_str(text);
                            self.text.push('\n');
                        }
                        ("name" | "arguments", Value::String(text)) => self.calls.push(text.clone()),
                        ("input", value) => self.calls.push(value.to_string()),
                        (_, value) => self.read(value),
                    }
                }
            }
            _ => {}
        }
    }
}

/// A text without what makes no difference.
fn plain(text: &str) -> String {
    let words = text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

/// The vector of a text's beginning, as much of it as the model reads.
fn vector(model: &dyn Embed, text: &str) -> Option<Vector> {
    let mut text = &text[..text.floor_char_boundary(TEXT_BYTES_MAX)];
    loop {
        match model.embed(text) {
            Ok(vector) => return Some(vector),
            Err(EmbedError::TooLong { .. }) if text.len() > 1 => {
                text = &text[..text.floor_char_boundary(text.len() / 2)];
            }
            Err(_) => return None,
        }
    }
}
