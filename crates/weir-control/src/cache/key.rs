//! What makes two calls the same: the key of the cache.
//!
//! The key is a SHA-256 over whose entry it is ([`Tenant`]), the dialect, the provider and the model asked there, headers
//! that change what an API answers, and every member of the request but those in [`NOT_ASKED`]. Members that nobody here
//! knows are part of the key: a new parameter makes a miss, never a false hit.
//!
//! Whether the answer is streamed is part of the key, and with it `stream_options`, because a hit replays the bytes that
//! such a client gets.
//!
//! Failure: a body without a canonical form has no key, and the call goes on without the cache.

use sha2::{Digest, Sha256};
use weir_dialect::Dialect;

use super::canonical;

/// Changes with every change of what a key is made of, so that a shared store never answers with entries of another
/// meaning.
const KEY_VERSION: u8 = 1;

/// Members that do not change the answer, or are stated in the key by other means (model, stream).
const NOT_ASKED: &[&[u8]] = &[
    b"\"metadata\"",
    b"\"model\"",
    b"\"prompt_cache_key\"",
    b"\"prompt_cache_retention\"",
    b"\"safety_identifier\"",
    b"\"stream\"",
    b"\"user\"",
];

/// What marks a tool's result within a canonical request. Quotes within texts are escaped, so this is never found in what
/// somebody wrote.
const TOOL_RESULTS: &[&[u8]] = &[
    b"\"role\":\"tool\"",
    b"\"role\":\"function\"",
    b"\"type\":\"tool_result\"",
    b"\"type\":\"function_call_output\"",
    b"\"type\":\"custom_tool_call_output\"",
    b"\"type\":\"computer_call_output\"",
    b"\"type\":\"local_shell_call_output\"",
];

/// The name of an entry.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CacheKey(pub [u8; 32]);

impl std::fmt::Debug for CacheKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CacheKey({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}

/// Who shares entries with whom.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Tenant<'a> {
    /// All callers share, because the operator said so.
    Everyone,
    /// The team of a virtual key.
    Team(&'a str),
    /// A virtual key without a team, by its id.
    Key(&'a str),
    /// A caller whose own provider key goes to the provider: nobody here knows whether that key is good, so only who shows
    /// the same one may see what it paid for. The key's SHA-256, and the team that the caller names.
    Client([u8; 32], Option<&'a str>),
    /// A caller without a key before a provider whose key Weir holds; by the team it names.
    Open(Option<&'a str>),
}

/// A call, as far as it matters here.
#[derive(Clone, Copy)]
pub struct CacheCall<'a> {
    /// Who asks.
    pub tenant: Tenant<'a>,
    /// The format of request and answer.
    pub dialect: Dialect,
    /// The provider that would be asked.
    pub provider: &'a str,
    /// The model that would be asked for there.
    pub model: &'a str,
    /// Whether the answer shall be a stream.
    pub stream: bool,
    /// Values of headers that change the answer, in a fixed order.
    pub headers: &'a [&'a [u8]],
    /// The request.
    pub body: &'a [u8],
}

/// What a request says that decides whether it may be cached, and its key.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReadCall {
    /// Its key.
    pub key: CacheKey,
    /// The temperature it asks for.
    pub temperature: Option<f64>,
    /// Whether it holds results of tools.
    pub has_tool_results: bool,
    /// Whether its answer depends on, or changes, what the provider keeps (`conversation`, `background`).
    pub is_stateful: bool,
}

/// Reads a call; `None` when its body has no canonical form.
pub fn read(call: &CacheCall<'_>) -> Option<ReadCall> {
    let mut form = Vec::with_capacity(call.body.len());
    let (mut temperature, mut is_stateful) = (None, false);
    canonical::object(call.body, &mut form, |name, value| {
        // A member that is null is one that was not given.
        if value == b"null" || NOT_ASKED.contains(&name) {
            return false;
        }
        match name {
            b"\"temperature\"" => temperature = number(value),
            b"\"conversation\"" => is_stateful = true,
            b"\"background\"" => is_stateful |= value == b"true",
            b"\"stream_options\"" => return call.stream,
            _ => {}
        }
        true
    })?;
    let has_tool_results = TOOL_RESULTS.iter().any(|mark| memchr::memmem::find(&form, mark).is_some());
    Some(ReadCall { key: hash(call, &form), temperature, has_tool_results, is_stateful })
}

fn number(value: &[u8]) -> Option<f64> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// A hash over whose entries they are, and the provider and model that are asked.
pub(super) fn tenant_and_model(call: &CacheCall<'_>) -> [u8; 32] {
    let mut hash = Parts(Sha256::new_with_prefix([KEY_VERSION]));
    hash.add_tenant(call.tenant);
    hash.add_all(&[call.provider.as_bytes(), call.model.as_bytes()]);
    hash.0.finalize().into()
}

fn hash(call: &CacheCall<'_>, form: &[u8]) -> CacheKey {
    let mut hash = Parts(Sha256::new_with_prefix([KEY_VERSION]));
    hash.add_tenant(call.tenant);
    hash.add_all(&[call.dialect.operation().as_bytes(), format_name(call.dialect), &[u8::from(call.stream)]]);
    hash.add_all(&[call.provider.as_bytes(), call.model.as_bytes()]);
    hash.add_all(call.headers);
    hash.add(form);
    CacheKey(hash.0.finalize().into())
}

/// Dialects of one operation are told apart by this.
fn format_name(dialect: Dialect) -> &'static [u8] {
    match dialect {
        Dialect::OpenAiChat => b"chat",
        Dialect::OpenAiCompletions => b"completions",
        Dialect::OpenAiResponses => b"responses",
        Dialect::OpenAiEmbeddings => b"embeddings",
        Dialect::AnthropicMessages => b"messages",
        Dialect::AnthropicCountTokens => b"count_tokens",
    }
}

