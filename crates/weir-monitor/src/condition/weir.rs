//! Weir's own form: `EXPR CMP NUMBER clause*`, where everything in a window is merged and evaluated once.

use std::ops::Range;

use weir_query::{QueryError, QueryErrorKind, did_you_mean};
use weir_types::UnixMicros;
use weir_types::metric::Unit;

use super::cursor::{Cursor, shown};
use super::defaults::Draft;
use super::{
    Comparison, Dialect, Hinted as _, Period, Reading, Rule, Shape, Threshold, Value, Window, datadog,
    detector, located, syntax, threshold,
};

/// The clauses, for suggestions.
const CLAUSES: [&str; 12] = [
    "over",
    "for",
    "keep_firing",
    "warn",
    "crit",
    "recover",
    "every",
    "offset",
    "tz",
    "min_samples",
    "confidence",
    "budget",
];

pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Rule, QueryError> {
    let (shape, prefix, tz) = match detector::parse(cursor, Dialect::Weir)? {
        Some(detector) => (detector.shape, detector.prefix, detector.tz),
        None => (Shape::Value(Value), cursor.expression(false)?, None),
    };
    let (_, zero_fill) = datadog::methods(&prefix)?;
    let unit = if matches!(shape, Shape::Value(_)) { prefix.query.unit() } else { Unit::Ratio };
    // Clauses may stand before the comparison too: `p95(m) over 5m > 5s`.
    let mut clauses = Clauses {
        unit,
        comparison: None,
        seen: Vec::new(),
        draft: None,
        early: Vec::new(),
        recovery_span: 0..0,
        confidence_span: 0..0,
    };
    while !cursor.at_end() && !cursor.rest().starts_with(['>', '<', '=', '!']) {
        let at = cursor.place();
        let (word, span) = cursor.word();
        if !CLAUSES.contains(&word) {
            cursor.jump(at);
            return Err(not_compared(cursor, word, span));
        }
        clauses.early.push(at);
        Clauses::skip(cursor, word, &span)?;
    }
    let comparison = cursor.comparison()?;
    let (is_negative, number, span) = cursor.number("after the comparison")?;
    let written = threshold::in_unit(is_negative, number, unit, span)?;
    let mut draft = Draft::new(Dialect::Weir, shape, prefix.query, comparison, written);
    draft.reading = Some(Reading::Merged);
    draft.zero_fill = zero_fill;
    draft.tz = tz;
    clauses.comparison = Some(comparison);
    clauses.draft = Some(draft);
    let after = cursor.place();
    for at in std::mem::take(&mut clauses.early) {
        cursor.jump(at);
        clauses.one(cursor)?;
    }
    cursor.jump(after);
    while !cursor.at_end() {
        clauses.one(cursor)?;
    }
    clauses.finished()
}

fn not_compared(cursor: &Cursor<'_>, word: &str, span: Range<usize>) -> QueryError {
    let error = cursor.unexpected("expected a comparison or a clause");
    match did_you_mean(word, CLAUSES) {
        Some(hint) if !span.is_empty() => error.hinted(hint),
        _ => error.hinted("for example `> 0.05 over 5m`"),
    }
}

struct Clauses {
    unit: Unit,
    comparison: Option<Comparison>,
    seen: Vec<String>,
    draft: Option<Draft>,
    /// Where clauses before the comparison start; they are read once the comparison is known.
    early: Vec<usize>,
    recovery_span: Range<usize>,
    confidence_span: Range<usize>,
}

impl Clauses {
    /// Moves over a clause that is read later.
    fn skip(cursor: &mut Cursor<'_>, word: &str, span: &Range<usize>) -> Result<(), QueryError> {
        match word {
            "over" => Self::window(cursor).map(|_| ()),
            "tz" => cursor.time_zone().map(|_| ()),
            "budget" => budget(cursor).map(|_| ()),
            "warn" | "crit" | "recover" => {
                Err(syntax(span.clone(), format!("`{word}` stands after the comparison")))
            }
            _ => cursor.number("after the clause").map(|_| ()),
        }
    }

