//! Writes the list of models, and one model of it.

use serde::Serialize;

use super::model::{MODELS, Model};
use super::problem::Family;
use super::sse::write_json;

/// When all models of the simulator were made: the start of 2025.
const CREATED_UNIX_S: i64 = 1_735_689_600;
const CREATED_AT: &str = "2025-01-01T00:00:00Z";

#[derive(Serialize)]
struct OpenAiList<'a> {
    object: &'static str,
    data: Vec<OpenAiModel<'a>>,
}

#[derive(Serialize)]
struct OpenAiModel<'a> {
    id: &'a str,
    object: &'static str,
    created: i64,
    owned_by: &'static str,
}

#[derive(Serialize)]
struct AnthropicList<'a> {
    data: Vec<AnthropicModel<'a>>,
    has_more: bool,
    first_id: Option<&'a str>,
    last_id: Option<&'a str>,
}

#[derive(Serialize)]
struct AnthropicModel<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    id: &'a str,
    display_name: &'a str,
    created_at: &'static str,
}

/// All models, in OpenAI's format; Anthropic lists its own alone.
pub(crate) fn list(family: Family) -> Vec<u8> {
    let listed = MODELS.iter().filter(|model| model.listed);
    match family {
        Family::OpenAi => {
            let data = listed.map(|model| openai(model.prefix, model)).collect();
            json(&OpenAiList { object: "list", data })
        }
        Family::Anthropic => {
            let own = listed.filter(|model| model.owner == "anthropic");
            let data: Vec<_> = own.map(|model| anthropic(model.prefix)).collect();
            let (first_id, last_id) = (data.first().map(|model| model.id), data.last().map(|model| model.id));
            json(&AnthropicList { has_more: false, first_id, last_id, data })
        }
    }
}

/// One model.
pub(crate) fn one(family: Family, name: &str, model: &Model) -> Vec<u8> {
    match family {
        Family::OpenAi => json(&openai(name, model)),
        Family::Anthropic => json(&anthropic(name)),
    }
}

fn openai<'a>(id: &'a str, model: &Model) -> OpenAiModel<'a> {
    OpenAiModel { id, object: "model", created: CREATED_UNIX_S, owned_by: model.owner }
}

fn anthropic(id: &str) -> AnthropicModel<'_> {
    AnthropicModel { kind: "model", id, display_name: id, created_at: CREATED_AT }
}

fn json(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_json(&mut bytes, value);
    bytes
}
