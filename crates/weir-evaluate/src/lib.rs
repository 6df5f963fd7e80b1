//! Judges finished spans and writes what it thinks of them as scores.
//!
//! | module | does |
//! |---|---|
//! | `subject`, `text`, `document` | what is judged: a span's question, answer and documents, whatever its dialect |
//! | `faithfulness`, `relevance`, `custom`, `checks` | the evaluators |
//! | `judge` | asking a model, with retries, limits and a memory |
//! | `gateway` | how judges and probes reach models: through Weir's own gateway |
//! | `drift`, `probe` | whether answers are still what they were, and questions whose answers are known |
//! | `panel`, `sample` | who judges what of a trace, and how much of all |
//! | `runtime`, `back_fill`, `traces` | judging as calls end, and over history |
//! | `statistics`, `dataset` | whether the judges are any good: labelled examples and what comes of them |
//!
//! Nothing here stands in the way of a user's call: spans are read from the store after they have ended, and models that judge
//! are asked through Weir's own gateway, as an agent of their own (`weir-evaluator`) that is metered and budgeted like any other.

mod back_fill;
pub mod checks;
mod claim;
mod custom;
pub mod dataset;
mod document;
pub mod drift;
mod error;
pub mod faithfulness;
mod gateway;
mod judge;
mod judgement;
mod panel;
pub mod probe;
pub mod relevance;
mod runtime;
mod sample;
pub mod statistics;
mod subject;
mod text;
mod traces;

pub use back_fill::{BackFill, back_fill};
pub use custom::{CustomJudge, Scale};
pub use document::Document;
pub use error::EvaluateError;
pub use judge::{Judge, JudgeConfig, JudgeStats};
pub use judgement::{JudgeName, Judgement};
pub use panel::{Evaluator, Method, Panel, PanelParts, Task};
pub use runtime::{EvaluationStats, Runtime, RuntimeParts, Watch, runtime};
pub use subject::Subject;
pub use traces::{KINDS, Page, StoredTraces, Traces, WholeTrace, each_once};
