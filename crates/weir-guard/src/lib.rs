//! What calls carry that they should not: attempts to take a model over, secrets and personal data, and agents that leave
//! their scope.
//!
//! | module | does |
//! |---|---|
//! | `packs` | which packs of injection rules there are, and inspecting a call with them |
//! | `seed`, `strong`, `rules` | the seed's five patterns; searching for the strong pack's rules, and reading them |
//! | `anchors` | where a text has one of the words that rules need |
//! | `classifier`, `model` | what words say together, where no rule matches: the one that is shipped, and what a larger one must do |
//! | `view`, `fold`, `unhide`, `decode` | what a text is searched as, so that words cannot be hidden, and the way back to it |
//! | `machine` | regular expressions as used here |
//! | `guard`, `settings` | what is looked for in which application's calls |
//! | `sink`, `record` | the door into the journal, and what happens to a span there |
//! | `conversation` | what was said to a model, out of any dialect's JSON |
//! | `scope` | what agents may do |
//! | `judged` | what was found before a call went out, until it is recorded |
//! | `recent` | where nothing was found in this minute |
//! | `passage` | the texts of a call and where they stand in it |
//! | `report` | what was found, as spans and scores carry it |
//! | `sensitive` | finds secrets and personal data, and takes them out |
//! | `tape` | the strings of a JSON text and where they stand |
//!
//! Everything here is pure and takes linear time in the length of what it reads: it stands in the way of users' calls.

mod anchors;
mod classifier;
mod conversation;
mod decode;
mod error;
mod fold;
mod guard;
mod judged;
mod machine;
mod model;
mod packs;
mod passage;
mod recent;
mod record;
mod report;
mod rules;
mod scope;
mod seed;
mod sensitive;
mod settings;
mod sink;
mod strong;
mod tape;
mod unhide;
mod view;

pub use error::GuardError;
pub use guard::{Guard, GuardStats, Verdict};
pub use model::{InjectionModel, Told};
pub use packs::{ClassifierUse, CustomRule, Flag, Packs, PacksConfig};
pub use passage::{Passage, Place};
pub use record::{POLICY, SENSITIVE_ATTRIBUTE};
pub use report::{ATTRIBUTE, Match, Report};
pub use scope::{AgentScope, Scopes, Violation};
pub use sensitive::{Class, Detector, Finding, Found, Kind, Kinds, RedactedBody, RedactedString};
pub use settings::{BodiesKept, GuardMode, GuardSettings, Privacy, SecretsPolicy};
pub use sink::GuardedSink;
