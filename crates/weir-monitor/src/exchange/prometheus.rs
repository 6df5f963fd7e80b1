//! Rules of Prometheus: read into conditions (`rules`, `promql`, `translate`), and written from them (`write`).
//!
//! A rule has no second level: a monitor with a warning and an alert becomes two rules that differ in `severity`.

mod names;
mod promql;
mod rules;
mod translate;
mod write;

pub(super) use rules::import;
pub(super) use write::export;
