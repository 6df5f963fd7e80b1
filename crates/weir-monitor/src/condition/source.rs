//! Conditions on events, logs and error budgets: `logs("status:error").index("*").rollup("count").last("5m") > 5`.

use std::ops::Range;

use weir_query::{QueryError, QueryErrorKind, did_you_mean};
use weir_types::{UnixMicros, metric};

use super::cursor::Cursor;
use super::defaults::Draft;
use super::{
    BudgetRule, Dialect, EventQuery, Hinted as _, Judged, Rule, Shape, Threshold, Value, Window, located,
};

/// What can be searched, as Datadog spells it; kinds of error tracking follow `error-tracking`.
const SOURCES: [&str; 12] = [
    "events",
    "logs",
    "audits",
    "rum",
    "spans",
    "trace-analytics",
    "ci-pipelines",
    "ci-tests",
    "error-tracking",
    "error-tracking-rum",
    "error-tracking-logs",
    "error-tracking-traces",
];

/// How findings become a number.
const AGGREGATORS: [&str; 11] =
    ["count", "cardinality", "avg", "sum", "min", "max", "pc75", "pc90", "pc95", "pc98", "pc99"];

/// What Datadog can watch and Weir has nothing of.
const FOREIGN: [(&str, &str); 5] = [
    ("processes", "processes of hosts"),
    ("network", "traffic between hosts"),
    ("database-monitoring", "queries of databases"),
    ("containers", "containers"),
    ("formula", "formulas over several searches"),
];

/// Calls that may follow one another; more than this is no condition.
const METHODS_MAX: usize = 8;

/// One call of a chain: its name, and its arguments with their places.
struct Method {
    name: String,
    place: Range<usize>,
    arguments: Vec<(String, Range<usize>)>,
}

impl Method {
    fn only(&self) -> Result<&(String, Range<usize>), QueryError> {
        let [argument] = &self.arguments[..] else {
            let message = format!(".{}() takes one argument", self.name);
            return Err(located(QueryErrorKind::Argument, self.place.clone(), message));
        };
        Ok(argument)
    }

    fn length(&self) -> Result<i64, QueryError> {
        let (text, place) = self.only()?;
        length_of_text(text).ok_or_else(|| {
            located(QueryErrorKind::Argument, place.clone(), "expected a length of time")
                .hinted("lengths of time are written \"5m\", \"1h\" or \"7d\"")
        })
    }
}

/// A condition that starts with the name of a source or of a budget function; `None` when it starts with neither.
pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Option<Judged>, QueryError> {
    refuse_service_check(cursor)?;
    let name = cursor.peek_word();
    let after = cursor.rest()[name.len()..].trim_start();
    let is_call = after.strip_prefix('(').is_some_and(|rest| rest.trim_start().starts_with(['"', '\'']));
    if !is_call {
        return Ok(None);
    }
    let (name, place) = cursor.word();
    let is_budget = matches!(name, "error_budget" | "burn_rate");
    if !is_budget && !SOURCES.contains(&name) {
        if let Some((_, what)) = FOREIGN.iter().find(|(foreign, _)| *foreign == name) {
            return Err(located(QueryErrorKind::Name, place, format!("Weir sees no {what}"))
                .hinted("send what matters of it as a metric, and watch that"));
        }
        let error = located(QueryErrorKind::Name, place, format!("nothing named `{name}` can be searched"));
        let known = SOURCES.iter().copied().chain(["error_budget", "burn_rate"]);
        let hint = did_you_mean(name, known).unwrap_or_else(|| format!("sources are {}", SOURCES.join(", ")));
        return Err(error.hinted(hint));
    }
    let subject = arguments(cursor)?;
    let [(subject, subject_place)] = &subject[..] else {
        return Err(located(QueryErrorKind::Argument, place, format!("{name} takes one text")));
    };
    let mut methods = Vec::new();
    while cursor.take(".") {
        let (name, place) = cursor.word();
        if methods.len() == METHODS_MAX {
            return Err(located(QueryErrorKind::Limit, place, "too many calls in a row"));
        }
        methods.push(Method { name: name.to_owned(), place, arguments: arguments(cursor)? });
    }
    if cursor.rest().starts_with(['/', '*', '+', '-']) {
        return Err(cursor
            .unexpected("expected a comparison")
            .hinted("one search is compared with a number; send what is computed as a metric"));
    }
    let comparison = cursor.comparison()?;
    let (is_negative, number, _) = cursor.number("after the comparison")?;
    let threshold = if is_negative { -number.base_value() } else { number.base_value() };
    let end = place.start..cursor.place();
    Ok(Some(if is_budget {
        let (over_us, burn_windows_us) = budget(name == "burn_rate", &methods, end)?;
        Judged::Budget(BudgetRule {
            objective: subject.clone(),
            place: subject_place.clone(),
            over_us,
            burn_windows_us,
            comparison,
            threshold,
            rule: None,
        })
    } else {
        let mut query = EventQuery {
            source: name.to_owned(),
            search: subject.clone(),
            index: None,
            aggregator: String::new(),
            measure: None,
            by: Vec::new(),
            window_us: 0,
            comparison,
            threshold,
            rule: None,
        };
        events(&mut query, &methods, end)?;
        if query.source == "events" && query.aggregator == "count" && query.measure.is_none() {
            query.rule = Some(Box::new(rule(&query, subject_place)?));
        }
        Judged::Events(query)
    }))
}