    fn one(&mut self, cursor: &mut Cursor<'_>) -> Result<(), QueryError> {
        let (word, span) = cursor.word();
        if !CLAUSES.contains(&word) {
            cursor.jump(span.start);
            let error = cursor.unexpected("expected a clause or the end");
            let hint = did_you_mean(word, CLAUSES);
            return Err(error.hinted(hint.unwrap_or_else(|| format!("clauses are {}", CLAUSES.join(", ")))));
        }
        if self.seen.iter().any(|seen| seen == word) {
            return Err(syntax(span, format!("`{word}` is written twice")));
        }
        self.seen.push(word.to_owned());
        let Some(mut draft) = self.draft.take() else { return Ok(()) };
        match word {
            "over" => draft.window = Some(Self::window(cursor)?),
            "for" => draft.for_us = Some(cursor.length("after `for`")?),
            "keep_firing" => draft.keep_firing_us = Some(cursor.length("after `keep_firing`")?),
            "every" => draft.every_us = Some(whole_minutes(cursor, "every")?),
            "offset" => draft.offset_us = Some(whole_minutes(cursor, "offset")?),
            "min_samples" => draft.min_samples = Some(count(cursor)?),
            "confidence" => {
                let start = span.start;
                draft.confidence = Some(confidence(cursor)?);
                self.confidence_span = start..cursor.place();
            }
            "tz" => draft.tz = Some(cursor.time_zone()?),
            "budget" => {
                let per_week = budget(cursor)?;
                let Shape::Anomaly(anomaly) = &mut draft.shape else {
                    let message = "only the bands of `anomaly(…)` can keep to a number of alerts";
                    return Err(located(QueryErrorKind::Argument, span.start..cursor.place(), message)
                        .hinted("`min_samples`, `for` and `confidence` keep other conditions quiet"));
                };
                anomaly.budget_per_week = Some(per_week);
            }
            "warn" => draft.warning = Some(self.bound(cursor, &draft, Side::Milder)?),
            "crit" => draft.critical = Some(self.bound(cursor, &draft, Side::Worse)?),
            _ => draft.recovery = Some(self.recovery(cursor, &draft)?),
        }
        self.draft = Some(draft);
        Ok(())
    }

    fn window(cursor: &mut Cursor<'_>) -> Result<Window, QueryError> {
        let start = cursor.place();
        let word = cursor.peek_word();
        if let Some(period) = word.strip_prefix("current_") {
            let known = [
                ("hour", Period::Hour),
                ("day", Period::Day),
                ("week", Period::Week),
                ("month", Period::Month),
            ];
            let (_, span) = cursor.word();
            let found = known.into_iter().find(|(name, _)| *name == period);
            return found.map(|(_, period)| Window::Current(period)).ok_or_else(|| {
                located(QueryErrorKind::Name, span, format!("`{}` is no period", shown(word)))
                    .hinted("periods are current_hour, current_day, current_week, current_month")
            });
        }
        let us = whole_minutes(cursor, "over")?;
        if us == 0 {
            return Err(located(
                QueryErrorKind::Argument,
                start..cursor.place(),
                "a window is at least a minute",
            ));
        }
        Ok(Window::Last(us))
    }

    /// The number of a `warn` or `crit` clause, which may repeat the comparison.
    fn bound(&self, cursor: &mut Cursor<'_>, draft: &Draft, side: Side) -> Result<Threshold, QueryError> {
        let start = cursor.place();
        if cursor.rest().starts_with(['>', '<', '=', '!']) {
            let own = cursor.comparison()?;
            if Some(own) != self.comparison {
                return Err(syntax(start..cursor.place(), "a condition has one direction")
                    .hinted("compare with the same sign as the condition itself"));
            }
        }
        let (is_negative, number, span) = cursor.number("after the clause")?;
        let bound = threshold::in_unit(is_negative, number, self.unit, span.clone())?;
        let is_upward = draft.comparison.is_upward();
        let is_worse = if is_upward { bound.0 > draft.threshold.0 } else { bound.0 < draft.threshold.0 };
        let is_same = bound.0.total_cmp(&draft.threshold.0).is_eq();
        match side {
            Side::Milder if is_worse => Err(located(
                QueryErrorKind::Argument,
                span,
                "a warning starts before the alert, and this number is worse than the threshold",
            )),
            Side::Worse if !is_worse && !is_same => Err(located(
                QueryErrorKind::Argument,
                span,
                "an alert is worse than the condition, and this number is milder than the threshold",
            )),
            _ => Ok(bound),
        }
    }

