//! The days before an incident, as calls that were recorded then: little, regular, and of no interest.

use std::sync::Arc;

use weir_meter::{Meter, PriceDetail};
use weir_types::{IdGenerator, Record, Source, Span, SpanKind, TokenUsage, UnixMicros};

use super::Incident;
use crate::simulator::mix;

/// Two weeks are compared, and a day more makes sure that the first of them is whole.
const SPEND_DAYS: i64 = 15;

/// Days of usual traffic from which a band is learned.
const AGENT_DAYS: i64 = 5;

/// Who calls in the past, and then in the incident.
pub(super) struct Caller {
    pub(super) team: &'static str,
    pub(super) app: &'static str,
    pub(super) agent: Option<&'static str>,
    pub(super) model: &'static str,
    /// What a usual call reads and writes.
    pub(super) input_tokens: u64,
    pub(super) output_tokens: u64,
}

/// Writes reports for the finance team.
pub(super) const REPORTS: Caller = Caller {
    team: "finance",
    app: "reports",
    agent: Some("report-generator"),
    model: "gpt-4o",
    input_tokens: 4_000,
    output_tokens: 1_200,
};

/// Repairs servers.
pub(super) const REMEDIATION: Caller = Caller {
    team: "platform",
    app: "operations",
    agent: Some("agentic-remediation"),
    model: "gpt-4o-mini",
    input_tokens: 1_200,
    output_tokens: 200,
};

/// See [`super::past`].
pub(super) fn records(incident: Incident, now: UnixMicros, meter: &Meter) -> Vec<Record> {
    match incident {
        Incident::Spend => calls(&REPORTS, now, SPEND_DAYS, UnixMicros::HOUR, meter),
        Incident::AgentLoop => calls(&REMEDIATION, now, AGENT_DAYS, 5 * UnixMicros::MINUTE, meter),
        _ => Vec::new(),
    }
}

/// A call now and then, for days.
fn calls(caller: &Caller, now: UnixMicros, days: i64, every_us: i64, meter: &Meter) -> Vec<Record> {
    let mut rng = fastrand::Rng::with_seed(mix(1));
    let ids = IdGenerator::new();
    let mut records = Vec::new();
    // Nothing of it is in the minute in which the incident begins.
    let end = now.saturating_add_us(-2 * UnixMicros::MINUTE);
    let mut at = now.saturating_add_us(-days * UnixMicros::DAY).floor_to(every_us);
    while at.saturating_add_us(every_us) < end {
        let start = at.saturating_add_us(rng.i64(0..every_us));
        records.push(Record::Span(Box::new(call(caller, start, &ids, meter, &mut rng))));
        at = at.saturating_add_us(every_us);
    }
    records
}

fn call(
    caller: &Caller,
    start: UnixMicros,
    ids: &IdGenerator,
    meter: &Meter,
    rng: &mut fastrand::Rng,
) -> Span {
    let mut about = |tokens: u64| rng.u64(tokens * 4 / 5..=tokens * 6 / 5);
    let tokens = TokenUsage {
        input: Some(about(caller.input_tokens)),
        output: Some(about(caller.output_tokens)),
        ..TokenUsage::default()
    };
    let mut span = Span::new(ids.trace_id(start), ids.span_id(start), SpanKind::Llm, Source::Gateway, start);
    span.name = Arc::from(format!("chat {}", caller.model));
    span.duration_us = about(900_000);
    span.provider = Some(Arc::from("openai"));
    span.model = Some(Arc::from(caller.model));
    span.team = Some(Arc::from(caller.team));
    span.app = Some(Arc::from(caller.app));
    span.agent = caller.agent.map(Arc::from);
    if let Some(priced) = meter.cost("openai", caller.model, &tokens, &PriceDetail::default()) {
        span.cost = Some(priced.cost);
        span.price_version = Some(priced.version);
    }
    span.tokens = tokens;
    span
}
