//! What shows an alert: traces of calls in the window that was judged, the most telling first, and for spend what its change
//! is made of. Looked up when a group gets worse; an alert without evidence is told all the same.

use std::sync::Arc;

use weir_monitor::{Engine, TickReport};
use weir_query::QueryContext;
use weir_query::cost::{self, ChangePart};
use weir_types::metric::{self, Unit};
use weir_types::{
    Need, NoticeKind, ScanRequest, ScanRow, ScanSource, Scope, SortOrder, SpanFilter, SpanSelection,
    SpanSort, SqlLimits, TagKey, Tags, TimeRange, TraceId, Transition, UnixMicros,
};

use super::JudgeParts;

/// Traces beside an alert.
const EXEMPLARS: usize = 5;

/// Groups of one tick that get evidence; each takes a question to the store.
const GROUPS_MAX: usize = 20;

/// What the look-up of scored traces may use.
const SQL_LIMITS: SqlLimits = SqlLimits { time_max: std::time::Duration::from_secs(5), rows_max: 100 };

/// Values that contributed most to a change, beside its parts.
const VALUES_SHOWN: usize = 3;

/// Adds evidence to the changes of a report that made something worse.
pub(super) fn add(parts: &JudgeParts, engine: &mut Engine, report: &mut TickReport) {
    let mut left = GROUPS_MAX;
    for transition in &mut report.transitions {
        if transition.to <= transition.from || left == 0 {
            continue;
        }
        left -= 1;
        let Some(subject) = Subject::of(engine, transition) else { continue };
        transition.exemplars = subject.exemplars(parts);
        transition.details = subject.details(parts);
        engine.note_exemplars(&transition.monitor, &transition.group, &transition.exemplars);
    }
    for telling in &mut report.tellings {
        let told = &mut telling.transition;
        let same = |change: &&Transition| {
            change.monitor == told.monitor && change.group == told.group && change.seq == told.seq
        };
        if let Some(change) = report.transitions.iter().find(same) {
            told.exemplars.clone_from(&change.exemplars);
            told.details.clone_from(&change.details);
        } else if telling.kind == NoticeKind::Trigger && left > 0 {
            // The change was at an earlier tick, of which nothing was told. Its traces are known.
            left -= 1;
            told.details =
                Subject::of(engine, told).map(|subject| subject.details(parts)).unwrap_or_default();
        }
    }
}

/// What a change is about.
struct Subject {
    metric: Arc<str>,
    scope: Scope,
    group: Tags,
    range: TimeRange,
    is_upward: bool,
    tz: Option<String>,
    judges_change: bool,
}

impl Subject {
    fn of(engine: &Engine, transition: &Transition) -> Option<Self> {
        let monitor = engine.monitors().find(|monitor| monitor.name == *transition.monitor)?;
        let rule = monitor.condition.judged.rule()?;
        let leaf = rule.query.expr().leaves().first().map(|leaf| (*leaf).clone())?;
        let range = engine.window(&transition.monitor, transition.at)?;
        Some(Self {
            metric: leaf.metric,
            scope: leaf.scope,
            group: transition.group.clone(),
            range,
            is_upward: rule.rules.comparison.is_upward(),
            tz: rule.rules.tz.clone(),
            judges_change: rule.judges_the_unusual() || rule.judged_unit() == Unit::Percent,
        })
    }

    fn scope(&self) -> Scope {
        let tags = self.group.iter().map(|(key, value)| Scope::Is(key.clone(), Arc::clone(value)));
        tags.fold(self.scope.clone(), Scope::and)
    }

    fn exemplars(&self, parts: &JudgeParts) -> Vec<TraceId> {
        let found =
            if metric::derived(&self.metric).is_some() { self.calls(parts) } else { self.scored(parts) };
        found.unwrap_or_else(|error| {
            tracing::debug!(error, metric = &*self.metric, "no traces are shown beside an alert");
            Vec::new()
        })
    }

    /// Calls of the window, those first that show it best.
    fn calls(&self, parts: &JudgeParts) -> Result<Vec<TraceId>, String> {
        let (by, status) = match &*self.metric {
            metric::LLM_REQUEST_DURATION => (SpanSort::Duration, None),
            metric::LLM_TIME_TO_FIRST_TOKEN => (SpanSort::TimeToFirstToken, None),
            metric::LLM_COST_USD => (SpanSort::Cost, None),
            name if name.starts_with("llm.tokens") => (SpanSort::Tokens, None),
            metric::LLM_REQUEST_ERROR => (SpanSort::Start, Some("error")),
            _ => (SpanSort::Start, None),
        };
        // Calls of a window of days would take long to sort, and the newest are those that people can act on.
        let recent = self.range.to.saturating_add_us(-UnixMicros::DAY).max(self.range.from);
        let range = TimeRange { from: recent, to: self.range.to };
        let scope = match status {
            Some(status) => self.scope().and(Scope::Is(TagKey::new("status"), Arc::from(status))),
            None => self.scope(),
        };
        let filter = SpanFilter {
            which: SpanSelection { scope, ..SpanSelection::all(range) },
            order: SortOrder { by, descending: self.is_upward || by == SpanSort::Start },
            after: None,
            limit: EXEMPLARS * 2,
        };
        let page = parts.browse.spans(&filter).map_err(|error| error.to_string())?;
        Ok(distinct(page.spans.into_iter().map(|span| span.trace_id)))
    }

