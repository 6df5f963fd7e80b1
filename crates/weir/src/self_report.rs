//! What Weir says of itself: `/api/status`, `/healthz` and `/metrics`.

use std::fmt::{Display, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;

use weir_api::wire::{ReceiverStatus, RecordCounts, StoreStatus, UpstreamState, UpstreamStatus};
use weir_api::{Status, StatusSource};
use weir_control::budget::FleetStats;
use weir_evaluate::{EvaluationStats, Watch};
use weir_gateway::{BreakerState, Gateway, UpstreamHealth};
use weir_guard::{Guard, GuardStats};
use weir_ingest::Inlet;
use weir_store::{Store, StoreStats};
use weir_types::{CacheAdmin as _, CacheStats, SemanticStats, UnixMicros};

use crate::fleet::Shared;
use crate::receivers::{self, OpenedDoor};

/// What the report is about.
pub struct SelfReportParts {
    /// The store.
    pub store: Arc<Store>,
    /// The gateway.
    pub gateway: Arc<Gateway>,
    /// Where receivers put what they receive.
    pub inlet: Arc<Inlet>,
    /// What looks at everything that is recorded.
    pub guard: Arc<Guard>,
    /// What is shared with other gateways.
    pub shared: Shared,
    /// Judging of finished calls, where it is on.
    pub evaluation: Option<Watch>,
    /// The doors of receivers.
    pub doors: Arc<[OpenedDoor]>,
    /// Where Weir listens.
    pub address: SocketAddr,
    /// Whether this is the demo.
    pub demo: bool,
    /// When Weir started.
    pub started_at: UnixMicros,
}

/// Knows the parts that can be asked how they are.
pub struct SelfReport {
    parts: SelfReportParts,
}

impl SelfReport {
    /// A report about these parts.
    pub fn new(parts: SelfReportParts) -> Self {
        Self { parts }
    }

    /// Prometheus' text format, version 0.0.4.
    pub fn prometheus_text(&self) -> String {
        let mut page = Page::default();
        let gateway = self.parts.gateway.stats();
        page.counter("weir_gateway_calls_started_total", "Calls that were accepted.", gateway.calls_started);
        page.counter("weir_gateway_calls_ended_total", "Calls that ended, well or not.", gateway.calls_ended);
        page.counter(
            "weir_gateway_calls_failed_total",
            "Calls that ended with an error.",
            gateway.calls_failed,
        );
        page.counter(
            "weir_gateway_records_lost_total",
            "Calls that could not be recorded.",
            gateway.records_lost,
        );
        page.gauge("weir_gateway_connections_open", "Connections of clients.", gateway.connections_open);
        if let Some(cache) = self.parts.gateway.cache() {
            page.cache(&cache.stats());
        }
        if let Some(redis) = &self.parts.shared.redis {
            page.gauge(
                "weir_redis_connected",
                "Whether Redis is connected.",
                u64::from(redis.is_connected()),
            );
            page.counter("weir_redis_failures_total", "Commands to Redis that failed.", redis.failures());
        }
        if let Some(fleet) = &self.parts.shared.fleet {
            page.fleet(fleet.stats());
        }
        if let Some(watch) = &self.parts.evaluation {
            page.evaluation(&watch.stats());
        }
        page.guard(self.parts.guard.stats());
        page.upstreams(&self.parts.gateway.upstream_health());
        page.store(&self.parts.store.stats());
        page.receivers(&receivers::status(&self.parts.doors, &self.parts.inlet));
        let version = env!("CARGO_PKG_VERSION");
        page.family("weir_build_info", "gauge", "The version that runs.");
        page.sample("weir_build_info", &format!("{{version=\"{version}\"}}"), 1);
        page.text
    }
}

impl StatusSource for SelfReport {
    fn status(&self) -> Status {
        let stats = self.parts.store.stats();
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: self.parts.started_at,
            demo: self.parts.demo,
            listen: vec![self.parts.address.to_string()],
            not_ready: Vec::new(),
            upstreams: self.parts.gateway.upstream_health().iter().map(upstream_status).collect(),
            store: StoreStatus {
                journal_bytes: stats.journal_bytes,
                behind_appends: stats.journal_position.saturating_sub(stats.stored_position),
                records: RecordCounts {
                    spans: stats.stored.spans,
                    scores: stats.stored.scores,
                    points: stats.stored.points,
                    events: stats.stored.events,
                },
                failed_commits: stats.commit_errors,
                last_error: stats.commit_error,
            },
            receivers: receivers::status(&self.parts.doors, &self.parts.inlet),
        }
    }
}

