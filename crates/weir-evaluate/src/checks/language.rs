//! The language of a text: its script, and for the Latin one its commonest small words.
//!
//! Small words make up a third to a half of running text in the languages below, so a sentence or two is enough; fewer words than
//! [`WORDS_MIN`] are not judged, because a wrong label is worse than none.

/// Fewer words say nothing.
const WORDS_MIN: usize = 6;

/// The share of words that must be a language's own small words.
const SHARE_MIN: f64 = 0.12;

/// Latin languages by their small words.
const SMALL_WORDS: [(&str, &[&str]); 9] = [
    (
        "en",
        &[
            "the", "and", "of", "to", "is", "in", "that", "it", "for", "you", "are", "with", "this", "was",
            "on", "be", "have",
        ],
    ),
    (
        "de",
        &[
            "der", "die", "und", "das", "ist", "nicht", "ein", "eine", "zu", "den", "mit", "sich", "auf",
            "für", "von", "sie", "im",
        ],
    ),
    (
        "fr",
        &[
            "le", "la", "les", "et", "des", "est", "une", "dans", "que", "pour", "vous", "pas", "sur",
            "avec", "du", "au", "qui",
        ],
    ),
    (
        "es",
        &[
            "el", "los", "las", "una", "que", "y", "es", "por", "para", "con", "del", "se", "su", "como",
            "más", "pero", "está",
        ],
    ),
    (
        "it",
        &[
            "il", "che", "di", "è", "una", "per", "non", "con", "sono", "della", "gli", "nel", "anche",
            "più", "ma", "del", "alla",
        ],
    ),
    (
        "pt",
        &[
            "o", "os", "uma", "que", "não", "para", "com", "é", "do", "da", "em", "mais", "dos", "você",
            "são", "ao", "na",
        ],
    ),
    (
        "nl",
        &[
            "het", "een", "van", "en", "dat", "niet", "zijn", "op", "te", "met", "voor", "je", "ook", "maar",
            "deze", "wordt", "aan",
        ],
    ),
    (
        "pl",
        &[
            "nie", "się", "jest", "na", "że", "do", "jak", "ale", "czy", "przez", "może", "tego", "są",
            "oraz", "lub", "dla", "po",
        ],
    ),
    (
        "sv",
        &[
            "och", "att", "det", "är", "som", "en", "på", "för", "inte", "med", "av", "den", "till", "har",
            "ett", "jag", "du",
        ],
    ),
];

/// The language as ISO 639-1; `None` where it cannot be told.
pub fn language_of(text: &str) -> Option<&'static str> {
    if let Some(language) = by_script(text) {
        return Some(language);
    }
    let words = crate::text::words(text);
    if words.len() < WORDS_MIN {
        return None;
    }
    let share = |own: &[&str]| {
        words.iter().filter(|word| own.contains(&word.as_str())).count() as f64 / words.len() as f64
    };
    let shares = SMALL_WORDS.iter().map(|(language, own)| (*language, share(own)));
    let best = shares.max_by(|a, b| a.1.total_cmp(&b.1))?;
    (best.1 >= SHARE_MIN).then_some(best.0)
}

/// Languages that have a script nearly for themselves.
fn by_script(text: &str) -> Option<&'static str> {
    let mut counts = [
        ("ja", 0_usize),
        ("zh", 0),
        ("ko", 0),
        ("ru", 0),
        ("ar", 0),
        ("hi", 0),
        ("el", 0),
        ("he", 0),
        ("th", 0),
    ];
    let mut letters = 0;
    for char in text.chars().filter(|char| char.is_alphabetic()) {
        letters += 1;
        let at = match u32::from(char) {
            0x3040..=0x30ff => 0,
            0x4e00..=0x9fff => 1,
            0xac00..=0xd7af => 2,
            0x0400..=0x04ff => 3,
            0x0600..=0x06ff => 4,
            0x0900..=0x097f => 5,
            0x0370..=0x03ff => 6,
            0x0590..=0x05ff => 7,
            0x0e00..=0x0e7f => 8,
            _ => continue,
        };
        counts[at].1 += 1;
    }
    // Japanese mixes its own letters with Chinese ones.
    if counts[0].1 * 10 > counts[1].1 && counts[0].1 > 0 {
        counts[0].1 += counts[1].1;
        counts[1].1 = 0;
    }
    let (language, count) = counts.into_iter().max_by_key(|(_, count)| *count)?;
    (count * 2 > letters && count > 1).then_some(language)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_enough() {
        for (text, language) in [
            ("You can return the order within 30 days of delivery.", Some("en")),
            ("Die Bestellung kann nicht mit der Post zurückgeschickt werden, das ist zu teuer.", Some("de")),
            ("Vous pouvez retourner la commande dans les trente jours.", Some("fr")),
            ("El pedido se puede devolver por correo y es gratis para los clientes.", Some("es")),
            ("Per il reso non sono previsti costi, ma è necessario che la merce sia integra.", Some("it")),
            ("O pedido não pode ser devolvido, mas você recebe uma troca em 30 dias.", Some("pt")),
            ("Het pakket is niet op tijd en dat is een probleem van de bezorger.", Some("nl")),
            ("注文は30日以内に返品できます。", Some("ja")),
            ("订单可以在三十天内退货。", Some("zh")),
            ("Заказ можно вернуть в течение 30 дней.", Some("ru")),
            ("OK.", None),
            ("fn main() { println!(\"x\"); } struct A; impl A {}", None),
        ] {
            assert_eq!(language_of(text), language, "{text}");
        }
    }
}
