//! The `[agents.<name>]` of `weir.toml`: token budgets of single requests, and what agents may do.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use weir_control::Mode;
use weir_control::trim::{self, AgentBudgets, TokenBudget};

use super::resolve::Resolver;

/// The name that stands for all agents that are not named.
pub(super) const OTHERS: &str = "*";

/// The least share of a limit that is worth naming.
const SHARE_MIN: f64 = 0.01;

/// What one agent's requests may have, and what it may do.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Agent {
    /// Tokens that a prompt may have, system prompt and tools included; no limit when absent.
    #[schemars(range(min = 1))]
    pub max_input_tokens: Option<u64>,
    /// What happens to a prompt that has more: "truncate" takes whole old turns out and cuts the longest texts in their
    /// middle, "reject" refuses the call, "observe" only notes it.
    pub on_over: OnOver,
    /// Prompts are shortened when they have more than this share of the limit. A refusal is for what is over all of it.
    #[schemars(range(min = 0.01, max = 1.0))]
    pub threshold: f64,
    /// What prompts are shortened to, as a share of the limit; not above `threshold`.
    #[schemars(range(min = 0.01, max = 1.0))]
    pub truncate_to: f64,
    /// Tokens that the model may write: lowers what the request asks for, and is set where it asks for nothing. No limit
    /// when absent.
    #[schemars(range(min = 1))]
    pub max_output_tokens: Option<u64>,
    /// How far it goes: "observe" notes on spans what would be done, "warn" tells the client too, "enforce" does it.
    pub mode: Mode,
    /// Models that it may ask; all when absent. `*` stands for any run of characters.
    pub models: Option<Vec<String>>,
    /// Tools that it may call; all when absent. `*` stands for any run of characters.
    pub tools: Option<Vec<String>>,
    /// Hosts to which its answers may point, hosts below them included; all when absent. A link or picture to another host is
    /// how data leaves a conversation.
    pub domains: Option<Vec<String>>,
    /// What happens when it does what it may not: "observe" records it; "block" refuses calls for other models too. Tools and
    /// hosts are known only once the model has answered, and are recorded in either case.
    pub on_violation: OnViolation,
}

impl Default for Agent {
    fn default() -> Self {
        let TokenBudget { threshold, truncate_to, .. } = TokenBudget::default();
        Self {
            max_input_tokens: None,
            on_over: OnOver::default(),
            threshold,
            truncate_to,
            max_output_tokens: None,
            mode: Mode::default(),
            models: None,
            tools: None,
            domains: None,
            on_violation: OnViolation::default(),
        }
    }
}

/// What happens to a prompt that is over its budget.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnOver {
    /// It is shortened.
    #[default]
    Truncate,
    /// The call is refused.
    Reject,
    /// It is noted.
    Observe,
}

/// What happens when an agent does what it may not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnViolation {
    /// It is recorded.
    #[default]
    Observe,
    /// Calls for other models are refused.
    Block,
}

impl Resolver<'_> {
    /// The budgets; what cannot be meant is reported.
    pub(super) fn agents(&mut self, written: &BTreeMap<String, Agent>) -> AgentBudgets {
        let mut budgets = AgentBudgets::default();
        for (name, agent) in written {
            for (key, share) in [("threshold", agent.threshold), ("truncate_to", agent.truncate_to)] {
                if !(SHARE_MIN..=1.0).contains(&share) {
                    let message = format!("{share} is no share from {SHARE_MIN} to 1");
                    self.report::<()>(&format!("agents.{name}.{key}"), message, None);
                }
            }
            if agent.truncate_to > agent.threshold {
                let message = format!(
                    "{} is above the threshold of {}: a prompt that was shortened would be shortened again",
                    agent.truncate_to, agent.threshold
                );
                self.report::<()>(&format!("agents.{name}.truncate_to"), message, None);
            }
            if name == OTHERS {
                budgets.others = Some(budget(agent));
            } else {
                budgets.named.insert(Arc::from(name.as_str()), budget(agent));
            }
        }
        budgets
    }
}

fn budget(agent: &Agent) -> TokenBudget {
    TokenBudget {
        max_input_tokens: agent.max_input_tokens,
        on_over: match agent.on_over {
            OnOver::Truncate => trim::OnOver::Truncate,
            OnOver::Reject => trim::OnOver::Reject,
            OnOver::Observe => trim::OnOver::Observe,
        },
        threshold: agent.threshold,
        truncate_to: agent.truncate_to,
        max_output_tokens: agent.max_output_tokens,
        mode: agent.mode,
    }
}
