//! A bound on the tokens that a model may write, set in a request by splicing.
//!
//! Dialects have different names for it and models of one dialect too: OpenAI's reasoning models refuse `max_tokens`,
//! and what is compatible with OpenAI may know nothing else.

use crate::request::{json_object, not_json};
use crate::splice::{self, Edit, Member};
use crate::{Dialect, RequestError};

/// Tokens that providers let a text completion have when nothing is said.
const COMPLETION_TOKENS_DEFAULT: u64 = 16;

/// What a bound on the output means for a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutputCap {
    /// The request keeps to it already, or has no output.
    Kept,
    /// The edits that set it.
    Set {
        /// What to change.
        edits: Vec<Edit>,
        /// The client's own bound, where it had one.
        before: Option<u64>,
    },
    /// Setting it would make the request invalid; why.
    Impossible(&'static str),
}

/// How a request is bound to `max` tokens of output. `model` is the model that will be asked.
pub fn cap_output(
    dialect: Dialect,
    body: &[u8],
    model: Option<&str>,
    max: u64,
) -> Result<OutputCap, RequestError> {
    let names: &[&str] = match dialect {
        Dialect::OpenAiChat => &["max_completion_tokens", "max_tokens"],
        Dialect::OpenAiCompletions | Dialect::AnthropicMessages => &["max_tokens"],
        Dialect::OpenAiResponses => &["max_output_tokens"],
        Dialect::OpenAiEmbeddings | Dialect::AnthropicCountTokens => return Ok(OutputCap::Kept),
    };
    let json = json_object(body)?;
    let members = splice::members(json).map_err(|error| not_json(json, &error))?;
    let bound = |member: &Member<'_>| member.value.parse::<f64>().ok();
    // Of members with one name providers take the last, so one that is no number leaves the output without a bound.
    let is_bound_by =
        |name: &str| members.iter().rfind(|member| member.name == name).is_some_and(|m| bound(m).is_some());
    let names_stated: Vec<&str> = names.iter().copied().filter(|name| is_bound_by(name)).collect();
    let stated: Vec<&Member<'_>> = members
        .iter()
        .filter(|member| names_stated.contains(&&*member.name) && bound(member).is_some())
        .collect();
    if dialect == Dialect::AnthropicMessages && thinking_budget(&members).is_some_and(|budget| budget >= max)
    {
        return Ok(OutputCap::Impossible("thinking.budget_tokens must stay below max_tokens"));
    }
    let too_high = |member: &&&Member<'_>| bound(member).is_some_and(|bound| bound > max as f64);
    let edits: Vec<Edit> = stated
        .iter()
        .filter(too_high)
        .map(|member| Edit { at: member.value_at.clone(), text: max.to_string() })
        .collect();
    if !edits.is_empty() {
        let before = stated.iter().filter_map(|member| bound(member)).reduce(f64::max);
        return Ok(OutputCap::Set { edits, before: before.map(whole) });
    }
    let is_bound =
        !stated.is_empty() || dialect == Dialect::OpenAiCompletions && max >= COMPLETION_TOKENS_DEFAULT;
    if is_bound {
        return Ok(OutputCap::Kept);
    }
    let name = match dialect {
        Dialect::OpenAiChat if !refuses_max_tokens(model.unwrap_or_default()) => "max_tokens",
        _ => names[0],
    };
    let edits = splice::set_edits(json, &members, name, &max.to_string());
    Ok(OutputCap::Set { edits, before: None })
}

/// OpenAI's reasoning models: `o1` and its successors, `gpt-5` and later.
fn refuses_max_tokens(model: &str) -> bool {
    let name = model.rsplit_once('/').map_or(model, |(_, name)| name);
    let digit_after = |prefix| {
        let rest = name.strip_prefix(prefix).and_then(|rest| rest.chars().next());
        rest.and_then(|first| first.to_digit(10))
    };
    digit_after("o").is_some() || digit_after("gpt-").is_some_and(|generation| generation >= 5)
}

