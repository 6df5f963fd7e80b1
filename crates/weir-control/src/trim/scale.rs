//! The weights of a request's parts, each found when it is asked for and no further than it is asked for.
//!
//! A request is its texts and everything else. What an entry has besides its texts (its role, its calls, its images) is
//! counted as the entry with empty texts, so that the sum is what [`weir_meter::Meter::count_chat`] says of the whole.

use weir_dialect::{Edit, Literal, Outline, Text, apply_edits};
use weir_meter::{Counter, TokenCount};

use super::{Prompt, Tokens};

/// Around instructions that stand apart from the messages: a message of their own.
const AROUND_INSTRUCTIONS: u64 = 4;

/// Bytes of a text that are counted although nothing depends on it but the number that people are told.
const FOR_PEOPLE_BYTES_MAX: usize = 8 * 1024;

/// Bytes of JSON for a token where nothing was counted that could tell.
const BYTES_PER_TOKEN: usize = 4;

/// One text and what is known of its tokens.
#[derive(Debug, Clone)]
pub(super) struct Weighed {
    pub text: Text,
    /// The entry it is in; `None` for instructions that stand apart.
    pub entry: Option<usize>,
    tokens: Known,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    Nothing,
    /// There are more than these.
    MoreThan(u64),
    All(u64),
}

/// A request on the scale.
pub(super) struct Scale<'a> {
    pub body: &'a str,
    pub outline: Outline<'a>,
    pub counter: Counter<'a>,
    /// Every text, those of instructions first, then by entry.
    pub texts: Vec<Weighed>,
    /// For each entry, where its texts begin in `texts`; and their end.
    first_text: Vec<usize>,
    /// Tokens of each entry without its texts, where they are known.
    shells: Vec<Option<u64>>,
    /// Tools, what stands around the conversation, instructions without their texts.
    pub fixed: u64,
    /// What an empty list has, which is counted again with each entry.
    around_list: u64,
    is_exact: bool,
}

impl<'a> Scale<'a> {
    /// Puts a prompt on the scale; `None` when it has no conversation.
    pub fn of(prompt: &Prompt<'a>) -> Option<Self> {
        let facts = prompt.facts;
        let outline = Outline::of(prompt.dialect, prompt.body, facts)?;
        let counter = prompt.counter;
        let empty = if facts.input?.starts_with('"') { "\"\"" } else { "[]" };
        let around: TokenCount = counter.request(empty, facts.tools);
        let mut fixed = around.tokens;
        if let Some(instructions) = facts.instructions {
            let said: usize = outline.instructions.iter().map(|text| text.at.len()).sum();
            fixed += counter.of_bytes(instructions.len().saturating_sub(said)).unwrap_or(AROUND_INSTRUCTIONS);
        }
        let weighed = |text: &Text, entry| Weighed { text: text.clone(), entry, tokens: Known::Nothing };
        let mut texts: Vec<Weighed> = outline.instructions.iter().map(|text| weighed(text, None)).collect();
        let mut first_text = Vec::with_capacity(outline.entries.len() + 1);
        for (number, entry) in outline.entries.iter().enumerate() {
            first_text.push(texts.len());
            texts.extend(entry.texts.iter().map(|text| weighed(text, Some(number))));
        }
        first_text.push(texts.len());
        Some(Self {
            body: prompt.body,
            counter,
            texts,
            first_text,
            shells: vec![None; outline.entries.len()],
            fixed,
            around_list: counter.request("[]", None).tokens,
            is_exact: around.exact && facts.instructions.is_none(),
            outline,
        })
    }

    /// Whether everything that was counted is what the provider counts.
    pub fn is_exact(&self) -> bool {
        self.is_exact && self.counter.is_exact()
    }

