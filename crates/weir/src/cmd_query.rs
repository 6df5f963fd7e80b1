//! `weir query`: a question in the expression language, answered by a running Weir or from the data folder.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use weir_api::wire::{InstantQueryAnswer, MetricList, QueryAnswer, TagMap, UnitName};
use weir_query::{Query, QueryContext, QueryError};
use weir_types::{Clock as _, Scan, ScanError, ScanRequest, ScanRow, SystemClock, TagKey};

use crate::ask;
use crate::cli::{Format, QueryArgs};
use crate::client::{Backend, Client, Local};
use crate::output;

/// Asks and prints. Without `--step` there is one value for each group; with it, one for each group and bucket.
pub fn run(args: &QueryArgs) -> anyhow::Result<ExitCode> {
    let text = match Backend::find(&args.server)? {
        Backend::Remote(client) => remote(&client, args)?,
        Backend::Local(local) => {
            let text = here(&local, args);
            local.close()?;
            text?
        }
    };
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn remote(client: &Client, args: &QueryArgs) -> anyhow::Result<String> {
    let mut parameters = vec![("expr", args.expression.as_str()), ("from", &args.from), ("to", &args.to)];
    if let Some(step) = &args.step {
        parameters.push(("step", step));
    }
    if args.explain {
        return explain(args, &Catalogue(client.get::<MetricList>("/api/metrics", &[])?));
    }
    if args.step.is_some() {
        series(&client.get("/api/query", &parameters)?, args.format)
    } else {
        values(&client.get("/api/query/instant", &parameters)?, args.format)
    }
}

fn here(local: &Local, args: &QueryArgs) -> anyhow::Result<String> {
    let scan = local.store.scan();
    if args.explain {
        return explain(args, scan.as_ref());
    }
    let rendered = |error: QueryError| ask::rendered(&args.expression, &error);
    let (query, context) = question(args)?;
    if args.step.is_some() {
        series(&weir_query::run(&query, &context, scan.as_ref()).map_err(rendered)?.into(), args.format)
    } else {
        values(
            &weir_query::run_instant(&query, &context, scan.as_ref()).map_err(rendered)?.into(),
            args.format,
        )
    }
}

/// The question, parsed here.
fn question(args: &QueryArgs) -> anyhow::Result<(Query, QueryContext)> {
    let now = SystemClock.now();
    let range = weir_api::parse_range(Some(&args.from), Some(&args.to), now).map_err(anyhow::Error::msg)?;
    let step_us =
        args.step.as_deref().map(weir_api::parse_step_us).transpose().map_err(anyhow::Error::msg)?;
    Ok((ask::parsed(&args.expression)?, QueryContext { range, step_us, tz: None }))
}

fn explain(args: &QueryArgs, scan: &dyn Scan) -> anyhow::Result<String> {
    let (query, context) = question(args)?;
    Ok(weir_query::explain(&query, &context, scan))
}

/// What a running Weir says of its metrics: enough to explain a query, not to answer it.
struct Catalogue(MetricList);

impl Scan for Catalogue {
    fn scan(&self, _: &ScanRequest) -> Result<Vec<ScanRow>, ScanError> {
        Err(ScanError::Store("a catalogue has no values".to_owned()))
    }

    fn metrics(&self) -> Vec<Arc<str>> {
        self.0.metrics.iter().map(|metric| Arc::from(metric.name.as_str())).collect()
    }

    fn cell_tags(&self, metric: &str) -> Option<Vec<TagKey>> {
        let known = self.0.metrics.iter().find(|known| known.name == metric)?;
        Some(known.tags.iter().map(|tag| TagKey::new(tag)).collect())
    }
}

fn values(answer: &InstantQueryAnswer, format: Format) -> anyhow::Result<String> {
    if format == Format::Json {
        return Ok(serde_json::to_string(answer)? + "\n");
    }
    let keys = keys(answer.values.iter().map(|value| &value.tags));
    let header: Vec<String> = keys.iter().cloned().chain([column(answer.unit)]).collect();
    let rows = answer.values.iter().map(|value| {
        let tags = value.tags.0.iter().map(|(_, tag)| tag.clone().unwrap_or_default());
        tags.chain([number(value.value)]).collect()
    });
    let right: Vec<bool> = keys.iter().map(|_| false).chain([true]).collect();
    shown(&header, rows, &right, format, &answer.notes)
}

fn series(answer: &QueryAnswer, format: Format) -> anyhow::Result<String> {
    if format == Format::Json {
        return Ok(serde_json::to_string(answer)? + "\n");
    }
    let keys = keys(answer.series.iter().map(|series| &series.tags));
    let header: Vec<String> =
        [String::from("time")].into_iter().chain(keys.iter().cloned()).chain([column(answer.unit)]).collect();
    let rows = answer.series.iter().flat_map(|series| {
        series.points.iter().map(|point| {
            let tags = series.tags.0.iter().map(|(_, tag)| tag.clone().unwrap_or_default());
            [time(point.0)].into_iter().chain(tags).chain([number(point.1)]).collect()
        })
    });
    let right: Vec<bool> = header.iter().enumerate().map(|(i, _)| i + 1 == header.len()).collect();
    shown(&header, rows, &right, format, &answer.notes)
}

fn shown(
    header: &[String],
    rows: impl Iterator<Item = Vec<String>>,
    right: &[bool],
    format: Format,
    notes: &[String],
) -> anyhow::Result<String> {
    if format == Format::Csv {
        return output::csv(header, rows);
    }
    let mut text = output::aligned(header, rows, right);
    for note in notes {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "note: {note}");
    }
    Ok(text)
}

fn keys<'a>(mut tags: impl Iterator<Item = &'a TagMap>) -> Vec<String> {
    tags.next().map(|tags| tags.0.iter().map(|(key, _)| key.clone()).collect()).unwrap_or_default()
}

fn column(unit: UnitName) -> String {
    match serde_json::to_value(unit) {
        Ok(serde_json::Value::String(name)) if name != "none" => format!("value ({name})"),
        _ => "value".to_owned(),
    }
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| format!("{value}"))
}

fn time(unix_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(unix_ms).map_or_else(|_| unix_ms.to_string(), |time| time.to_string())
}
