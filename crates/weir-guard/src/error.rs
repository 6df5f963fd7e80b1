//! What can be wrong with how the guard is set up. Inspecting itself cannot fail.

use thiserror::Error;

/// Why the guard cannot be built as configured.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GuardError {
    /// A rule's pattern is not a regular expression, or too large for one.
    #[error("the pattern of the injection rule \"{rule}\" cannot be used: {reason}")]
    Pattern {
        /// The rule's name.
        rule: String,
        /// What is wrong with it, with a hint where there is one.
        reason: String,
    },
    /// A rule is not one, apart from its pattern.
    #[error("the injection rule \"{rule}\" cannot be used: {reason}")]
    Rule {
        /// The rule's name.
        rule: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A number is out of its range.
    #[error("{key} is {value}, and must be a number from 0 to 1")]
    Share {
        /// The key of the configuration.
        key: &'static str,
        /// Its value, as text because an error is compared.
        value: String,
    },
    /// Data that come with this program cannot be read, which a test keeps from happening.
    #[error("the guard's own data {name} cannot be read: {reason}")]
    Data {
        /// Which.
        name: &'static str,
        /// What is wrong with them.
        reason: String,
    },
}
