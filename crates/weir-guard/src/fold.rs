//! The view that every text is searched in: lower case, without accents, letters of other widths, styles and alphabets as
//! those they are taken for, and without what nobody sees.
//!
//! English with a few signs of typography is most of what comes. It is copied in pieces, and only the words with other than
//! ASCII are looked at letter by letter.
//!
//! Letters of other alphabets only become Latin in words that are not of that alphabet: Russian stays Russian.

use unicode_normalization::char::{decompose_compatible, is_combining_mark};

use crate::view::{Disguise, View};

/// Letters that look like Latin ones: Cyrillic, Greek, Armenian, small capitals and some signs, in order.
#[rustfmt::skip]
const CONFUSABLES: [(char, char); 104] = [
    ('ƒ', 'f'), ('ɑ', 'a'), ('ɡ', 'g'), ('ɢ', 'g'), ('ɩ', 'i'), ('ɪ', 'i'), ('ɴ', 'n'), ('ɾ', 'r'), ('ʀ', 'r'), ('ʏ', 'y'),
    ('ʙ', 'b'), ('ʜ', 'h'), ('ʟ', 'l'), ('Α', 'a'), ('Β', 'b'), ('Ε', 'e'), ('Ζ', 'z'), ('Η', 'h'), ('Ι', 'i'), ('Κ', 'k'),
    ('Μ', 'm'), ('Ν', 'n'), ('Ο', 'o'), ('Ρ', 'p'), ('Τ', 't'), ('Υ', 'y'), ('Χ', 'x'), ('α', 'a'), ('β', 'b'), ('γ', 'y'),
    ('ε', 'e'), ('η', 'n'), ('ι', 'i'), ('κ', 'k'), ('ν', 'v'), ('ο', 'o'), ('ρ', 'p'), ('σ', 'o'), ('τ', 't'), ('υ', 'u'),
    ('χ', 'x'), ('ω', 'w'), ('ϲ', 'c'), ('ϳ', 'j'), ('Ѕ', 's'), ('І', 'i'), ('Ј', 'j'), ('А', 'a'), ('В', 'b'), ('Е', 'e'),
    ('К', 'k'), ('М', 'm'), ('Н', 'h'), ('О', 'o'), ('Р', 'p'), ('С', 'c'), ('Т', 't'), ('У', 'y'), ('Х', 'x'), ('а', 'a'),
    ('в', 'b'), ('г', 'r'), ('е', 'e'), ('з', 'e'), ('и', 'u'), ('к', 'k'), ('м', 'm'), ('н', 'h'), ('о', 'o'), ('п', 'n'),
    ('р', 'p'), ('с', 'c'), ('т', 't'), ('у', 'y'), ('х', 'x'), ('ь', 'b'), ('ѕ', 's'), ('і', 'i'), ('ј', 'j'), ('һ', 'h'),
    ('Ӏ', 'l'), ('ӏ', 'l'), ('ԁ', 'd'), ('ԛ', 'q'), ('ԝ', 'w'), ('ո', 'n'), ('ս', 'u'), ('ց', 'g'), ('օ', 'o'), ('ᴀ', 'a'),
    ('ᴄ', 'c'), ('ᴅ', 'd'), ('ᴇ', 'e'), ('ᴊ', 'j'), ('ᴋ', 'k'), ('ᴍ', 'm'), ('ᴏ', 'o'), ('ᴘ', 'p'), ('ᴛ', 't'), ('ᴜ', 'u'),
    ('ᴠ', 'v'), ('ᴡ', 'w'), ('ᴢ', 'z'), ('ꜱ', 's'),
];

/// Reads a text into the view that is searched.
pub(crate) fn fold(text: &str) -> View {
    if text.is_ascii() {
        return View::of_ascii(text);
    }
    let mut view = View::default();
    let mut at = 0;
    while let Some(other) = text.as_bytes()[at..].iter().position(|byte| !byte.is_ascii()) {
        let other = at + other;
        let is_space = |byte: &u8| byte.is_ascii_whitespace();
        let start = text.as_bytes()[at..other].iter().rposition(is_space).map_or(at, |space| at + space + 1);
        let end =
            text.as_bytes()[other..].iter().position(is_space).map_or(text.len(), |space| other + space);
        view.push_ascii(&text[at..start], at);
        fold_word(&mut view, &text[start..end], start);
        at = end;
    }
    view.push_ascii(&text[at..], at);
    view
}

/// Reads a word with letters outside of ASCII.
fn fold_word(view: &mut View, word: &str, start: usize) {
    let is_latin_taken = is_disguised_latin(word);
    for (offset, letter) in word.char_indices() {
        let (start, end) = (start + offset, start + offset + letter.len_utf8());
        if letter.is_ascii() {
            view.push(letter.to_ascii_lowercase(), start, end, Disguise::None);
            continue;
        }
        if is_as_is(letter) {
            view.push(letter, start, end, Disguise::None);
            continue;
        }
        match class(letter) {
            Class::Unseen => view.leave_out(start, end, Disguise::ZeroWidth),
            Class::Mark => view.leave_out(start, end, Disguise::None),
            Class::Tag(ascii) => view.push(ascii, start, end, Disguise::Tags),
            Class::Sign(ascii) => view.push(ascii, start, end, Disguise::None),
            Class::Letter => {
                if is_latin_taken && let Some(latin) = confusable(letter) {
                    view.push(latin, start, end, Disguise::Confusables);
                } else {
                    decompose(view, letter, start, end);
                }
            }
        }
    }
}