fn upstream_status(health: &UpstreamHealth) -> UpstreamStatus {
    UpstreamStatus {
        provider: health.provider.to_string(),
        breaker: match health.breaker {
            BreakerState::Closed { .. } => UpstreamState::Closed,
            BreakerState::Probing { .. } => UpstreamState::HalfOpen,
            BreakerState::Open { .. } => UpstreamState::Open,
        },
        requests: health.attempts,
        failures: health.failures,
    }
}

/// A page of metrics being written.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.family(name, "counter", help);
        self.sample(name, "", value);
    }

    fn guard(&mut self, stats: GuardStats) {
        self.counter(
            "weir_guard_inspected_total",
            "Spans that were inspected for injections.",
            stats.inspected,
        );
        self.counter("weir_guard_flagged_total", "Spans that a pack of rules flagged.", stats.flagged);
        self.counter("weir_guard_redacted_total", "Spans of which something was taken out.", stats.redacted);
        self.counter(
            "weir_guard_failures_total",
            "Spans that could not be looked at and were recorded without what they say.",
            stats.failures,
        );
        self.counter(
            "weir_guard_unscored_total",
            "Spans that the classifier's model had no time for.",
            stats.unscored,
        );
    }

    fn gauge(&mut self, name: &str, help: &str, value: u64) {
        self.family(name, "gauge", help);
        self.sample(name, "", value);
    }

    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &str, value: impl Display) {
        let _ = writeln!(self.text, "{name}{labels} {value}");
    }

    fn upstreams(&mut self, upstreams: &[UpstreamHealth]) {
        let labels = |upstream: &UpstreamHealth| format!("{{provider=\"{}\"}}", upstream.provider);
        self.family("weir_upstream_attempts_total", "counter", "Attempts at a provider.");
        for upstream in upstreams {
            self.sample("weir_upstream_attempts_total", &labels(upstream), upstream.attempts);
        }
        self.family("weir_upstream_failures_total", "counter", "Attempts at a provider that failed.");
        for upstream in upstreams {
            self.sample("weir_upstream_failures_total", &labels(upstream), upstream.failures);
        }
        self.family(
            "weir_upstream_available",
            "gauge",
            "Whether calls are sent to a provider: 0 while its breaker is open.",
        );
        for upstream in upstreams {
            let available = u8::from(!matches!(upstream.breaker, BreakerState::Open { .. }));
            self.sample("weir_upstream_available", &labels(upstream), available);
        }
    }

    fn cache(&mut self, cache: &CacheStats) {
        self.gauge("weir_cache_entries", "Answers that are kept in this process.", cache.entries);
        self.gauge("weir_cache_bytes", "Bytes that they take.", cache.bytes);
        self.gauge("weir_cache_waiting", "Calls that wait for an identical one.", cache.waiting);
        self.family("weir_cache_calls_total", "counter", "Calls by what the cache had to do with them.");
        let counts = [
            ("exact", cache.hits),
            ("coalesced", cache.coalesced),
            ("miss", cache.misses),
            ("bypass", cache.bypasses),
            ("would_hit", cache.would_hit),
        ];
        for (result, count) in counts {
            self.sample("weir_cache_calls_total", &format!("{{result=\"{result}\"}}"), count);
        }
        if let Some(semantic) = &cache.semantic {
            self.semantic_cache(semantic);
        }
    }

    fn semantic_cache(&mut self, cache: &SemanticStats) {
        self.gauge("weir_semantic_cache_entries", "Questions that are remembered.", cache.entries);
        self.gauge("weir_semantic_cache_bytes", "Bytes that they take, without the answers.", cache.bytes);
        let help = "Calls by what the semantic cache had to do with them.";
        self.family("weir_semantic_cache_calls_total", "counter", help);
        let counts = [
            ("hit", cache.hits),
            ("would_hit", cache.would_hit),
            ("guarded", cache.guarded),
            ("unasked", cache.unasked),
        ];
        for (result, count) in counts {
            self.sample("weir_semantic_cache_calls_total", &format!("{{result=\"{result}\"}}"), count);
        }
        let help = "Would-be hits that were compared with the provider's answer, by what was found.";
        self.family("weir_semantic_cache_checks_total", "counter", help);
        let same = cache.checks.saturating_sub(cache.false_hits);
        for (result, count) in [("same", same), ("different", cache.false_hits)] {
            self.sample("weir_semantic_cache_checks_total", &format!("{{result=\"{result}\"}}"), count);
        }
    }

    fn evaluation(&mut self, stats: &EvaluationStats) {
        let judge = stats.judge;
        self.counter("weir_evaluation_traces_total", "Traces that evaluators looked at.", stats.traces);
        self.counter("weir_evaluation_scores_total", "Scores that evaluators wrote.", stats.scores);
        self.counter("weir_evaluation_failed_total", "Judgements that failed.", stats.failed);
        let help = "Traces and judgements left out because too many waited.";
        self.counter("weir_evaluation_left_out_total", help, stats.left_out);
        self.gauge("weir_evaluation_waiting", "Traces and judgements that wait.", stats.waiting);
        self.family("weir_evaluation_judge_total", "counter", "What happened to questions to judges.");
        let counts = [
            ("called", judge.calls),
            ("remembered", judge.kept),
            ("retried", judge.retried),
            ("malformed", judge.malformed),
            ("failed", judge.failed),
            ("over_budget", judge.over_budget),
        ];
        for (result, count) in counts {
            self.sample("weir_evaluation_judge_total", &format!("{{result=\"{result}\"}}"), count);
        }
    }

    fn fleet(&mut self, fleet: FleetStats) {
        let is_shared = u64::from(fleet.is_shared);
        self.gauge(
            "weir_fleet_limits_shared",
            "Whether limits hold for the fleet: 0 while Redis is away.",
            is_shared,
        );
        self.gauge("weir_fleet_gateways", "Gateways alive when limits were last shared.", fleet.gateways);
        self.counter(
            "weir_fleet_decided_alone_total",
            "Calls that limits let through or refused without Redis.",
            fleet.decided_alone,
        );
    }

    fn receivers(&mut self, receivers: &[ReceiverStatus]) {
        // A receiver with two addresses has one count.
        let mut receivers: Vec<&ReceiverStatus> = receivers.iter().collect();
        receivers.dedup_by_key(|receiver| &receiver.name);
        self.family("weir_receiver_accepted_total", "counter", "Records that receivers accepted.");
        for receiver in &receivers {
            let labels = format!("{{receiver=\"{}\"}}", receiver.name);
            self.sample("weir_receiver_accepted_total", &labels, receiver.accepted);
        }
        self.family("weir_receiver_refused_total", "counter", "Records and requests refused, by reason.");
        for receiver in &receivers {
            for refusal in &receiver.refusals {
                let labels = format!("{{receiver=\"{}\",reason=\"{}\"}}", receiver.name, refusal.reason);
                self.sample("weir_receiver_refused_total", &labels, refusal.count);
            }
        }
    }

    fn store(&mut self, stats: &StoreStats) {
        self.gauge("weir_journal_bytes", "Bytes of the journal on disk.", stats.journal_bytes);
        self.gauge("weir_journal_position", "The position of the last append.", stats.journal_position);
        self.gauge(
            "weir_stored_position",
            "The position up to which everything is stored.",
            stats.stored_position,
        );
        self.family("weir_store_records_total", "counter", "Records that were stored, by kind.");
        let stored = stats.stored;
        let kinds = [
            ("span", stored.spans),
            ("score", stored.scores),
            ("point", stored.points),
            ("event", stored.events),
        ];
        for (kind, count) in kinds {
            self.sample("weir_store_records_total", &format!("{{kind=\"{kind}\"}}"), count);
        }
        self.counter("weir_store_commits_total", "Transactions that were committed.", stats.commits);
        self.counter(
            "weir_store_commit_errors_total",
            "Transactions that failed and were tried again.",
            stats.commit_errors,
        );
        self.counter("weir_journal_append_errors_total", "Appends that failed.", stats.append_errors);
        self.counter(
            "weir_journal_sync_errors_total",
            "Times the journal could not be brought to the disk.",
            stats.sync_errors,
        );
        self.counter(
            "weir_journal_dropped_bodies_total",
            "Spans kept without bodies, because the journal was nearly full.",
            stats.dropped_bodies,
        );
        self.counter(
            "weir_journal_dropped_records_total",
            "Records refused, because the journal was full.",
            stats.dropped_records,
        );
        self.counter(
            "weir_journal_quarantined_bytes_total",
            "Bytes of damaged segments that were set aside.",
            stats.quarantined_bytes,
        );
        self.counter(
            "weir_records_over_tag_limit_total",
            "Records whose metric has too many tag sets.",
            stats.records_over_tag_limit,
        );
    }
}
