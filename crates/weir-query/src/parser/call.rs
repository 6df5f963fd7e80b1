//! What may follow a name: the arguments of a function, the metric of an aggregator, or a scope.

use super::clause::ByTags;
use super::{Parser, Surrounding, is_word, syntax};
use crate::ast::{Aggregator, Call, Expr, ExprKind, Leaf};
use crate::error::{QueryError, QueryErrorKind};
use crate::functions::{self, Bare, FunctionSpec, Parameter, ParameterKind};
use crate::lexer::Token;
use crate::name;
use crate::number::Suffix;
use crate::place::Place;
use crate::prefix::SeriesMethod;

impl Parser<'_> {
    /// An expression that starts with a bare name.
    pub(super) fn named(&mut self, word: &str, place: Place) -> Result<Expr, QueryError> {
        match self.peek()?.0 {
            Token::Symbol('(') => self.called(word, place),
            Token::Symbol(':') => {
                let Some(aggregator) = Aggregator::parse(word) else {
                    return Err(unknown_aggregator(word, place));
                };
                self.datadog(aggregator, place)
            }
            _ => self.bare_metric(word, place),
        }
    }

    /// A metric without an aggregator.
    pub(super) fn bare_metric(&mut self, metric: &str, place: Place) -> Result<Expr, QueryError> {
        let mut leaf = Leaf::new(Aggregator::Sum, Place::default(), metric, place);
        leaf.aggregator = Aggregator::of_bare(&leaf.metric);
        self.optional_scope(&mut leaf)?;
        let place = place.to(self.last);
        self.node(ExprKind::Leaf(leaf), place)
    }

    fn optional_scope(&mut self, leaf: &mut Leaf) -> Result<(), QueryError> {
        if self.peek()?.0 == Token::Symbol('{') {
            let parsed = self.braced_scope()?;
            leaf.narrow(&parsed.scope, &parsed.places);
        }
        Ok(())
    }

    /// `name(…`
    fn called(&mut self, word: &str, place: Place) -> Result<Expr, QueryError> {
        if let Some(function) = functions::find(word) {
            return self.function(function, place);
        }
        let Some(aggregator) = Aggregator::parse(word) else { return Err(unknown_function(word, place)) };
        if aggregator == Aggregator::Count && self.is_threshold_count()? {
            return self.threshold_count(place);
        }
        self.aggregated(aggregator, word, place)
    }

    /// `p95(metric{…} [by …])`
    fn aggregated(&mut self, aggregator: Aggregator, word: &str, place: Place) -> Result<Expr, QueryError> {
        self.expect_symbol('(', "after the aggregator")?;
        let (token, metric_place) = self.take()?;
        let metric = match token {
            Token::Name(metric) if !is_word(&metric, "by") && !is_word(&metric, "where") => metric,
            Token::Backticked(metric) => metric,
            other => {
                let message = format!("{word} takes a metric, found {}", other.describe());
                return Err(syntax(metric_place, message)
                    .with_hint(format!("for example `{word}(llm.request.duration)`")));
            }
        };
        if matches!(self.peek()?.0, Token::Symbol('(' | ':' | '+' | '-' | '*' | '/')) {
            return Err(syntax(metric_place, format!("{word} takes a metric, not an expression"))
                .with_hint("aggregate each metric first and compute with the results: `sum(a) / sum(b)`"));
        }
        let mut leaf = Leaf::new(aggregator, place, &metric, metric_place);
        self.optional_scope(&mut leaf)?;
        self.optional_by(&mut leaf, Surrounding::Arguments)?;
        self.expect_symbol(')', &format!("after the metric of {word}"))?;
        let place = place.to(self.last);
        self.node(ExprKind::Leaf(leaf), place)
    }

    fn optional_by(&mut self, leaf: &mut Leaf, surrounding: Surrounding) -> Result<(), QueryError> {
        if matches!(self.peek()?.0, Token::Name(word) if is_word(&word, "by")) {
            let by: ByTags = self.within(surrounding, Parser::by_clause)?;
            by.give_to(leaf);
        }
        Ok(())
    }

    /// Datadog's `p95:metric{…} by {…}`, from the colon on. The clause binds to this metric, not to what is before it.
    fn datadog(&mut self, aggregator: Aggregator, place: Place) -> Result<Expr, QueryError> {
        self.expect_symbol(':', "after the aggregator")?;
        let (token, metric_place) = self.take()?;
        let (Token::Name(metric) | Token::Backticked(metric)) = token else {
            return Err(syntax(
                metric_place,
                format!("expected a metric after `:`, found {}", token.describe()),
            ));
        };
        if let Token::Symbol('(' | ':') = self.peek()?.0 {
            return Err(syntax(place.to(metric_place), "a window before the query belongs to a monitor").with_hint(
                "ask for the part after it, such as `avg:llm.request.duration{*}`; the time range comes from outside",
            ));
        }
        let mut leaf = Leaf::new(aggregator, place, &metric, metric_place);
        self.optional_scope(&mut leaf)?;
        if self.is_braced_by()? {
            self.optional_by(&mut leaf, self.surrounding)?;
        }
        let place = place.to(self.last);
        self.node(ExprKind::Leaf(leaf), place)
    }

    /// Whether `by {` comes next: only the braced form binds to the metric alone.
    fn is_braced_by(&self) -> Result<bool, QueryError> {
        let mut ahead = self.lexer;
        let mode = crate::lexer::Mode::Expression;
        let is_by = matches!(ahead.next(mode)?.0, Token::Name(word) if is_word(&word, "by"));
        Ok(is_by && ahead.next(mode)?.0 == Token::Symbol('{'))
    }

    /// Whether `(v:` comes next.
    fn is_threshold_count(&self) -> Result<bool, QueryError> {
        let mut ahead = self.lexer;
        let mode = crate::lexer::Mode::Expression;
        ahead.next(mode)?;
        let is_name = matches!(ahead.next(mode)?.0, Token::Name(_));
        Ok(is_name && ahead.next(mode)?.0 == Token::Symbol(':'))
    }

    /// `count(v: v > 5000ms):metric{…}`, from the parenthesis on.
    fn threshold_count(&mut self, place: Place) -> Result<Expr, QueryError> {
        self.expect_symbol('(', "after count")?;
        let (variable, _) = self.take()?;
        self.expect_symbol(':', "after the name of the value")?;
        let (again, again_place) = self.take()?;
        if again != variable {
            let message = format!("expected {} again, found {}", variable.describe(), again.describe());
            return Err(syntax(again_place, message)
                .with_hint("for example `count(v: v > 5000ms):llm.request.duration{*}`"));
        }
        let (comparison, comparison_place) = self.take()?;
        if comparison != Token::Comparison(">") {
            let message = format!("expected `>`, found {}", comparison.describe());
            return Err(syntax(comparison_place, message).with_hint(
                "only values greater than a bound are counted; subtract from count() for the others",
            ));
        }
        let (bound, bound_place) = self.take()?;
        let Token::Number(bound) = bound else {
            return Err(syntax(
                bound_place,
                format!("expected a number after `>`, found {}", bound.describe()),
            ));
        };
        self.expect_symbol(')', "after the bound")?;
        self.datadog(Aggregator::CountAbove(bound), place)
    }

    fn function(&mut self, function: &'static FunctionSpec, name_place: Place) -> Result<Expr, QueryError> {
        self.expect_symbol('(', "after the function")?;
        let mut args = Vec::new();
        if !self.take_symbol(')')? {
            loop {
                args.push(self.argument(function, args.len())?);
                if self.take_symbol(')')? {
                    break;
                }
                self.expect_symbol(',', &format!("or `)` in the arguments of {}", function.name))?;
            }
        }
        let place = name_place.to(self.last);
        if args.len() != function.parameters.len() {
            return Err(wrong_number_of_arguments(function, args.len(), name_place.to(self.last)));
        }
        self.node(ExprKind::Call(Call { function, name_place, args }), place)
    }

    fn argument(&mut self, function: &'static FunctionSpec, at: usize) -> Result<Expr, QueryError> {
        let mut arg = self.within(Surrounding::Arguments, |parser| parser.expression(0))?;
        let Some(parameter) = function.parameters.get(at) else { return Ok(arg) };
        check_kind(function, parameter, &arg)?;
        if let (ExprKind::Leaf(leaf), Bare::Sum) = (&mut arg.kind, function.bare)
            && leaf.aggregator_place.is_empty()
        {
            leaf.aggregator = Aggregator::Sum;
        }
        Ok(arg)
    }

    /// Datadog's `.as_rate()` and `.as_count()`.
    pub(super) fn method(&mut self, inner: Expr) -> Result<Expr, QueryError> {
        self.take()?;
        let (token, place) = self.take()?;
        let Token::Name(method) = token else {
            return Err(syntax(place, format!("expected a method after `.`, found {}", token.describe())));
        };
        let per_second = match method.as_str() {
            "as_rate" => true,
            "as_count" => false,
            "rollup" | "fill" if self.series_methods.is_some() => {
                self.series_method(method, place)?;
                return Ok(inner);
            }
            _ => return Err(unknown_method(&method, place)),
        };
        self.expect_symbol('(', "after the method")?;
        self.expect_symbol(')', "after the method: it takes no arguments")?;
        let additive = matches!(&inner.kind, ExprKind::Leaf(leaf) if leaf.aggregator.is_additive());
        if !additive {
            return Err(QueryError::new(
                QueryErrorKind::Argument,
                place.range(),
                format!(".{method}() goes with a sum or a count only"),
            )
            .with_hint("write `sum:` before the metric"));
        }
        if !per_second {
            return Ok(inner);
        }
        let whole = inner.place.to(self.last);
        let call = Call { function: &functions::PER_SECOND, name_place: place, args: vec![inner] };
        self.node(ExprKind::Call(call), whole)
    }

    /// The arguments of `.rollup(sum, 60)` or `.fill(zero)`, noted for whoever asked for a prefix.
    fn series_method(&mut self, name: String, place: Place) -> Result<(), QueryError> {
        self.expect_symbol('(', "after the method")?;
        let mut arguments = Vec::new();
        loop {
            let (token, at) = self.take()?;
            arguments.push(match token {
                Token::Name(word) => word,
                Token::Number(number) => number.to_string(),
                other => {
                    let message = format!("expected a word or a number, found {}", other.describe());
                    return Err(
                        syntax(at, message).with_hint("for example `.rollup(sum, 60)` or `.fill(zero)`")
                    );
                }
            });
            if self.take_symbol(')')? {
                break;
            }
            self.expect_symbol(',', &format!("or `)` in the arguments of .{name}"))?;
        }
        let place = place.to(self.last);
        self.series_methods.get_or_insert_default().push(SeriesMethod { name, arguments, place });
        Ok(())
    }
}

