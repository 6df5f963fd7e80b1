//! What a tick costs: `cargo run --release -p weir-monitor --example tick_bench [windows|rules|bands]`.
//!
//! Times are of the processor, not of the clock on the wall, so that what else runs on the machine does not count. Each
//! table says what it measured; `bench/README.md` holds what came out.

#![allow(clippy::print_stdout, reason = "a benchmark prints what it measured")]
#![allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "small numbers of series")]

use std::fmt::Write as _;
use std::sync::Arc;

use weir_monitor::{Definitions, Engine, History, Keep, Ledger, Monitor, Presence, Selection};
use weir_types::{Cell, CellBatch, CellDelta, CellKey, ScanRow, Scope, TagKey, Tags, TimeRange, UnixMicros};

const START: UnixMicros = UnixMicros(1_772_366_400 * UnixMicros::SECOND);

fn main() {
    let only = std::env::args().nth(1);
    let wanted = |name: &str| only.as_deref().is_none_or(|only| only == name);
    if wanted("windows") {
        windows();
    }
    if wanted("rules") {
        rules();
    }
    if wanted("bands") {
        bands();
    }
}

/// The time that this thread has been on a processor, in milliseconds.
fn cpu_ms() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let ns = text.split_whitespace().next().and_then(|ns| ns.parse::<u64>().ok()).unwrap_or(0);
    ns as f64 / 1e6
}

fn minute(n: i64) -> UnixMicros {
    START.saturating_add_us(n * UnixMicros::MINUTE)
}

fn monitors(text: &str) -> Vec<Monitor> {
    let read = Definitions::read("bench.toml", text).map_err(|error| vec![error]);
    let all = read.and_then(|definitions| weir_monitor::load(&[definitions]));
    let all = all.unwrap_or_else(|errors| panic!("{errors:?}"));
    all.into_iter().filter(|monitor| monitor.file == "bench.toml").collect()
}

/// Series of metrics `llm.m0…`, each of which has so many, ten for each app.
struct Series {
    keys: Vec<CellKey>,
    metrics: usize,
}

impl Series {
    fn new(metrics: usize, each: usize) -> Self {
        let key = |metric: usize, n: usize| {
            let (host, app) = (format!("host-{n:05}"), format!("application-{:04}", n / 10));
            let tags: Tags = [("app", app.as_str()), ("host", host.as_str())].into_iter().collect();
            CellKey { metric: Arc::from(format!("llm.m{metric}")), tags }
        };
        let keys = (0..metrics).flat_map(|metric| (0..each).map(move |n| key(metric, n))).collect();
        Self { keys, metrics }
    }

    fn deltas(&self, at: UnixMicros, with_histograms: bool) -> Vec<CellDelta> {
        let delta = |(n, key): (usize, &CellKey)| {
            let mut cell = Cell::default();
            let value = 500.0 + ((n as i64 * 7_919 + at.0 / UnixMicros::MINUTE * 104_729) % 1_000) as f64;
            if with_histograms {
                cell.record(value);
                cell.record(value * 1.3);
            } else {
                cell.record_exact(i128::from(value as i64) * 1_000_000_000);
            }
            CellDelta { key: key.clone(), minute: at, cell }
        };
        self.keys.iter().enumerate().map(delta).collect()
    }

    fn of(&self, metric: usize) -> impl Iterator<Item = &CellKey> {
        let each = self.keys.len() / self.metrics;
        self.keys[metric * each..(metric + 1) * each].iter()
    }
}

/// The part of a selection's groups that a series belongs to.
fn group(by: &[TagKey], tags: &Tags) -> Vec<Option<Arc<str>>> {
    by.iter().map(|key| tags.get(key.as_str()).map(Arc::from)).collect()
}

