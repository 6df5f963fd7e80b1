//! Reads arrival-time traces: when each call of a production service came, and how many tokens it read and wrote.
//!
//! The format is that of the Azure LLM inference traces: a header line and the columns `TIMESTAMP`, `ContextTokens`,
//! `GeneratedTokens`. Columns are found by name, in any order; others are ignored. A line that cannot be read is an
//! error that names it, because a replay that silently leaves calls out would prove nothing.

use std::path::Path;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::DemoError;

/// One call of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// When it came, in microseconds after the first call of the trace.
    pub at_us: u64,
    /// How many tokens it read.
    pub input_tokens: u64,
    /// How many tokens it wrote.
    pub output_tokens: u64,
}

/// Reads a trace, in the order of arrival.
pub fn read_trace(path: impl AsRef<Path>) -> Result<Vec<Arrival>, DemoError> {
    let path = path.as_ref();
    let text = std::fs::read(path)
        .map_err(|error| DemoError::Trace { path: path.to_owned(), reason: error.to_string() })?;
    parse_trace(path, &text)
}

/// Parses a trace; `path` is only for messages.
pub(crate) fn parse_trace(path: &Path, text: &[u8]) -> Result<Vec<Arrival>, DemoError> {
    let unreadable = |reason: String| DemoError::Trace { path: path.to_owned(), reason };
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text);
    let columns = Columns::find(reader.byte_headers().map_err(|error| unreadable(error.to_string()))?)
        .map_err(|reason| DemoError::TraceLine { path: path.to_owned(), line: 1, reason })?;

    let mut arrivals = Vec::new();
    let mut record = csv::ByteRecord::new();
    while reader.read_byte_record(&mut record).map_err(|error| unreadable(error.to_string()))? {
        let line = record.position().map_or(0, csv::Position::line);
        let row = columns.read(&record).map_err(|reason| DemoError::TraceLine {
            path: path.to_owned(),
            line,
            reason,
        })?;
        arrivals.push(row);
    }
    Ok(since_first(arrivals))
}

struct Row {
    unix_us: i64,
    input_tokens: u64,
    output_tokens: u64,
}

/// Where the three columns are.
struct Columns {
    time: usize,
    input: usize,
    output: usize,
}

impl Columns {
    fn find(header: &csv::ByteRecord) -> Result<Self, String> {
        let place = |name: &str| {
            header
                .iter()
                .position(|field| field.eq_ignore_ascii_case(name.as_bytes()))
                .ok_or_else(|| format!("there is no column {name}"))
        };
        Ok(Self {
            time: place("TIMESTAMP")?,
            input: place("ContextTokens")?,
            output: place("GeneratedTokens")?,
        })
    }

    fn read(&self, record: &csv::ByteRecord) -> Result<Row, String> {
        Ok(Row {
            unix_us: unix_micros(field(record, self.time)?)?,
            input_tokens: tokens(field(record, self.input)?)?,
            output_tokens: tokens(field(record, self.output)?)?,
        })
    }
}

fn field(record: &csv::ByteRecord, at: usize) -> Result<&str, String> {
    let bytes = record.get(at).ok_or_else(|| format!("there is no field {}", at + 1))?;
    std::str::from_utf8(bytes).map_err(|_| format!("field {} is not UTF-8", at + 1))
}

fn tokens(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("{text:?} is not a number of tokens"))
}

fn unix_micros(text: &str) -> Result<i64, String> {
    let instant = text
        .parse::<DateTime>()
        .and_then(|time| time.to_zoned_datetime(TimeZone::UTC))
        .map_err(|error| format!("{text:?} is not a time: {error}"))?;
    Ok(instant.timestamp().as_microsecond())
}

/// Sorts by time (stably, so that calls of one instant keep their order) and counts from the first.
fn since_first(mut rows: Vec<Row>) -> Vec<Arrival> {
    rows.sort_by_key(|row| row.unix_us);
    let first = rows.first().map_or(0, |row| row.unix_us);
    rows.iter()
        .map(|row| Arrival {
            at_us: row.unix_us.abs_diff(first),
            input_tokens: row.input_tokens,
            output_tokens: row.output_tokens,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<Arrival>, DemoError> {
        parse_trace(Path::new("trace.csv"), text.as_bytes())
    }

    #[test]
    fn times_count_from_the_first_call_whatever_the_order_of_lines() {
        let text = "TIMESTAMP,ContextTokens,GeneratedTokens\r\n\
                    2023-11-16 18:15:50.9951690,396,109\r\n\
                    2023-11-16 18:15:46.6805900,374,44";
        let first = Arrival { at_us: 0, input_tokens: 374, output_tokens: 44 };
        let second = Arrival { at_us: 4_314_579, input_tokens: 396, output_tokens: 109 };
        assert_eq!(parse(text).unwrap(), [first, second]);
    }

    #[test]
    fn a_line_that_cannot_be_read_is_named() {
        let text = "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:50,396,109\n2023-11-16 18:15:51,many,1\n";
        insta::assert_snapshot!(parse(text).unwrap_err(), @r#"trace.csv:3: "many" is not a number of tokens; expected the columns TIMESTAMP (like `2023-11-16 18:17:03.97`), ContextTokens, GeneratedTokens"#);
    }

    #[test]
    fn a_missing_column_is_named() {
        let error = parse("TIMESTAMP,ContextTokens\n").unwrap_err().to_string();
        assert!(error.contains("there is no column GeneratedTokens"), "{error}");
    }
}
