//! The only place that connects crates: store, meter, gateway and API become one Weir.
//!
//! The order matters and is said once, here. Coming up: listeners, store, gateway, receivers, API; so an address that is
//! taken is told before anything is written. Going down: calls under way end and are recorded, the fleet is told,
//! receivers end, then the store is brought to rest.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use weir_api::{ApiAuth, ApiParts, LiveFeed};
use weir_control::budget::Fleet;
use weir_evaluate::drift::DriftConfig;
use weir_gateway::front::{self, FrontConfig};
use weir_gateway::{Gateway, GatewayConfig, GatewayParts};
use weir_guard::Guard;
use weir_ingest::{Inlet, InletParts};
use weir_meter::Meter;
use weir_notify::{Notifier, NotifierParts};
use weir_store::Store;
use weir_types::{AlertStore, Clock, PriceSource, RecordSink, Secret};

use crate::budgeting::{Budgeting, BudgetingParts, Configured, Watching};
use crate::config::Config;
use crate::drifting::{Drifting, DriftingParts};
use crate::evaluating::Evaluating;
use crate::fleet;
use crate::judge::{Judge, JudgeParts};
use crate::notifying::{Notifying, silence_check};
use crate::own_gateway::OwnGateway;
use crate::price_list::PriceList;
use crate::probing::Probing;
use crate::receiver_access::{self, Access};
use crate::receivers::{Receivers, Routers};
use crate::recording::{Recording, is_recovered};
use crate::self_report::{SelfReport, SelfReportParts};

/// A Weir that is ready to serve.
pub struct Weir {
    /// Where it listens; the port is real, also when the configuration says 0.
    pub address: SocketAddr,
    /// Everything it keeps.
    pub store: Arc<Store>,
    /// Where every source appends.
    pub sink: Arc<dyn RecordSink>,
    /// Looks at what is appended there.
    pub guard: Arc<Guard>,
    /// Tokens and prices.
    pub meter: Arc<Meter>,
    /// Where DogStatsD is received by UDP, if it is.
    pub statsd_port: Option<u16>,
    listener: TcpListener,
    gateway: Arc<Gateway>,
    judge: Arc<Judge>,
    evaluating: Option<Evaluating>,
    notifier: Notifier,
    watching: Watching,
    drifting: Option<DriftingParts>,
    probing: Probing,
    fleet: Option<Arc<Fleet>>,
    api: axum::Router,
    live: LiveFeed,
    front: FrontConfig,
    inlet: Arc<Inlet>,
    receivers: Receivers,
    routers: Routers,
}

