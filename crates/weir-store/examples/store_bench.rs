//! Measures the store: appending, recording, and the Overview's questions on many spans.
//!
//! `cargo run --release -p weir-store --example store_bench -- [append|record|query|memory]… [--spans N] [--dir DIR]`
//!
//! `append` writes spans of 1 kB to the journal from several threads; `record` measures how fast they arrive in DuckDB;
//! `query` puts N spans (10 million) over 30 days through the recorder and asks; `memory` shows what is resident. A
//! folder that has been filled once is used again. Its spans end with the hour in which it was filled, so that a `weir`
//! that is started on the folder keeps them, and `bench/screens.mjs` can time what its pages ask.

#![expect(clippy::print_stdout, reason = "it prints what it measures")]
#![expect(clippy::unwrap_used, reason = "a measurement that cannot be made ends")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use weir_store::{Durability, Store, StoreConfig};
use weir_types::{
    Clock, Content, IdGenerator, NanoUsd, Need, Record, ScanRequest, ScanSource, Scope, SortOrder, Source,
    Span, SpanFilter, SpanKind, SpanSelection, SpanStatus, SystemClock, TagKey, TimeRange, TokenUsage,
    UnixMicros, metric,
};

/// The time of what is appended and recorded.
const END: UnixMicros = UnixMicros(1_790_000_000_000_000 / UnixMicros::HOUR * UnixMicros::HOUR);
const DAYS: i64 = 30;

/// As in the `weir` binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct BenchClock(AtomicI64);

impl Clock for BenchClock {
    fn now(&self) -> UnixMicros {
        UnixMicros(self.0.load(Ordering::Relaxed))
    }
}

/// Calls of a company: 8 teams with 3 apps each, which use 2 of 12 models; 96 tag sets in all.
struct Company {
    ids: IdGenerator,
    texts: Vec<Arc<str>>,
    body: Option<Content>,
}

