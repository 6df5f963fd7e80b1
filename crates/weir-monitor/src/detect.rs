//! The numbers behind monitors that judge rather than compare: bands, outliers and forecasts.
//!
//! - [`Band`] learns what is usual for one series and says how unusual each point is (`anomalies(…)`).
//! - [`outliers`] says which of several groups behave unlike the others.
//! - [`forecast`] says where a series is heading.
//!
//! Invariants: everything here is a pure function of its arguments. No I/O, no clock, no time zone (callers resolve local
//! time into a [`SeasonSlot`]), no mathematics of the platform whose last digits differ: the same points give the same bits,
//! so a state that is folded again from stored points proves itself.
//!
//! Nothing fails: what cannot be judged yet is `None`, and values that are no finite numbers count as missing.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "states are kept in 32 bits on purpose, and places in bins come from clamped floats"
)]

mod band;
mod forecast;
pub(crate) mod interval;
mod level;
mod model;
mod numeric;
mod outliers;
mod rolling;
mod season;
mod slot;
mod tail;
mod transform;

pub use band::{Band, BandPoint};
pub use forecast::{ForecastRange, forecast};
pub use model::{BandModel, BandSpec};
pub use outliers::outliers;
pub use slot::SeasonSlot;
pub use transform::Transform;
