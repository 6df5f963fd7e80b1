//! The calls that judge rather than compute: `anomalies(…)`, `outliers(…)`, `forecast(…)`, and Weir's `anomaly(…)`.

use std::ops::Range;

use weir_query::{Prefix, QueryError, QueryErrorKind, did_you_mean};
use weir_types::UnixMicros;

use super::cursor::{Cursor, checked_zone};
use super::source::length_of_text;
use super::{
    Algorithm, Anomaly, Dialect, Direction, Filled, Forecast, Hinted as _, OutlierAlgorithm, Outliers,
    Seasonality, Shape, located,
};

/// Arguments of one call; Datadog's longest has ten.
const ARGUMENTS_MAX: usize = 16;

/// A call, taken apart.
pub(super) struct Detector {
    pub(super) shape: Shape,
    pub(super) prefix: Prefix,
    pub(super) tz: Option<String>,
}

/// One argument after the expression.
enum Argument {
    Number(f64),
    Text(String),
}

struct Arguments {
    call: Range<usize>,
    positional: Vec<(Argument, Range<usize>)>,
    named: Vec<(String, String, Range<usize>)>,
}

/// The call of a detector, when one is next.
pub(super) fn parse(cursor: &mut Cursor<'_>, dialect: Dialect) -> Result<Option<Detector>, QueryError> {
    let name = cursor.peek_word();
    let is_call = cursor.rest()[name.len()..].trim_start().starts_with('(');
    if !is_call || !["anomaly", "anomalies", "outliers", "forecast"].contains(&name) {
        return Ok(None);
    }
    let (name, call) = cursor.word();
    cursor.expect("(", "after the name")?;
    let prefix = cursor.expression(true)?;
    let mut arguments = Arguments { call, positional: Vec::new(), named: Vec::new() };
    while !cursor.take(")") {
        cursor.expect(",", &format!("or `)` in the arguments of {name}"))?;
        arguments.read(cursor)?;
    }
    let tz = arguments.named("timezone").map(|(zone, place)| checked_zone(zone, place)).transpose()?;
    let shape = match name {
        "outliers" => Shape::Outliers(outliers(&mut arguments, &prefix)?),
        "forecast" => Shape::Forecast(forecast(&mut arguments)?),
        _ => Shape::Anomaly(anomaly(&mut arguments, dialect)?),
    };
    arguments.expect_used(name)?;
    Ok(Some(Detector { shape, prefix, tz }))
}

impl Arguments {
    fn read(&mut self, cursor: &mut Cursor<'_>) -> Result<(), QueryError> {
        let here = cursor.here();
        if self.positional.len() + self.named.len() == ARGUMENTS_MAX {
            return Err(located(QueryErrorKind::Limit, here, "too many arguments"));
        }
        if cursor.rest().starts_with(['\'', '"']) {
            let (text, place) = cursor.quoted("an argument")?;
            self.positional.push((Argument::Text(text), place));
        } else if cursor.rest().starts_with(|c: char| c.is_ascii_digit()) {
            let (_, number, place) = cursor.number("in the arguments")?;
            self.positional.push((Argument::Number(number.base_value()), place));
        } else {
            let (name, place) = cursor.word();
            cursor.expect("=", "after the name of the argument")?;
            let value = if cursor.rest().starts_with(['\'', '"']) {
                cursor.quoted("a value")?.0
            } else {
                let (word, place) = cursor.word();
                if word.is_empty() {
                    return Err(located(QueryErrorKind::Syntax, place, "expected a value after `=`"));
                }
                word.to_owned()
            };
            if self.named.iter().any(|(known, ..)| known == name) {
                return Err(located(QueryErrorKind::Argument, place, format!("{name} is given twice")));
            }
            self.named.push((name.to_owned(), value, place));
        }
        Ok(())
    }