fn check_kind(function: &FunctionSpec, parameter: &Parameter, arg: &Expr) -> Result<(), QueryError> {
    let error = |message: String| QueryError::new(QueryErrorKind::Argument, arg.place.range(), message);
    let constant = arg.as_constant();
    match parameter.kind {
        ParameterKind::Values if constant.is_some() => {
            Err(error(format!("{} takes a metric or an expression here, not a number", function.name))
                .with_hint(function.signature()))
        }
        ParameterKind::Values => Ok(()),
        ParameterKind::HowMany => match constant {
            Some((false, number))
                if number.suffix == Suffix::Plain && functions::top::how_many(number.value).is_some() =>
            {
                Ok(())
            }
            _ => Err(error(format!(
                "{} takes a whole number from 1 to {} here",
                function.name,
                crate::limits::TOP_MAX
            ))
            .with_hint(function.signature())),
        },
        ParameterKind::HowLong => match constant {
            Some((_, number)) if number.as_micros().is_some() => Ok(()),
            _ => Err(error(format!("{} takes a length of time here, such as -1h", function.name))
                .with_hint(function.signature())),
        },
    }
}

fn wrong_number_of_arguments(function: &FunctionSpec, given: usize, place: Place) -> QueryError {
    let wanted = function.parameters.len();
    let noun = if wanted == 1 { "argument" } else { "arguments" };
    let error = QueryError::new(
        QueryErrorKind::Argument,
        place.range(),
        format!("{} takes {wanted} {noun}, not {given}", function.name),
    );
    if given > wanted {
        return error.with_hint(format!(
            "{}; several tags inside of a call are written `by {{a, b}}`",
            function.signature()
        ));
    }
    error.with_hint(function.signature())
}

