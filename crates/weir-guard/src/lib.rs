//! What calls carry that they should not: attempts to take a model over, secrets and personal data, and agents that leave
//! their scope.
//!
//! | module | does |
//! |---|---|
//! | `packs` | which packs of injection rules there are, and inspecting a call with them |
//! | `seed`, `strong`, `rules` | the seed's five patterns; searching for the strong pack's rules, and reading them |
//! | `view`, `fold`, `unhide`, `decode` | what a text is searched as, so that words cannot be hidden, and the way back to it |
//! | `machine` | regular expressions as used here |
//! | `passage` | the texts of a call and where they stand in it |
//! | `report` | what was found, as spans and scores carry it |
//! | `sensitive` | finds secrets and personal data, and takes them out |
//! | `tape` | the strings of a JSON text and where they stand |
//!
//! Everything here is pure and takes linear time in the length of what it reads: it stands in the way of users' calls.

mod decode;
mod error;
mod fold;
mod machine;
mod packs;
mod passage;
mod report;
mod rules;
mod seed;
mod sensitive;
mod strong;
mod tape;
mod unhide;
mod view;

pub use error::GuardError;
pub use packs::{CustomRule, Flag, Packs, PacksConfig};
pub use passage::{Passage, Place};
pub use report::{ATTRIBUTE, Match, Report};
pub use sensitive::{Class, Detector, Finding, Found, Kind, Kinds, RedactedBody, RedactedString};
