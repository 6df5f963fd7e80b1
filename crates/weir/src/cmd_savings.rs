//! `weir savings`: what the layers of cost control saved, what they would have saved, and whether the spans agree.
//!
//! Both amounts are sums of cells, as the Cost screen shows them. The sum over the spans themselves is made another way, in
//! SQL, and stands beside them: finance should not have to take the word of one of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;

use serde::Serialize;
use weir_store::CALLS_SQL;
use weir_types::{Clock as _, SystemClock, Table, TimeRange, UnixMicros, metric};

use crate::cli::{Format, SavingsArgs, SavingsBy};
use crate::client::Backend;
use crate::output;

/// By how much two sums of the same amounts may differ: each cell is rounded once, to a nano-dollar.
const ROUNDING_USD: f64 = 1e-6;

/// What was saved in a time.
#[derive(Debug, Serialize)]
struct Savings {
    from: String,
    to: String,
    by: &'static str,
    rows: Vec<Row>,
    saved_usd: f64,
    would_save_usd: f64,
    spent_usd: f64,
    /// The sum of `saved_nano_usd` of all calls that are still stored.
    spans_saved_usd: f64,
    /// When the first of them began.
    spans_since: Option<String>,
}

#[derive(Debug, Default, Serialize)]
struct Row {
    name: String,
    saved_usd: f64,
    would_save_usd: f64,
}

/// Asks and prints.
pub fn run(args: &SavingsArgs) -> anyhow::Result<ExitCode> {
    let range = weir_api::parse_range(Some(&args.from), Some(&args.to), SystemClock.now());
    let range = whole_minutes(range.map_err(anyhow::Error::msg)?);
    let savings = Backend::find(&args.server)?.ask(|backend| asked(backend, range, args.by))?;
    output::print(&shown(&savings, args.format)?)?;
    Ok(ExitCode::SUCCESS)
}

/// Cells are of minutes, so both ways of counting get whole ones.
fn whole_minutes(range: TimeRange) -> TimeRange {
    let minute = |at: UnixMicros| at.0.div_euclid(UnixMicros::MINUTE) * UnixMicros::MINUTE;
    let to = minute(UnixMicros(range.to.0.saturating_add(UnixMicros::MINUTE - 1)));
    TimeRange { from: UnixMicros(minute(range.from)), to: UnixMicros(to) }
}

fn asked(backend: &Backend, range: TimeRange, by: SavingsBy) -> anyhow::Result<Savings> {
    let key = match by {
        SavingsBy::Layer => "layer",
        SavingsBy::Team => "team",
        SavingsBy::App => "app",
        SavingsBy::Agent => "agent",
        SavingsBy::Model => "model",
    };
    let sums = |name: &str| -> anyhow::Result<Vec<(String, f64)>> {
        let answer = backend.values(&format!("sum({name}) by {key}"), range)?;
        let pairs = answer.values.into_iter().filter_map(|item| {
            let named = item.tags.0.into_iter().next().and_then(|(_, value)| value);
            Some((named.unwrap_or_else(|| format!("(no {key})")), item.value?))
        });
        Ok(pairs.collect())
    };
    let mut rows = BTreeMap::<String, Row>::new();
    for (name, saved) in sums(metric::LLM_COST_SAVED_USD)? {
        rows.entry(name).or_default().saved_usd = saved;
    }
    for (name, would_save) in sums(metric::LLM_COST_WOULD_SAVE_USD)? {
        rows.entry(name).or_default().would_save_usd = would_save;
    }
    let mut rows: Vec<Row> = rows.into_iter().map(|(name, row)| Row { name, ..row }).collect();
    let worth = |row: &Row| row.saved_usd + row.would_save_usd;
    rows.sort_by(|a, b| worth(b).total_cmp(&worth(a)));

    let spent = backend.values(&format!("sum({})", metric::LLM_COST_USD), range)?;
    let spans = backend.sql(&format!(
        "SELECT sum(saved_nano_usd)::DOUBLE / 1e9, strftime(min(start_time), '%Y-%m-%dT%H:%M:%SZ') FROM spans
         WHERE {CALLS_SQL} AND start_time >= make_timestamp({}) AND start_time < make_timestamp({})",
        range.from.0, range.to.0
    ))?;
    Ok(Savings {
        from: output::time(range.from),
        to: output::time(range.to),
        by: key,
        saved_usd: rows.iter().map(|row| row.saved_usd).sum(),
        would_save_usd: rows.iter().map(|row| row.would_save_usd).sum(),
        rows,
        spent_usd: spent.values.first().and_then(|item| item.value).unwrap_or_default(),
        spans_saved_usd: first(&spans, 0).and_then(serde_json::Value::as_f64).unwrap_or_default(),
        spans_since: first(&spans, 1).and_then(|since| since.as_str().map(str::to_owned)),
    })
}

fn first(table: &Table, column: usize) -> Option<&serde_json::Value> {
    table.rows.first()?.get(column)
}

fn shown(savings: &Savings, format: Format) -> anyhow::Result<String> {
    if format == Format::Json {
        return Ok(serde_json::to_string_pretty(savings)? + "\n");
    }
    let header = [savings.by, "saved (usd)", "would save (usd)"].map(str::to_owned);
    let line = |name: &str, saved: f64, would: f64| {
        vec![name.to_owned(), format!("{saved:.6}"), format!("{would:.6}")]
    };
    let rows = savings.rows.iter().map(|row| line(&row.name, row.saved_usd, row.would_save_usd));
    let total = line("total", savings.saved_usd, savings.would_save_usd);
    if format == Format::Csv {
        return output::csv(&header, rows);
    }
    let mut text = format!("{} to {}\n\n", savings.from, savings.to);
    text += &output::aligned(&header, rows.chain([total]), &[false, true, true]);
    let _ = write!(text, "\n{}\n{}\n", in_proportion(savings), reconciled(savings));
    Ok(text)
}

/// How much that is.
fn in_proportion(savings: &Savings) -> String {
    let Savings { saved_usd, spent_usd, .. } = savings;
    let without = saved_usd + spent_usd;
    if without <= 0.0 {
        return "nothing was spent or saved".to_owned();
    }
    let share = saved_usd / without * 100.0;
    format!("spent ${spent_usd:.2}; without the layers it would have been ${without:.2}: {share:.1} % saved")
}

/// Whether the spans say the same.
fn reconciled(savings: &Savings) -> String {
    let Savings { saved_usd, spans_saved_usd, spans_since, .. } = savings;
    if (saved_usd - spans_saved_usd).abs() <= ROUNDING_USD {
        return format!("reconciled: the spans of this time add up to ${spans_saved_usd:.6} too");
    }
    let since = spans_since.as_deref().unwrap_or("no time at all");
    format!(
        "not reconciled: the spans of this time add up to ${spans_saved_usd:.6}; they are stored since {since}, and sums \
         live longer than spans"
    )
}