impl Weir {
    /// Opens the listener and the store and connects the parts, all of which go by this clock. Nothing is served yet.
    pub async fn open(config: Config, clock: Arc<dyn Clock>, demo: bool) -> anyhow::Result<Self> {
        let listener = listener(config.listen)?;
        let address = listener.local_addr()?;
        let receivers = Receivers::open(&config.listeners)?;
        let data_dir = config.store.data_dir.clone();
        let store = Arc::new(Store::open(config.store, Arc::clone(&clock)).await?);
        let meter = Arc::new(Meter::new(config.prices));
        let own = OwnGateway::open(address, &data_dir)?;
        // Every source appends through this one sink.
        let embeddings = config.embeddings.as_ref();
        let guard = (config.guard, config.classifier.as_deref());
        let Recording { sink, guard, live, embedder, evaluating, watch } =
            Recording::open(guard, embeddings, &config.evaluation, own.clone(), &store, &clock)?;
        let alerts = store.alerts_with_check(silence_check());
        let budgeting = open_budgeting(&store, &sink, &clock, config.budgets).await?;
        let notifier = Notifier::new(NotifierParts {
            store: Arc::clone(&alerts),
            clock: Arc::clone(&clock),
            settings: config.notifications,
            base_url: config.public_url.unwrap_or_else(|| Arc::from(format!("http://{address}"))),
        })?;
        let prices = Arc::new(PriceList(Arc::clone(&meter)));
        let judge =
            open_judge(&store, &sink, &alerts, &clock, Arc::clone(&prices) as _, &notifier, config.monitors);
        let shared = fleet::open(config.redis.as_ref(), &budgeting.ledger(), &clock, &data_dir)?;
        let parts = GatewayParts {
            sink: Arc::clone(&sink),
            keys: store.keys(),
            policies: judge.policies(),
            ledger: budgeting.ledger(),
            redis: shared.redis.clone(),
            embedder,
            guard: Arc::clone(&guard),
            meter: Arc::clone(&meter),
            clock: Arc::clone(&clock),
        };
        let gateway = Gateway::new(GatewayConfig { own_mark: own.mark.clone(), ..config.gateway }, parts)?;
        let drifting = config.drift.map(|drift| open_drifting(drift, &store, &sink, &clock));
        let every_sink = Arc::clone(&sink);
        let probing = Probing::new(config.probes, &own, Arc::clone(&sink), Arc::clone(&clock))?;
        let inlet =
            Arc::new(Inlet::new(InletParts { sink, meter: Arc::clone(&meter), clock: Arc::clone(&clock) }));
        let report = Arc::new(SelfReport::new(SelfReportParts {
            store: Arc::clone(&store),
            gateway: Arc::clone(&gateway),
            inlet: Arc::clone(&inlet),
            guard: Arc::clone(&guard),
            shared: shared.clone(),
            evaluation: watch,
            doors: receivers.doors(),
            address,
            demo,
            started_at: clock.now(),
        }));
        let allowed_hosts = allowed_hosts(address, config.api.allowed_hosts);
        let routers = Routers::new(&inlet, store.browse(), &receivers);
        let access = access(&store, &clock, config.api.admin_token.clone(), allowed_hosts.clone());
        let api = weir_api::router(ApiParts {
            scan: store.scan(),
            browse: store.browse(),
            key_admin: store.key_admin(),
            documents: store.documents(),
            monitors: Arc::clone(&judge) as _,
            budgets: Arc::clone(&budgeting) as _,
            alerts,
            audit: store.audit(),
            silence_holds: Arc::new(|silence, now| silence.starts_at <= now && now < silence.ends_at),
            live: live.clone(),
            sink: Arc::clone(&every_sink),
            cache: gateway.cache().map(|cache| Arc::clone(cache) as _),
            prices,
            clock,
            status: Arc::clone(&report) as _,
            metrics: Arc::new(move || report.prometheus_text()),
            auth: ApiAuth { admin_token: config.api.admin_token, allowed_hosts },
        });
        let api = api.merge(receiver_access::for_shared_port(routers.shared_port(), access));
        Ok(Self {
            address,
            store,
            sink: every_sink,
            guard,
            meter,
            statsd_port: receivers.statsd_port(),
            listener,
            gateway,
            judge,
            evaluating,
            notifier,
            watching: budgeting.watch(),
            drifting,
            probing,
            fleet: shared.fleet,
            api,
            live,
            front: front_config(config.worker_threads),
            inlet,
            receivers,
            routers,
        })
    }

    /// Serves until `shutdown` is ready, lets calls under way end, and brings the store to rest.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) -> anyhow::Result<()> {
        let Self {
            store,
            listener,
            gateway,
            judge,
            evaluating,
            notifier,
            watching,
            drifting,
            probing,
            fleet,
            api,
            live,
            front,
            inlet,
            receivers,
            routers,
            ..
        } = self;
        let receivers = receivers.serve(&routers, &inlet)?;
        drop((routers, inlet));
        let judging = judge.start()?;
        let notifying = Notifying::start(notifier);
        let drifting = drifting.map(Drifting::start);
        let evaluating = evaluating.map(Evaluating::start).transpose()?;
        let probing = probing.start();
        let stopping = async {
            shutdown.await;
            drop(probing);
            live.end();
            // Judges' calls are dropped first: users' calls are waited for, and these are not.
            if let Some(evaluating) = evaluating {
                evaluating.stop().await;
            }
        };
        front::serve(vec![listener], gateway, api, front, stopping).await?;
        if let Some(fleet) = fleet {
            fleet.leave().await;
        }
        receivers.stop().await;
        drop(watching);
        if let Some(drifting) = drifting {
            drifting.stop().await;
        }
        judge.stop();
        drop(judge);
        tokio::task::spawn_blocking(move || judging.join()).await?.unwrap_or_else(|_| {
            tracing::error!("the judge ended early; monitors were not evaluated since");
        });
        notifying.stop().await;
        let Some(store) = Arc::into_inner(store) else {
            // What was appended is in the journal, and the next start finds it there.
            tracing::warn!("the store is still in use; what is not stored yet stays in the journal");
            return Ok(());
        };
        store.close().await?;
        Ok(())
    }
}