impl Company {
    fn new(body_bytes: usize) -> Self {
        let body = (body_bytes > 0).then(|| {
            let text: String = std::iter::repeat_with(fastrand::alphanumeric).take(body_bytes).collect();
            Content::new(format!(r#"[{{"role":"user","content":"{text}"}}]"#))
        });
        let texts = (0..64).map(|n| Arc::from(format!("name-{n}"))).collect();
        Self { ids: IdGenerator::new(), texts, body }
    }

    fn text(&self, number: u64) -> Option<Arc<str>> {
        self.texts.get(usize::try_from(number % 64).unwrap()).cloned()
    }

    fn span(&self, start: UnixMicros) -> Record {
        let random = fastrand::u64(..);
        let (team, app) = (random % 8, random / 8 % 3);
        let model = (team + app + random / 24 % 2 * 5) % 12;
        let mut span = Span::new(
            self.ids.trace_id(start),
            self.ids.span_id(start),
            SpanKind::Llm,
            Source::Gateway,
            start,
        );
        span.duration_us = 200_000 + random / 48 % 3_000_000;
        span.provider = self.text(model % 4);
        span.model = self.text(10 + model);
        span.response_model = self.text(10 + model);
        (span.team, span.app) = (self.text(30 + team), self.text(40 + app));
        (span.env, span.service) = (self.text(50 + random / 64 % 2), self.text(55));
        (span.session, span.user) = (self.text(random / 100), self.text(random / 1_000));
        span.http_status = Some(200);
        if random.is_multiple_of(50) {
            (span.status, span.error_type, span.http_status) = (SpanStatus::Error, self.text(60), Some(500));
        }
        span.tokens = TokenUsage {
            input: Some(random / 7 % 4_000),
            output: Some(random / 11 % 1_000),
            ..TokenUsage::default()
        };
        span.cost = Some(NanoUsd((random / 13 % 10_000_000).cast_signed()));
        span.stream = random.is_multiple_of(2);
        span.ttft_us = span.stream.then_some(100_000 + random / 17 % 500_000);
        span.finish_reason = self.text(62);
        (span.input, span.output) = (self.body.clone(), self.body.clone());
        Record::Span(Box::new(span))
    }
}

#[tokio::main]
async fn main() {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let mut option = |name: &str| {
        let at = args.iter().position(|arg| arg == name)?;
        Some(args.drain(at..at + 2).nth(1).unwrap())
    };
    let spans: u64 = option("--spans").map_or(10_000_000, |n| n.parse().unwrap());
    let dir = option("--dir").map_or_else(|| std::env::temp_dir().join("weir-store-bench"), PathBuf::from);
    if args.is_empty() {
        args = ["append", "record", "query", "memory"].map(str::to_owned).to_vec();
    }
    for mode in &args {
        println!("\n== {mode}");
        match mode.as_str() {
            "append" => append(&dir).await,
            "record" => record(&dir).await,
            "query" => query(&dir, spans).await,
            "memory" => memory(&dir).await,
            other => println!("unknown: {other}"),
        }
    }
}

async fn open(dir: &Path, durability: Durability) -> (Store, Arc<BenchClock>) {
    let clock = Arc::new(BenchClock(AtomicI64::new(END.0)));
    let config = StoreConfig { durability, ..StoreConfig::at(dir) };
    (Store::open(config, Arc::clone(&clock) as _).await.unwrap(), clock)
}

/// How many appends of one span the journal takes in a second. DuckDB is kept away, so that only the journal works.
async fn append(dir: &Path) {
    for (durability, threads) in [
        (Durability::Relaxed, 1),
        (Durability::Relaxed, 2),
        (Durability::Relaxed, 16),
        (Durability::Fsync, 64),
    ] {
        let dir = dir.join("append");
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(dir.join("weir.duckdb")).unwrap();
        let (store, _) = open(&dir, durability).await;
        let company = Company::new(450);
        let prepared: Vec<_> = (0..1_000).map(|_| [company.span(END)]).collect();
        let (sink, count) = (store.sink(), AtomicU64::new(0));
        let latencies = std::sync::Mutex::new(Vec::new());
        let started_at = Instant::now();
        std::thread::scope(|scope| {
            for thread in 0..threads {
                let (sink, prepared, count, latencies) = (&sink, &prepared, &count, &latencies);
                scope.spawn(move || {
                    let mut own = Vec::new();
                    for record in prepared.iter().cycle().skip(thread * 7) {
                        let before = Instant::now();
                        sink.append(record).unwrap();
                        own.push(before.elapsed());
                        count.fetch_add(1, Ordering::Relaxed);
                        if started_at.elapsed() > Duration::from_secs(3) {
                            break;
                        }
                    }
                    latencies.lock().unwrap().extend(own);
                });
            }
        });
        let seconds = started_at.elapsed().as_secs_f64();
        let mut latencies = latencies.into_inner().unwrap();
        latencies.sort();
        let at = |percent: usize| latencies[(latencies.len() - 1) * percent / 100];
        println!(
            "{durability:?}, {threads:2} threads: {:8.0} appends/s, {:4.0} MB/s, p50 {:?}, p99 {:?}",
            count.into_inner() as f64 / seconds,
            store.stats().journal_bytes as f64 / 1e6 / seconds,
            at(50),
            at(99),
        );
        drop(store);
        let _ = std::fs::remove_dir_all(&dir);
    }
}

/// How many spans of 1 kB a second arrive in DuckDB while they are appended one by one.
async fn record(dir: &Path) {
    const SPANS: u64 = 1_000_000;
    let dir = dir.join("record");
    let _ = std::fs::remove_dir_all(&dir);
    let (store, clock) = open(&dir, Durability::Relaxed).await;
    let company = Company::new(450);
    let started_at = Instant::now();
    let sink = store.sink();
    for number in 0..SPANS {
        let start = END.saturating_add_us(number.cast_signed() * 40);
        clock.0.store(start.0, Ordering::Relaxed);
        sink.append(&[company.span(start)]).unwrap();
    }
    let appended = started_at.elapsed().as_secs_f64();
    store.flush().await.unwrap();
    let stored = started_at.elapsed().as_secs_f64();
    println!(
        "{:.0} spans/s appended, {:.0} spans/s in DuckDB ({} commits, {} spills, {:.1} s of CPU)",
        SPANS as f64 / appended,
        SPANS as f64 / stored,
        store.stats().commits,
        store.stats().spills,
        cpu_seconds(),
    );
    store.close().await.unwrap();
    println!(
        "{:.0} bytes a span in DuckDB",
        std::fs::metadata(dir.join("weir.duckdb")).unwrap().len() as f64 / SPANS as f64
    );
    let _ = std::fs::remove_dir_all(&dir);
}

/// The Overview's questions on many spans over a month.
async fn query(dir: &Path, spans: u64) {
    let dir = dir.join(format!("query-{spans}"));
    let is_new = !dir.exists();
    let (store, clock) = open(&dir, Durability::Relaxed).await;
    let end = if is_new {
        let end = SystemClock.now().floor_to(UnixMicros::HOUR);
        fill(&store, &clock, end, spans).await;
        end
    } else {
        let filled = store.browse().extent().unwrap().unwrap();
        filled.to.saturating_add_us(UnixMicros::HOUR).floor_to(UnixMicros::HOUR)
    };
    let from = end.saturating_add_us(-DAYS * UnixMicros::DAY);
    let month = TimeRange { from, to: end };
    for (title, step_us) in [("3 h", Some(3 * UnixMicros::HOUR)), ("one", None)] {
        for source in [ScanSource::Cells, ScanSource::Rows] {
            println!("-- 30 days, step {title}, from {source:?}");
            for (metric, by, need) in [
                (metric::LLM_REQUEST_COUNT, None, Need::Totals),
                (metric::LLM_REQUEST_ERROR, None, Need::Totals),
                (metric::LLM_REQUEST_DURATION, None, Need::Histogram),
                (metric::LLM_REQUEST_DURATION, Some("model"), Need::Histogram),
                (metric::LLM_TOKENS_TOTAL, Some("model"), Need::Totals),
                (metric::LLM_COST_USD, Some("model"), Need::Totals),
            ] {
                let request = ScanRequest {
                    metric: Arc::from(metric),
                    scope: Scope::All,
                    by: by.into_iter().map(TagKey::new).collect(),
                    range: month,
                    step_us,
                    origin: UnixMicros(0),
                    need,
                    source,
                };
                let scan = store.scan();
                // Another range each time, because what was asked before is known.
                let (best, rows) = best_of(5, |time| {
                    let earlier = i64::from(time) * UnixMicros::HOUR;
                    let range = TimeRange { from: month.from.saturating_add_us(-earlier), ..month };
                    scan.scan(&ScanRequest { range, ..request.clone() }).unwrap().len()
                });
                println!("{metric:26} by {:8} {need:?}: {best:8.1} ms, {rows} rows", by.unwrap_or("-"));
            }
        }
    }
    println!("-- lists");
    let browse = store.browse();
    let filter = |scope, text| {
        let which = SpanSelection { scope, text, ..SpanSelection::all(month) };
        SpanFilter { which, order: SortOrder::default(), after: None, limit: 50 }
    };
    let error = Scope::Is(TagKey::new("status"), Arc::from("error"));
    let newest = filter(Scope::All, None);
    let some = browse.spans(&newest).unwrap().spans[7].clone();
    for (title, filter) in [
        ("newest", newest),
        ("errors", filter(error, None)),
        ("no match", filter(Scope::Is(TagKey::new("team"), Arc::from("nobody")), None)),
        ("text, no match", filter(Scope::All, Some("nowhere".to_owned()))),
    ] {
        let (best, rows) = best_of(3, |_| browse.spans(&filter).unwrap().spans.len());
        println!("{title:26} {best:8.1} ms, {rows} rows");
    }
    let (best, _) = best_of(3, |_| usize::from(browse.span(some.trace_id, some.span_id).unwrap().is_some()));
    println!("{:26} {best:8.1} ms", "one span by its ids");
    let (best, rows) =
        best_of(3, |_| browse.facets(&TagKey::new("model"), month, &Scope::All, 20).unwrap().len());
    println!("{:26} {best:8.1} ms, {rows} rows", "facets of model");
    store.close().await.unwrap();
}

async fn fill(store: &Store, clock: &BenchClock, end: UnixMicros, spans: u64) {
    const BATCH: u64 = 1_000;
    let company = Company::new(0);
    let step_us = DAYS * UnixMicros::DAY / spans.cast_signed();
    let (sink, started_at) = (store.sink(), Instant::now());
    for batch in 0..spans / BATCH {
        let records: Vec<_> = (batch * BATCH..(batch + 1) * BATCH)
            .map(|n| company.span(end.saturating_add_us(n.cast_signed() * step_us - DAYS * UnixMicros::DAY)))
            .collect();
        clock.0.store(
            end.0 - DAYS * UnixMicros::DAY + (batch * BATCH).cast_signed() * step_us,
            Ordering::Relaxed,
        );
        sink.append(&records).unwrap();
        if batch % 100 == 0 {
            // The journal has a limit; this is a bulk load and not a stream of calls.
            store.flush().await.unwrap();
        }
    }
    clock.0.store(end.0 + UnixMicros::HOUR, Ordering::Relaxed);
    store.flush().await.unwrap();
    let seconds = started_at.elapsed().as_secs_f64();
    store.run_upkeep().await.unwrap();
    println!(
        "{spans} spans without bodies in {seconds:.0} s: {:.0} spans/s; upkeep {:.1} s more",
        spans as f64 / seconds,
        started_at.elapsed().as_secs_f64() - seconds
    );
}

/// What is resident at each step of a small life.
async fn memory(dir: &Path) {
    let dir = dir.join("memory");
    let _ = std::fs::remove_dir_all(&dir);
    println!("start            {}", resident());
    let (store, _clock) = open(&dir, Durability::Relaxed).await;
    println!("opened           {}", resident());
    let company = Company::new(450);
    store.sink().append(&[company.span(END)]).unwrap();
    store.flush().await.unwrap();
    println!("one span stored  {}", resident());
    for number in 0..200_000 {
        store.sink().append(&[company.span(END.saturating_add_us(number))]).unwrap();
    }
    store.flush().await.unwrap();
    println!("200,000 stored   {}", resident());
    let range = TimeRange { from: UnixMicros(0), to: UnixMicros(i64::MAX) };
    let which = SpanSelection::all(range);
    let filter = SpanFilter { which, order: SortOrder::default(), after: None, limit: 50 };
    store.browse().spans(&filter).unwrap();
    println!("listed           {}", resident());
    store.run_upkeep().await.unwrap();
    store.run_upkeep().await.unwrap();
    println!("quiet            {}", resident());
    store.close().await.unwrap();
    println!("closed           {}", resident());
    let _ = std::fs::remove_dir_all(&dir);
}

fn best_of(times: u32, run: impl Fn(u32) -> usize) -> (f64, usize) {
    (0..times)
        .map(|time| {
            let started_at = Instant::now();
            let rows = run(time);
            (started_at.elapsed().as_secs_f64() * 1e3, rows)
        })
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .unwrap()
}

fn resident() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let fields = ["VmRSS", "RssAnon", "RssFile"].map(|name| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
    });
    format!("{} MiB resident, {} of it anonymous and {} of files", fields[0], fields[1], fields[2])
}

/// User and system time of this process so far.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    ticks as f64 / 100.0
}