/// Follows what the monitors look at, with a past: each series has a value each so many hours.
fn follow(engine: &mut Engine, ledger: &Ledger, series: &Series, hours_apart: i64, with_histograms: bool) {
    // The first look tells the ledger which tags cells carry; these metrics are not Weir's own.
    for metric in 0..series.metrics {
        let by = vec![TagKey::new("app"), TagKey::new("host")];
        let selection = Selection { metric: Arc::from(format!("llm.m{metric}")), scope: Scope::All, by };
        let keep = Keep { minutes_us: 0, hours_us: 0, histograms: false, groups_max: 1 };
        ledger.follow(selection, keep, &History { position: u64::MAX, ..History::default() });
    }
    for follow in engine.follows(START, ledger) {
        let from = START.saturating_add_us(-follow.keep.hours_us).floor_to(UnixMicros::HOUR);
        let metric: usize = follow.selection.metric.trim_start_matches("llm.m").parse().unwrap_or(0);
        let mut cell = Cell::default();
        if with_histograms {
            cell.record(700.0);
        } else {
            cell.record_exact(700_000_000_000);
        }
        let mut hours = Vec::new();
        let mut hour = START.saturating_add_us(-UnixMicros::HOUR);
        while hour >= from {
            for key in series.of(metric) {
                let group = group(&follow.selection.by, &key.tags);
                hours.push(ScanRow { group, bucket: hour, cell: cell.clone() });
            }
            hour = hour.saturating_add_us(-hours_apart * UnixMicros::HOUR);
        }
        let history = History { hours, minutes_from: from, hours_from: from, ..History::default() };
        ledger.follow(follow.selection, follow.keep, &history);
    }
}

/// What ticks cost: ingest and judgement, in milliseconds of the processor for each.
struct Cost {
    ingest_ms: f64,
    tick_ms: f64,
    worst_ms: f64,
    groups: u64,
}

fn ticks(engine: &mut Engine, ledger: &Ledger, series: &Series, with_histograms: bool, count: i64) -> Cost {
    const WARM: i64 = 10;
    let mut cost = Cost { ingest_ms: 0.0, tick_ms: 0.0, worst_ms: 0.0, groups: 0 };
    for n in 0..WARM + count {
        let added = series.deltas(minute(n), with_histograms);
        let batch = CellBatch { position: n.unsigned_abs() + 1, added, removed: Vec::new() };
        let before = cpu_ms();
        ledger.apply(&batch, minute(n));
        let between = cpu_ms();
        engine.tick(minute(n + 1), Presence::Here, true, ledger);
        let after = cpu_ms();
        ledger.forget_before(minute(n));
        if n >= WARM {
            cost.ingest_ms += (between - before) / count as f64;
            cost.tick_ms += (after - between) / count as f64;
            cost.worst_ms = cost.worst_ms.max(after - between);
        }
    }
    let names: Vec<String> = engine.monitors().map(|monitor| monitor.name.clone()).collect();
    cost.groups = names.iter().map(|name| engine.counts(name).iter().sum::<u64>()).sum();
    cost
}

/// A hundred monitors over ten thousand series, for windows of all lengths.
fn windows() {
    println!(
        "100 monitors over 10,000 series, evaluated each minute; milliseconds of one processor for a tick"
    );
    println!("| series | monitors | windows judged | window | ingest | tick | worst tick |");
    println!("|---|---|---|---|---|---|---|");
    for (by, metrics, max_groups) in
        [("app", 1, 1_000), ("app", 10, 1_000), ("host", 10, 1_000), ("host", 1, 10_000)]
    {
        for kind in ["avg", "p95"] {
            for window in ["5m", "1h", "1d", "7d", "30d"] {
                if kind == "p95" && by == "host" && metrics == 1 {
                    continue;
                }
                let mut text = String::new();
                for n in 0..100 {
                    let metric = n % metrics;
                    // No value comes near: most groups are well most of the time.
                    let _ = write!(
                        text,
                        "[[monitors]]\nname = \"m{n}\"\ncondition = \"{kind}(llm.m{metric}) by {by} > {} over {window} every 1m\"\nmessage = \"{{value}}\"\nmax_groups = {max_groups}\nmin_samples = 1\n",
                        5_000 + n
                    );
                }
                let series = Series::new(metrics, 10_000 / metrics);
                let with_histograms = kind == "p95";
                let (mut engine, ledger) = (Engine::new(&monitors(&text)), Ledger::new(None));
                follow(&mut engine, &ledger, &series, 12, with_histograms);
                let count = if by == "host" && metrics == 1 { 5 } else { 20 };
                let cost = ticks(&mut engine, &ledger, &series, with_histograms, count);
                println!(
                    "| {metrics} x {} | {kind} by {by} | {} | {window} | {:.1} | {:.1} | {:.1} |",
                    10_000 / metrics,
                    cost.groups,
                    cost.ingest_ms,
                    cost.tick_ms,
                    cost.worst_ms
                );
            }
        }
    }
}

