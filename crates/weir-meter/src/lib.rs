//! What a call's tokens are and what they cost.
//!
//! [`Meter`] is the one thing that other crates hold: it prices usage that a provider stated, counts tokens where the
//! provider stated none, and learns how many bytes a model's tokens have where its tokenizer is not public.
//!
//! Why prices are integers: a price is a whole number of pico-dollars for a token, a cost is the exact sum over all
//! kinds of tokens, rounded half up to nano-dollars once. Two Weirs with the same list agree to the last digit.
//!
//! Invariants: no I/O, no async, no floats in money. A model without a price is `None`, never free. Nothing here
//! panics on any input; what cannot be read as chat messages is estimated from its bytes and says so.

mod book;
mod chat;
mod cost;
mod counter;
mod decimal;
mod encoding;
mod error;
mod estimate;
mod image;
mod image_size;
mod list;
mod meter;
mod overrides;
mod price;
mod spelling;
mod tools;

pub use book::{ListedModel, PriceBook};
pub use chat::TokenCount;
pub use cost::{PriceDetail, Priced};
pub use counter::{Counter, Part};
pub use error::MeterError;
pub use meter::Meter;
pub use overrides::PriceOverride;
pub use price::{Mode, Price, Rates, ServiceTier, Tier};
