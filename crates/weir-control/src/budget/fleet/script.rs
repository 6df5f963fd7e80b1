//! The words of `script.lua` and its answer: the shared ledger as one gateway sees it in one exchange.
//!
//! Nothing here decides. What is asked is written in the order in which the script reads it; an answer of another shape is
//! a failure of the server.

use std::sync::LazyLock;

use redis::{FromRedisValue, Script, Value};

use super::super::Amount;
use super::super::accounts::PLACES;
use crate::redis::{Redis, RedisError};

const CODE: &str = include_str!("script.lua");

static SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(CODE));

/// Who asks.
#[derive(Debug, Clone)]
pub(super) struct Member {
    /// The gateway, also after a restart.
    pub(super) id: String,
    /// This run of it: what an earlier run had reserved is nobody's.
    pub(super) incarnation: String,
    /// The number of the exchange; each is higher than all before it.
    pub(super) turn: u64,
}

/// One exchange.
#[derive(Debug, Clone, Default)]
pub(super) struct Request {
    /// How long the gateway counts as alive, in milliseconds; 0 when it leaves.
    pub(super) lease_ms: u64,
    /// How long memory that was lost grants nothing, in milliseconds.
    pub(super) warm_ms: u64,
    /// Whether every account of this gateway has been told since the memory began.
    pub(super) has_told_all: bool,
    /// Whether the answer is to say what each other gateway has settled.
    pub(super) wants_peers: bool,
    pub(super) accounts: Vec<Told>,
    pub(super) calls: Vec<Vec<Want>>,
}

/// What this gateway has in one account.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) key: String,
    pub(super) settled: Amount,
    pub(super) committed: Amount,
    pub(super) ttl_ms: i64,
    /// Whether the memory must know this gateway's amounts already.
    pub(super) was_written: bool,
    /// What other gateways had settled, for a memory that may have lost it.
    pub(super) peers: Vec<(String, Amount)>,
}

/// What a call wants of an account.
#[derive(Debug, Clone)]
pub(super) struct Want {
    /// Which of the request's accounts.
    pub(super) account: usize,
    pub(super) amount: Amount,
    pub(super) limit: Amount,
    pub(super) is_enforced: bool,
}

/// What comes back.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Reply {
    /// A later exchange was there before; the number of the last one.
    Late(u64),
    Done(Answer),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    pub(super) state: State,
    /// Since when the memory is there.
    pub(super) epoch: String,
    /// How many gateways are alive.
    pub(super) gateways: u64,
    /// In the order of the request's accounts.
    pub(super) others: Vec<Others>,
    /// In the order of the request's calls. They count only when the memory is whole.
    pub(super) calls: Vec<Verdict>,
}

/// Whether the memory can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It is.
    Whole,
    /// It will be as soon as every gateway knows, and grants nothing by itself from now on.
    Closing,
    /// It was lost; gateways say again what they have.
    Filling,
}

/// What other gateways have in an account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Others {
    pub(super) settled: Amount,
    pub(super) reserved: Amount,
    /// What an earlier run of this gateway had settled beyond what it says itself.
    pub(super) inherited: Amount,
    /// What each has settled.
    pub(super) peers: Vec<(String, Amount)>,
}

/// What was said of a call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// The place of the want that refuses it; nothing is held then.
    pub(super) denied_by: Option<usize>,
    /// The places of all wants that do not fit.
    pub(super) over: Vec<usize>,
}

/// Carries out one exchange.
pub(super) async fn exchange(redis: &Redis, member: &Member, request: &Request) -> Result<Reply, RedisError> {
    let value: Value = redis.run_script((&SCRIPT, CODE), &words(member, request)).await?;
    let is_complete = |reply: &Reply| match reply {
        Reply::Late(_) => true,
        Reply::Done(answer) => {
            answer.others.len() == request.accounts.len() && answer.calls.len() == request.calls.len()
        }
    };
    let strange = || RedisError::Failed("the ledger's script answered with something else".to_owned());
    read(&value).filter(is_complete).ok_or_else(strange)
}

/// The number of keys, the keys, and the words.
fn words(member: &Member, request: &Request) -> Vec<Vec<u8>> {
    let mut words = Words(Vec::with_capacity(16 + request.accounts.len() * 8 + request.calls.len() * 9));
    words.push(request.accounts.len() + 2);
    words.push(format_args!("{PLACES}epoch"));
    words.push(format_args!("{PLACES}gateways"));
    request.accounts.iter().for_each(|account| words.push(&account.key));
    words.push(&member.id);
    words.push(&member.incarnation);
    words.push(member.turn);
    words.push(request.lease_ms);
    words.push(request.warm_ms);
    words.push(u8::from(request.has_told_all));
    words.push(u8::from(request.wants_peers));
    words.push(request.accounts.len());
    for account in &request.accounts {
        words.push(account.settled);
        words.push(account.committed);
        words.push(account.ttl_ms);
        words.push(u8::from(account.was_written));
        words.push(account.peers.len());
        for (gateway, settled) in &account.peers {
            words.push(gateway);
            words.push(settled);
        }
    }
    words.push(request.calls.len());
    for call in &request.calls {
        words.push(call.len());
        for want in call {
            words.push(want.account + 1);
            words.push(want.amount);
            words.push(want.limit);
            words.push(u8::from(want.is_enforced));
        }
    }
    words.0
}

struct Words(Vec<Vec<u8>>);

impl Words {
    fn push(&mut self, word: impl std::fmt::Display) {
        self.0.push(word.to_string().into_bytes());
    }
}

fn read(value: &Value) -> Option<Reply> {
    let [state, rest @ ..] = list(value)? else { return None };
    let state = match &*text(state)? {
        "late" => return Some(Reply::Late(text(rest.first()?)?.parse().ok()?)),
        "whole" => State::Whole,
        "closing" => State::Closing,
        "filling" => State::Filling,
        _ => return None,
    };
    let [epoch, gateways, others, calls] = rest else { return None };
    let others = list(others)?.iter().map(read_others).collect::<Option<_>>()?;
    let calls = list(calls)?.iter().map(read_verdict).collect::<Option<_>>()?;
    let gateways = u64::from_redis_value_ref(gateways).ok()?;
    Some(Reply::Done(Answer { state, epoch: text(epoch)?, gateways, others, calls }))
}

fn read_others(value: &Value) -> Option<Others> {
    let [settled, reserved, inherited, peers] = list(value)? else { return None };
    let peers = list(peers)?.chunks_exact(2).map(|pair| Some((text(&pair[0])?, amount(&pair[1])?)));
    Some(Others {
        settled: amount(settled)?,
        reserved: amount(reserved)?,
        inherited: amount(inherited)?,
        peers: peers.collect::<Option<_>>()?,
    })
}

fn read_verdict(value: &Value) -> Option<Verdict> {
    let places = list(value)?.iter().map(|place| usize::from_redis_value_ref(place).ok());
    let places = places.collect::<Option<Vec<_>>>()?;
    let (first, over) = places.split_first()?;
    let over = over.iter().filter_map(|place| place.checked_sub(1)).collect();
    Some(Verdict { denied_by: first.checked_sub(1), over })
}

fn list(value: &Value) -> Option<&[Value]> {
    match value {
        Value::Array(items) => Some(items),
        _ => None,
    }
}

fn text(value: &Value) -> Option<String> {
    String::from_redis_value_ref(value).ok()
}

/// Sums may pass what an amount can be.
fn amount(value: &Value) -> Option<Amount> {
    text(value)?.parse::<i128>().ok().map(|sum| Amount::try_from(sum).unwrap_or(Amount::MAX))
}