/// A hash over parts, each with its length, so that no two lists of parts are the same bytes.
struct Parts(Sha256);

impl Parts {
    fn add(&mut self, part: &[u8]) {
        self.0.update((part.len() as u64).to_le_bytes());
        self.0.update(part);
    }

    fn add_tenant(&mut self, tenant: Tenant<'_>) {
        match tenant {
            Tenant::Everyone => self.add(b"everyone"),
            Tenant::Team(team) => self.add_all(&[b"team", team.as_bytes()]),
            Tenant::Key(id) => self.add_all(&[b"key", id.as_bytes()]),
            Tenant::Client(key, team) => {
                self.add_all(&[b"client", &key, team.unwrap_or_default().as_bytes()]);
            }
            Tenant::Open(team) => self.add_all(&[b"open", team.unwrap_or_default().as_bytes()]),
        }
    }

    fn add_all(&mut self, parts: &[&[u8]]) {
        for part in parts {
            self.add(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(body: &str) -> CacheCall<'_> {
        CacheCall {
            tenant: Tenant::Team("payments"),
            dialect: Dialect::OpenAiChat,
            provider: "openai",
            model: "gpt-4o",
            stream: false,
            headers: &[],
            body: body.as_bytes(),
        }
    }

    fn key(body: &str) -> CacheKey {
        read(&call(body)).unwrap().key
    }

    const BODY: &str = r#"{"model":"gpt-4o","messages":[{"role":"user","content":"Hi"}],"temperature":0.5}"#;

    #[test]
    fn who_asks_and_for_whom_makes_no_difference_to_the_question() {
        for same in [
            r#"{"messages":[{"content":"Hi","role":"user"}],"temperature":5e-1}"#,
            r#"{"model":"alias","messages":[{"role":"user","content":"Hi"}],"temperature":0.5,"user":"u","metadata":{"id":7},"stream":false,"safety_identifier":"s","prompt_cache_key":"k","stream_options":{"include_usage":true},"seed":null}"#,
        ] {
            assert_eq!(key(same), key(BODY), "{same}");
        }
    }

    #[test]
    fn everything_that_changes_the_answer_changes_the_key() {
        for other in [
            r#"{"messages":[{"role":"user","content":"Hi!"}],"temperature":0.5}"#,
            r#"{"messages":[{"role":"system","content":"Hi"}],"temperature":0.5}"#,
            r#"{"messages":[{"role":"user","content":"Hi"}],"temperature":0.6}"#,
            r#"{"messages":[{"role":"user","content":"Hi"}],"temperature":0.5,"seed":1}"#,
            r#"{"messages":[{"role":"user","content":"Hi"}],"temperature":0.5,"tools":[]}"#,
            r#"{"messages":[{"role":"user","content":"Hi"}],"temperature":0.5,"what_comes_next_year":1}"#,
        ] {
            assert_ne!(key(other), key(BODY), "{other}");
        }
    }

    #[test]
    fn nobody_finds_the_entries_of_another() {
        let tenants = [
            Tenant::Everyone,
            Tenant::Team("a"),
            Tenant::Team("b"),
            Tenant::Key("a"),
            Tenant::Open(None),
            Tenant::Open(Some("a")),
            Tenant::Client([1; 32], Some("a")),
            Tenant::Client([2; 32], Some("a")),
            Tenant::Client([1; 32], None),
        ];
        let calls = tenants.map(|tenant| CacheCall { tenant, ..call(BODY) });
        let others = [
            CacheCall { dialect: Dialect::OpenAiResponses, ..call(BODY) },
            CacheCall { provider: "azure", ..call(BODY) },
            CacheCall { model: "gpt-4o-mini", ..call(BODY) },
            CacheCall { provider: "openaig", model: "pt-4o", ..call(BODY) },
            CacheCall { stream: true, ..call(BODY) },
            CacheCall { headers: &[b"beta"], ..call(BODY) },
            call(BODY),
        ];
        let keys: Vec<_> = calls.iter().chain(&others).map(|call| read(call).unwrap().key.0).collect();
        let different: std::collections::HashSet<_> = keys.iter().collect();
        assert_eq!(different.len(), keys.len());
    }

    #[test]
    fn results_of_tools_are_found_in_every_dialect_and_not_in_texts() {
        for (body, expected) in [
            (r#"{"messages":[{"role":"tool","tool_call_id":"c","content":"3"}]}"#, true),
            (r#"{"messages":[{"role":"user","content":[{"type":"tool_result","content":"3"}]}]}"#, true),
            (r#"{"input":[{ "type" : "function_call_output","output":"3"}]}"#, true),
            (r#"{"messages":[{"role":"user","content":"{\"role\":\"tool\"}"}]}"#, false),
            (r#"{"messages":[{"role":"user","content":"what is a function_call_output"}]}"#, false),
            (BODY, false),
        ] {
            assert_eq!(read(&call(body)).unwrap().has_tool_results, expected, "{body}");
        }
    }

    #[test]
    fn what_providers_keep_is_noticed() {
        assert_eq!(read(&call(BODY)).unwrap().temperature, Some(0.5));
        assert!(read(&call(r#"{"conversation":"conv_1"}"#)).unwrap().is_stateful);
        assert!(read(&call(r#"{"background":true}"#)).unwrap().is_stateful);
        assert!(!read(&call(r#"{"background":false,"conversation":null}"#)).unwrap().is_stateful);
        assert_eq!(read(&call("{")), None);
    }
}
