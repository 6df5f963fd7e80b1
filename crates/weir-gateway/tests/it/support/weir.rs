//! A Weir whose records and time are the test's.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use sha2::{Digest, Sha256};
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::JoinHandle;
use weir_control::budget::{Fleet, FleetConfig, Ledger, LimitSpec};
use weir_control::redis::Redis;
use weir_embed::Embedder;
use weir_gateway::front::{FrontConfig, serve};
use weir_gateway::{
    Gateway, GatewayConfig, GatewayError, GatewayParts, ProviderConfig, ProviderKind, RetryConfig,
    RouteConfig, Target,
};
use weir_guard::{Guard, GuardSettings, GuardedSink, PacksConfig};
use weir_meter::{Meter, PriceBook};
use weir_types::{
    ActivePolicy, Clock, KeyDirectory, KeyHash, PolicyAction, Record, RecordSink, Scope, SharedPolicies,
    SinkError, Span, SpanKind, TagKey, UnixMicros, VirtualKey,
};

use super::{Client, patiently};

/// What happens when a record is appended, before it is.
type Hook = Box<dyn Fn() + Send>;

#[derive(Default)]
struct Sink {
    spans: watch::Sender<Vec<Span>>,
    hook: Mutex<Option<Hook>>,
    failure: Mutex<Option<SinkError>>,
}

impl RecordSink for Sink {
    fn append(&self, records: &[Record]) -> Result<(), SinkError> {
        if let Some(hook) = &*self.hook.lock().unwrap() {
            hook();
        }
        if let Some(failure) = &*self.failure.lock().unwrap() {
            return Err(failure.clone());
        }
        self.spans.send_modify(|spans| {
            // The gateway records spans only; scores and events are the guard's.
            spans.extend(records.iter().filter_map(|record| match record {
                Record::Span(span) => Some((**span).clone()),
                _ => None,
            }));
        });
        Ok(())
    }
}

#[derive(Default)]
struct Keys(HashMap<[u8; 32], Arc<VirtualKey>>);

impl KeyDirectory for Keys {
    fn find(&self, hash: &KeyHash) -> Option<Arc<VirtualKey>> {
        self.0.get(&hash.0).cloned()
    }
}

struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> UnixMicros {
        UnixMicros(self.0.load(Ordering::SeqCst))
    }
}

/// A provider of kind `openai` for a fake one.
pub fn provider_config(name: &str, base_url: Uri) -> ProviderConfig {
    ProviderConfig::new(name, ProviderKind::OpenAi, base_url)
}

pub struct WeirBuilder {
    pub config: GatewayConfig,
    pub front: FrontConfig,
    pub redis: Option<Arc<Redis>>,
    /// The fleet whose limits it shares, through `redis`.
    pub fleet: Option<FleetConfig>,
    pub embedder: Option<Arc<Embedder>>,
    guard: Option<GuardSettings>,
    keys: Keys,
    ledger: Ledger,
}

pub struct Weir {
    pub address: SocketAddr,
    pub gateway: Arc<Gateway>,
    sink: Arc<Sink>,
    clock: Arc<TestClock>,
    policies: Arc<SharedPolicies>,
    pub ledger: Arc<Ledger>,
    stop: Arc<Notify>,
    served: JoinHandle<Result<(), GatewayError>>,
    _alive: oneshot::Sender<()>,
}

impl WeirBuilder {
    /// These providers, one worker thread, and retries without pauses.
    pub fn new(providers: Vec<ProviderConfig>) -> Self {
        let retry = RetryConfig { backoff_base_ms: 0, ..RetryConfig::default() };
        let config = GatewayConfig { providers, retry, ..GatewayConfig::default() };
        let front = FrontConfig { worker_threads: 1, ..FrontConfig::default() };
        let (redis, fleet, embedder, guard) = (None, None, None, None);
        Self {
            config,
            front,
            redis,
            fleet,
            embedder,
            guard,
            keys: Keys::default(),
            ledger: Ledger::default(),
        }
    }

    /// Routes a model to providers, `name` or `name/model`.
    pub fn route(mut self, model: &str, targets: &[&str]) -> Self {
        let target = |target: &&str| match target.split_once('/') {
            Some((provider, model)) => Target { provider: provider.into(), model: Some(model.into()) },
            None => Target { provider: (*target).into(), model: None },
        };
        self.config
            .routes
            .push(RouteConfig { model: model.into(), targets: targets.iter().map(target).collect() });
        self
    }

    pub fn key(mut self, secret: &str, key: VirtualKey) -> Self {
        self.keys.0.insert(Sha256::digest(secret).into(), Arc::new(key));
        self
    }

    pub fn threads(mut self, threads: usize) -> Self {
        self.front.worker_threads = threads;
        self
    }

    pub fn limits(mut self, limits: Vec<LimitSpec>) -> Self {
        self.ledger = Ledger::new(limits);
        self
    }

    /// Guards calls, and what is recorded of them.
    pub fn guard(mut self, settings: GuardSettings) -> Self {
        self.guard = Some(settings);
        self
    }

    pub fn with(mut self, change: impl FnOnce(&mut GatewayConfig)) -> Self {
        change(&mut self.config);
        self
    }

