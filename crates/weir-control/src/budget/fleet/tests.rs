//! The shared state machine against a real Redis: whatever gateways do and whatever is lost, they never jointly pass the limit.

use proptest::prelude::*;
use tokio::runtime::{Handle, Runtime};
use weir_testkit::RedisServer;

use super::super::Amount;
use super::super::accounts::PLACES;
use super::script::{Answer, Member, Reply, Request, State, Told, Want, exchange};
use crate::redis::Redis;

const LIMIT: Amount = 1_000;
const GATEWAYS: usize = 3;

async fn connection(server: &RedisServer) -> Redis {
    let redis = Redis::open(&server.url(), None, &Handle::current()).unwrap();
    while !redis.is_connected() {
        tokio::task::yield_now().await;
    }
    redis
}

/// What may happen.
#[derive(Debug, Clone)]
enum Step {
    Hold(usize, Amount),
    /// A hold whose answer never arrives.
    LoseAnswer(usize, Amount),
    /// The reservation of this number, modulo how many there are, is settled with a share of what it held.
    Settle(usize, usize, u8),
    /// What a heartbeat does.
    Tell(usize),
    /// The last exchange that was given up is carried out now.
    ComeLate(usize),
    /// The gateway is killed; it starts again knowing what it had settled.
    Restart(usize),
    /// The gateway is not heard of until its lease is over, and what it held lapses.
    Die(usize),
    /// Redis loses everything, and every gateway tells what it has.
    Flush,
}

fn step() -> impl Strategy<Value = Step> {
    let gateway = || 0..GATEWAYS;
    prop_oneof![
        8 => (gateway(), 0..300i64).prop_map(|(gateway, amount)| Step::Hold(gateway, amount)),
        2 => (gateway(), 0..300i64).prop_map(|(gateway, amount)| Step::LoseAnswer(gateway, amount)),
        6 => (gateway(), any::<usize>(), any::<u8>()).prop_map(|(gateway, at, share)| Step::Settle(gateway, at, share)),
        4 => gateway().prop_map(Step::Tell),
        2 => gateway().prop_map(Step::ComeLate),
        1 => gateway().prop_map(Step::Restart),
        1 => gateway().prop_map(Step::Die),
        1 => Just(Step::Flush),
    ]
}

/// One gateway as it sees itself.
struct Gateway {
    member: Member,
    settled: Amount,
    held: Vec<Amount>,
    /// The last exchange whose answer was lost.
    given_up: Option<(Member, Request)>,
}

impl Gateway {
    fn new(number: usize) -> Self {
        let member = Member { id: format!("gateway-{number}"), incarnation: "0".to_owned(), turn: 0 };
        Self { member, settled: 0, held: Vec::new(), given_up: None }
    }

    fn committed(&self) -> Amount {
        self.settled + self.held.iter().sum::<Amount>()
    }

    fn request(&self, amount: Option<Amount>) -> Request {
        let want = |amount| vec![Want { account: 0, amount, limit: LIMIT, is_enforced: true }];
        let account = Told {
            key: format!("{PLACES}account"),
            settled: self.settled,
            committed: self.committed(),
            ttl_ms: 3_600_000,
            was_written: false,
            peers: Vec::new(),
        };
        Request {
            lease_ms: 3_600_000,
            warm_ms: 3_600_000,
            has_told_all: true,
            wants_peers: false,
            accounts: vec![account],
            calls: amount.map(want).into_iter().collect(),
        }
    }

    async fn exchange(&mut self, redis: &Redis, amount: Option<Amount>) -> Answer {
        self.member.turn += 1;
        match exchange(redis, &self.member, &self.request(amount)).await.unwrap() {
            Reply::Done(answer) => answer,
            Reply::Late(last) => panic!("{} is late: {last}", self.member.turn),
        }
    }

    /// Its reservations are gone with it, and a new run has none.
    fn restart(&mut self) {
        self.held.clear();
        self.member.incarnation.push('x');
    }
}

/// The memory has been there for long enough.
async fn age(redis: &Redis) {
    let mut command = ::redis::cmd("SET");
    command.arg(format!("{PLACES}epoch")).arg(1);
    redis.run::<()>(&command).await.unwrap();
}

/// What happens once the lease of a gateway is over.
async fn lapse(redis: &Redis, gateway: &Gateway) {
    let mut command = ::redis::cmd("HSET");
    let Member { id, incarnation, turn } = &gateway.member;
    command.arg(format!("{PLACES}gateways")).arg(id).arg(format!("1:{turn}:{incarnation}:1"));
    redis.run::<()>(&command).await.unwrap();
}

