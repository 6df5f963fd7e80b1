//! The texts of a call, each with where it stands, so that what is found in one can be shown to a person in its place.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// Which part of a call a text is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// What the user, or the program for the user, asked.
    Input,
    /// What the application told the model to be.
    Instructions,
    /// Documents that were looked up.
    Documents,
    /// What tools answered.
    Tools,
    /// What the model answered.
    Output,
}

impl Place {
    /// Whether the text came from somewhere that neither the application nor its user wrote: a web page, a file, an
    /// answer of a tool. Instructions have no business there.
    pub const fn is_foreign(self) -> bool {
        matches!(self, Self::Documents | Self::Tools)
    }

    /// Whether attacks are looked for there: not in what the application says itself, and not in what the model said.
    pub(crate) const fn is_inspected(self) -> bool {
        matches!(self, Self::Input) || self.is_foreign()
    }
}

/// One text of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage<'a> {
    /// Which part of the call it is from.
    pub place: Place,
    /// A JSON pointer (RFC 6901) to the string within that part; empty where the part is plain text.
    pub path: String,
    /// The text, unescaped.
    pub text: Cow<'a, str>,
}