/// The door of gateway, dashboard and API.
fn listener(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).with_context(|| {
        format!("cannot listen on {address}: stop what listens there, or choose another with --listen")
    })
}

fn front_config(worker_threads: Option<usize>) -> FrontConfig {
    FrontConfig { worker_threads: worker_threads.unwrap_or(0), ..FrontConfig::default() }
}

/// Who may send telemetry to the shared port.
fn access(store: &Store, clock: &Arc<dyn Clock>, admin_token: Option<Secret>, hosts: Vec<String>) -> Access {
    Access { admin_token, keys: store.keys(), clock: Arc::clone(clock), allowed_hosts: hosts }
}

/// Those who judge monitors, and wake the notifier.
fn open_judge(
    store: &Arc<Store>,
    sink: &Arc<dyn RecordSink>,
    alerts: &Arc<dyn AlertStore>,
    clock: &Arc<dyn Clock>,
    prices: Arc<dyn PriceSource>,
    notifier: &Notifier,
    configured: weir_monitor::Definitions,
) -> Arc<Judge> {
    let waker = notifier.waker();
    Judge::new(JudgeParts {
        feed: store.cell_feed(),
        scan: store.scan(),
        browse: store.browse(),
        alerts: Arc::clone(alerts),
        on_notices: Box::new(move || waker.wake()),
        audit: store.audit(),
        sink: Arc::clone(sink),
        prices,
        clock: Arc::clone(clock),
        configured,
        runtime: tokio::runtime::Handle::current(),
        is_recovered: is_recovered(store),
    })
}

/// What looks for drift, not started.
fn open_drifting(
    (config, every): (DriftConfig, Duration),
    store: &Arc<Store>,
    sink: &Arc<dyn RecordSink>,
    clock: &Arc<dyn Clock>,
) -> DriftingParts {
    let (sink, clock) = (Arc::clone(sink), Arc::clone(clock));
    DriftingParts { scan: store.scan(), sink, clock, config, every, is_recovered: is_recovered(store) }
}

/// Budgets, filled with what was spent. What is still in the journal is stored first, where there is anything to fill.
async fn open_budgeting(
    store: &Store,
    sink: &Arc<dyn RecordSink>,
    clock: &Arc<dyn Clock>,
    configured: Configured,
) -> anyhow::Result<Arc<Budgeting>> {
    let saved = store.budgets();
    let budgets = saved.list().await.context("cannot read the budgets that were made on the dashboard")?;
    if !budgets.is_empty() || !configured.is_empty() {
        store.flush().await?;
    }
    let (scan, sink, clock) = (store.scan(), Arc::clone(sink), Arc::clone(clock));
    Budgeting::open(BudgetingParts { scan, saved, sink, clock, configured }, &budgets).await
}

/// Under which names browsers may reach the dashboard. On loopback only loopback's own and the configured ones, so that
/// a page from elsewhere whose name was pointed at 127.0.0.1 reads nothing. On an open address the token protects; names
/// are checked where some are configured.
fn allowed_hosts(address: SocketAddr, configured: Vec<String>) -> Vec<String> {
    if !address.ip().is_loopback() && configured.is_empty() {
        return Vec::new();
    }
    ApiAuth::loopback_hosts().into_iter().chain(configured).collect()
}

/// Ready when the process is asked to end, by Ctrl-C or by SIGTERM.
pub async fn asked_to_end() {
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => signal.recv().await,
            // Without the handler the signal ends the process by itself.
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate => {}
    }
    tracing::info!("ending: calls under way are finished");
}

/// The runtime for what is not a call: the store's state, signals, the demo. Calls have threads of their own.
pub fn background_runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?)
}
