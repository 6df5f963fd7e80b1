//! Where a text has one of many words: the pass over every text that decides what else is done with it.
//!
//! An automaton for some hundred words is larger than a processor's nearest memory, and each of its steps waits for the one before. So
//! a table of a few kilobytes tells for each three bytes whether a word begins like that, which is independent of all others, and
//! mostly ends there. Most words only count where a word of the text begins, and the same table knows that.
//!
//! Work is linear: at each place the words that begin with its three bytes are compared, of which there are few.

/// Bytes of a word that the table goes by. Words are at least as long.
pub(crate) const PREFIX: usize = 3;

/// The table's size: with fewer places most texts would meet words that are not there; more would not stay near the processor.
const SLOTS_BITS: u32 = 13;

/// Bytes of a word that are compared at once.
const HEAD: usize = 8;

/// Where a word counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    /// Only where it does not go on from letters or digits before it.
    pub(crate) at_word: bool,
    /// Only in texts that neither the application nor its user wrote.
    pub(crate) foreign: bool,
}

impl Counts {
    const fn bit(self) -> u8 {
        1 << (self.at_word as u8 + 2 * self.foreign as u8)
    }
}

/// The bits of words that count in texts of others alone.
const FOREIGN: u8 = 0b1100;
/// The bits of words that only count where one begins.
const AT_WORD: u8 = 0b1010;

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Anchors {
    kinds: Box<[u8; 1 << SLOTS_BITS]>,
    /// Numbers of words by slot.
    words_of: Vec<Vec<usize>>,
    words: Vec<Word>,
}

#[derive(Debug, Clone)]
struct Word {
    /// Its first bytes, and zeros where it has fewer.
    head: u64,
    /// Which bits of [`Word::head`] are of the word.
    mask: u64,
    /// What comes after them.
    rest: Vec<u8>,
    length: usize,
    kind: u8,
}

impl Word {
    fn new(bytes: &[u8], kind: u8) -> Self {
        let (first, rest) = bytes.split_at(bytes.len().min(HEAD));
        let mask = head(&[0xff; HEAD][..first.len()]);
        Self { head: head(first), mask, rest: rest.to_vec(), length: bytes.len(), kind }
    }
}

/// Up to eight bytes as a number, with zeros after the last.
fn head(bytes: &[u8]) -> u64 {
    if let Some(all) = bytes.first_chunk::<HEAD>() {
        return u64::from_le_bytes(*all);
    }
    let mut all = [0; HEAD];
    all[..bytes.len()].copy_from_slice(bytes);
    u64::from_le_bytes(all)
}

impl Anchors {
    /// Words of at least [`PREFIX`] bytes, each with where it counts. They are told by their number.
    pub(crate) fn new<'a>(words: impl IntoIterator<Item = (&'a str, Counts)>) -> Self {
        let mut anchors = Self {
            kinds: Box::new([0; 1 << SLOTS_BITS]),
            words_of: vec![Vec::new(); 1 << SLOTS_BITS],
            words: Vec::new(),
        };
        for (word, counts) in words {
            let (bytes, kind) = (word.as_bytes(), counts.bit());
            if let Some(&[a, b, c]) = bytes.first_chunk::<PREFIX>() {
                let slot = slot(a, b, c);
                anchors.kinds[slot] |= kind;
                anchors.words_of[slot].push(anchors.words.len());
            }
            anchors.words.push(Word::new(bytes, kind));
        }
        anchors
    }

    /// Calls `found` with the number, the start and the end of each word in a text, in the order of the starts.
    pub(crate) fn find(&self, text: &str, is_foreign: bool, mut found: impl FnMut(usize, usize, usize)) {
        let text = text.as_bytes();
        let all = if is_foreign { u8::MAX } else { !FOREIGN };
        let mut before = b' ';
        for (at, prefix) in text.array_windows::<PREFIX>().enumerate() {
            let [a, b, c] = *prefix;
            let counts = COUNTS_AFTER[usize::from(before)] & all;
            before = a;
            if self.kinds[slot(a, b, c)] & counts != 0 {
                self.compare(text, at, counts, &mut found);
            }
        }
    }

    fn compare(&self, text: &[u8], at: usize, counts: u8, found: &mut impl FnMut(usize, usize, usize)) {
        let here = &text[at..];
        let first = head(here);
        for &number in &self.words_of[slot(here[0], here[1], here[2])] {
            let word = &self.words[number];
            let is_here = first & word.mask == word.head && word.kind & counts != 0;
            if is_here && here.len() >= word.length && here[word.length.min(HEAD)..].starts_with(&word.rest) {
                found(number, at, at + word.length);
            }
        }
    }
}

/// What counts after a byte: words that must begin one do not after letters, digits and the underscore.
const COUNTS_AFTER: [u8; 256] = {
    let mut counts = [0; 256];
    let mut byte = 0_u8;
    loop {
        let is_word = byte.is_ascii_alphanumeric() || byte == b'_';
        counts[byte as usize] = if is_word { !AT_WORD } else { u8::MAX };
        if byte == u8::MAX {
            break counts;
        }
        byte += 1;
    }
};

/// The slot of three bytes.
const fn slot(a: u8, b: u8, c: u8) -> usize {
    let key = u32::from_le_bytes([a, b, c, 0]);
    (key.wrapping_mul(0x9e37_79b1) >> (u32::BITS - SLOTS_BITS)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_where_they_count_also_within_each_other() {
        let counts = |at_word, foreign| Counts { at_word, foreign };
        let anchors = Anchors::new([
            ("use", counts(true, false)),
            ("instruct", Counts::default()),
            ("struct", Counts::default()),
            ("忽略", Counts::default()),
            ("used", counts(true, false)),
            ("instructing", counts(true, true)),
            ("inst\0", Counts::default()),
        ]);
        let found = |text: &str| {
            let mut all = Vec::new();
            anchors.find(text, text.starts_with('!'), |number, start, end| all.push((number, start, end)));
            all
        };
        assert_eq!(found("use because unused use"), [(0, 0, 3), (0, 19, 22)]);
        assert_eq!(found("reinstruct"), [(1, 2, 10), (2, 4, 10)]);
        assert_eq!(found("请忽略 éused"), [(3, 3, 9), (0, 12, 15), (4, 12, 16)]);
        assert_eq!(found("instructing"), [(1, 0, 8), (2, 2, 8)]);
        assert_eq!(found("!instructing"), [(1, 1, 9), (5, 1, 12), (2, 3, 9)]);
        assert_eq!(found("inst"), []);
        assert_eq!(found("us"), []);
        assert_eq!(found(""), []);
    }
}