    /// Whether the whole has more tokens than this. Begins with what is newest, which is looked at anyway later, and ends
    /// when the answer is certain.
    pub fn is_over(&mut self, limit: u64) -> bool {
        let mut sum = self.fixed;
        let shortest =
            self.texts.iter().map(|weighed| self.tokens_min(&weighed.text)).fold(sum, u64::saturating_add);
        if shortest > limit {
            return true;
        }
        for text in 0..self.first_text[0] {
            let Some(tokens) = self.text_within(text, limit.saturating_sub(sum)) else { return true };
            sum += tokens;
        }
        for number in (0..self.outline.entries.len()).rev() {
            let Some(tokens) = self.entry_within(number, limit.saturating_sub(sum)) else { return true };
            sum += tokens;
        }
        sum > limit
    }

    /// Tokens of an entry when there are at most `limit`.
    pub fn entry_within(&mut self, number: usize, limit: u64) -> Option<u64> {
        let mut sum = self.shell(number);
        for text in self.texts_of(number) {
            sum += self.text_within(text, limit.checked_sub(sum)?)?;
        }
        (sum <= limit).then_some(sum)
    }

    /// The texts of an entry, by number.
    pub fn texts_of(&self, entry: usize) -> std::ops::Range<usize> {
        self.first_text[entry]..self.first_text[entry + 1]
    }

    /// The texts of the instructions that stand apart, by number.
    pub fn texts_apart(&self) -> std::ops::Range<usize> {
        0..self.first_text[0]
    }

    /// Tokens of an entry without its texts.
    pub fn shell(&mut self, number: usize) -> u64 {
        if let Some(tokens) = self.shells[number] {
            return tokens;
        }
        let entry = &self.outline.entries[number];
        let base = entry.at.start;
        let empty =
            |text: &Text| Edit { at: text.at.start - base..text.at.end - base, text: "\"\"".to_owned() };
        let shell = apply_edits(&self.body[entry.at.clone()], entry.texts.iter().map(empty).collect());
        let counted = match Literal::of(&shell) {
            // All of the entry is its text, and what stands around it is counted already.
            Some(_) => TokenCount { tokens: self.around_list, exact: true },
            None => self.counter.request(&format!("[{shell}]"), None),
        };
        self.is_exact &= counted.exact;
        let tokens = counted.tokens.saturating_sub(self.around_list);
        self.shells[number] = Some(tokens);
        tokens
    }

    /// Tokens of a text when there are at most `limit`. No text is counted twice, but for one that was found to be over a
    /// lower limit.
    pub fn text_within(&mut self, text: usize, limit: u64) -> Option<u64> {
        match self.texts[text].tokens {
            Known::All(tokens) => return Some(tokens).filter(|tokens| *tokens <= limit),
            Known::MoreThan(tokens) if tokens >= limit => return None,
            Known::MoreThan(_) | Known::Nothing => {}
        }
        let literal = self.literal(text);
        let known = if let Some(tokens) = self.counter.of_bytes(literal.len()) {
            Some(tokens)
        } else if self.tokens_min(&self.texts[text].text) > limit {
            None
        } else {
            self.counter.text_within(&literal.decode(0..literal.len()), limit)
        };
        self.texts[text].tokens = known.map_or(Known::MoreThan(limit), Known::All);
        known.filter(|tokens| *tokens <= limit)
    }

    /// Tokens of a text: counted when it is short, otherwise estimated by pieces of it.
    pub fn roughly(&mut self, text: usize) -> u64 {
        let literal = self.literal(text);
        if literal.len() > FOR_PEOPLE_BYTES_MAX
            && self.texts[text].tokens.all().is_none()
            && self.counter.is_exact()
        {
            return self.by_sample(&[text], literal.len()).unwrap_or(0);
        }
        self.text_within(text, u64::MAX).unwrap_or(0)
    }

