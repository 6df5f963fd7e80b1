//! Values of a statement under construction. No value is ever written into SQL text: each is bound, and the text has
//! its number.

use duckdb::types::{TimeUnit, Value};
use weir_types::UnixMicros;

use crate::arrow::bound;

/// The values of one statement.
#[derive(Debug, Default)]
pub(crate) struct Params(Vec<Value>);

impl Params {
    /// Binds a text; returns how the statement refers to it.
    pub(crate) fn text(&mut self, text: &str) -> String {
        self.bind(Value::Text(text.to_owned()))
    }

    /// Binds an instant, as a bound of a range.
    pub(crate) fn time(&mut self, time: UnixMicros) -> String {
        self.bind(Value::Timestamp(TimeUnit::Microsecond, bound(time).0))
    }

    /// The values, for the driver.
    pub(crate) fn values(&self) -> &[Value] {
        &self.0
    }

    fn bind(&mut self, value: Value) -> String {
        self.0.push(value);
        format!("${}", self.0.len())
    }
}
