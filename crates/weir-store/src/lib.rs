//! The store: everything that Weir keeps, and the answers about it.
//!
//! [`Store::open`] gives out nine doors: a [`RecordSink`](weir_types::RecordSink) that takes records into the journal,
//! a [`Scan`](weir_types::Scan) for the query language, a [`Browse`](weir_types::Browse) for lists and SQL, a
//! [`KeyDirectory`](weir_types::KeyDirectory) with its [`KeyAdmin`](weir_types::KeyAdmin) for virtual keys,
//! [`Documents`](weir_types::Documents) for what people arrange, a [`CellFeed`](weir_types::CellFeed) for
//! who follows cells, an [`AlertStore`](weir_types::AlertStore) for what monitors find and tell, and an [`AuditLog`](weir_types::AuditLog).
//!
//! | on disk | what | written by |
//! |---|---|---|
//! | `journal/*.wj` | records that were appended and are not in DuckDB yet | whoever appends |
//! | `weir.duckdb` | spans, scores, points, events, cells | the recorder's thread, alone |
//! | `state.sqlite` | keys, documents, alerts and the outbox of notifications, the audit log | the state store |
//! | `weir.lock` | nothing; its lock says that a Weir is at work | - |
//!
//! Invariants: an append that returned `Ok` is in the journal's file; a record is in DuckDB once; cells are the exact
//! fold of the records. A failure of DuckDB never fails an append.

mod arrow;
mod browse;
mod cell_feed;
mod config;
mod coverage;
mod derived;
mod duck;
mod error;
mod hex;
mod journal;
mod lock;
mod names;
mod recorder;
#[cfg(test)]
mod samples;
mod scan;
mod state;
mod stats;
mod store;
mod tag_sql;
mod thread;

pub use config::{Durability, Retention, StoreConfig};
pub use derived::CALLS_SQL;
pub use error::StoreError;
pub use journal::{DecodeError, Frame, FrameFault, SegmentEnd, SegmentReplay, replay_segment};
pub use state::{KeyStore, SilenceCheck, hash_key, random_hex};
pub use stats::{RecordCounts, StoreStats};
pub use store::Store;
