//! Building and reading Arrow columns, in the few types that the tables use.

use std::fmt::{Display, Write as _};
use std::sync::Arc;

use duckdb::arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Decimal128Array, Float64Array, Int64Array, MapBuilder,
    RecordBatch, StringArray, StringBuilder, StructArray, TimestampMicrosecondArray, UInt16Array,
    UInt64Array,
};
use duckdb::arrow::error::ArrowError;
use weir_types::{TagKey, Tags, UnixMicros};

/// Digits of a cell's sum.
const SUM_PRECISION: u8 = 38;
/// Digits of a cell's sum after the point: it is held in 1e-9 of a unit.
const SUM_SCALE: i8 = 9;

/// The rows of a table in the making: one method call for each column, in the order of the table.
pub(crate) struct Columns<'a, T> {
    rows: &'a [T],
    columns: Vec<(String, ArrayRef)>,
}

impl<'a, T> Columns<'a, T> {
    pub(crate) fn of(rows: &'a [T]) -> Self {
        Self { rows, columns: Vec::new() }
    }

    pub(crate) fn text(self, name: &str, value: impl Fn(&'a T) -> Option<&'a str>) -> Self {
        let column: StringArray = self.rows.iter().map(value).collect();
        self.push(name, Arc::new(column))
    }

    /// A text that is made for the column.
    pub(crate) fn shown<D: Display>(self, name: &str, value: impl Fn(&'a T) -> Option<D>) -> Self {
        let mut builder = StringBuilder::new();
        for row in self.rows {
            match value(row) {
                // Writing into memory does not fail.
                Some(shown) => {
                    let _ = write!(builder, "{shown}");
                    builder.append_value("");
                }
                None => builder.append_null(),
            }
        }
        self.push(name, Arc::new(builder.finish()))
    }

    pub(crate) fn int(self, name: &str, value: impl Fn(&'a T) -> Option<i64>) -> Self {
        let column: Int64Array = self.rows.iter().map(value).collect();
        self.push(name, Arc::new(column))
    }

    pub(crate) fn unsigned(self, name: &str, value: impl Fn(&'a T) -> u64) -> Self {
        let column = UInt64Array::from_iter_values(self.rows.iter().map(value));
        self.push(name, Arc::new(column))
    }

    pub(crate) fn small_int(self, name: &str, value: impl Fn(&'a T) -> Option<u16>) -> Self {
        let column: UInt16Array = self.rows.iter().map(value).collect();
        self.push(name, Arc::new(column))
    }

    pub(crate) fn float(self, name: &str, value: impl Fn(&'a T) -> Option<f64>) -> Self {
        let column: Float64Array = self.rows.iter().map(value).collect();
        self.push(name, Arc::new(column))
    }

    pub(crate) fn flag(self, name: &str, value: impl Fn(&'a T) -> bool) -> Self {
        let column: BooleanArray = self.rows.iter().map(|row| Some(value(row))).collect();
        self.push(name, Arc::new(column))
    }

    pub(crate) fn time(self, name: &str, value: impl Fn(&'a T) -> UnixMicros) -> Self {
        let column =
            TimestampMicrosecondArray::from_iter_values(self.rows.iter().map(|row| storable(value(row)).0));
        self.push(name, Arc::new(column))
    }

    pub(crate) fn bytes(self, name: &str, value: impl Fn(&'a T) -> Option<Vec<u8>>) -> Self {
        let column: BinaryArray = self.rows.iter().map(value).collect();
        self.push(name, Arc::new(column))
    }

    /// Sums in units of 1e-9, cut to what 38 digits hold.
    pub(crate) fn sum(self, name: &str, value: impl Fn(&'a T) -> i128) -> Self {
        let most = 10i128.pow(u32::from(SUM_PRECISION)) - 1;
        let sums = self.rows.iter().map(|row| value(row).clamp(-most, most));
        let column =
            Decimal128Array::from_iter_values(sums).with_precision_and_scale(SUM_PRECISION, SUM_SCALE);
        let column = column.expect("38 digits, 9 of them after the point, are a decimal");
        self.push(name, Arc::new(column))
    }

    /// Tags as a map; `None` for no map at all.
    pub(crate) fn map<'t>(
        self,
        name: &str,
        value: impl Fn(&'a T) -> Option<Vec<(&'t TagKey, &'t Arc<str>)>>,
    ) -> Self {
        let mut builder = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
        for row in self.rows {
            let pairs = value(row);
            for (key, value) in pairs.iter().flatten() {
                builder.keys().append_value(key.as_str());
                builder.values().append_value(value);
            }
            // Keys and values were appended in pairs, so their numbers agree.
            let _ = builder.append(pairs.is_some());
        }
        self.push(name, Arc::new(builder.finish()))
    }

    pub(crate) fn finish(self) -> Result<RecordBatch, ArrowError> {
        RecordBatch::try_from_iter_with_nullable(
            self.columns.into_iter().map(|(name, column)| (name, column, true)),
        )
    }

    fn push(mut self, name: &str, column: ArrayRef) -> Self {
        self.columns.push((name.to_owned(), column));
        self
    }
}

/// A time that the tables can hold: within the years 1 to 9999. The ends of the integer's range mean infinity to DuckDB.
pub(crate) fn storable(time: UnixMicros) -> UnixMicros {
    UnixMicros(time.0.clamp(YEAR_1, YEAR_10000 - 1))
}

/// A bound of a range such that every [`storable`] time is on the side of it that it was on before.
pub(crate) fn bound(time: UnixMicros) -> UnixMicros {
    UnixMicros(time.0.clamp(YEAR_1, YEAR_10000))
}

const YEAR_1: i64 = -62_135_596_800_000_000;
const YEAR_10000: i64 = 253_402_300_800_000_000;

/// A column of a result, of a type that the statement asked for.
pub(crate) fn column<A: Array + 'static>(chunk: &StructArray, index: usize) -> Result<&A, duckdb::Error> {
    let column = chunk.columns().get(index).and_then(|column| column.as_any().downcast_ref::<A>());
    column.ok_or_else(|| {
        let found = chunk.columns().get(index).map(|column| column.data_type().to_string());
        duckdb::Error::InvalidColumnType(
            index,
            format!("expected {}, found {found:?}", std::any::type_name::<A>()),
            duckdb::types::Type::Any,
        )
    })
}

/// The text of a row, or its absence.
pub(crate) fn text_at(column: &StringArray, row: usize) -> Option<&str> {
    column.is_valid(row).then(|| column.value(row))
}

/// Tags of a row of a map column.
pub(crate) fn tags_at(column: &duckdb::arrow::array::MapArray, row: usize) -> Result<Tags, duckdb::Error> {
    let mut tags = Tags::new();
    if column.is_valid(row) {
        let entries = column.value(row);
        let keys: &StringArray = self::column(&entries, 0)?;
        let values: &StringArray = self::column(&entries, 1)?;
        for entry in 0..entries.len() {
            tags.set(TagKey::new(keys.value(entry)), values.value(entry));
        }
    }
    Ok(tags)
}