    /// Takes the first argument without a name, which is a text.
    fn text(&mut self, what: &str) -> Result<Option<(String, Range<usize>)>, QueryError> {
        if self.positional.is_empty() {
            return Ok(None);
        }
        match self.positional.remove(0) {
            (Argument::Text(text), place) => Ok(Some((text, place))),
            (Argument::Number(_), place) => {
                Err(located(QueryErrorKind::Argument, place, format!("expected {what} in quotes")))
            }
        }
    }

    /// Takes the first argument without a name, which is a number.
    fn number(&mut self, what: &str) -> Result<Option<f64>, QueryError> {
        if self.positional.is_empty() {
            return Ok(None);
        }
        match self.positional.remove(0) {
            (Argument::Number(number), _) => Ok(Some(number)),
            (Argument::Text(_), place) => {
                Err(located(QueryErrorKind::Argument, place, format!("expected {what}, a number")))
            }
        }
    }

    fn named(&mut self, name: &str) -> Option<(String, Range<usize>)> {
        let at = self.named.iter().position(|(known, ..)| known == name)?;
        let (_, value, place) = self.named.remove(at);
        Some((value, place))
    }

    fn length(&mut self, name: &str) -> Result<Option<i64>, QueryError> {
        let Some((text, place)) = self.named(name) else { return Ok(None) };
        let as_seconds = text.parse::<u32>().ok().map(|seconds| i64::from(seconds) * UnixMicros::SECOND);
        let us = length_of_text(text.trim_start_matches("last_")).or(as_seconds);
        us.map(Some).ok_or_else(|| {
            located(QueryErrorKind::Argument, place, format!("{name} is a length of time"))
                .hinted("lengths of time are written '15m' or 'last_15m'; a plain number is seconds")
        })
    }

