//! Budgets and rate limits that gateways of a fleet share through a real Redis.

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use weir_control::Mode;
use weir_control::budget::{
    Dimension, FleetConfig, LimitKind, LimitSpec, Measure, OnShutoff, OnUnavailable, Period, ScopeRule,
};

use crate::support::*;

/// What [`ANSWER`] costs with `gpt-4o`: 10 tokens at $2.50 and 5 at $10 a million.
const ANSWER_NANO_USD: i64 = 75_000;

/// The most that a short chat reserves when its input is counted.
const RESERVED_NANO_USD: i64 = 130_000;

fn budget(nano_usd: i64) -> LimitSpec {
    LimitSpec {
        name: "spend".into(),
        kind: LimitKind::Budget,
        scope: ScopeRule(vec![]),
        measure: Measure::Usd,
        amount: nano_usd,
        period: Period::Day,
        timezone: TimeZone::UTC,
        warn_at: vec![],
        shutoff_at: 1.0,
        on_shutoff: OnShutoff::Reject,
        mode: Mode::Enforce,
    }
}

fn rate(measure: Measure, period: Period, amount: i64) -> LimitSpec {
    let scope = ScopeRule(vec![(Dimension::User, "*".into())]);
    LimitSpec { name: "pace".into(), kind: LimitKind::Rate, scope, measure, period, ..budget(amount) }
}

/// A fleet before one provider.
struct TestFleet {
    server: RedisServer,
    gateways: Vec<Arc<Weir>>,
}

impl TestFleet {
    /// So many gateways that share these limits, once they do.
    async fn start(provider: &Provider, count: usize, limits: &[LimitSpec], mode: OnUnavailable) -> Self {
        let mut fleet = Self { server: RedisServer::start().unwrap(), gateways: Vec::new() };
        for number in 0..count {
            fleet.add(provider, &format!("gateway-{number}"), limits, mode).await;
        }
        fleet.shared().await;
        fleet
    }

    async fn add(&mut self, provider: &Provider, id: &str, limits: &[LimitSpec], mode: OnUnavailable) {
        let mut builder = WeirBuilder::new(vec![provider_config("openai", provider.url("/v1"))])
            .limits(limits.to_vec())
            .threads(1);
        builder.redis = Some(redis::connection(&self.server).await);
        builder.fleet = Some(FleetConfig {
            // The time that a busy machine may take for all gateways to find Redis again.
            warm: Duration::from_secs(3),
            lease: Duration::from_secs(20),
            heartbeat: Duration::from_millis(50),
            ..FleetConfig::new(id, mode)
        });
        self.gateways.push(Arc::new(builder.start()));
    }

    /// Waits until every gateway knows of all others.
    async fn shared(&self) {
        let count = self.gateways.len() as u64;
        let stats = |weir: &Weir| weir.ledger.fleet().unwrap().stats();
        self.until("limits are shared", |weir| stats(weir).is_shared && stats(weir).gateways == count).await;
    }