/// What a search of events counts, as a condition on the metric of events.
fn rule(query: &EventQuery, place: &Range<usize>) -> Result<Rule, QueryError> {
    let scope = super::search::scope(&query.search, place)?;
    let leaf = format!("count({}{{{scope}}})", metric::EVENTS);
    let by: Vec<String> =
        query.by.iter().map(|tag| format!("`{}`", tag.trim_start_matches('@').replace('`', ""))).collect();
    let text = if by.is_empty() { leaf } else { format!("{leaf} by {}", by.join(", ")) };
    let counted = weir_query::parse(&text).map_err(|error| QueryError { span: place.clone(), ..error })?;
    let threshold = Threshold(query.threshold);
    let mut draft = Draft::new(Dialect::Datadog, Shape::Value(Value), counted, query.comparison, threshold);
    draft.window = Some(Window::Last(query.window_us));
    Ok(draft.filled())
}

/// `"http.can_connect".over("*").last(2).count_by_status()` has no comparison and no number.
fn refuse_service_check(cursor: &Cursor<'_>) -> Result<(), QueryError> {
    let mut ahead = *cursor;
    if !ahead.rest().starts_with(['"', '\'']) {
        return Ok(());
    }
    match ahead.quoted("a check") {
        Ok((_, place)) if ahead.rest().starts_with(".over(") => {
            Err(located(QueryErrorKind::Name, place, "Weir has no service checks")
                .hinted("send 1 and 0 as a metric, and watch it: `min(my.check) by host < 1`"))
        }
        _ => Ok(()),
    }
}

/// `("a", "b")`
fn arguments(cursor: &mut Cursor<'_>) -> Result<Vec<(String, Range<usize>)>, QueryError> {
    cursor.expect("(", "after the name")?;
    let mut arguments = Vec::new();
    while !cursor.take(")") {
        if !arguments.is_empty() {
            cursor.expect(",", "or `)` after the argument")?;
        }
        arguments.push(cursor.quoted("an argument")?);
    }
    Ok(arguments)
}