    fn one_of<T: Copy>(&mut self, name: &str, words: &[(&'static str, T)]) -> Result<Option<T>, QueryError> {
        self.named(name).map(|(word, place)| chosen(&word, place, name, words)).transpose()
    }

    fn expect_used(&self, name: &str) -> Result<(), QueryError> {
        if let Some((argument, _, place)) = self.named.first() {
            let known = [
                "direction",
                "alert_window",
                "interval",
                "count_default_zero",
                "seasonality",
                "timezone",
                "history",
                "model",
            ];
            let message = format!("{name} has no argument `{argument}`");
            let error = located(QueryErrorKind::Argument, place.clone(), message);
            return Err(match did_you_mean(argument, known) {
                Some(hint) => error.hinted(hint),
                None => error,
            });
        }
        match self.positional.first() {
            Some((_, place)) => {
                Err(located(QueryErrorKind::Argument, place.clone(), format!("{name} takes fewer arguments")))
            }
            None => Ok(()),
        }
    }
}

fn chosen<T: Copy>(
    word: &str,
    place: Range<usize>,
    what: &str,
    words: &[(&'static str, T)],
) -> Result<T, QueryError> {
    let found = words.iter().find(|(known, _)| *known == word);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let known = || words.iter().map(|(known, _)| *known);
        let hint = did_you_mean(word, known())
            .unwrap_or_else(|| format!("there are {}", known().collect::<Vec<_>>().join(", ")));
        located(
            QueryErrorKind::Argument,
            place,
            format!("there is no {what} `{}`", super::cursor::shown(word)),
        )
        .hinted(hint)
    })
}

fn anomaly(arguments: &mut Arguments, dialect: Dialect) -> Result<Anomaly, QueryError> {
    const ALGORITHMS: [(&str, Algorithm); 3] =
        [("basic", Algorithm::Basic), ("agile", Algorithm::Agile), ("robust", Algorithm::Robust)];
    const DIRECTIONS: [(&str, Direction); 3] =
        [("above", Direction::Above), ("below", Direction::Below), ("both", Direction::Both)];
    const SEASONS: [(&str, Seasonality); 3] =
        [("hourly", Seasonality::Hourly), ("daily", Seasonality::Daily), ("weekly", Seasonality::Weekly)];
    let algorithm = arguments.text("the algorithm")?;
    let algorithm =
        algorithm.map(|(word, place)| chosen(&word, place, "algorithm", &ALGORITHMS)).transpose()?;
    let bounds = arguments.number("the width of the band")?;
    let interval = arguments.length("interval")?;
    let alert_window = arguments.length("alert_window")?;
    let interval = Filled::or(interval, || {
        // Five points or more of each alert window, as Datadog advises, and no more than five minutes.
        let fifth = alert_window.map_or(5 * UnixMicros::MINUTE, |window| window / 5);
        fifth.clamp(UnixMicros::MINUTE, 5 * UnixMicros::MINUTE) / UnixMicros::MINUTE * UnixMicros::MINUTE
    });
    let anomaly = Anomaly {
        algorithm: Filled::or(algorithm, || Algorithm::Agile),
        bounds: Filled::or(bounds, || 3.0),
        direction: Filled::or(arguments.one_of("direction", &DIRECTIONS)?, || match dialect {
            // What costs is more than usual; Datadog counts both sides.
            Dialect::Weir => Direction::Above,
            Dialect::Datadog => Direction::Both,
        }),
        alert_window_us: Filled::or(alert_window, || 15 * UnixMicros::MINUTE),
        interval_us: interval,
        seasonality: Filled::or(arguments.one_of("seasonality", &SEASONS)?, || Seasonality::Weekly),
        count_default_zero: Filled::or(
            arguments.one_of("count_default_zero", &[("true", true), ("false", false)])?,
            || true,
        ),
        budget_per_week: None,
    };
    if anomaly.alert_window_us.value < anomaly.interval_us.value {
        let message = "the alert window is shorter than the distance of its points";
        return Err(located(QueryErrorKind::Argument, arguments.call.clone(), message));
    }
    if !(0.5..=10.0).contains(&anomaly.bounds.value) {
        let message = format!("a band is 0.5 to 10 deviations wide, not {}", anomaly.bounds.value);
        return Err(
            located(QueryErrorKind::Argument, arguments.call.clone(), message).hinted("2 or 3 is usual")
        );
    }
    Ok(anomaly)
}

fn outliers(arguments: &mut Arguments, prefix: &Prefix) -> Result<Outliers, QueryError> {
    const ALGORITHMS: [(&str, OutlierAlgorithm); 4] = [
        ("dbscan", OutlierAlgorithm::Dbscan),
        ("scaleddbscan", OutlierAlgorithm::ScaledDbscan),
        ("mad", OutlierAlgorithm::Mad),
        ("scaledmad", OutlierAlgorithm::ScaledMad),
    ];
    if prefix.query.expr().leaves().iter().all(|leaf| leaf.by.is_empty()) {
        let message = "outliers compares groups with one another, and this has none";
        return Err(located(QueryErrorKind::Grouping, arguments.call.clone(), message)
            .hinted("group it: `avg:m{*} by {host}`"));
    }
    let algorithm = arguments.text("the algorithm")?;
    let algorithm = algorithm
        .map(|(word, place)| chosen(&word.to_lowercase(), place, "algorithm", &ALGORITHMS))
        .transpose()?;
    Ok(Outliers {
        algorithm: Filled::or(algorithm, || OutlierAlgorithm::Dbscan),
        tolerance: Filled::or(arguments.number("the tolerance")?, || 3.0),
        points_percent: Filled::or(arguments.number("the percentage of points")?, || 20.0),
    })
}

fn forecast(arguments: &mut Arguments) -> Result<Forecast, QueryError> {
    let algorithm = arguments.text("the algorithm")?;
    let is_seasonal = algorithm
        .map(|(word, place)| chosen(&word, place, "algorithm", &[("linear", false), ("seasonal", true)]))
        .transpose()?;
    let bounds = arguments.number("the width of the band")?;
    // What tunes the fit is read and checked; it does not change what is asked.
    for name in ["interval", "history"] {
        arguments.length(name)?;
    }
    arguments.named("model");
    arguments.named("seasonality");
    Ok(Forecast { is_seasonal: is_seasonal.unwrap_or(false), bounds: bounds.unwrap_or(1.0) })
}