/// Functions of Datadog's that people bring along, without what follows an underscore.
const DATADOGS_OWN: [&str; 24] = [
    "autosmooth",
    "calendar_shift",
    "ceil",
    "clamp",
    "cumsum",
    "cutoff",
    "derivative",
    "diff",
    "dt",
    "ewma",
    "floor",
    "integral",
    "log10",
    "log2",
    "median",
    "monotonic_diff",
    "moving_rollup",
    "per_hour",
    "per_minute",
    "piecewise_constant",
    "robust_trend",
    "rollup",
    "throughput",
    "trend_line",
];

fn unknown_function(word: &str, place: Place) -> QueryError {
    let error = QueryError::new(
        QueryErrorKind::Name,
        place.range(),
        format!("there is no function `{}`", name::shown(word)),
    );
    if DATADOGS_OWN
        .iter()
        .any(|own| word == *own || word.strip_prefix(own).is_some_and(|rest| rest.starts_with('_')))
    {
        return error.with_hint(
            "Datadog's function has no counterpart here; aggregate the metric over a longer window, or send the computed value",
        );
    }
    let later = ["anomaly", "anomalies", "outliers", "forecast", "change", "pct_change", "burn_rate"];
    if later.contains(&word) {
        return error.with_hint("it judges rather than asks, and so belongs to monitors");
    }
    if word.starts_with('p') && word[1..].starts_with(|c: char| c.is_ascii_digit()) {
        return error.with_hint("percentiles are p1 to p99.99, such as p50, p95, p99.9");
    }
    error.with_hint_if(name::did_you_mean(word, functions::names()))
}

fn unknown_aggregator(word: &str, place: Place) -> QueryError {
    let names =
        Aggregator::NAMED.iter().map(|(word, _)| *word).chain(["p50", "p75", "p90", "p95", "p99", "p99.9"]);
    let error = QueryError::new(
        QueryErrorKind::Name,
        place.range(),
        format!("there is no aggregator `{}`", name::shown(word)),
    );
    error
        .with_hint(
            "before a colon stands sum, avg, min, max, count or a percentile: `avg:llm.request.duration{*}`",
        )
        .with_hint_if(name::did_you_mean(word, names))
}

fn unknown_method(method: &str, place: Place) -> QueryError {
    let error = QueryError::new(
        QueryErrorKind::Name,
        place.range(),
        format!("there is no method `.{}()`", name::shown(method)),
    );
    let error = match method {
        "rollup" => error.with_hint("the step of the query rolls up"),
        "fill" => error.with_hint("write default_zero(…) around the expression"),
        "weighted" => error.with_hint("averages are of all values anyway, so leave it out"),
        _ => error.with_hint("the methods are .as_rate() and .as_count()"),
    };
    error.with_hint_if(name::did_you_mean(method, ["as_rate", "as_count"]))
}