    async fn until(&self, what: &str, holds: impl Fn(&Weir) -> bool) {
        patiently(what, async {
            while !self.gateways.iter().all(|weir| holds(weir)) {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    /// Waits until no call is under way anywhere and every gateway has said so.
    async fn nothing_reserved(&self) {
        self.until("the end of calls", |weir| {
            weir.ledger.status(weir.now()).iter().all(|status| status.reserved == 0)
        })
        .await;
        self.beats(2).await;
    }

    /// Waits for so many heartbeats of the gateways that are there.
    async fn beats(&self, count: u64) {
        let beats = |weir: &Weir| weir.ledger.fleet().unwrap().stats().heartbeats;
        let last: u64 = self.gateways.iter().map(|weir| beats(weir)).max().unwrap_or(0) + count;
        self.until("heartbeats", |weir| beats(weir) >= last).await;
    }

    /// What all gateways have settled, by their own account.
    fn settled(&self) -> i64 {
        self.gateways.iter().map(|weir| weir.ledger.status(weir.now())[0].settled).sum()
    }

    /// Clients that call one after the other until they are told that nothing is left; each begins at another gateway. What
    /// they were answered, by status.
    async fn drain(&self, clients: usize, calls_each: usize) -> Vec<u16> {
        let clients: Vec<_> = (0..clients)
            .map(|client| {
                let weir = Arc::clone(&self.gateways[client % self.gateways.len()]);
                tokio::spawn(async move {
                    let mut statuses = Vec::new();
                    for _ in 0..calls_each {
                        statuses.push(weir.chat(short_chat()).await.status);
                    }
                    statuses
                })
            })
            .collect();
        let mut statuses = Vec::new();
        for client in clients {
            statuses.extend(client.await.unwrap());
        }
        statuses
    }
}

fn short_chat() -> String {
    chat(r#","max_tokens":10"#)
}

async fn user_call(weir: &Weir, user: &str) -> Response {
    weir.post("/v1/chat/completions", &[("weir-user", user)], short_chat()).await
}

/// A call of ann's that is not answered, once it is the provider's call of this number; over when the client is dropped.
async fn hanging_call(weir: &Weir, provider: &Provider, number: usize) -> Client {
    let mut client = weir.client().await;
    client
        .post("/v1/chat/completions", &[("weir-user", "ann")], chat(r#","max_tokens":10,"stop":"hang""#))
        .await;
    patiently("a call that hangs", async {
        while provider.seen().len() < number {
            tokio::task::yield_now().await;
        }
    })
    .await;
    client
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_clients_of_four_gateways_use_up_a_budget_and_never_pass_it() {
    let provider = Provider::answering(200, ANSWER).await;
    let limit = 400 * ANSWER_NANO_USD;
    let fleet = TestFleet::start(&provider, 4, &[budget(limit)], OnUnavailable::Deny).await;
    let statuses = fleet.drain(200, 4).await;
    assert!(statuses.iter().all(|status| matches!(status, 200 | 429)), "{statuses:?}");
    // While others' calls were under way some were refused for what those held and did not use.
    fleet.nothing_reserved().await;
    while fleet.gateways[0].chat(short_chat()).await.status == 200 {}
    let settled = fleet.settled();
    assert!(settled <= limit, "{settled} of {limit}");
    assert!(settled > limit - RESERVED_NANO_USD, "{settled} of {limit}");
    assert_eq!(i64::try_from(provider.seen().len()).unwrap(), settled / ANSWER_NANO_USD);
    // Each gateway comes to know what the others have.
    fleet
        .until("figures of others", |weir| {
            let status = &weir.ledger.status(weir.now())[0];
            status.settled + status.others == settled && status.reserved == 0
        })
        .await;
}

#[tokio::test]
async fn calls_in_a_minute_and_calls_at_once_are_counted_together() {
    let provider = Provider::scripted(|_, seen| {
        if seen.text().contains("hang") { vec![Step::Hang] } else { vec![json_answer(200, &[], ANSWER)] }
    })
    .await;
    let limits = [
        rate(Measure::Calls, Period::Minute, 3),
        LimitSpec { name: "at once".into(), ..rate(Measure::Concurrent, Period::AtOnce, 1) },
    ];
    let fleet = TestFleet::start(&provider, 2, &limits, OnUnavailable::Deny).await;
    let (one, other) = (&fleet.gateways[0], &fleet.gateways[1]);
    assert_eq!(user_call(one, "ann").await.status, 200);
    one.calls(1).await;
    // The other gateway hears a moment later that the first call has ended.
    patiently("room for another call at once", async {
        while user_call(other, "ann").await.status != 200 {}
    })
    .await;
    fleet.nothing_reserved().await;
    let client = hanging_call(one, &provider, 3).await;
    // The minute has no room for a fourth call, and at once there is room for one.
    let refused = user_call(other, "ann").await;
    assert_eq!((refused.status, refused.header("weir-error")), (429, Some("rate_limited")));
    assert!(refused.text().contains("pace"), "{}", refused.text());
    fleet.gateways.iter().for_each(|weir| weir.turn_clock_ms(60_000));
    let refused = user_call(other, "ann").await;
    assert!(refused.status == 429 && refused.text().contains("at once"), "{}", refused.text());
    // Its client goes away, and there is room again.
    drop(client);
    one.calls(2).await;
    fleet.nothing_reserved().await;
    hanging_call(other, &provider, 4).await;
}

#[tokio::test]
async fn without_redis_deny_refuses_and_says_why_and_limits_hold_when_it_is_back_empty() {
    let provider = Provider::answering(200, ANSWER).await;
    let limit = 12 * ANSWER_NANO_USD + RESERVED_NANO_USD;
    let mut fleet = TestFleet::start(&provider, 2, &[budget(limit)], OnUnavailable::Deny).await;
    for call in 0..6 {
        assert_eq!(fleet.gateways[call % 2].chat(short_chat()).await.status, 200);
    }
    fleet.nothing_reserved().await;
    fleet.server.stop();
    let refused = fleet.gateways[0].chat(short_chat()).await;
    assert_eq!((refused.status, refused.header("weir-error")), (503, Some("ledger_unavailable")));
    assert_eq!(
        (refused.header("retry-after"), refused.header("weir-policy")),
        (Some("1"), Some("budget;name=spend"))
    );
    fleet.server.go_on().unwrap();
    fleet.shared().await;
    let statuses = fleet.drain(4, 10).await;
    fleet.nothing_reserved().await;
    while fleet.gateways[1].chat(short_chat()).await.status == 200 {}
    assert!(statuses.iter().all(|status| matches!(status, 200 | 429)), "{statuses:?}");
    let settled = fleet.settled();
    assert!(settled <= limit && settled > limit - RESERVED_NANO_USD, "{settled} of {limit}");
}

#[tokio::test]
async fn without_redis_a_local_share_is_what_was_left_by_the_number_of_gateways() {
    let provider = Provider::answering(200, ANSWER).await;
    let limit = 40 * ANSWER_NANO_USD;
    let mut fleet = TestFleet::start(&provider, 4, &[budget(limit)], OnUnavailable::LocalShare).await;
    for _ in 0..8 {
        assert_eq!(fleet.gateways[0].chat(short_chat()).await.status, 200);
    }
    let spent = 8 * ANSWER_NANO_USD;
    fleet
        .until("what the first gateway has spent", |weir| {
            let status = &weir.ledger.status(weir.now())[0];
            status.settled + status.others == spent && status.reserved == 0
        })
        .await;
    fleet.server.stop();
    let share = (limit - spent) / 4;
    for (number, weir) in fleet.gateways.iter().enumerate() {
        let before = weir.ledger.status(weir.now())[0].settled;
        let refused = loop {
            let response = weir.chat(short_chat()).await;
            if response.status != 200 {
                break response;
            }
        };
        assert_eq!((refused.status, refused.header("weir-error")), (503, Some("ledger_unavailable")));
        let used = weir.ledger.status(weir.now())[0].settled - before;
        assert!(used <= share && used > share - RESERVED_NANO_USD, "gateway {number}: {used} of {share}");
    }
    assert!(fleet.settled() <= limit);
    // Redis comes back empty while calls go on, and what is left goes to whoever asks.
    fleet.server.go_on().unwrap();
    fleet.drain(8, 4).await;
    fleet.shared().await;
    fleet.nothing_reserved().await;
    while fleet.gateways[3].chat(short_chat()).await.status == 200 {}
    let settled = fleet.settled();
    assert!(settled <= limit && settled > limit - RESERVED_NANO_USD, "{settled} of {limit}");
}

#[tokio::test]
async fn without_redis_allow_holds_each_gateway_to_the_whole_limit() {
    let provider = Provider::answering(200, ANSWER).await;
    let limit = 10 * ANSWER_NANO_USD;
    let mut fleet = TestFleet::start(&provider, 2, &[budget(limit)], OnUnavailable::Allow).await;
    assert_eq!(fleet.gateways[0].chat(short_chat()).await.status, 200);
    fleet.nothing_reserved().await;
    fleet.server.stop();
    for weir in &fleet.gateways {
        while weir.chat(short_chat()).await.status == 200 {}
        let used = weir.ledger.status(weir.now())[0].settled;
        assert!(used <= limit && used > limit - RESERVED_NANO_USD, "{used} of {limit}");
    }
    fleet.server.go_on().unwrap();
    fleet.shared().await;
    assert_eq!(fleet.gateways[0].chat(short_chat()).await.header("weir-error"), Some("budget_exceeded"));
}

#[tokio::test]
async fn what_a_gateway_that_is_gone_had_settled_is_not_forgotten_when_redis_is_emptied() {
    let provider = Provider::answering(200, ANSWER).await;
    let limit = 10 * ANSWER_NANO_USD;
    let mut fleet = TestFleet::start(&provider, 2, &[budget(limit)], OnUnavailable::Deny).await;
    for _ in 0..8 {
        assert_eq!(fleet.gateways[0].chat(short_chat()).await.status, 200);
    }
    let spent = fleet.settled();
    fleet.until("what was spent", |weir| weir.ledger.status(weir.now())[0].reserved == 0).await;
    let gone = fleet.gateways.remove(0);
    fleet.until("what the other has spent", |weir| weir.ledger.status(weir.now())[0].others == spent).await;
    // A heartbeat later the other remembers what each gateway has settled.
    fleet.beats(2).await;
    gone.ledger.fleet().unwrap().leave().await;
    drop(gone);
    fleet.server.stop();
    fleet.server.go_on().unwrap();
    fleet.add(&provider, "gateway-new", &[budget(limit)], OnUnavailable::Deny).await;
    fleet.shared().await;
    for weir in &fleet.gateways {
        while weir.chat(short_chat()).await.status == 200 {}
    }
    let settled = spent + fleet.settled();
    assert!(settled <= limit, "{settled} of {limit}");
}
