//! Reads and writes embeddings.
//!
//! A vector is drawn from the hash of its text and has length 1: equal texts get equal vectors. Both encodings of the
//! API are there; the official clients ask for base64 without being told to.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ask::prompts;
use super::count::Counter;
use super::directive::Directives;
use super::identity::{fnv1a, mix};
use super::model::{Ability, Model};
use super::problem::{Family, Problem};
use super::sse::write_json;

/// A request for vectors.
#[derive(Debug, Deserialize)]
pub(crate) struct EmbeddingsAsk {
    model: Option<String>,
    input: Option<Value>,
    encoding_format: Option<String>,
    dimensions: Option<usize>,
}

/// OpenAI takes at most so many inputs at once.
const INPUTS_MAX: usize = 2_048;
/// More dimensions than any embedding model has.
const DIMENSIONS_MAX: usize = 8_192;

#[derive(Serialize)]
struct Body<'a> {
    object: &'static str,
    data: Vec<Embedding>,
    model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<WireUsage>,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the names are those of the wire")]
struct Embedding {
    object: &'static str,
    index: usize,
    embedding: Vector,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Vector {
    Floats(Vec<f32>),
    Base64(String),
}

#[derive(Serialize)]
struct WireUsage {
    prompt_tokens: u64,
    total_tokens: u64,
}

impl EmbeddingsAsk {
    pub(crate) fn read(body: &[u8], path_model: Option<&str>) -> Result<Self, Problem> {
        let mut ask: Self =
            serde_json::from_slice(body).map_err(|error| Problem::not_json(Family::OpenAi, &error))?;
        ask.model = ask.model.or_else(|| path_model.map(str::to_owned));
        if ask.input.is_none() {
            return Err(Problem::missing(Family::OpenAi, "input"));
        }
        Ok(ask)
    }

    pub(crate) fn model(&self) -> Result<&str, Problem> {
        self.model.as_deref().ok_or_else(|| Problem::invalid("you must provide a model parameter"))
    }

    /// The answer.
    pub(crate) fn answer(
        &self,
        model: &Model,
        answers_as: &str,
        directives: &Directives,
        counter: &Counter,
    ) -> Result<Vec<u8>, Problem> {
        let Ability::Embedding(natural) = model.ability else {
            let words = "You are not allowed to generate embeddings from this model";
            return Err(Problem { status: 403, ..Problem::invalid(words) });
        };
        let dimensions = self.dimensions.unwrap_or(natural).clamp(1, DIMENSIONS_MAX);
        let (texts, given_tokens) = inputs(self.input.as_ref())?;
        let tokens = directives
            .input_tokens
            .or(given_tokens)
            .unwrap_or_else(|| texts.iter().map(|text| counter.text(Family::OpenAi, answers_as, text)).sum());
        let is_base64 = self.encoding_format.as_deref() == Some("base64");
        let data = texts.iter().enumerate().map(|(index, text)| Embedding {
            object: "embedding",
            index,
            embedding: vector(text, dimensions, is_base64),
        });
        let usage = WireUsage { prompt_tokens: tokens, total_tokens: tokens };
        let usage = (!directives.no_usage).then_some(usage);
        let mut bytes = Vec::with_capacity(texts.len() * dimensions * 8);
        write_json(&mut bytes, &Body { object: "list", data: data.collect(), model: answers_as, usage });
        Ok(bytes)
    }
}

/// The inputs as texts. Inputs that came as tokens become texts that stand for them, with the number of their tokens.
fn inputs(input: Option<&Value>) -> Result<(Vec<String>, Option<u64>), Problem> {
    let texts = match input {
        Some(Value::Array(items)) if items.iter().any(Value::is_array) => {
            items.iter().map(ToString::to_string).collect()
        }
        Some(tokens @ Value::Array(items)) if items.iter().any(Value::is_number) => vec![tokens.to_string()],
        texts => return within_limit(prompts(texts).0).map(|texts| (texts, None)),
    };
    within_limit(texts).map(|texts| (texts, Some(prompts(input).1)))
}

fn within_limit(texts: Vec<String>) -> Result<Vec<String>, Problem> {
    if texts.is_empty() || texts.len() > INPUTS_MAX {
        let words = format!("Invalid 'input': expected 1 to {INPUTS_MAX} items, but got {}.", texts.len());
        return Err(Problem { param: Some("input".to_owned()), ..Problem::invalid(words) });
    }
    Ok(texts)
}

fn vector(text: &str, dimensions: usize, is_base64: bool) -> Vector {
    let floats = unit_vector(text, dimensions);
    if is_base64 {
        let bytes: Vec<u8> = floats.iter().flat_map(|float| float.to_le_bytes()).collect();
        Vector::Base64(STANDARD.encode(bytes))
    } else {
        Vector::Floats(floats)
    }
}

fn unit_vector(text: &str, dimensions: usize) -> Vec<f32> {
    let mut rng = fastrand::Rng::with_seed(mix(fnv1a(text.as_bytes())));
    let mut floats: Vec<f32> = (0..dimensions).map(|_| rng.f32() - 0.5).collect();
    let length = floats.iter().map(|float| float * float).sum::<f32>().sqrt();
    if length > 0.0 {
        for float in &mut floats {
            *float /= length;
        }
    }
    floats
}