async fn hold(redis: &Redis, gateway: &mut Gateway, amount: Amount) {
    let before = gateway.committed();
    let answer = gateway.exchange(redis, Some(amount)).await;
    if answer.state != State::Whole {
        return;
    }
    let others = answer.others[0].settled + answer.others[0].reserved;
    let fits = before + others + amount <= LIMIT;
    assert_eq!(answer.calls[0].denied_by.is_none(), fits, "{before} {others} {amount}");
    if fits {
        gateway.held.push(amount);
    }
}

async fn take(redis: &Redis, gateways: &mut [Gateway], step: Step) {
    match step {
        Step::Hold(at, amount) => hold(redis, &mut gateways[at], amount).await,
        Step::LoseAnswer(at, amount) => {
            let gateway = &mut gateways[at];
            let request = gateway.request(Some(amount));
            gateway.exchange(redis, Some(amount)).await;
            gateway.given_up = Some((gateway.member.clone(), request));
        }
        Step::Settle(at, which, share) => {
            let gateway = &mut gateways[at];
            if !gateway.held.is_empty() {
                let which = which % gateway.held.len();
                gateway.settled += gateway.held.swap_remove(which) * i64::from(share) / 255;
            }
        }
        Step::Tell(at) => drop(gateways[at].exchange(redis, None).await),
        Step::ComeLate(at) => {
            let gateway = &mut gateways[at];
            if let Some((member, request)) = gateway.given_up.take() {
                gateway.exchange(redis, None).await;
                assert!(matches!(exchange(redis, &member, &request).await, Ok(Reply::Late(_))));
            }
        }
        Step::Restart(at) => {
            gateways[at].restart();
            gateways[at].exchange(redis, None).await;
        }
        Step::Die(at) => {
            gateways[at].exchange(redis, None).await;
            lapse(redis, &gateways[at]).await;
            gateways[at].restart();
        }
        Step::Flush => {
            redis.run::<()>(&::redis::cmd("FLUSHALL")).await.unwrap();
            for gateway in gateways {
                assert_eq!(gateway.exchange(redis, Some(0)).await.state, State::Filling);
                gateway.given_up = None;
            }
            age(redis).await;
        }
    }
}

#[test]
fn whatever_is_lost_gateways_never_jointly_pass_the_limit() {
    let (server, runtime) = (RedisServer::start().unwrap(), Runtime::new().unwrap());
    let redis = runtime.block_on(connection(&server));
    let steps = prop::collection::vec(step(), 0..80);
    proptest!(ProptestConfig::with_cases(64), |(steps in steps)| {
        runtime.block_on(async {
            let mut gateways: Vec<_> = (0..GATEWAYS).map(Gateway::new).collect();
            take(&redis, &mut gateways, Step::Flush).await;
            for step in steps {
                take(&redis, &mut gateways, step).await;
                let committed: Amount = gateways.iter().map(Gateway::committed).sum();
                assert!(committed <= LIMIT, "{committed}");
            }
            // When all have told and nothing is lost, all that is left can be held.
            for _ in 0..2 {
                for gateway in &mut gateways {
                    gateway.exchange(&redis, None).await;
                }
            }
            let committed: Amount = gateways.iter().map(Gateway::committed).sum();
            hold(&redis, &mut gateways[0], LIMIT - committed).await;
            assert_eq!(gateways.iter().map(Gateway::committed).sum::<Amount>(), LIMIT);
        });
    });
}

#[test]
fn what_was_certainly_written_and_is_gone_is_memory_that_was_lost() {
    let (server, runtime) = (RedisServer::start().unwrap(), Runtime::new().unwrap());
    runtime.block_on(async {
        let redis = connection(&server).await;
        let mut gateway = Gateway::new(0);
        take(&redis, std::slice::from_mut(&mut gateway), Step::Flush).await;
        hold(&redis, &mut gateway, 10).await;
        assert_eq!(gateway.held, [10]);
        let mut evict = ::redis::cmd("DEL");
        evict.arg(format!("{PLACES}account"));
        redis.run::<()>(&evict).await.unwrap();
        let mut request = gateway.request(Some(10));
        request.accounts[0].was_written = true;
        request.accounts[0].peers = vec![("gateway-gone".to_owned(), 7)];
        gateway.member.turn += 1;
        let Ok(Reply::Done(answer)) = exchange(&redis, &gateway.member, &request).await else { panic!() };
        assert_eq!((answer.state, answer.others[0].settled), (State::Filling, 7));
    });
}

#[test]
fn a_new_run_takes_over_what_the_one_before_had_settled() {
    let (server, runtime) = (RedisServer::start().unwrap(), Runtime::new().unwrap());
    runtime.block_on(async {
        let redis = connection(&server).await;
        let mut gateway = Gateway::new(0);
        take(&redis, std::slice::from_mut(&mut gateway), Step::Flush).await;
        gateway.settled = 40;
        gateway.exchange(&redis, None).await;
        gateway.restart();
        gateway.settled = 15;
        assert_eq!(gateway.exchange(&redis, None).await.others[0].inherited, 25);
    });
}
