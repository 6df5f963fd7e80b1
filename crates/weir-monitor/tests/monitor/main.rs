//! The crate from outside.

mod definitions;
mod language;
mod messages;