/// Tokens that the client lets Claude think.
fn thinking_budget(members: &[Member<'_>]) -> Option<u64> {
    let thinking = members.iter().rfind(|member| member.name == "thinking")?;
    let members = splice::members(thinking.value).ok()?;
    members.iter().rfind(|member| member.name == "budget_tokens")?.value.parse().ok()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
fn whole(number: f64) -> u64 {
    number as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capped(dialect: Dialect, model: &str, body: &str) -> String {
        match cap_output(dialect, body.as_bytes(), Some(model), 100).unwrap() {
            OutputCap::Set { edits, .. } => splice::apply(body, edits),
            OutputCap::Kept => "kept".to_owned(),
            OutputCap::Impossible(reason) => reason.to_owned(),
        }
    }

    #[test]
    fn a_bound_is_lowered_and_never_raised() {
        let chat = |body| capped(Dialect::OpenAiChat, "gpt-4o", body);
        assert_eq!(chat(r#"{"max_tokens": 101,"x":1}"#), r#"{"max_tokens": 100,"x":1}"#);
        assert_eq!(chat(r#"{"max_tokens": 5e3}"#), r#"{"max_tokens": 100}"#);
        assert_eq!(chat(r#"{"max_tokens":100}"#), "kept");
        assert_eq!(
            chat(r#"{"max_tokens":7,"max_completion_tokens":700}"#),
            r#"{"max_tokens":7,"max_completion_tokens":100}"#
        );
    }

    #[test]
    fn where_there_is_no_bound_the_one_of_dialect_and_model_is_set() {
        let set = |dialect, model| capped(dialect, model, r#"{"a":1}"#);
        assert_eq!(set(Dialect::OpenAiChat, "gpt-4o"), r#"{"a":1,"max_tokens":100}"#);
        for model in ["o3-mini", "gpt-5.1", "openai/o1", "gpt-6"] {
            assert_eq!(set(Dialect::OpenAiChat, model), r#"{"a":1,"max_completion_tokens":100}"#, "{model}");
        }
        assert_eq!(set(Dialect::OpenAiResponses, "gpt-5"), r#"{"a":1,"max_output_tokens":100}"#);
        assert_eq!(set(Dialect::AnthropicMessages, "claude"), r#"{"a":1,"max_tokens":100}"#);
        assert_eq!(set(Dialect::OpenAiCompletions, "m"), "kept", "sixteen are the default");
        assert_eq!(set(Dialect::OpenAiEmbeddings, "m"), "kept");
        assert_eq!(
            capped(Dialect::OpenAiChat, "m", r#"{"max_tokens":null}"#),
            r#"{"max_tokens":100}"#,
            "null is no bound"
        );
    }

    #[test]
    fn of_two_members_with_one_name_the_last_is_the_bound() {
        let chat = |body| capped(Dialect::OpenAiChat, "gpt-4o", body);
        assert_eq!(chat(r#"{"max_tokens":50,"max_tokens":null}"#), r#"{"max_tokens":100,"max_tokens":100}"#);
        assert_eq!(chat(r#"{"max_tokens":500,"max_tokens":[1]}"#), r#"{"max_tokens":100,"max_tokens":100}"#);
        assert_eq!(chat(r#"{"max_tokens":null,"max_tokens":50}"#), "kept");
        assert_eq!(
            chat(r#"{"max_tokens":900,"max_tokens":50}"#),
            r#"{"max_tokens":100,"max_tokens":50}"#,
            "whichever a provider reads"
        );
    }

    #[test]
    fn a_bound_that_claude_could_not_think_under_is_not_set() {
        let body = r#"{"max_tokens":9000,"thinking":{"type":"enabled","budget_tokens":1024}}"#;
        assert!(capped(Dialect::AnthropicMessages, "claude", body).contains("budget_tokens"));
    }
}
