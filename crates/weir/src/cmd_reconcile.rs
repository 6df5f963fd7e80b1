//! `weir reconcile`: what a provider charged beside what Weir counted.
//!
//! The provider's figures come from files that its console or its API exports (`export`), Weir's from the spans. Days are
//! UTC. Only the days that the files cover are compared, so that half a month is not held against a whole one.

mod export;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use serde::Serialize;
use weir_store::CALLS_SQL;

use crate::cli::{Format, ReconcileArgs, ReconcileBy};
use crate::client::Backend;
use crate::output;
use export::Export;

/// One day or model, in dollars.
#[derive(Debug, Default, Clone, Serialize)]
struct Row {
    name: String,
    provider_usd: f64,
    weir_usd: f64,
    calls: u64,
    /// Calls of models that have no price.
    unpriced: u64,
}

#[derive(Debug, Serialize)]
struct Reconciliation {
    provider: String,
    from: String,
    /// The last day.
    to: String,
    by: &'static str,
    rows: Vec<Row>,
    total: Row,
    /// How far apart the totals are, as a share of the provider's.
    difference: f64,
    is_within: bool,
}

/// Compares and prints; status 1 when the totals are too far apart.
pub fn run(args: &ReconcileArgs) -> anyhow::Result<ExitCode> {
    let export = read(args)?;
    let Some(provider) = args.provider.as_deref().or(export.provider) else {
        bail!(
            "the files do not say which provider they are from; name it with --provider, as weir.toml does"
        );
    };
    let counted = Backend::find(&args.server)?.ask(|backend| counted(backend, provider, &export, args.by))?;
    let found = compared(provider, &export, counted, args);
    output::print(&shown(&found, args.format)?)?;
    Ok(if found.is_within { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn read(args: &ReconcileArgs) -> anyhow::Result<Export> {
    let mut whole = Export::default();
    for path in &args.files {
        let bytes = std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
        let export = Export::read(&bytes).with_context(|| format!("{} is no export", path.display()))?;
        if let (Some(one), Some(other)) = (whole.provider, export.provider)
            && one != other
        {
            bail!("{} is from {other}, and the files before it from {one}", path.display());
        }
        whole.provider = whole.provider.or(export.provider);
        whole.charges.extend(export.charges);
        whole.days.extend(export.days);
    }
    if whole.days.is_empty() {
        bail!("the files have no days in them");
    }
    Ok(whole)
}

/// What Weir counted on the days of the export.
fn counted(
    backend: &Backend,
    provider: &str,
    export: &Export,
    by: ReconcileBy,
) -> anyhow::Result<BTreeMap<String, Row>> {
    let days: Vec<String> = export.days.iter().map(|day| format!("'{day}'")).collect();
    let name = match by {
        ReconcileBy::Day => "strftime(start_time, '%Y-%m-%d')",
        ReconcileBy::Model => "coalesce(response_model, model, '')",
    };
    let table = backend.sql(&format!(
        "SELECT {name}, sum(coalesce(cost_nano_usd, 0))::DOUBLE / 1e9, count(*),
             count(*) FILTER (cost_nano_usd IS NULL AND (input_tokens > 0 OR output_tokens > 0))
         FROM spans WHERE {CALLS_SQL} AND provider = '{}'
         AND (cache IS NULL OR cache NOT IN ('exact', 'semantic', 'coalesced'))
         AND strftime(start_time, '%Y-%m-%d') IN ({}) GROUP BY 1",
        provider.replace('\'', "''"),
        days.join(", ")
    ))?;
    let mut rows = BTreeMap::<String, Row>::new();
    for cells in &table.rows {
        let [name, usd, calls, unpriced] = cells.as_slice() else { continue };
        let name = name.as_str().unwrap_or_default();
        let name = if by == ReconcileBy::Model { export::undated(name) } else { name };
        let row = rows.entry(name.to_owned()).or_default();
        row.weir_usd += usd.as_f64().unwrap_or_default();
        row.calls += calls.as_u64().unwrap_or_default();
        row.unpriced += unpriced.as_u64().unwrap_or_default();
    }
    Ok(rows)
}

fn compared(
    provider: &str,
    export: &Export,
    mut rows: BTreeMap<String, Row>,
    args: &ReconcileArgs,
) -> Reconciliation {
    for charge in &export.charges {
        let name = match args.by {
            ReconcileBy::Day => charge.day.to_string(),
            ReconcileBy::Model => charge.model.clone().unwrap_or_else(|| "(no model)".to_owned()),
        };
        rows.entry(name).or_default().provider_usd += charge.amount.as_usd();
    }
    let rows: Vec<Row> = rows.into_iter().map(|(name, row)| Row { name, ..row }).collect();
    let mut total = Row { name: "total".to_owned(), ..Row::default() };
    for row in &rows {
        total.provider_usd += row.provider_usd;
        total.weir_usd += row.weir_usd;
        total.calls += row.calls;
        total.unpriced += row.unpriced;
    }
    let apart = (total.weir_usd - total.provider_usd).abs();
    let difference = if apart == 0.0 { 0.0 } else { apart / total.provider_usd.abs() };
    let day = |day: Option<&jiff::civil::Date>| day.map(ToString::to_string).unwrap_or_default();
    Reconciliation {
        provider: provider.to_owned(),
        from: day(export.days.first()),
        to: day(export.days.last()),
        by: if args.by == ReconcileBy::Day { "day" } else { "model" },
        is_within: difference <= args.tolerance,
        difference,
        rows,
        total,
    }
}

fn shown(found: &Reconciliation, format: Format) -> anyhow::Result<String> {
    if format == Format::Json {
        return Ok(serde_json::to_string_pretty(found)? + "\n");
    }
    let provider = format!("{} (usd)", found.provider);
    let header = [found.by, &provider, "weir (usd)", "difference", "calls", "unpriced"].map(str::to_owned);
    let cells = |row: &Row| {
        vec![
            row.name.clone(),
            format!("{:.6}", row.provider_usd),
            format!("{:.6}", row.weir_usd),
            format!("{:+.6}", row.weir_usd - row.provider_usd),
            row.calls.to_string(),
            row.unpriced.to_string(),
        ]
    };
    let rows = found.rows.iter().map(cells);
    if format == Format::Csv {
        return output::csv(&header, rows);
    }
    let right = [false, true, true, true, true, true];
    let mut text = output::aligned(&header, rows.chain([cells(&found.total)]), &right);
    let verdict = if found.is_within { "reconciled" } else { "not reconciled" };
    let Row { provider_usd, weir_usd, unpriced, .. } = &found.total;
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "\n{verdict}: {} charged ${provider_usd:.2} from {} to {}, Weir counted ${weir_usd:.2} ({})",
        found.provider,
        found.from,
        found.to,
        apart(found),
    );
    if !found.is_within {
        let _ = writeln!(text, "{}", hint(*weir_usd < *provider_usd, *unpriced));
    }
    Ok(text)
}

fn apart(found: &Reconciliation) -> String {
    match found.difference {
        share if share.is_finite() => format!("{:.2} % apart", share * 100.0),
        _ => "the provider charged nothing".to_owned(),
    }
}

/// Where to look.
fn hint(is_less: bool, unpriced: u64) -> String {
    match (is_less, unpriced) {
        (true, 0) => "hint: calls that do not go through Weir are not counted (see Coverage); prices may be overridden with \
                      `[[prices]]` in weir.toml"
            .to_owned(),
        (true, calls) => format!("hint: {calls} calls are of models without a price; see Cost, or give one in weir.toml"),
        (false, _) => "hint: does the account have discounts or credits? `[[prices]]` in weir.toml overrides list prices"
            .to_owned(),
    }
}