    /// The inside of a text.
    pub fn literal(&self, text: usize) -> Literal<'a> {
        let body: &'a str = self.body;
        Literal::of(&body[self.texts[text].text.at.clone()]).unwrap_or_default()
    }

    /// The least tokens that a text can have. Six bytes that are written may be one that is said.
    fn tokens_min(&self, text: &Text) -> u64 {
        const ESCAPE_BYTES_MAX: usize = 6;
        let written = text.at.len().saturating_sub(2);
        if !self.counter.is_exact() {
            return self.counter.tokens_min(written);
        }
        if self.counter.tokens_min(written) < 2 {
            return u64::from(written > 0);
        }
        let is_plain = !self.body[text.at.clone()].contains('\\');
        self.counter.tokens_min(if is_plain { written } else { written / ESCAPE_BYTES_MAX })
    }

    /// All tokens: what was counted, a little that is counted now because people are told the number, and for the rest an
    /// estimate by what was counted.
    pub fn total(&mut self) -> Tokens {
        let uncounted: Vec<usize> =
            (0..self.texts.len()).filter(|text| !matches!(self.texts[*text].tokens, Known::All(_))).collect();
        let bytes: usize = uncounted.iter().map(|text| self.literal(*text).len()).sum();
        let shells: Vec<usize> =
            (0..self.shells.len()).filter(|number| self.shells[*number].is_none()).collect();
        let shell_bytes: usize = shells.iter().map(|number| self.shell_bytes(*number)).sum();
        if bytes + shell_bytes <= FOR_PEOPLE_BYTES_MAX || !self.counter.is_exact() {
            for text in uncounted {
                self.text_within(text, u64::MAX);
            }
            for number in shells {
                self.shell(number);
            }
        }
        let known: u64 = self.texts.iter().filter_map(|text| text.tokens.all()).sum();
        let shells: u64 = self.shells.iter().flatten().sum();
        let count = self.fixed + known + shells;
        let (bytes, least) = self.rest();
        if bytes == 0 {
            return Tokens { count, is_exact: self.is_exact() };
        }
        let uncounted: Vec<usize> =
            (0..self.texts.len()).filter(|text| self.texts[*text].tokens.all().is_none()).collect();
        let sampled = self.by_sample(&uncounted, bytes);
        let estimate = u64::try_from(bytes / BYTES_PER_TOKEN).unwrap_or(u64::MAX);
        Tokens { count: count + sampled.unwrap_or(estimate).max(least), is_exact: false }
    }

    /// Bytes of what is not counted, and the least tokens it is known to have.
    fn rest(&self) -> (usize, u64) {
        let (mut bytes, mut least) = (0, 0_u64);
        for weighed in &self.texts {
            match weighed.tokens {
                Known::All(_) => {}
                Known::MoreThan(tokens) => {
                    bytes += weighed.text.at.len();
                    least = least.max(tokens + 1);
                }
                Known::Nothing => bytes += weighed.text.at.len(),
            }
        }
        let shells = (0..self.shells.len()).filter(|number| self.shells[*number].is_none());
        (bytes + shells.map(|number| self.shell_bytes(number)).sum::<usize>(), least)
    }

    /// Tokens of this many bytes that are like these texts, by pieces from all over them.
    fn by_sample(&self, texts: &[usize], bytes: usize) -> Option<u64> {
        const SAMPLES: usize = 8;
        const SAMPLE_BYTES: usize = 256;
        let said: usize = texts.iter().map(|text| self.literal(*text).len()).sum();
        let (mut written, mut tokens) = (0, 0);
        let (mut passed, mut sample) = (0, 0);
        for literal in texts.iter().map(|text| self.literal(*text)) {
            while sample < SAMPLES && said * sample / SAMPLES < passed + literal.len() {
                let from = literal.floor(said * sample / SAMPLES - passed);
                let to = literal.floor((from + SAMPLE_BYTES).min(literal.len()));
                written += to - from;
                tokens += self.counter.text_within(&literal.decode(from..to), u64::MAX)?;
                sample += 1;
            }
            passed += literal.len();
        }
        let whole =
            u128::from(tokens) * bytes as u128 / u128::try_from(written).ok().filter(|bytes| *bytes > 0)?;
        u64::try_from(whole).ok()
    }

    fn shell_bytes(&self, number: usize) -> usize {
        let entry = &self.outline.entries[number];
        entry.at.len() - entry.texts.iter().map(|text| text.at.len()).sum::<usize>()
    }
}

impl Known {
    fn all(self) -> Option<u64> {
        match self {
            Self::All(tokens) => Some(tokens),
            Self::MoreThan(_) | Self::Nothing => None,
        }
    }
}
