//! Entries in Redis, shared by all gateways of a fleet.
//!
//! With Redis there is no second copy in the process: a purge then means all gateways at once, and memory is bounded by the
//! server's own `maxmemory`. An entry is one value with the server's expiry: a version, the length of a head in JSON, the head,
//! and the body as it is. Its name holds team and model, so that a purge finds what it is about:
//! `weir:cache:<hash of the team>:<model>:<key>`.
//!
//! Failure: a server that is away, slow or holds something else is a miss, or an answer that is not kept; both are
//! counted by [`Redis`].

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use weir_dialect::ResponseFacts;
use weir_types::{CachePurge, NanoUsd, TokenUsage, UnixMicros};

use super::answer::CachedAnswer;
use super::flight::{Landing, Lead};
use super::key::CacheKey;
use crate::redis::Redis;

/// What all names begin with.
const PREFIX: &str = "weir:cache:";

/// The first byte of every value. Another one is an entry of another Weir, and a miss.
const VERSION: u8 = 1;

/// Bytes before the head.
const LENGTHS: usize = 5;

/// Names that a purge looks through at a time.
const SCAN_COUNT: usize = 1_000;

/// Entries in Redis.
pub(super) struct SharedEntries {
    redis: Arc<Redis>,
    ttl_s: u64,
}

impl SharedEntries {
    pub(super) fn new(redis: Arc<Redis>, ttl_s: u64) -> Self {
        Self { redis, ttl_s }
    }

    pub(super) async fn find(&self, team: Option<&str>, model: &str, key: CacheKey) -> Option<CachedAnswer> {
        let mut command = redis::cmd("GET");
        command.arg(name(team, model, key));
        let value: Option<Vec<u8>> = self.redis.run(&command).await.ok()?;
        decoded(&Bytes::from(value?))
    }

    /// Keeps an answer. The caller does not wait for that; those who wait for the answer do, so that whoever comes after
    /// them finds it.
    pub(super) fn keep(
        &self,
        team: Option<&str>,
        key: CacheKey,
        answer: Arc<CachedAnswer>,
        lead: Option<Lead>,
    ) {
        let command = encoded(&answer).map(|value| {
            let mut command = redis::cmd("SET");
            command.arg(name(team, &answer.model, key)).arg(value).arg("EX").arg(self.ttl_s);
            command
        });
        let server = Arc::clone(&self.redis);
        self.redis.spawn(async move {
            if let Some(command) = command {
                // A failure is counted, and means a miss later.
                let _: Result<redis::Value, _> = server.run(&command).await;
            }
            if let Some(lead) = lead {
                lead.land(Landing::Answered(answer));
            }
        });
    }

    /// Forgets an entry; nobody waits for that.
    pub(super) fn forget(&self, team: Option<&str>, model: &str, key: CacheKey) {
        let mut command = redis::cmd("UNLINK");
        command.arg(name(team, model, key));
        let server = Arc::clone(&self.redis);
        self.redis.spawn(async move {
            let _: Result<redis::Value, _> = server.run(&command).await;
        });
    }

    /// Forgets what a purge is about; returns how many entries that were. Stops where the server fails.
    pub(super) async fn purge(&self, purge: &CachePurge) -> u64 {
        let (pattern, mut cursor, mut purged) = (pattern(purge), 0_u64, 0);
        loop {
            let mut scan = redis::cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(SCAN_COUNT);
            let Ok((next, names)) = self.redis.run::<(u64, Vec<Vec<u8>>)>(&scan).await else { return purged };
            if !names.is_empty() {
                let mut unlink = redis::cmd("UNLINK");
                unlink.arg(&names);
                let Ok(count) = self.redis.run::<u64>(&unlink).await else { return purged };
                purged += count;
            }
            if next == 0 {
                return purged;
            }
            cursor = next;
        }
    }
}

fn name(team: Option<&str>, model: &str, key: CacheKey) -> String {
    let mut name = format!("{PREFIX}{}:{model}:", team_name(team));
    for byte in key.0 {
        let _ = write!(name, "{byte:02x}");
    }
    name
}

/// Eight bytes of the team's hash: a name of any team has the same length and no characters with a meaning.
fn team_name(team: Option<&str>) -> String {
    let hash = Sha256::digest(team.unwrap_or_default().as_bytes());
    hash[..8].iter().fold(String::with_capacity(16), |mut name, byte| {
        let _ = write!(name, "{byte:02x}");
        name
    })
}

/// The names that a purge is about, as Redis matches them.
fn pattern(purge: &CachePurge) -> String {
    match purge {
        CachePurge::All => format!("{PREFIX}*"),
        CachePurge::Team(team) => format!("{PREFIX}{}:*", team_name(Some(team))),
        CachePurge::Model(model) => {
            let escaped = model.chars().fold(String::new(), |mut escaped, letter| {
                // What Redis gives a meaning and Weir's patterns do not.
                if matches!(letter, '?' | '[' | ']' | '\\' | '^') {
                    escaped.push('\\');
                }
                escaped.push(letter);
                escaped
            });
            format!("{PREFIX}{}:{escaped}:*", "?".repeat(16))
        }
    }
}

