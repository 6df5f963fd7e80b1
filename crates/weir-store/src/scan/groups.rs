//! Results on their way from Arrow to [`ScanRow`]s: cells by group and bucket.

use std::collections::HashMap;
use std::sync::Arc;

use duckdb::arrow::array::{Int64Array, StringArray, StructArray};
use weir_types::{Cell, HistogramSum, ScanRow, UnixMicros};

use crate::arrow::{column, text_at};
use crate::scan::Failure;

/// Cells in the making. The first columns of every chunk are the values of the group's tags and the bucket's number.
pub(crate) struct Groups {
    tags: usize,
    rows_max: usize,
    /// By the group's values, encoded.
    numbers: HashMap<Box<[u8]>, usize>,
    values: Vec<Vec<Option<Arc<str>>>>,
    cells: HashMap<(usize, i64), CellSum>,
    /// The encoding of the row at hand; kept for its capacity.
    key: Vec<u8>,
}

/// A cell that rows are added to.
#[derive(Debug, Default)]
pub(crate) struct CellSum {
    /// All but the histogram.
    pub cell: Cell,
    /// `None` until a row has one: most scans ask for none.
    histogram: Option<Box<HistogramSum>>,
}

impl CellSum {
    pub(crate) fn histogram(&mut self) -> &mut HistogramSum {
        self.histogram.get_or_insert_default()
    }

    fn finish(self) -> Cell {
        let histogram = self.histogram.map_or_else(Default::default, |histogram| histogram.finish());
        Cell { histogram, ..self.cell }
    }
}

/// The columns of a chunk that say where a row belongs.
pub(crate) struct GroupColumns<'a> {
    tags: Vec<&'a StringArray>,
    buckets: &'a Int64Array,
}

impl<'a> GroupColumns<'a> {
    pub(crate) fn of(chunk: &'a StructArray, tags: usize) -> duckdb::Result<Self> {
        Ok(Self {
            tags: (0..tags).map(|i| column(chunk, i)).collect::<Result<_, _>>()?,
            buckets: column(chunk, tags)?,
        })
    }
}

impl Groups {
    pub(crate) fn new(tags: usize, rows_max: usize) -> Self {
        Self {
            tags,
            rows_max,
            numbers: HashMap::new(),
            values: Vec::new(),
            cells: HashMap::new(),
            key: Vec::new(),
        }
    }

    /// How many columns come before those of the cell.
    pub(crate) fn columns(&self) -> usize {
        self.tags + 1
    }

    /// The cell that a row belongs to.
    pub(crate) fn cell(&mut self, columns: &GroupColumns<'_>, row: usize) -> Result<&mut CellSum, Failure> {
        let group = self.group(columns, row);
        if self.cells.len() >= self.rows_max && !self.cells.contains_key(&(group, columns.buckets.value(row)))
        {
            return Err(Failure::TooManyRows);
        }
        Ok(self.cells.entry((group, columns.buckets.value(row))).or_default())
    }

    /// The rows of the answer.
    pub(crate) fn finish(self, start: impl Fn(i64) -> UnixMicros) -> Vec<ScanRow> {
        let values = self.values;
        self.cells
            .into_iter()
            .map(|((group, bucket), cell)| ScanRow {
                group: values[group].clone(),
                bucket: start(bucket),
                cell: cell.finish(),
            })
            .collect()
    }

    fn group(&mut self, columns: &GroupColumns<'_>, row: usize) -> usize {
        self.key.clear();
        for column in &columns.tags {
            match text_at(column, row) {
                None => self.key.push(0),
                Some(text) => {
                    self.key.push(1);
                    self.key.extend_from_slice(&text.len().to_le_bytes());
                    self.key.extend_from_slice(text.as_bytes());
                }
            }
        }
        if let Some(number) = self.numbers.get(self.key.as_slice()) {
            return *number;
        }
        let values = columns.tags.iter().map(|column| text_at(column, row).map(Arc::from)).collect();
        self.values.push(values);
        self.numbers.insert(self.key.as_slice().into(), self.values.len() - 1);
        self.values.len() - 1
    }
}
