//! A text as the guard reads it: without what hides words from a pattern and not from a model, with the way back.
//!
//! Matches are found in views and told in the text as it came, because that is what people see and what is kept. So a view
//! knows for each of its bytes where they are from. Most of a text is the same in both, which is one entry for all of it.

/// How a piece of text was hidden. Of two in one match the later is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Disguise {
    /// Not at all: the same letters, apart from case and accents.
    None,
    /// Letters of other widths and styles, which Unicode calls compatible.
    Compatibility,
    /// Letters of other alphabets that look the same.
    Confusables,
    /// Characters that nobody sees within words.
    ZeroWidth,
    /// Letters that nobody sees: the tags of Unicode.
    Tags,
    /// Letters written apart.
    Spacing,
    /// Digits and signs for letters.
    Leetspeak,
    /// Written backwards.
    Reversed,
    /// Letters moved by half of the alphabet.
    Rot13,
    /// `%69`, as in addresses.
    Url,
    /// `\x69`, `\u0069`, `&#105;`.
    Escapes,
    /// Bytes as numbers.
    Hex,
    /// Bytes as bits.
    Binary,
    /// Bytes in base 64.
    Base64,
}

impl Disguise {
    /// What reports call it.
    pub(crate) const fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::None => return None,
            Self::Compatibility => "compatibility",
            Self::Confusables => "confusables",
            Self::ZeroWidth => "zero_width",
            Self::Tags => "tags",
            Self::Spacing => "spacing",
            Self::Leetspeak => "leetspeak",
            Self::Reversed => "reversed",
            Self::Rot13 => "rot13",
            Self::Url => "url",
            Self::Escapes => "escapes",
            Self::Hex => "hex",
            Self::Binary => "binary",
            Self::Base64 => "base64",
        })
    }
}

/// Bytes of a view that are from one place.
#[derive(Debug, Clone, Copy)]
struct Run {
    /// Where it begins in the view; it ends where the next begins.
    at: usize,
    /// Where it begins in the original.
    start: usize,
    /// Where it ends there. Means nothing for runs of equal bytes, which grow.
    end: usize,
    /// Whether it is byte for byte as long as in the original.
    is_equal: bool,
    disguise: Disguise,
}

/// A text to search, and where its bytes are from.
#[derive(Debug, Default)]
pub(crate) struct View {
    text: String,
    /// In order of `at`. None at all where view and original have the same bytes but for the case of letters.
    runs: Vec<Run>,
}

impl View {
    /// The view of a text that is all ASCII.
    pub(crate) fn of_ascii(text: &str) -> Self {
        Self { text: text.to_ascii_lowercase(), runs: Vec::new() }
    }

    /// The text to search.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Where bytes of the view, at least one, are from, and how the most hidden of them was.
    pub(crate) fn original(&self, start: usize, end: usize) -> (usize, usize, Disguise) {
        if self.runs.is_empty() {
            return (start, end, Disguise::None);
        }
        let first = self.runs.partition_point(|run| run.at <= start).saturating_sub(1);
        let last = self.runs.partition_point(|run| run.at < end).saturating_sub(1).max(first);
        let disguise = self.runs[first..=last].iter().map(|run| run.disguise).max().unwrap_or(Disguise::None);
        let place = |run: &Run, from: usize, to: usize| {
            if run.is_equal {
                (run.start + from - run.at, run.start + to - run.at)
            } else {
                (run.start, run.end)
            }
        };
        let first_end = self.runs.get(first + 1).map_or(end, |next| next.at.min(end));
        let (start_a, end_a) = place(&self.runs[first], start, first_end);
        let (start_b, end_b) = place(&self.runs[last], self.runs[last].at.max(start), end);
        // What is written backwards ends before it begins.
        (start_a.min(start_b), end_a.max(end_b), disguise)
    }

    /// A hint for [`original_near`](Self::original_near) at a place.
    pub(crate) fn near(&self, at: usize) -> usize {
        self.runs.partition_point(|run| run.at <= at).saturating_sub(1)
    }

    /// Like [`original`](Self::original) for one character, for those who go through a view: `hint` is where they are.
    pub(crate) fn original_near(
        &self,
        hint: &mut usize,
        at: usize,
        length: usize,
    ) -> (usize, usize, Disguise) {
        if self.runs.is_empty() {
            return (at, at + length, Disguise::None);
        }
        while self.runs.get(*hint + 1).is_some_and(|next| next.at <= at) {
            *hint += 1;
        }
        while *hint > 0 && self.runs[*hint].at > at {
            *hint -= 1;
        }
        let run = self.runs[*hint];
        if run.is_equal {
            let start = run.start + at - run.at;
            (start, start + length, run.disguise)
        } else {
            (run.start, run.end, run.disguise)
        }
    }

    /// Appends a character that stands for a piece of the original.
    pub(crate) fn push(&mut self, letter: char, start: usize, end: usize, disguise: Disguise) {
        let is_equal = disguise == Disguise::None && letter.len_utf8() == end - start;
        if !(is_equal && self.continues(start)) {
            self.runs.push(Run { at: self.text.len(), start, end, is_equal, disguise });
        }
        self.text.push(letter);
    }

    /// Appends ASCII that stands at `start` of the original, in lower case.
    pub(crate) fn push_ascii(&mut self, piece: &str, start: usize) {
        if piece.is_empty() {
            return;
        }
        if !self.continues(start) {
            let at = self.text.len();
            self.runs.push(Run { at, start, end: start, is_equal: true, disguise: Disguise::None });
        }
        let from = self.text.len();
        self.text.push_str(piece);
        self.text[from..].make_ascii_lowercase();
    }

    /// Notes that characters of the original are left out here.
    pub(crate) fn leave_out(&mut self, start: usize, end: usize, disguise: Disguise) {
        self.runs.push(Run { at: self.text.len(), start, end, is_equal: false, disguise });
    }

    /// Appends a piece that stands as a whole for a piece of the original.
    pub(crate) fn push_whole(&mut self, piece: &str, start: usize, end: usize, disguise: Disguise) {
        self.runs.push(Run { at: self.text.len(), start, end, is_equal: false, disguise });
        self.text.push_str(piece);
    }

    /// Whether what stands at `start` of the original goes on from the end of the view.
    fn continues(&self, start: usize) -> bool {
        self.runs.last().is_some_and(|run| {
            run.is_equal && run.disguise == Disguise::None && run.start + self.text.len() - run.at == start
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_a_view_lead_back_to_where_they_are_from() {
        // "Aﬁ‍b c" with a ligature and a joiner that is left out.
        let mut view = View::default();
        view.push_ascii("A", 0);
        view.push('f', 1, 4, Disguise::Compatibility);
        view.push('i', 1, 4, Disguise::Compatibility);
        view.leave_out(4, 7, Disguise::ZeroWidth);
        view.push_ascii("b c", 7);
        assert_eq!(view.text(), "afib c");
        assert_eq!(view.original(0, 1), (0, 1, Disguise::None));
        assert_eq!(view.original(2, 3), (1, 4, Disguise::Compatibility));
        assert_eq!(view.original(2, 4), (1, 8, Disguise::ZeroWidth));
        assert_eq!(view.original(3, 6), (7, 10, Disguise::None));
    }
}
