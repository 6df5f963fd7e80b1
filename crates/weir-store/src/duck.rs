//! The DuckDB file: opened when it is first needed, shared by one writer and a few readers.
//!
//! Opening costs 20 MiB of resident memory (pages of the library, mostly), so a Weir that has seen nothing does not
//! open it. Settings are given on opening and then locked; file access from SQL is off for every connection, ours
//! included, because nothing here needs it.
//!
//! Behaviour on failure: an error on opening is returned to whoever needed the file; the recorder tries again later. A
//! database that DuckDB has declared invalid is dropped as a whole and opened anew, which replays its own log.

mod open;
mod params;
mod pool;
mod schema;
mod watchdog;

pub(crate) use params::Params;
pub(crate) use pool::{Duck, Reader};
pub(crate) use schema::Marks;
pub(crate) use watchdog::QueryError;