    /// Traces with the best or worst scores of this name.
    fn scored(&self, parts: &JudgeParts) -> Result<Vec<TraceId>, String> {
        let order = if self.is_upward { "DESC" } else { "ASC" };
        let group = self.group.iter().map(|(key, value)| {
            let (name, value) = (literal(key.as_str()), literal(value));
            let column =
                metric::CELL_TAGS.contains(&key.as_str()).then(|| format!(" OR \"{key}\" = {value}"));
            format!(" AND (tags[{name}] = {value}{})", column.unwrap_or_default())
        });
        let sql = format!(
            "SELECT trace_id FROM scores WHERE name = {} AND value IS NOT NULL AND epoch_us(time) >= {} AND epoch_us(time) < {}{} \
             ORDER BY value {order}, time DESC LIMIT {}",
            literal(&self.metric),
            self.range.from.0,
            self.range.to.0,
            group.collect::<String>(),
            EXEMPLARS * 2,
        );
        let table = parts.browse.sql(&sql, SQL_LIMITS).map_err(|error| error.to_string())?;
        let ids = table.rows.iter().filter_map(|row| row.first()?.as_str()?.parse().ok());
        Ok(distinct(ids))
    }

    /// What a change of spend is made of; for events, which there were.
    fn details(&self, parts: &JudgeParts) -> Vec<Arc<str>> {
        if *self.metric == *metric::EVENTS {
            return self.titles(parts);
        }
        let is_spend = *self.metric == *metric::LLM_COST_USD || self.metric.starts_with("llm.tokens");
        if !is_spend || !self.judges_change {
            return Vec::new();
        }
        let range = if self.range.len_us() < UnixMicros::HOUR {
            TimeRange { from: self.range.to.saturating_add_us(-UnixMicros::HOUR), to: self.range.to }
        } else {
            self.range
        };
        let ctx = QueryContext { range, step_us: None, tz: self.tz.clone() };
        let by = if self.group.get("agent").is_some() { "model" } else { "team" };
        match cost::change(&ctx, &self.scope(), &TagKey::new(by), &*parts.prices, &*parts.scan) {
            Ok(change) => lines(&change, by),
            Err(error) => {
                tracing::debug!(%error, "a change of spend is not taken apart");
                Vec::new()
            }
        }
    }

    /// The titles of the events that were counted, the most frequent first.
    fn titles(&self, parts: &JudgeParts) -> Vec<Arc<str>> {
        let request = ScanRequest {
            metric: Arc::clone(&self.metric),
            scope: self.scope(),
            by: vec![TagKey::new("title")],
            range: self.range,
            step_us: None,
            origin: self.range.from,
            need: Need::Totals,
            source: ScanSource::Cells,
        };
        let mut rows = parts.scan.scan(&request).unwrap_or_else(|error| {
            tracing::debug!(%error, "no events are shown beside an alert");
            Vec::new()
        });
        rows.sort_by(|a, b| b.cell.count.cmp(&a.cell.count).then_with(|| a.group.cmp(&b.group)));
        let title = |row: &ScanRow| row.group.first().cloned().flatten().unwrap_or_default();
        rows.iter()
            .take(VALUES_SHOWN)
            .map(|row| Arc::from(format!("{} × {}", row.cell.count, title(row))))
            .collect()
    }
}

fn lines(change: &cost::CostChange, by: &str) -> Vec<Arc<str>> {
    let usd = |nano: weir_types::NanoUsd| nano.0 as f64 / 1e9;
    let mut lines = vec![format!("Spend went from ${:.2} to ${:.2}.", usd(change.before), usd(change.after))];
    let names = ChangePart::ALL.map(|part| match part {
        ChangePart::Volume => "number of calls",
        ChangePart::ModelMix => "choice of models",
        ChangePart::TokensPerCall => "tokens in a call",
        ChangePart::Price => "prices",
        ChangePart::Cache => "providers' caches",
    });
    let mut parts: Vec<_> =
        names.iter().zip(change.parts).filter(|(_, part)| part.0.abs() >= 5_000_000).collect();
    parts.sort_by_key(|(_, part)| std::cmp::Reverse(part.0.abs()));
    lines.extend(
        parts.iter().map(|(name, part)| format!("{}${:.2} by {name}", sign(part.0), usd(*part).abs())),
    );
    let moved = change.by.iter().filter(|value| value.value.is_some()).take(VALUES_SHOWN);
    lines.extend(moved.map(|value| {
        let name = value.value.as_deref().unwrap_or_default();
        let difference = usd(value.after) - usd(value.before);
        format!("{by} {name}: {}${:.2}", if difference < 0.0 { "-" } else { "+" }, difference.abs())
    }));
    lines.into_iter().map(Arc::from).collect()
}

fn sign(nano: i64) -> &'static str {
    if nano < 0 { "-" } else { "+" }
}

fn distinct(ids: impl Iterator<Item = TraceId>) -> Vec<TraceId> {
    let mut distinct: Vec<TraceId> = Vec::new();
    for id in ids {
        if distinct.len() < EXEMPLARS && !distinct.contains(&id) {
            distinct.push(id);
        }
    }
    distinct
}

/// A text as SQL writes it.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
