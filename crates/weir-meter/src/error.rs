//! Why a price list or an override is refused. Pricing and counting themselves never fail.

/// What is wrong with prices that a person wrote or fetched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MeterError {
    /// The bytes are not a price list.
    #[error("price list is not readable: {reason}; see docs/reference/prices.md for the schema")]
    List {
        /// What the JSON reader says, with line and column.
        reason: String,
    },
    /// The list has a schema that this version does not know.
    #[error("price list has schema {found}, this version of weir reads schema {known}; update weir")]
    Schema {
        /// What the list says.
        found: u64,
        /// What is known.
        known: u64,
    },
    /// A model of the list is wrong.
    #[error("price list: {provider}/{model}: {reason}")]
    Model {
        /// The provider.
        provider: String,
        /// The model.
        model: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A price is not a decimal number of dollars, or finer than Weir can count.
    #[error("price override {index} ({model}): {key} = {value:?} {reason}")]
    Amount {
        /// Which override, counted from 0 in the order of the configuration.
        index: usize,
        /// Its model pattern.
        model: String,
        /// The configuration key.
        key: &'static str,
        /// What was written.
        value: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// An override does not say enough.
    #[error("price override {index} ({model}): {key} is missing; write \"0\" if it is free")]
    Missing {
        /// Which override, counted from 0 in the order of the configuration.
        index: usize,
        /// Its model pattern.
        model: String,
        /// The configuration key.
        key: &'static str,
    },
    /// An override names no model.
    #[error("price override {index}: model is empty; write \"*\" for every model")]
    EmptyPattern {
        /// Which override, counted from 0 in the order of the configuration.
        index: usize,
    },
}