/// Whether letters of other alphabets stand for Latin ones in a word: all of its letters look Latin, and some
/// are Latin or are hardly used for anything else.
fn is_disguised_latin(word: &str) -> bool {
    let (mut latin, mut look_latin, mut rare, mut others) = (0, 0, 0, 0);
    for letter in word.chars().filter(|letter| !is_as_is(*letter)) {
        if letter.is_ascii_alphabetic() {
            latin += 1;
        } else if confusable(letter).is_some() {
            look_latin += 1;
            rare += usize::from(!matches!(letter, 'а'..='я' | 'А'..='Я' | 'α'..='ω' | 'Α'..='Ω'));
        } else if letter.is_alphabetic() && matches!(class(letter), Class::Letter) {
            // Accented and styled Latin is no other alphabet.
            let mut is_latin = false;
            decompose_compatible(letter, |part| is_latin |= part.is_ascii_alphabetic());
            others += usize::from(!is_latin);
            latin += usize::from(is_latin);
        }
    }
    look_latin > 0 && others == 0 && (latin > 0 || rare > 0)
}

fn decompose(view: &mut View, letter: char, start: usize, end: usize) {
    let mut is_styled = true;
    decompose_compatible(letter, |part| is_styled &= !is_combining_mark(part));
    decompose_compatible(letter, |part| {
        if is_combining_mark(part) {
            return;
        }
        for lower in part.to_lowercase() {
            if is_combining_mark(lower) {
                continue;
            }
            let disguise = if is_styled && lower.is_ascii_alphanumeric() {
                Disguise::Compatibility
            } else {
                Disguise::None
            };
            view.push(lower, start, end, disguise);
        }
    });
}

fn confusable(letter: char) -> Option<char> {
    let at = CONFUSABLES.binary_search_by_key(&letter, |(other, _)| *other).ok()?;
    Some(CONFUSABLES[at].1)
}

enum Class {
    /// Characters that show nothing.
    Unseen,
    /// Accents on their own, and vowel signs that readers of Arabic and Hebrew do without.
    Mark,
    /// The unseen double of an ASCII character.
    Tag(char),
    /// Typography for an ASCII sign.
    Sign(char),
    /// Anything else.
    Letter,
}

/// Whether a character is of a script that has neither case nor compatible forms worth a look.
const fn is_as_is(letter: char) -> bool {
    matches!(letter, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}' | '\u{20000}'..='\u{3ffff}')
}

fn class(letter: char) -> Class {
    match letter {
        '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{3164}'
        | '\u{ffa0}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0001}'
        | '\u{e007f}'
        | '\u{e0100}'..='\u{e01ef}' => Class::Unseen,
        '\u{e0020}'..='\u{e007e}' => {
            Class::Tag(char::from_u32(letter as u32 - 0xe0000).unwrap_or(' ').to_ascii_lowercase())
        }
        '\u{300}'..='\u{36f}' | '\u{64b}'..='\u{65f}' | '\u{5b0}'..='\u{5c7}' | '\u{670}' => Class::Mark,
        '‘' | '’' | '‛' | 'ʼ' | '′' => Class::Sign('\''),
        '“' | '”' | '„' | '«' | '»' | '「' | '」' | '『' | '』' => Class::Sign('"'),
        '‐'..='―' | '−' => Class::Sign('-'),
        '•' | '·' => Class::Sign('*'),
        '。' => Class::Sign('.'),
        'ı' => Class::Sign('i'),
        '、' | '،' => Class::Sign(','),
        '؟' => Class::Sign('?'),
        _ => Class::Letter,
    }
}

/// A pattern's letters as texts have them after folding.
pub(crate) fn fold_pattern(pattern: &str) -> String {
    let mut view = View::default();
    for letter in pattern.chars() {
        match class(letter) {
            Class::Letter if !letter.is_ascii() && !is_as_is(letter) => decompose(&mut view, letter, 0, 0),
            _ => view.push(letter, 0, 0, Disguise::None),
        }
    }
    view.text().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> (String, Option<&'static str>) {
        let view = fold(text);
        let (start, end, disguise) = view.original(0, view.text().len());
        assert!(text.is_char_boundary(start) && text.is_char_boundary(end));
        (view.text().to_owned(), disguise.name())
    }

    #[test]
    fn letters_become_those_they_are_taken_for_and_the_disguise_is_named() {
        assert!(CONFUSABLES.is_sorted());
        for (text, expected, via) in [
            ("Ignore “all” — Prévious", "ignore \"all\" - previous", None),
            ("ｉｇｎｏｒｅ", "ignore", Some("compatibility")),
            ("𝗂𝗀𝗇𝗈𝗋𝖾 ﬁles", "ignore files", Some("compatibility")),
            ("ignоrе prеvious", "ignore previous", Some("confusables")),
            ("іgnоrе ɪɴsᴛʀᴜᴄᴛɪᴏɴs", "ignore instructions", Some("confusables")),
            ("ig\u{200b}nore\u{202e} it", "ignore it", Some("zero_width")),
            ("hi\u{e0069}\u{e0067}", "hiig", Some("tags")),
        ] {
            assert_eq!(folded(text), (expected.to_owned(), via), "{text}");
        }
    }

    #[test]
    fn other_alphabets_stay_what_they_are() {
        for text in ["игнорируи все оса", "忽略之前的指令", "이전 지시를 무시", "指示を無視"]
        {
            assert_eq!(folded(text), (text.to_owned(), None));
        }
        assert_eq!(folded("Über GPT-модель").0, "uber gpt-модель");
        assert_eq!(fold_pattern("oublié[éü] й"), "oublie[eu] и");
    }
}
