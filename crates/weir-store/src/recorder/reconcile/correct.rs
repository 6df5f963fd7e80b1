//! Takes away from cells what they should not hold any more, exactly: counts, sums and histograms by subtraction; the
//! least and the greatest, which cannot be subtracted, from the rows that remain, where the one that goes was it.
//!
//! Within the recorder's transaction, after rows and cells were written. Where the limit on tag sets sent samples to
//! `__other__`, they are taken from there, and the least and greatest of such a cell stay as bounds.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use duckdb::arrow::array::{
    Array as _, Float64Array, Int64Array, MapArray, StringArray, StructArray, TimestampMicrosecondArray,
};
use duckdb::{Connection, params_from_iter};
use weir_types::{Cell, CellDelta, CellKey, TagKey, Tags, TimeRange, UnixMicros, metric};

use crate::StoreError;
use crate::arrow::{column, tags_at, text_at};
use crate::derived::{CALLS_SQL, DerivedMetric};
use crate::duck::{Marks, Params};
use crate::recorder::batch::append_cells;
use crate::recorder::fold::{Fold, cut};
use crate::recorder::reconcile::stored;
use crate::recorder::roll_up::{CellColumns, Tier};
use crate::recorder::tag_limit::overflow;

/// Which cell of a tier.
type Place = (Arc<str>, UnixMicros, Tags);

/// A cell as it is stored, in however many rows.
#[derive(Default)]
struct Found {
    cell: Cell,
    rows: Vec<(i64, UnixMicros)>,
    is_changed: bool,
    /// Whether the least or the greatest went.
    needs_bounds: bool,
}

/// Takes minute cells away, and from hours that are rolled up already.
pub(in crate::recorder) fn take_away(
    connection: &Connection,
    removed: &[CellDelta],
    marks: &Marks,
) -> Result<(), StoreError> {
    let fail = StoreError::duck("correct cells");
    let take_away = || -> Result<(), Failure> {
        correct(connection, Tier::Minute, removed)?;
        let mut hours = Fold::new(UnixMicros::HOUR);
        for delta in removed.iter().filter(|delta| marks.rolled_up_to.is_some_and(|mark| delta.minute < mark))
        {
            hours.merge(&delta.key.metric, delta.minute, &delta.key.tags, &delta.cell);
        }
        correct(connection, Tier::Hour, &hours.finish())
    };
    take_away().map_err(|failure| match failure {
        Failure::Duck(error) => fail(error),
        Failure::Store(error) => error,
    })
}

/// Either kind of error, on its way out.
enum Failure {
    Duck(duckdb::Error),
    Store(StoreError),
}

