//! Which agent has which token budget.

use std::collections::HashMap;
use std::sync::Arc;

use super::TokenBudget;

/// Token budgets by agent.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AgentBudgets {
    /// Of the agents that are named.
    pub named: HashMap<Arc<str>, TokenBudget>,
    /// Of all others, calls without an agent among them.
    pub others: Option<TokenBudget>,
}

impl AgentBudgets {
    /// Whether there is none at all.
    pub fn is_empty(&self) -> bool {
        self.named.is_empty() && self.others.is_none()
    }

    /// The budget of an agent's calls, and by which name it was found: the agent's own or `*`.
    pub fn of(&self, agent: Option<&str>) -> Option<(&str, &TokenBudget)> {
        let named = agent.and_then(|agent| self.named.get_key_value(agent));
        let named = named.map(|(name, budget)| (&**name, budget));
        named.or_else(|| Some(("*", self.others.as_ref()?)))
    }
}
