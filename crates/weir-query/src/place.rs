//! Where in the text of a query something stands.

use std::ops::Range;

/// A range of bytes of the query's text. All places are equal, so that two syntax trees are equal when they mean the
/// same, wherever they were written.
#[derive(Debug, Clone, Copy, Default)]
pub struct Place {
    start: usize,
    end: usize,
}

impl Place {
    pub(crate) fn new(start: usize, end: usize) -> Self {
        Self { start, end: end.max(start) }
    }

    /// The bytes.
    pub fn range(self) -> Range<usize> {
        self.start..self.end
    }

    /// Whether it is nowhere: what was never written has an empty place.
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// From the start of this place to the end of a later one.
    #[must_use]
    pub(crate) fn to(self, later: Self) -> Self {
        Self::new(self.start, later.end)
    }
}

impl PartialEq for Place {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Place {}