impl From<duckdb::Error> for Failure {
    fn from(error: duckdb::Error) -> Self {
        Self::Duck(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

fn correct(connection: &Connection, tier: Tier, removed: &[CellDelta]) -> Result<(), Failure> {
    let (Some(first), Some(last)) =
        (removed.iter().map(|delta| delta.minute).min(), removed.iter().map(|delta| delta.minute).max())
    else {
        return Ok(());
    };
    let range = TimeRange { from: first, to: last.saturating_add_us(tier.step_us()) };
    let mut found = read(connection, tier, range, removed)?;
    for delta in removed {
        subtract(&mut found, delta);
    }
    set_bounds(connection, tier, range, &mut found)?;
    let changed = || found.iter().filter(|(_, found)| found.is_changed);
    let doomed: Vec<_> = changed().flat_map(|(_, found)| found.rows.iter().copied()).collect();
    stored::delete(connection, tier.table(), "time", &doomed)?;
    let mut cells: Vec<_> = changed()
        .filter(|(_, found)| found.cell.count > 0)
        .map(|((metric, time, tags), found)| CellDelta {
            key: CellKey { metric: Arc::clone(metric), tags: tags.clone() },
            minute: *time,
            cell: found.cell.clone(),
        })
        .collect();
    cells.sort_by(|a, b| (&a.key, a.minute).cmp(&(&b.key, b.minute)));
    append_cells(connection, tier.table(), &cells)?;
    Ok(())
}

fn subtract(found: &mut HashMap<Place, Found>, delta: &CellDelta) {
    let place = |tags: Tags| (Arc::clone(&delta.key.metric), delta.minute, tags);
    let holds = |place: &Place| found.get(place).is_some_and(|found| found.cell.count >= delta.cell.count);
    let own = place(delta.key.tags.clone());
    let place = if holds(&own) { own } else { place(overflow(&delta.key.tags)) };
    let Some(found) = found.get_mut(&place) else { return };
    let cell = &mut found.cell;
    cell.count = cell.count.saturating_sub(delta.cell.count);
    cell.sum_nano = cell.sum_nano.saturating_sub(delta.cell.sum_nano);
    cell.histogram.subtract(&delta.cell.histogram);
    found.is_changed = true;
    found.needs_bounds |= delta.cell.min <= cell.min || delta.cell.max >= cell.max;
}

/// Reads the cells from which something is to be taken.
fn read(
    connection: &Connection,
    tier: Tier,
    range: TimeRange,
    removed: &[CellDelta],
) -> duckdb::Result<HashMap<Place, Found>> {
    let mut found = HashMap::new();
    let mut metrics = BTreeSet::new();
    for CellDelta { key, minute, .. } in removed {
        metrics.insert(&key.metric);
        for tags in [key.tags.clone(), overflow(&key.tags)] {
            found.insert((Arc::clone(&key.metric), *minute, tags), Found::default());
        }
    }
    let mut params = Params::default();
    let (from, to) = (params.time(range.from), params.time(range.to));
    let metrics: Vec<_> = metrics.into_iter().map(|metric| params.text(metric)).collect();
    let sql = format!(
        "SELECT metric, time, {}, tags, rowid, \"count\", \"sum\", \"min\", \"max\", histogram FROM {} \
         WHERE time >= {from} AND time < {to} AND metric IN ({})",
        metric::CELL_TAGS.join(", "),
        tier.table(),
        metrics.join(", "),
    );
    let mut statement = connection.prepare(&sql)?;
    drop(statement.stream_arrow(params_from_iter(params.values()))?);
    while let Some(chunk) = statement.step()? {
        read_chunk(&chunk, &mut found)?;
    }
    Ok(found)
}

fn read_chunk(chunk: &StructArray, found: &mut HashMap<Place, Found>) -> duckdb::Result<()> {
    const TAGS: usize = 2 + metric::CELL_TAGS.len();
    let metrics: &StringArray = column(chunk, 0)?;
    let times: &TimestampMicrosecondArray = column(chunk, 1)?;
    let others: &MapArray = column(chunk, TAGS)?;
    let rows: &Int64Array = column(chunk, TAGS + 1)?;
    let cells = CellColumns::of(chunk, TAGS + 2, true)?;
    for row in 0..chunk.len() {
        let mut tags = tags_at(others, row)?;
        cell_tags(chunk, 2, row, &mut tags)?;
        let time = UnixMicros(times.value(row));
        if let Some(found) = found.get_mut(&(metrics.value(row).into(), time, tags)) {
            found.cell.merge(&cells.at(row)?);
            found.rows.push((rows.value(row), time));
        }
    }
    Ok(())
}

/// Sets those of [`metric::CELL_TAGS`] that a row has; their columns begin with this one.
fn cell_tags(chunk: &StructArray, first: usize, row: usize, tags: &mut Tags) -> duckdb::Result<()> {
    for (index, key) in (first..).zip(metric::CELL_TAGS) {
        if let Some(value) = text_at(column(chunk, index)?, row) {
            tags.set(TagKey::new(key), cut(value));
        }
    }
    Ok(())
}

/// Finds the least and the greatest again where they went.
fn set_bounds(
    connection: &Connection,
    tier: Tier,
    range: TimeRange,
    found: &mut HashMap<Place, Found>,
) -> duckdb::Result<()> {
    let wanting = found.iter().filter(|(_, found)| found.needs_bounds && found.cell.count > 0);
    let metrics: BTreeSet<_> = wanting.map(|((metric, ..), _)| Arc::clone(metric)).collect();
    for metric in metrics {
        let bounds = match DerivedMetric::find(&metric) {
            // Metrics without a histogram count occurrences: each is one.
            Some(derived) if !derived.has_histogram => continue,
            Some(derived) => bounds(connection, tier, range, derived)?,
            None => bounds_of_samples(connection, tier, range, &metric)?,
        };
        let wanting = found.iter_mut().filter(|((name, ..), found)| *name == metric && found.needs_bounds);
        for ((_, time, tags), found) in wanting {
            if let Some((least, greatest)) = bounds.get(&(*time, tags.clone())) {
                (found.cell.min, found.cell.max) = (Some(*least), Some(*greatest));
            }
        }
    }
    Ok(())
}

/// The least and the greatest value by cell.
type Bounds = HashMap<(UnixMicros, Tags), (f64, f64)>;

fn add_bounds(bounds: &mut Bounds, time: UnixMicros, tags: Tags, value: (f64, f64)) {
    // Long tags that are cut may be equal afterwards.
    let known = bounds.entry((time, tags)).or_insert(value);
    *known = (known.0.min(value.0), known.1.max(value.1));
}

/// The least and the greatest value of a metric that was sent as scores or as points, by cell.
fn bounds_of_samples(
    connection: &Connection,
    tier: Tier,
    range: TimeRange,
    metric: &str,
) -> duckdb::Result<Bounds> {
    const TAGS: usize = 1 + metric::CELL_TAGS.len();
    let mut params = Params::default();
    let (from, to, name) = (params.time(range.from), params.time(range.to), params.text(metric));
    let step = format!("epoch_us(time) // {}", tier.step_us());
    let which = format!("time >= {from} AND time < {to} AND name = {name} AND isfinite(value)");
    let none = ["NULL::VARCHAR"; metric::CELL_TAGS.len()].join(", ");
    let sql = format!(
        "SELECT {step}, {}, tags, min(value), max(value) FROM scores WHERE {which} GROUP BY ALL UNION ALL \
         SELECT {step}, {none}, tags, min(value), max(value) FROM points WHERE {which} AND kind <> 'set' GROUP BY ALL",
        metric::CELL_TAGS.join(", "),
    );
    let mut bounds = Bounds::new();
    let mut statement = connection.prepare(&sql)?;
    drop(statement.stream_arrow(params_from_iter(params.values()))?);
    while let Some(chunk) = statement.step()? {
        let steps: &Int64Array = column(&chunk, 0)?;
        let others: &MapArray = column(&chunk, TAGS)?;
        let (least, greatest): (&Float64Array, &Float64Array) =
            (column(&chunk, TAGS + 1)?, column(&chunk, TAGS + 2)?);
        for row in 0..chunk.len() {
            let mut tags = Tags::new();
            for (key, value) in tags_at(others, row)?.iter() {
                tags.set(key.clone(), cut(value));
            }
            cell_tags(&chunk, 1, row, &mut tags)?;
            let time = UnixMicros(steps.value(row) * tier.step_us());
            add_bounds(&mut bounds, time, tags, (least.value(row), greatest.value(row)));
        }
    }
    Ok(bounds)
}

/// The least and the greatest value of a metric in the rows, by cell.
fn bounds(
    connection: &Connection,
    tier: Tier,
    range: TimeRange,
    metric: &DerivedMetric,
) -> duckdb::Result<Bounds> {
    let mut params = Params::default();
    let (from, to) = (params.time(range.from), params.time(range.to));
    let unit = metric.unit_sql();
    let extra = metric.extra_tag().map_or("NULL::VARCHAR", |(_, sql)| sql);
    let sql = format!(
        "SELECT epoch_us(start_time) // {}, {}, {extra}, min({unit}), max({unit}) FROM {} \
         WHERE {CALLS_SQL} AND {} AND start_time >= {from} AND start_time < {to} GROUP BY ALL",
        tier.step_us(),
        metric::CELL_TAGS.join(", "),
        metric.from_sql,
        metric.filter_sql,
    );
    let mut bounds = Bounds::new();
    let mut statement = connection.prepare(&sql)?;
    drop(statement.stream_arrow(params_from_iter(params.values()))?);
    while let Some(chunk) = statement.step()? {
        const EXTRA: usize = 1 + metric::CELL_TAGS.len();
        let steps: &Int64Array = column(&chunk, 0)?;
        let extras: &StringArray = column(&chunk, EXTRA)?;
        let (least, greatest): (&Float64Array, &Float64Array) =
            (column(&chunk, EXTRA + 1)?, column(&chunk, EXTRA + 2)?);
        for row in 0..chunk.len() {
            let mut tags = Tags::new();
            cell_tags(&chunk, 1, row, &mut tags)?;
            if let (Some((key, _)), Some(value)) = (metric.extra_tag(), text_at(extras, row)) {
                tags.set(TagKey::new(key), cut(value));
            }
            let time = UnixMicros(steps.value(row) * tier.step_us());
            add_bounds(&mut bounds, time, tags, (least.value(row), greatest.value(row)));
        }
    }
    Ok(bounds)
}
