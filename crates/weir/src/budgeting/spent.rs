//! What was spent, as the store has it: the calls of the gateway, by the tags of their spans.
//!
//! Only calls that went through a gateway count, because only those are reserved: what telemetry tells of calls that
//! went around Weir is shown elsewhere and cannot be held to a budget.

use std::sync::Arc;

use weir_control::budget::{Amount, LimitSpec, Measure};
use weir_types::{
    Cell, Need, Scan, ScanError, ScanRequest, ScanSource, Scope, Source, TagKey, TimeRange, UnixMicros,
    metric,
};

/// Whose calls went through a gateway: clients', and those of Weir's own judges and probes, which hold budgets too.
const CALLS_OF_GATEWAY: [Source; 3] = [Source::Gateway, Source::Evaluator, Source::Probe];

/// What accounts of a limit have used, by the values of its `*` dimensions.
pub type Spent = Vec<(Vec<Arc<str>>, Amount)>;

/// What was spent in the period that `now` is in, up to now.
pub fn in_period(scan: &dyn Scan, spec: &LimitSpec, now: UnixMicros) -> Result<Spent, ScanError> {
    let window = spec.period.window(now, &spec.timezone);
    between(scan, spec, window.from, now.saturating_add_us(UnixMicros::MINUTE))
}

/// What was spent between two instants.
pub fn between(
    scan: &dyn Scan,
    spec: &LimitSpec,
    from: UnixMicros,
    to: UnixMicros,
) -> Result<Spent, ScanError> {
    let rows = scan.scan(&request(spec, from, to, None))?;
    let amounts = rows.into_iter().filter_map(|row| {
        let values = row.group.into_iter().collect::<Option<Vec<_>>>()?;
        Some((values, amount(spec, &row.cell)))
    });
    Ok(amounts.collect())
}

/// The question for what a limit has used, for each of its accounts.
pub fn request(spec: &LimitSpec, from: UnixMicros, to: UnixMicros, step_us: Option<i64>) -> ScanRequest {
    let through_gateway = CALLS_OF_GATEWAY.map(|source| Arc::from(source.as_str())).to_vec();
    let of_gateway = Scope::In(TagKey::new("source"), through_gateway);
    let scope = spec.scope.0.iter().fold(of_gateway, |scope, (dimension, pattern)| {
        scope.and(Scope::Is(TagKey::new(dimension.tag()), Arc::clone(pattern)))
    });
    ScanRequest {
        metric: Arc::from(match spec.measure {
            Measure::Usd => metric::LLM_COST_USD,
            Measure::Tokens => metric::LLM_TOKENS_TOTAL,
            Measure::Calls | Measure::Concurrent => metric::LLM_REQUEST_COUNT,
        }),
        scope,
        by: spec.scope.each().map(|dimension| TagKey::new(dimension.tag())).collect(),
        range: TimeRange { from, to },
        step_us,
        origin: from,
        need: Need::Totals,
        source: ScanSource::Rows,
    }
}

/// What a cell holds of a limit's measure.
pub fn amount(spec: &LimitSpec, cell: &Cell) -> Amount {
    let nano = match spec.measure {
        Measure::Usd => cell.sum_nano,
        Measure::Tokens | Measure::Calls | Measure::Concurrent => cell.sum_nano / 1_000_000_000,
    };
    Amount::try_from(nano).unwrap_or(Amount::MAX)
}