    pub fn start(self) -> Weir {
        let sink = Arc::new(Sink::default());
        let clock = Arc::new(TestClock(AtomicI64::new(1_750_000_000_000_000)));
        let policies = Arc::new(SharedPolicies::default());
        let ledger = Arc::new(self.ledger);
        if let (Some(fleet), Some(redis)) = (self.fleet, &self.redis) {
            Fleet::join(&ledger, redis, clock.clone(), fleet);
        }
        let is_guarded = self.guard.is_some();
        let guard = Arc::new(Guard::new(self.guard.unwrap_or_else(unguarded)).unwrap());
        let guarded = GuardedSink::new(sink.clone(), Arc::clone(&guard));
        let parts = GatewayParts {
            sink: if is_guarded { Arc::new(guarded) } else { sink.clone() },
            guard,
            keys: Arc::new(self.keys),
            policies: policies.clone(),
            ledger: Arc::clone(&ledger),
            redis: self.redis,
            embedder: self.embedder,
            meter: Arc::new(Meter::new(PriceBook::bundled())),
            clock: clock.clone(),
        };
        let gateway = Gateway::new(self.config, parts).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let fallback = tower::service_fn(|request: Request<Incoming>| async move {
            let body = format!("fallback {}", request.uri().path());
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(body))))
        });
        let (stop, (alive, gone)) = (Arc::new(Notify::new()), oneshot::channel::<()>());
        let stopped = {
            let stop = Arc::clone(&stop);
            // The end of the test stops it too.
            async move {
                tokio::select! { () = stop.notified() => {}, _ = gone => {} }
            }
        };
        let served = tokio::spawn(serve(vec![listener], gateway.clone(), fallback, self.front, stopped));
        Weir { address, gateway, sink, clock, policies, ledger, stop, served, _alive: alive }
    }
}

/// Looks for nothing, and takes no time to make.
fn unguarded() -> GuardSettings {
    let packs = PacksConfig { seed: false, strong: false, ..PacksConfig::default() };
    GuardSettings { packs, ..GuardSettings::default() }
}

impl Weir {
    /// A Weir before one provider of kind `openai`, named `openai`.
    pub fn before(provider: &super::Provider) -> Self {
        WeirBuilder::new(vec![provider_config("openai", provider.url("/v1"))]).start()
    }

    pub async fn client(&self) -> Client {
        Client::connect(self.address).await
    }

    /// One chat call on a connection of its own.
    pub async fn chat(&self, body: impl AsRef<[u8]>) -> super::Response {
        self.post("/v1/chat/completions", &[], body).await
    }

    /// One call on a connection of its own.
    pub async fn post(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> super::Response {
        let mut client = self.client().await;
        client.post(path, headers, body).await;
        client.response().await
    }

    /// All spans recorded so far, attempts included.
    pub fn spans(&self) -> Vec<Span> {
        self.sink.spans.borrow().clone()
    }

    /// Spans of calls, once there are so many.
    pub async fn calls(&self, count: usize) -> Vec<Span> {
        let calls = |spans: &[Span]| -> Vec<Span> {
            spans
                .iter()
                .filter(|span| span.kind != SpanKind::Http || span.attributes.is_some())
                .cloned()
                .collect()
        };
        let mut spans = self.sink.spans.subscribe();
        let spans = patiently("records", spans.wait_for(|spans| calls(spans).len() >= count)).await.unwrap();
        calls(&spans)
    }

    /// The span of the only call, once it is recorded.
    pub async fn call(&self) -> Span {
        let calls = self.calls(1).await;
        assert_eq!(calls.len(), 1, "{calls:#?}");
        calls.into_iter().next().unwrap()
    }

    pub fn now(&self) -> UnixMicros {
        self.clock.now()
    }

    pub fn turn_clock_ms(&self, ms: i64) {
        self.clock.0.fetch_add(ms * 1_000, Ordering::SeqCst);
    }

    /// Puts policies of the monitor `spend` in force for a minute, in place of all others; each is about the calls with
    /// this tag.
    pub fn set_policies(&self, policies: &[(&str, &str, PolicyAction)]) {
        self.set_policies_with(policies, |_| {});
    }

    /// The same, each policy changed before it is set.
    pub fn set_policies_with(
        &self,
        policies: &[(&str, &str, PolicyAction)],
        change: impl Fn(&mut ActivePolicy),
    ) {
        let now = self.clock.now();
        let policies = policies.iter().enumerate().map(|(index, (tag, value, action))| {
            let mut policy = ActivePolicy {
                id: format!("policy-{index}").into(),
                monitor: "spend".into(),
                scope: Scope::Is(TagKey::new(tag), (*value).into()),
                action: action.clone(),
                since: now,
                until: UnixMicros(now.0 + UnixMicros::MINUTE),
                is_dry_run: false,
            };
            change(&mut policy);
            policy
        });
        self.policies.set(policies.collect());
    }

    /// Does something at every append, before the record is kept.
    pub fn on_append(&self, hook: impl Fn() + Send + 'static) {
        *self.sink.hook.lock().unwrap() = Some(Box::new(hook));
    }

    /// Makes every append fail.
    pub fn fail_appends(&self, failure: SinkError) {
        *self.sink.failure.lock().unwrap() = Some(failure);
    }

    /// Asks it to stop.
    pub fn stop(&self) {
        self.stop.notify_one();
    }

    /// Waits until it has stopped.
    pub async fn stopped(&mut self) {
        patiently("the shutdown", &mut self.served).await.unwrap().unwrap();
    }
}

/// A member of a span's attributes.
pub fn attribute(span: &Span, name: &str) -> serde_json::Value {
    let attributes = span.attributes.as_ref().map_or("{}", |attributes| attributes.expose());
    serde_json::from_str::<serde_json::Value>(attributes).unwrap()[name].clone()
}
