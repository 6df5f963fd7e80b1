//! The models the simulator offers: how they answer, how fast, and what they call themselves.
//!
//! A name is matched by its longest known beginning, so dated names (`gpt-4o-2024-08-06`) work too. Names of no family
//! that we know are unknown to the simulator as well, as they are to a real provider. Latencies are orders of magnitude
//! seen in public measurements, not promises of any provider.

/// What kind of answers a model gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ability {
    /// It writes.
    Chat,
    /// It thinks before it writes: output tokens hold reasoning that is not shown.
    Reasoning,
    /// It turns texts into vectors of this many dimensions.
    Embedding(usize),
}

/// A model of the simulator.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Model {
    /// How its names begin.
    pub prefix: &'static str,
    /// What it answers as; `None` for the name it was asked by.
    pub dated: Option<&'static str>,
    /// Who owns it, for the list of models.
    pub owner: &'static str,
    /// What it does.
    pub ability: Ability,
    /// Half of the first tokens come within this time, in milliseconds.
    pub ttft_ms: f64,
    /// Half of the further tokens come within this time, in milliseconds.
    pub token_ms: f64,
    /// Whether the list of models shows it.
    pub listed: bool,
}

const fn chat(
    prefix: &'static str,
    dated: &'static str,
    owner: &'static str,
    ttft_ms: f64,
    token_ms: f64,
) -> Model {
    Model { prefix, dated: Some(dated), owner, ability: Ability::Chat, ttft_ms, token_ms, listed: true }
}

const fn reasoning(
    prefix: &'static str,
    dated: &'static str,
    owner: &'static str,
    ttft_ms: f64,
    token_ms: f64,
) -> Model {
    Model { ability: Ability::Reasoning, ..chat(prefix, dated, owner, ttft_ms, token_ms) }
}

const fn embedding(prefix: &'static str, dimensions: usize) -> Model {
    Model {
        prefix,
        dated: None,
        owner: "system",
        ability: Ability::Embedding(dimensions),
        ttft_ms: 60.0,
        token_ms: 0.0,
        listed: true,
    }
}

/// A current model, which answers as the name it was asked by.
const fn current(
    prefix: &'static str,
    owner: &'static str,
    ability: Ability,
    ttft_ms: f64,
    token_ms: f64,
) -> Model {
    Model { prefix, dated: None, owner, ability, ttft_ms, token_ms, listed: true }
}

/// A family whose members answer as the name they were asked by.
const fn family(prefix: &'static str, ttft_ms: f64, token_ms: f64) -> Model {
    Model { prefix, dated: None, owner: "system", ability: Ability::Chat, ttft_ms, token_ms, listed: false }
}

const OPENAI: &str = "system";
const ANTHROPIC: &str = "anthropic";