    /// The number of a `recover` clause.
    fn recovery(&mut self, cursor: &mut Cursor<'_>, draft: &Draft) -> Result<Threshold, QueryError> {
        let start = cursor.place();
        if cursor.rest().starts_with(['>', '<', '=', '!']) {
            let own = cursor.comparison()?;
            if own.is_upward() == draft.comparison.is_upward() {
                return Err(syntax(start..cursor.place(), "a recovery is on the other side")
                    .hinted(format!("write `recover {} …`", draft.comparison.recovery())));
            }
        }
        let (is_negative, number, span) = cursor.number("after `recover`")?;
        self.recovery_span = span.clone();
        threshold::in_unit(is_negative, number, self.unit, span)
    }

    fn finished(self) -> Result<Rule, QueryError> {
        let draft = self.draft.ok_or_else(|| syntax(0..0, "the condition has no comparison"))?;
        // The alert that a recovery undoes may stand behind it.
        let alert = draft.critical.unwrap_or(draft.threshold);
        if draft.recovery.is_some_and(|recovery| draft.comparison.holds(recovery.0, alert.0)) {
            let message =
                "a value could alert and recover at once: the recovery is on the bad side of the threshold";
            return Err(located(QueryErrorKind::Argument, self.recovery_span, message));
        }
        let rule = draft.filled();
        rule.check_confidence(self.confidence_span)?;
        Ok(rule)
    }
}

/// On which side of the threshold a number must be.
#[derive(Clone, Copy)]
enum Side {
    Milder,
    Worse,
}

pub(super) fn whole_minutes(cursor: &mut Cursor<'_>, clause: &str) -> Result<i64, QueryError> {
    let start = cursor.place();
    let us = cursor.length(&format!("after `{clause}`"))?;
    if us % UnixMicros::MINUTE != 0 {
        let message = format!("`{clause}` takes whole minutes");
        return Err(located(QueryErrorKind::Argument, start..cursor.place(), message)
            .hinted("values are kept for each minute"));
    }
    Ok(us)
}

/// A probability that can be a confidence.
pub(super) fn confidence(cursor: &mut Cursor<'_>) -> Result<f64, QueryError> {
    let (is_negative, number, span) = cursor.number("after `confidence`")?;
    let value = number.base_value();
    let is_share = matches!(number.suffix, weir_query::Suffix::Plain | weir_query::Suffix::Percent);
    if is_negative || !is_share || !(0.5..1.0).contains(&value) {
        let message = "a confidence is at least 0.5 and less than 1";
        return Err(located(QueryErrorKind::Argument, span, message).hinted("for example 0.95"));
    }
    Ok(value)
}

/// A number of alerts a week: `2 per week`, `1 per day`.
fn budget(cursor: &mut Cursor<'_>) -> Result<f64, QueryError> {
    const DAYS_OF_WEEK: f64 = 7.0;
    let (is_negative, number, span) = cursor.number("after `budget`")?;
    let (per, per_span) = cursor.word();
    let (period, period_span) = cursor.word();
    let weeks = match (per, period) {
        ("per", "week") => 1.0,
        ("per", "day") => DAYS_OF_WEEK,
        _ => {
            let message = "expected `per week` or `per day` after the number of alerts";
            return Err(
                syntax(per_span.start..period_span.end, message.to_owned()).hinted("`budget 1 per week`")
            );
        }
    };
    let value = number.base_value();
    if is_negative || number.suffix != weir_query::Suffix::Plain || !(0.01..=100.0).contains(&value) {
        let message = "a budget is 0.01 to 100 alerts a day or week for each series";
        return Err(located(QueryErrorKind::Argument, span, message));
    }
    Ok(value * weeks)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked just before")]
pub(super) fn count(cursor: &mut Cursor<'_>) -> Result<u64, QueryError> {
    let (is_negative, number, span) = cursor.number("after `min_samples`")?;
    let value = number.base_value();
    let is_count =
        !is_negative && number.suffix == weir_query::Suffix::Plain && value.fract() == 0.0 && value <= 1e9;
    if !is_count {
        return Err(located(QueryErrorKind::Argument, span, "`min_samples` takes a whole number"));
    }
    Ok(value as u64)
}
