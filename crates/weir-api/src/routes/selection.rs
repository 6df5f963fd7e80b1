//! Which spans a question is about: the parameters that all questions about spans share, read in one place.
//!
//! A macro and not a shared struct: serde cannot both flatten and refuse unknown parameters, and a mistyped parameter
//! must never mean "the default".

use weir_types::{NanoUsd, Scope, SpanBounds, SpanSelection, UnixMicros};

use crate::error::ApiError;
use crate::instant;

/// Bytes of a searched text and of a filter: what a person types or pastes.
const TEXT_BYTES_MAX: usize = 4 * 1024;

/// Declares the parameters of a question about spans: the shared ones and its own.
macro_rules! selecting {
    ($(#[$doc:meta])* $name:ident { $($(#[$own_doc:meta])* $own:ident),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
        #[into_params(parameter_in = Query)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $name {
            /// The first instant; an hour before `to` unless said.
            #[param(example = "now-1h")]
            from: Option<String>,
            /// The first instant after the range; now unless said.
            #[param(example = "now")]
            to: Option<String>,
            /// A condition on tags, as in expressions.
            #[param(example = "team:payments AND status:error")]
            filter: Option<String>,
            /// A text that the input or the output contains, without regard to case.
            text: Option<String>,
            /// The shortest duration, in milliseconds.
            #[param(value_type = Option<f64>)]
            min_duration_ms: Option<String>,
            /// The longest duration, in milliseconds.
            #[param(value_type = Option<f64>)]
            max_duration_ms: Option<String>,
            /// The least cost, in US dollars.
            #[param(value_type = Option<f64>)]
            min_cost_usd: Option<String>,
            /// The fewest tokens, input and output together.
            #[param(value_type = Option<u64>)]
            min_tokens: Option<String>,
            $($(#[$own_doc])* $own: Option<String>,)*
        }

        impl $name {
            /// The spans that the parameters mean.
            fn selection(&self, now: weir_types::UnixMicros) -> Result<weir_types::SpanSelection, crate::error::ApiError> {
                $crate::routes::selection::Given {
                    from: self.from.as_deref(),
                    to: self.to.as_deref(),
                    filter: self.filter.as_deref(),
                    text: self.text.as_deref(),
                    min_duration_ms: self.min_duration_ms.as_deref(),
                    max_duration_ms: self.max_duration_ms.as_deref(),
                    min_cost_usd: self.min_cost_usd.as_deref(),
                    min_tokens: self.min_tokens.as_deref(),
                }
                .read(now)
            }
        }
    };
}

pub(super) use selecting;

/// The shared parameters as they came.
pub(super) struct Given<'a> {
    pub from: Option<&'a str>,
    pub to: Option<&'a str>,
    pub filter: Option<&'a str>,
    pub text: Option<&'a str>,
    pub min_duration_ms: Option<&'a str>,
    pub max_duration_ms: Option<&'a str>,
    pub min_cost_usd: Option<&'a str>,
    pub min_tokens: Option<&'a str>,
}

impl Given<'_> {
    pub(super) fn read(&self, now: UnixMicros) -> Result<SpanSelection, ApiError> {
        let text = self.text.map(|text| check_length("text", text).map(|()| text.to_owned())).transpose()?;
        let number = |name, text: Option<&str>| text.map(|text| number(name, text)).transpose();
        let bounds = SpanBounds {
            duration_us_min: number("min_duration_ms", self.min_duration_ms)?.map(us_of_ms),
            duration_us_max: number("max_duration_ms", self.max_duration_ms)?.map(us_of_ms),
            cost_min: number("min_cost_usd", self.min_cost_usd)?.map(NanoUsd::from_usd),
            tokens_min: self.min_tokens.map(tokens).transpose()?,
        };
        Ok(SpanSelection {
            range: instant::range(self.from, self.to, now)?,
            scope: scope(self.filter)?,
            text,
            bounds,
            roots: false,
        })
    }
}

/// Reads a condition on tags of spans; nothing said means everything.
pub(super) fn scope(text: Option<&str>) -> Result<Scope, ApiError> {
    let Some(text) = text else { return Ok(Scope::All) };
    check_length("filter", text)?;
    weir_query::parse_span_scope(text).map_err(|error| ApiError::in_expression(&error, text))
}

/// A text that may be as long as a person types.
pub(super) fn bounded(name: &str, text: Option<String>) -> Result<Option<String>, ApiError> {
    text.as_deref().map_or(Ok(()), |text| check_length(name, text))?;
    Ok(text)
}

/// Microseconds of a bound in milliseconds; what is beyond all integers bounds nothing anyway.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "float to integer casts saturate"
)]
pub(super) fn us_of_ms(ms: f64) -> u64 {
    (ms * 1_000.0).round().clamp(0.0, i64::MAX as f64) as u64
}

fn number(name: &str, text: &str) -> Result<f64, ApiError> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0);
    number.ok_or_else(|| ApiError::parameter(name, text, "a number that is not negative"))
}

fn tokens(text: &str) -> Result<u64, ApiError> {
    text.parse().map_err(|_| ApiError::parameter("min_tokens", text, "a whole number that is not negative"))
}

fn check_length(name: &str, text: &str) -> Result<(), ApiError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(ApiError::parameter(name, text, &format!("at most {TEXT_BYTES_MAX} bytes")));
    }
    Ok(())
}