/// What is said of an answer before its body.
#[derive(Serialize, Deserialize)]
struct Head {
    created_at: UnixMicros,
    content_type: String,
    is_stream: bool,
    response_model: Option<String>,
    finish_reason: Option<String>,
    output: Option<String>,
    output_truncated: bool,
    tool_calls: u32,
    tokens: TokenUsage,
    tokens_estimated: bool,
    cost: Option<NanoUsd>,
    price_version: Option<Arc<str>>,
    provider: Arc<str>,
    model: Arc<str>,
    team: Option<Arc<str>>,
}

fn encoded(answer: &CachedAnswer) -> Option<Vec<u8>> {
    let facts = &answer.facts;
    let head = Head {
        created_at: answer.created_at,
        content_type: String::from_utf8(answer.content_type.to_vec()).ok()?,
        is_stream: answer.is_stream,
        response_model: facts.response_model.clone(),
        finish_reason: facts.finish_reason.clone(),
        output: facts.output.clone(),
        output_truncated: facts.output_truncated,
        tool_calls: facts.tool_calls,
        tokens: facts.tokens,
        tokens_estimated: answer.tokens_estimated,
        cost: answer.cost,
        price_version: answer.price_version.clone(),
        provider: Arc::clone(&answer.provider),
        model: Arc::clone(&answer.model),
        team: answer.team.clone(),
    };
    let head = serde_json::to_vec(&head).ok()?;
    let mut value = Vec::with_capacity(LENGTHS + head.len() + answer.body.len());
    value.push(VERSION);
    value.extend_from_slice(&u32::try_from(head.len()).ok()?.to_le_bytes());
    value.extend_from_slice(&head);
    value.extend_from_slice(&answer.body);
    Some(value)
}

fn decoded(value: &Bytes) -> Option<CachedAnswer> {
    if *value.first()? != VERSION {
        return None;
    }
    let length = u32::from_le_bytes(value.get(1..LENGTHS)?.try_into().ok()?);
    let end = LENGTHS.checked_add(usize::try_from(length).ok()?)?;
    let head: Head = serde_json::from_slice(value.get(LENGTHS..end)?).ok()?;
    let facts = ResponseFacts {
        response_model: head.response_model,
        finish_reason: head.finish_reason,
        output: head.output,
        output_truncated: head.output_truncated,
        tool_calls: head.tool_calls,
        tokens: head.tokens,
        ..ResponseFacts::default()
    };
    Some(CachedAnswer {
        created_at: head.created_at,
        content_type: Bytes::from(head.content_type),
        body: value.slice(end..),
        is_stream: head.is_stream,
        facts,
        tokens_estimated: head.tokens_estimated,
        cost: head.cost,
        price_version: head.price_version,
        provider: head.provider,
        model: head.model,
        team: head.team,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> CachedAnswer {
        CachedAnswer {
            created_at: UnixMicros(7),
            content_type: Bytes::from_static(b"text/event-stream"),
            body: Bytes::from_static(b"data: \xff\0\n\n"),
            is_stream: true,
            facts: ResponseFacts {
                output: Some("[]".to_owned()),
                tokens: TokenUsage { input: Some(3), ..TokenUsage::default() },
                ..ResponseFacts::default()
            },
            tokens_estimated: true,
            cost: Some(NanoUsd(9)),
            price_version: Some("v".into()),
            provider: "openai".into(),
            model: "gpt-4o".into(),
            team: Some("a".into()),
        }
    }

    #[test]
    fn an_entry_comes_back_as_it_was() {
        let value = Bytes::from(encoded(&answer()).unwrap());
        assert_eq!(decoded(&value), Some(answer()));
    }

    #[test]
    fn what_is_no_entry_of_this_version_is_none() {
        let value = encoded(&answer()).unwrap();
        for end in [0, 1, 4, 5, 20] {
            assert_eq!(decoded(&Bytes::copy_from_slice(&value[..end])), None);
        }
        let mut other = value;
        other[0] = VERSION + 1;
        assert_eq!(decoded(&Bytes::from(other)), None);
    }

    #[test]
    fn a_purge_means_what_it_names() {
        let key = CacheKey([1; 32]);
        let named = name(Some("payments"), "gpt-4o", key);
        let of_team = pattern(&CachePurge::Team("payments".into()));
        assert!(named.starts_with(of_team.trim_end_matches('*')));
        assert!(!name(Some("search"), "gpt-4o", key).starts_with(of_team.trim_end_matches('*')));
        let of_model = pattern(&CachePurge::Model("gpt-[4]*".into()));
        assert_eq!(of_model, r"weir:cache:????????????????:gpt-\[4\]*:*");
    }
}
