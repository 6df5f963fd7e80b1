//! The gateway alone, for measuring: no store, no dashboard, records counted and dropped.
//!
//! `bare_gateway LISTEN UPSTREAM [THREADS [cache]]`, for example `bare_gateway 127.0.0.1:7070 http://127.0.0.1:9000/v1 1`.
//! `upstream` beside it is something to point it at.

use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use weir_control::cache::CacheConfig;
use weir_gateway::front::{FrontConfig, serve};
use weir_gateway::{Gateway, GatewayConfig, GatewayParts, ProviderConfig, ProviderKind};
use weir_guard::{Guard, GuardSettings};
use weir_meter::{Meter, PriceBook};
use weir_types::{KeyDirectory, KeyHash, NoPolicies, Record, RecordSink, SinkError, SystemClock, VirtualKey};

/// The allocator of the real binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Default)]
struct Counted(AtomicU64);

impl RecordSink for Counted {
    fn append(&self, records: &[Record]) -> Result<(), SinkError> {
        self.0.fetch_add(records.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

struct NoKeys;

impl KeyDirectory for NoKeys {
    fn find(&self, _: &KeyHash) -> Option<Arc<VirtualKey>> {
        None
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [listen, upstream, rest @ ..] = arguments.as_slice() else {
        return Err("usage: bare_gateway LISTEN UPSTREAM [THREADS [cache]]".into());
    };
    let worker_threads = rest.first().map_or(Ok(0), |threads| threads.parse())?;
    let config = GatewayConfig {
        providers: vec![ProviderConfig::new("openai", ProviderKind::OpenAi, upstream.parse()?)],
        cache: rest.get(1).filter(|word| *word == "cache").map(|_| CacheConfig::default()),
        ..GatewayConfig::default()
    };
    let parts = GatewayParts {
        sink: Arc::new(Counted::default()),
        keys: Arc::new(NoKeys),
        policies: Arc::new(NoPolicies),
        ledger: Arc::default(),
        redis: None,
        embedder: None,
        guard: Arc::new(Guard::new(GuardSettings::default())?),
        meter: Arc::new(Meter::new(PriceBook::bundled())),
        clock: Arc::new(SystemClock),
    };
    let not_found = tower::service_fn(|_: Request<Incoming>| async {
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"not the gateway's\n"))))
    });
    let front = FrontConfig { worker_threads, ..FrontConfig::default() };
    let stop = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    serve(vec![TcpListener::bind(listen)?], Gateway::new(config, parts)?, not_found, front, stop).await?;
    Ok(())
}
