//! A text as words, with what is no language taken out first: code and quotations.

/// A text, taken apart.
pub(super) struct Words {
    /// Pieces of code and what is spelt like it, sorted.
    pub(super) code: Vec<String>,
    /// What is quoted, sorted.
    pub(super) quotes: Vec<String>,
    /// The words, in order.
    pub(super) all: Vec<Word>,
}

/// A word.
pub(super) struct Word {
    /// In small letters, without the punctuation around it.
    pub(super) low: String,
    /// What several forms of it have in common.
    pub(super) stem: String,
    /// What stood around and within it, for numbers: `$1,000.50`.
    pub(super) raw: String,
    is_name: bool,
    /// Whether what comes next is this one's.
    is_owner: bool,
}

/// Words that carry no weight of their own. Negations, numbers and opposites among them are looked at elsewhere.
const LIGHT: &str = " a about actually all also am an and any are as at be been being but by can could did do does doing done for \
    from get give given go had has have having hello help here hey hi how i if in into is it its just kindly know let like \
    looking lot make makes may me might my need of on or our out please quickly really shall she should show so some \
    something somebody tell than thank thanks that the their them then there these they thing things this those to us \
    use used using very want wants was way ways we were what whats what's when where which while who whom whose why will \
    wish with not no cannot would wonder wondering you your i'm i'd i'll i've im it's that's there's explain describe best possible \
    exactly briefly simply simple quick look looks appear appears seem seems ";

/// Marks that open a quotation, and those that close it.
const QUOTATIONS: [(char, char); 4] = [('"', '"'), ('“', '”'), ('«', '»'), ('„', '“')];

impl Words {
    pub(super) fn of(text: &str) -> Self {
        let mut code = Vec::new();
        let text = cut(text, "```", "```", &mut code);
        let text = cut(&text, "`", "`", &mut code);
        let mut quotes = Vec::new();
        let text = QUOTATIONS.iter().fold(text, |text, (open, close)| {
            cut(&text, open.encode_utf8(&mut [0; 4]), close.encode_utf8(&mut [0; 4]), &mut quotes)
        });
        let mut words = Vec::new();
        let mut is_start = true;
        for raw in text.split_whitespace() {
            let bare = raw.trim_matches(|letter: char| !letter.is_alphanumeric());
            if is_code(raw, bare) {
                code.push(raw.trim_end_matches(['.', ',', '?', '!', ';', ':']).to_owned());
                is_start = false;
                continue;
            }
            let ends_sentence = raw.ends_with(['.', '?', '!', ':']);
            // What hyphens and dashes hold together are words of their own.
            for part in bare.split(['-', '–', '—', '…']).filter(|part| !part.is_empty()) {
                let raw = if part == bare { raw } else { part };
                words.push(Word::of(part, raw, is_start));
                is_start = false;
                // "France's capital" stands as "capital of France" does.
                if let [.., owner, _] = &mut words[..]
                    && std::mem::take(&mut owner.is_owner)
                {
                    let last = words.len() - 1;
                    words.swap(last - 1, last);
                }
            }
            is_start |= ends_sentence;
        }
        code.sort();
        quotes.sort();
        Self { code, quotes, all: words }
    }

    /// What is called by a name, in small letters.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.all.iter().filter(|word| word.is_name).map(|word| &*word.low)
    }
}

impl Word {
    fn of(bare: &str, raw: &str, is_start: bool) -> Self {
        let owner = bare.strip_suffix("'s").or_else(|| bare.strip_suffix("’s"));
        let bare = owner.unwrap_or(bare);
        let low = bare.to_lowercase().replace('’', "'");
        let capitals = bare.chars().filter(|letter| letter.is_uppercase()).count();
        let is_first_capital = bare.chars().next().is_some_and(char::is_uppercase);
        let has_digits = bare.chars().any(char::is_numeric);
        // At the start of a sentence only more than one capital tells a name.
        let is_name = capitals > 1 || (is_first_capital && !is_start && bare.len() > 1);
        let is_name = is_name && !has_digits && !LIGHT.contains(&format!(" {low} "));
        let is_owner = owner.is_some() && !LIGHT.contains(&format!(" {low} "));
        Self { stem: stem(&low), low, raw: raw.to_owned(), is_name, is_owner }
    }

    /// Whether it says little by itself. How often a text negates is looked at elsewhere, however it does.
    pub(super) fn is_light(&self) -> bool {
        self.low.ends_with("n't") || LIGHT.contains(&format!(" {} ", self.low))
    }
}

/// Takes what stands between two marks out of a text.
fn cut(text: &str, open: &str, close: &str, taken: &mut Vec<String>) -> String {
    let mut left = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(open) {
        let Some((inner, behind)) = after.split_once(close) else { break };
        left.push_str(before);
        left.push(' ');
        taken.push(inner.split_whitespace().collect::<Vec<_>>().join(" "));
        rest = behind;
    }
    left.push_str(rest);
    left
}

/// Whether a word is spelt as only code, paths and addresses are.
fn is_code(raw: &str, bare: &str) -> bool {
    let has_letters = bare.chars().any(char::is_alphabetic);
    let has_inner_dot = bare.split_once('.').is_some_and(|(before, after)| {
        let is_word = |part: &str| part.chars().filter(|letter| letter.is_alphabetic()).count() > 1;
        is_word(before) && is_word(after)
    });
    let has_inner_capital =
        bare.chars().skip(1).any(char::is_uppercase) && bare.chars().any(char::is_lowercase);
    let is_spelt_so = raw.contains(['_', '/', '\\', '@', '=', '{', '}', '<', '>', '|', '#', '^', '+'])
        || raw.contains("::")
        || raw.contains("()")
        || raw.starts_with("--");
    (has_letters
        && (has_inner_dot || (has_inner_capital && bare.chars().next().is_some_and(char::is_lowercase))))
        || is_spelt_so
}

/// Cuts off what English adds to words. Crude, and the same for both texts.
fn stem(low: &str) -> String {
    let cut = |ending: &str, rest_min: usize| {
        low.strip_suffix(ending).filter(|rest| rest.chars().count() >= rest_min && rest.is_ascii())
    };
    let rest = cut("ies", 3)
        .or_else(|| cut("ing", 3))
        .or_else(|| cut("ed", 3))
        .or_else(|| cut("es", 3))
        .or_else(|| cut("ly", 3))
        .or_else(|| cut("s", 3))
        .or_else(|| cut("e", 3))
        .or_else(|| cut("y", 3))
        .unwrap_or(low);
    rest.to_owned()
}

/// Letters that two words must begin with alike to be taken for forms of one.
const KIN_LETTERS: usize = 5;

/// Whether two stems are forms of one word: "multiply" and "multiplication".
pub(super) fn are_kin(a: &str, b: &str) -> bool {
    let shared = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    shared >= KIN_LETTERS
}
