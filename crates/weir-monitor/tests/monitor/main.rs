//! The crate from outside.

mod definitions;
mod engine;
mod language;
mod messages;
mod world;
