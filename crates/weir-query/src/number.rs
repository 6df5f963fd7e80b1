//! Numbers as people write them: with the unit attached, `5000ms`, `30%`, `1.5usd`.

use std::fmt;

use weir_types::UnixMicros;

/// Declares the units that may follow a number. One list gives the lexer, the printer, completion and the reference.
macro_rules! suffixes {
    ($($(#[$doc:meta])* $member:ident = $text:literal, $summary:literal);+ $(;)?) => {
        /// The unit that follows a number.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Suffix { $($(#[$doc])* $member),+ }

        impl Suffix {
            /// Every unit, in the order of the reference.
            pub const ALL: &'static [Self] = &[$(Self::$member),+];

            /// How it is written; nothing for a plain number.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$member => $text),+ }
            }

            /// What it means, in a few words.
            pub const fn summary(self) -> &'static str {
                match self { $(Self::$member => $summary),+ }
            }

            /// The unit with this spelling.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$member),)+ _ => None }
            }
        }
    };
}

suffixes! {
    /// None.
    Plain = "", "a number without a unit goes with any unit";
    /// Hundredths.
    Percent = "%", "hundredths: `30%` is the ratio 0.3";
    /// Nanoseconds.
    Nanos = "ns", "nanoseconds";
    /// Microseconds.
    Micros = "us", "microseconds";
    /// Milliseconds.
    Millis = "ms", "milliseconds";
    /// Seconds.
    Seconds = "s", "seconds";
    /// Minutes.
    Minutes = "m", "minutes";
    /// Hours.
    Hours = "h", "hours";
    /// Days.
    Days = "d", "days; in `timeshift`, days of the local calendar";
    /// Weeks.
    Weeks = "w", "weeks of seven days";
    /// US dollars.
    Usd = "usd", "US dollars";
    /// Tokens.
    Tokens = "tokens", "tokens";
    /// Things in a second.
    PerSecond = "req/s", "requests, or other things, in a second";
}

impl Suffix {
    /// Milliseconds in one of a unit of time; `None` for every other unit.
    pub(crate) const fn millis(self) -> Option<f64> {
        match self {
            Self::Nanos => Some(1e-6),
            Self::Micros => Some(1e-3),
            Self::Millis => Some(1.0),
            Self::Seconds => Some(1e3),
            Self::Minutes => Some(60e3),
            Self::Hours => Some(3_600e3),
            Self::Days => Some(86_400e3),
            Self::Weeks => Some(604_800e3),
            Self::Plain | Self::Percent | Self::Usd | Self::Tokens | Self::PerSecond => None,
        }
    }
}

/// A number and its unit. The value is finite and not negative: a sign is an operator of its own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Number {
    /// The value in the unit that was written.
    pub value: f64,
    /// The unit that was written.
    pub suffix: Suffix,
}

impl Number {
    /// The value in the unit that Weir computes with: milliseconds for time, the ratio for a percentage.
    pub fn base_value(self) -> f64 {
        match self.suffix {
            Suffix::Percent => self.value / 100.0,
            suffix => self.value * suffix.millis().unwrap_or(1.0),
        }
    }

    /// The length of time in microseconds, rounded; a plain number is seconds, as Datadog's `timeshift` has it. `None`
    /// for any other unit and for lengths beyond what an instant can hold.
    #[expect(clippy::cast_possible_truncation, reason = "bounded just before")]
    pub(crate) fn as_micros(self) -> Option<i64> {
        let millis = match self.suffix {
            Suffix::Plain => 1e3,
            suffix => suffix.millis()?,
        };
        let micros = (self.value * millis * 1e3).round();
        (micros <= 100.0 * 366.0 * UnixMicros::DAY as f64).then_some(micros as i64)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.value, self.suffix.as_str())
    }
}
