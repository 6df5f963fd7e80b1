//! What calls carry that they should not: attempts to take a model over, secrets and personal data, and agents that leave
//! their scope.
//!
//! | module | does |
//! |---|---|
//! | `passage` | the texts of a call and where they stand in it |
//! | `report` | what was found, as spans and scores carry it |
//!
//! Everything here is pure and takes linear time in the length of what it reads: it stands in the way of users' calls.

mod passage;
mod report;

pub use passage::{Passage, Place};
pub use report::{ATTRIBUTE, Match, Report};
