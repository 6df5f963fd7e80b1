//! Values of a result as JSON, and the names of its types.
//!
//! JSON's numbers are doubles to most readers, so integers beyond 2^53 and decimals are texts. Times are ISO 8601 in UTC,
//! bytes are hexadecimal. Whatever has no shape of its own is shown as Arrow shows it.

use duckdb::arrow::array::{Array, AsArray as _, StructArray};
use duckdb::arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use duckdb::arrow::util::display::{ArrayFormatter, FormatOptions};
use duckdb::core::{LogicalTypeHandle, LogicalTypeId};
use serde_json::{Map, Value};

use crate::hex::hex;

/// The greatest integer that a double holds with all below it.
const EXACT_INTEGER_MAX: u128 = 1 << 53;

/// The value in a row of a column.
pub(crate) fn value(column: &dyn Array, row: usize) -> Value {
    if column.is_null(row) {
        return Value::Null;
    }
    match column.data_type() {
        DataType::Boolean => Value::from(column.as_boolean().value(row)),
        DataType::Int8 => integer(column.as_primitive::<Int8Type>().value(row)),
        DataType::Int16 => integer(column.as_primitive::<Int16Type>().value(row)),
        DataType::Int32 => integer(column.as_primitive::<Int32Type>().value(row)),
        DataType::Int64 => integer(column.as_primitive::<Int64Type>().value(row)),
        DataType::UInt8 => integer(column.as_primitive::<UInt8Type>().value(row)),
        DataType::UInt16 => integer(column.as_primitive::<UInt16Type>().value(row)),
        DataType::UInt32 => integer(column.as_primitive::<UInt32Type>().value(row)),
        DataType::UInt64 => integer(column.as_primitive::<UInt64Type>().value(row)),
        // A huge integer is a decimal without decimals to Arrow.
        DataType::Decimal128(_, 0) => integer(column.as_primitive::<Decimal128Type>().value(row)),
        DataType::Float32 => float(f64::from(column.as_primitive::<Float32Type>().value(row))),
        DataType::Float64 => float(column.as_primitive::<Float64Type>().value(row)),
        DataType::Utf8 => Value::from(column.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => Value::from(column.as_string::<i64>().value(row)),
        DataType::Utf8View => Value::from(column.as_string_view().value(row)),
        DataType::Binary => Value::from(hex(column.as_binary::<i32>().value(row))),
        DataType::LargeBinary => Value::from(hex(column.as_binary::<i64>().value(row))),
        DataType::BinaryView => Value::from(hex(column.as_binary_view().value(row))),
        DataType::Timestamp(unit, _) => instant(column, *unit, row),
        DataType::Date32 => date(column.as_primitive::<Date32Type>().value(row)),
        DataType::List(_) => list(&*column.as_list::<i32>().value(row)),
        DataType::LargeList(_) => list(&*column.as_list::<i64>().value(row)),
        DataType::FixedSizeList(_, _) => list(&*column.as_fixed_size_list().value(row)),
        DataType::Struct(_) => object(column.as_struct(), row),
        DataType::Map(_, _) => map(&column.as_map().value(row)),
        DataType::Dictionary(_, _) => {
            let dictionary = column.as_any_dictionary();
            value(&**dictionary.values(), dictionary.normalized_keys()[row])
        }
        _ => shown(column, row),
    }
}

fn integer(number: impl Into<i128>) -> Value {
    let number = number.into();
    match i64::try_from(number) {
        Ok(small) if number.unsigned_abs() <= EXACT_INTEGER_MAX => Value::from(small),
        _ => Value::from(number.to_string()),
    }
}

fn float(number: f64) -> Value {
    // JSON has no NaN and no infinities.
    serde_json::Number::from_f64(number).map_or_else(|| Value::from(number.to_string()), Value::Number)
}

fn instant(column: &dyn Array, unit: TimeUnit, row: usize) -> Value {
    let time = match unit {
        TimeUnit::Second => {
            jiff::Timestamp::from_second(column.as_primitive::<TimestampSecondType>().value(row))
        }
        TimeUnit::Millisecond => {
            jiff::Timestamp::from_millisecond(column.as_primitive::<TimestampMillisecondType>().value(row))
        }
        TimeUnit::Microsecond => {
            jiff::Timestamp::from_microsecond(column.as_primitive::<TimestampMicrosecondType>().value(row))
        }
        TimeUnit::Nanosecond => {
            let nanos = column.as_primitive::<TimestampNanosecondType>().value(row);
            jiff::Timestamp::from_nanosecond(i128::from(nanos))
        }
    };
    time.map_or_else(|_| shown(column, row), |time| Value::from(time.to_string()))
}

fn date(days: i32) -> Value {
    let epoch = jiff::civil::date(1970, 1, 1);
    let date = jiff::Span::new().try_days(i64::from(days)).and_then(|span| epoch.checked_add(span));
    date.map_or_else(
        |_| Value::from(format!("{days} days after 1970-01-01")),
        |date| Value::from(date.to_string()),
    )
}

fn list(values: &dyn Array) -> Value {
    (0..values.len()).map(|row| value(values, row)).collect()
}

fn object(columns: &StructArray, row: usize) -> Value {
    let fields = columns.column_names().into_iter().zip(columns.columns());
    Value::Object(fields.map(|(name, column)| (name.to_owned(), value(&**column, row))).collect())
}

/// A map with texts for keys as an object, any other as a list of pairs.
fn map(entries: &StructArray) -> Value {
    let [keys, values] = entries.columns() else { return Value::Null };
    let pairs = (0..entries.len()).map(|row| (value(&**keys, row), value(&**values, row)));
    if matches!(keys.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) {
        let fields = pairs.filter_map(|(key, value)| key.as_str().map(|key| (key.to_owned(), value)));
        return Value::Object(fields.collect::<Map<_, _>>());
    }
    pairs.map(|(key, value)| Value::Array(vec![key, value])).collect()
}

fn shown(column: &dyn Array, row: usize) -> Value {
    let options = FormatOptions::default();
    match ArrayFormatter::try_new(column, &options) {
        Ok(formatter) => Value::from(formatter.value(row).try_to_string().unwrap_or_default()),
        Err(_) => Value::from(format!("({})", column.data_type())),
    }
}

/// The name of a type, as DuckDB writes it.
pub(crate) fn type_name(logical: &LogicalTypeHandle) -> String {
    let child = |index| type_name(&logical.child(index));
    match logical.id() {
        LogicalTypeId::Decimal => format!("DECIMAL({},{})", logical.decimal_width(), logical.decimal_scale()),
        LogicalTypeId::List => format!("{}[]", child(0)),
        LogicalTypeId::Map => format!("MAP({}, {})", child(0), child(1)),
        LogicalTypeId::Struct => {
            let fields: Vec<_> = (0..logical.num_children())
                .map(|i| format!("{} {}", logical.child_name(i), child(i)))
                .collect();
            format!("STRUCT({})", fields.join(", "))
        }
        LogicalTypeId::TimestampTZ => "TIMESTAMP WITH TIME ZONE".to_owned(),
        LogicalTypeId::TimestampS => "TIMESTAMP_S".to_owned(),
        LogicalTypeId::TimestampMs => "TIMESTAMP_MS".to_owned(),
        LogicalTypeId::TimestampNs => "TIMESTAMP_NS".to_owned(),
        LogicalTypeId::TimeTZ => "TIME WITH TIME ZONE".to_owned(),
        LogicalTypeId::SqlNull => "NULL".to_owned(),
        other => format!("{other:?}").to_ascii_uppercase(),
    }
}