/// A hundred rules over ten thousand series: a round is a value for each series and a judgement of all rules.
fn rules() {
    let mut text = String::new();
    for n in 0..100 {
        let _ = write!(
            text,
            "[[monitors]]\nname = \"m{n}\"\ncondition = \"avg(llm.m{n}) by app > 100000 over 5m every 1m\"\nmessage = \"{{value}}\"\nmin_samples = 1\n"
        );
    }
    let series = Series::new(100, 100);
    let (mut engine, ledger) = (Engine::new(&monitors(&text)), Ledger::new(None));
    follow(&mut engine, &ledger, &series, 24, false);
    let cost = ticks(&mut engine, &ledger, &series, false, 200);
    println!(
        "100 rules (averages by app of five minutes) over 10,000 series, a value for each series a round:\n  ingest {:.2} ms, judgement {:.2} ms, together {:.2} ms of one processor a round; {} groups",
        cost.ingest_ms,
        cost.tick_ms,
        cost.ingest_ms + cost.tick_ms,
        cost.groups
    );
}

/// Bands of ten thousand series, made anew from six weeks of intervals of five minutes.
fn bands() {
    const SERIES: usize = 10_000;
    // A thousand at a time, so that the cells of six weeks need not be in memory at once.
    const BATCH: usize = 500;
    let text = format!(
        "[[monitors]]\nname = \"m\"\ncondition = \"anomaly(sum(llm.m0) by host, 'agile', 3) > 0\"\nmessage = \"{{value}}\"\nmax_groups = {SERIES}\n"
    );
    let monitors = monitors(&text);
    let mut total_ms = 0.0;
    let mut intervals = 0;
    let batches = SERIES / BATCH;
    let measured = 2;
    for batch in 0..measured {
        let mut engine = Engine::new(&monitors);
        let ledger = Ledger::new(None);
        let series = Series::new(1, BATCH);
        follow(&mut engine, &ledger, &series, 24, false);
        let past = Ledger::new(None);
        for history in engine.band_histories(START) {
            let TimeRange { from, to } = history.range;
            let mut rows = Vec::new();
            let mut at = from;
            intervals = 0;
            while at < to {
                for (n, key) in series.of(0).enumerate() {
                    let mut cell = Cell::default();
                    let value = 500 + (at.0 / history.interval_us * 31 + (n + batch) as i64 * 17) % 200;
                    cell.record_exact(i128::from(value) * 1_000_000_000);
                    rows.push(ScanRow { group: group(&history.selection.by, &key.tags), bucket: at, cell });
                }
                at = at.saturating_add_us(history.interval_us);
                intervals += 1;
            }
            let keep = Keep {
                minutes_us: history.range.len_us(),
                hours_us: 0,
                histograms: history.histograms,
                groups_max: history.groups_max,
            };
            let before = cpu_ms();
            let hours_from = UnixMicros(i64::MAX);
            past.follow(
                history.selection,
                keep,
                &History { minutes: rows, minutes_from: from, hours_from, ..History::default() },
            );
            total_ms += cpu_ms() - before;
        }
        let before = cpu_ms();
        engine.warm(START, &past);
        total_ms += cpu_ms() - before;
    }
    let whole_s = total_ms / 1e3 * batches as f64 / measured as f64;
    println!(
        "bands of {SERIES} series from {intervals} intervals each: {whole_s:.1} s of one processor ({measured} of {batches} parts measured)"
    );
}