/// Every model, in no particular order.
pub(crate) const MODELS: [Model; 41] = [
    chat("gpt-4o", "gpt-4o-2024-08-06", OPENAI, 420.0, 11.0),
    chat("gpt-4o-mini", "gpt-4o-mini-2024-07-18", OPENAI, 340.0, 9.0),
    chat("gpt-4.1", "gpt-4.1-2025-04-14", OPENAI, 460.0, 11.0),
    chat("gpt-4.1-mini", "gpt-4.1-mini-2025-04-14", OPENAI, 380.0, 9.0),
    chat("gpt-4.1-nano", "gpt-4.1-nano-2025-04-14", OPENAI, 290.0, 6.0),
    chat("gpt-4-turbo", "gpt-4-turbo-2024-04-09", OPENAI, 600.0, 28.0),
    chat("gpt-4", "gpt-4-0613", OPENAI, 700.0, 35.0),
    chat("gpt-3.5-turbo", "gpt-3.5-turbo-0125", OPENAI, 350.0, 12.0),
    chat("gpt-3.5-turbo-instruct", "gpt-3.5-turbo-instruct:20230824-v2", OPENAI, 300.0, 12.0),
    reasoning("gpt-5", "gpt-5-2025-08-07", OPENAI, 900.0, 12.0),
    reasoning("gpt-5-mini", "gpt-5-mini-2025-08-07", OPENAI, 700.0, 9.0),
    reasoning("gpt-5-nano", "gpt-5-nano-2025-08-07", OPENAI, 550.0, 7.0),
    reasoning("o1", "o1-2024-12-17", OPENAI, 1_500.0, 14.0),
    reasoning("o3", "o3-2025-04-16", OPENAI, 1_300.0, 12.0),
    reasoning("o3-mini", "o3-mini-2025-01-31", OPENAI, 1_100.0, 9.0),
    reasoning("o4-mini", "o4-mini-2025-04-16", OPENAI, 1_000.0, 9.0),
    current("gpt-5.4-mini", OPENAI, Ability::Chat, 320.0, 7.0),
    current("gpt-6.1-sol", OPENAI, Ability::Reasoning, 850.0, 10.0),
    current("gpt-6.1-terra", OPENAI, Ability::Chat, 380.0, 6.0),
    embedding("text-embedding-3-small", 1_536),
    embedding("text-embedding-3-large", 3_072),
    embedding("text-embedding-ada-002", 1_536),
    chat("claude-opus-4", "claude-opus-4-20250514", ANTHROPIC, 1_100.0, 18.0),
    chat("claude-opus-4-1", "claude-opus-4-1-20250805", ANTHROPIC, 1_100.0, 18.0),
    chat("claude-sonnet-4", "claude-sonnet-4-20250514", ANTHROPIC, 750.0, 13.0),
    chat("claude-sonnet-4-5", "claude-sonnet-4-5-20250929", ANTHROPIC, 720.0, 12.0),
    chat("claude-haiku-4-5", "claude-haiku-4-5-20251001", ANTHROPIC, 420.0, 7.0),
    chat("claude-3-5-haiku", "claude-3-5-haiku-20241022", ANTHROPIC, 450.0, 8.0),
    current("claude-opus-5-5", ANTHROPIC, Ability::Chat, 950.0, 14.0),
    current("claude-sonnet-5-5", ANTHROPIC, Ability::Chat, 640.0, 10.0),
    current("claude-haiku-5-5", ANTHROPIC, Ability::Chat, 330.0, 5.0),
    family("claude-", 700.0, 13.0),
    family("gpt-", 450.0, 10.0),
    family("chatgpt-", 450.0, 10.0),
    family("databricks-", 400.0, 12.0),
    family("llama", 250.0, 9.0),
    family("mistral", 250.0, 9.0),
    family("qwen", 250.0, 9.0),
    family("deepseek", 500.0, 14.0),
    family("sim-", 120.0, 4.0),
    family("test-", 120.0, 4.0),
];

impl Model {
    /// The model of this name; `None` when the simulator does not offer it.
    pub(crate) fn find(name: &str) -> Option<&'static Self> {
        // Names of open models come with the path of their publisher, such as `meta-llama/Llama-3.1-8B`.
        let base = name.rsplit('/').next().unwrap_or(name);
        let begins = |model: &&Self| {
            base.get(..model.prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(model.prefix))
        };
        MODELS.iter().filter(begins).max_by_key(|model| model.prefix.len())
    }

    /// Whether it thinks before it writes.
    pub(crate) fn reasons(&self) -> bool {
        self.ability == Ability::Reasoning
    }

    /// Whether it answers with text.
    pub(crate) fn writes(&self) -> bool {
        !matches!(self.ability, Ability::Embedding(_))
    }

    /// What the model calls itself when it was asked by this name.
    pub(crate) fn answers_as<'a>(&self, asked: &'a str) -> &'a str {
        match self.dated {
            Some(dated) if asked == self.prefix => dated,
            _ => asked,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_beginning_wins() {
        let dated = |name| Model::find(name).map(|model| model.answers_as(name).to_owned());
        assert_eq!(dated("gpt-4o-mini").as_deref(), Some("gpt-4o-mini-2024-07-18"));
        assert_eq!(dated("gpt-4o-2024-11-20").as_deref(), Some("gpt-4o-2024-11-20"));
        assert_eq!(dated("gpt-6").as_deref(), Some("gpt-6"));
        assert_eq!(
            dated("meta-llama/Llama-3.1-8B-Instruct").as_deref(),
            Some("meta-llama/Llama-3.1-8B-Instruct")
        );
        assert_eq!(dated("nonexistent"), None);
    }
}