fn events(query: &mut EventQuery, methods: &[Method], whole: Range<usize>) -> Result<(), QueryError> {
    for method in methods {
        match method.name.as_str() {
            // Several indexes are searched as one.
            "index" if !method.arguments.is_empty() => {
                let names: Vec<&str> = method.arguments.iter().map(|(name, _)| name.as_str()).collect();
                query.index = Some(names.join(", "));
            }
            "by" => query.by = method.only()?.0.split(',').map(|tag| tag.trim().to_owned()).collect(),
            "last" => query.window_us = whole_minutes(method)?,
            "rollup" => rollup(query, method)?,
            other => return Err(unknown(other, method, &["index", "rollup", "by", "last"])),
        }
    }
    if query.aggregator.is_empty() {
        return Err(located(QueryErrorKind::Syntax, whole, "nothing says how findings become a number")
            .hinted("add `.rollup(\"count\")`"));
    }
    if query.window_us == 0 {
        return Err(located(QueryErrorKind::Syntax, whole, "nothing says over which time")
            .hinted("add `.last(\"5m\")`"));
    }
    Ok(())
}

/// A window, which is judged by the minute.
fn whole_minutes(method: &Method) -> Result<i64, QueryError> {
    let us = method.length()?;
    if us % UnixMicros::MINUTE == 0 {
        return Ok(us);
    }
    let place = method.only().map_or_else(|_| method.place.clone(), |(_, place)| place.clone());
    Err(located(QueryErrorKind::Argument, place, "a window is whole minutes long"))
}

fn rollup(query: &mut EventQuery, method: &Method) -> Result<(), QueryError> {
    let Some((aggregator, place)) = method.arguments.first() else {
        return Err(located(QueryErrorKind::Argument, method.place.clone(), ".rollup() takes an aggregator"));
    };
    if !AGGREGATORS.contains(&aggregator.as_str()) {
        let error = located(QueryErrorKind::Name, place.clone(), "there is no such aggregator");
        let hint = did_you_mean(aggregator, AGGREGATORS);
        return Err(
            error.hinted(hint.unwrap_or_else(|| format!("aggregators are {}", AGGREGATORS.join(", "))))
        );
    }
    query.aggregator.clone_from(aggregator);
    query.measure = method.arguments.get(1).map(|(measure, _)| measure.clone());
    Ok(())
}

type BudgetTimes = (Option<i64>, Option<(i64, i64)>);

fn budget(is_burn_rate: bool, methods: &[Method], whole: Range<usize>) -> Result<BudgetTimes, QueryError> {
    let (mut over, mut long, mut short) = (None, None, None);
    for method in methods {
        let place = match method.name.as_str() {
            "over" => &mut over,
            "long_window" if is_burn_rate => &mut long,
            "short_window" if is_burn_rate => &mut short,
            other => return Err(unknown(other, method, &["over", "long_window", "short_window"])),
        };
        *place = Some(whole_minutes(method)?);
    }
    let missing = |what: &str| {
        located(QueryErrorKind::Syntax, whole.clone(), format!("`.{what}(…)` is missing"))
            .hinted("for example `.over(\"30d\").long_window(\"1h\").short_window(\"5m\")`")
    };
    if !is_burn_rate {
        return Ok((over, None));
    }
    let long = long.ok_or_else(|| missing("long_window"))?;
    // Datadog's own default.
    let short =
        short.unwrap_or((long / 12 / UnixMicros::MINUTE * UnixMicros::MINUTE).max(UnixMicros::MINUTE));
    if short > long {
        return Err(located(QueryErrorKind::Argument, whole, "the short window is longer than the long one"));
    }
    Ok((over, Some((long, short))))
}

fn unknown(name: &str, method: &Method, known: &[&'static str]) -> QueryError {
    let error = located(QueryErrorKind::Name, method.place.clone(), format!("there is no `.{name}()` here"));
    let hint = did_you_mean(name, known.iter().copied());
    error.hinted(hint.unwrap_or_else(|| format!("there are .{}()", known.join("(), ."))))
}

/// The length of time that a text is, in microseconds.
pub(crate) fn length_of_text(text: &str) -> Option<i64> {
    let mut cursor = Cursor::new(text);
    let us = cursor.length("").ok()?;
    (cursor.at_end() && us > 0).then_some(us)
}
