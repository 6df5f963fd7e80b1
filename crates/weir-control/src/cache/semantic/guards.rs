//! What two questions must have in common, however near their vectors are: numbers, units, dates, negations, names, code,
//! quotations, and what stands opposite to each other.
//!
//! Vectors of sentences tell what a text is about. They barely tell "cancel order 17" from "cancel order 71", or "is it safe"
//! from "is it not safe": the words differ little, the answers wholly. So what carries such differences is read from both texts
//! by rules, and where it does not agree there is no hit.
//!
//! The rules are simple and for English; in other languages numbers, code, quotations and capitalised names work all the same.
//! They are made to err on one side: a guard that finds a difference where there is none costs a call. How often either happens
//! is measured by `bench/semantic`.

mod numbers;
mod opposites;
mod words;

use std::collections::BTreeSet;

use words::{Word, Words};

/// What differs between two questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Guard {
    /// Code, or something spelt like it: identifiers, paths, addresses.
    Code,
    /// What is quoted.
    Quotes,
    /// Numbers, in digits or words.
    Numbers,
    /// Units of measure and currencies.
    Units,
    /// Months, days and words for them.
    Dates,
    /// How often something is negated.
    Negation,
    /// Words of opposite meaning: before and after, buy and sell.
    Opposites,
    /// What stands before and behind "to", "from" and "than".
    Direction,
    /// Names: capitalised words.
    Names,
    /// Nothing but one word, in place of which another stands, or which stands in one text alone.
    Swap,
}

impl Guard {
    /// Its name, for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Quotes => "quotes",
            Self::Numbers => "numbers",
            Self::Units => "units",
            Self::Dates => "dates",
            Self::Negation => "negation",
            Self::Opposites => "opposites",
            Self::Direction => "direction",
            Self::Names => "names",
            Self::Swap => "swap",
        }
    }
}

/// Whether two texts agree in something.
type Agrees = fn(&Words, &Words) -> bool;

/// The first thing in which two questions differ so that an answer to one is none to the other; `None` when nothing is found.
pub fn difference(a: &str, b: &str) -> Option<Guard> {
    let (a, b) = (Words::of(a), Words::of(b));
    let checks: [(Guard, Agrees); 10] = [
        (Guard::Code, |a, b| a.code == b.code),
        (Guard::Quotes, |a, b| a.quotes == b.quotes),
        (Guard::Numbers, |a, b| numbers::numbers(a) == numbers::numbers(b)),
        (Guard::Units, |a, b| numbers::units(a) == numbers::units(b)),
        (Guard::Dates, |a, b| numbers::dates(a) == numbers::dates(b)),
        (Guard::Negation, |a, b| opposites::negations(a) == opposites::negations(b)),
        (Guard::Opposites, opposites::agree),
        (Guard::Direction, direction_agrees),
        (Guard::Names, names_agree),
        (Guard::Swap, |a, b| !is_one_word_apart(a, b)),
    ];
    checks.into_iter().find(|(_, agrees)| !agrees(&a, &b)).map(|(guard, _)| guard)
}

/// Every name of one text is a word of the other, and those that both have come in the same order. Currencies and other units
/// have a guard of their own, which knows their other spellings.
fn names_agree(a: &Words, b: &Words) -> bool {
    let names: BTreeSet<&str> = a.names().chain(b.names()).filter(|name| !numbers::is_unit(name)).collect();
    let in_order = |words: &'_ Words| {
        let mut found: Vec<String> = Vec::new();
        for word in &words.all {
            let name = names.get(&*word.low).or_else(|| names.get(&*word.stem));
            if let Some(name) = name
                && !found.iter().any(|found| found == name)
            {
                found.push((*name).to_owned());
            }
        }
        found
    };
    in_order(a) == in_order(b)
}

/// Words that relate what stands before them to what stands behind.
const RELATIONS: [&str; 8] = ["to", "into", "from", "than", "over", "by", "of", "for"];

/// No two words that stand around a relation in one text stand around it the other way in the other, and nothing that comes
/// from somewhere goes there in the other.
fn direction_agrees(a: &Words, b: &Words) -> bool {
    let (around_a, around_b) = (around(a), around(b));
    let is_turned = around_a.iter().any(|(relation, before, behind)| {
        around_b.iter().any(|(other, other_before, other_behind)| {
            relation == other && before == other_behind && behind == other_before && before != behind
        })
    });
    let behind = |around: &[(String, String, String)], wanted: &[&str]| -> BTreeSet<String> {
        let found = around.iter().filter(|(relation, ..)| wanted.contains(&&**relation));
        found.map(|(_, _, behind)| behind.clone()).collect()
    };
    let (to, from) = (["to", "into"], ["from"]);
    let is_crossed = |a: &[_], b: &[_]| !behind(a, &to).is_disjoint(&behind(b, &from));
    // Where a text has one thing on both sides itself, this tells nothing.
    let has_both = is_crossed(&around_a, &around_a) || is_crossed(&around_b, &around_b);
    let crosses = !has_both && (is_crossed(&around_a, &around_b) || is_crossed(&around_b, &around_a));
    !is_turned && !crosses && !is_reordered(a, b)
}

/// Whether the texts have the same words of weight in another order: "does anxiety cause insomnia" and the other way round.
/// Where things are compared with "than", the order of what both texts have is enough.
fn is_reordered(a: &Words, b: &Words) -> bool {
    let weighty = |words: &Words, other: &Words| -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for word in words.all.iter().filter(|word| !word.is_light()) {
            let is_shared = other.all.iter().any(|other| other.stem == word.stem);
            if is_shared && !found.contains(&word.stem) {
                found.push(word.stem.clone());
            }
        }
        found
    };
    let (shared_a, shared_b) = (weighty(a, b), weighty(b, a));
    let is_all = shared_a.len() == weighty_stems(a).len() && shared_b.len() == weighty_stems(b).len();
    let compares = |words: &Words| words.all.iter().any(|word| word.low == "than");
    shared_a != shared_b && (is_all || (compares(a) && compares(b)))
}

/// Each relation with the nearest words of weight before and behind it.
fn around(words: &Words) -> Vec<(String, String, String)> {
    let weighty = |word: &&Word| !word.is_light();
    let mut found = Vec::new();
    for (at, word) in words.all.iter().enumerate() {
        if RELATIONS.contains(&&*word.low) {
            let before = words.all[..at].iter().rev().find(weighty);
            let behind = words.all[at + 1..].iter().find(weighty);
            if let Some(behind) = behind {
                let before = before.map_or_else(String::new, |before| before.stem.clone());
                found.push((word.low.clone(), before, behind.stem.clone()));
            }
        }
    }
    found
}

/// The words of weight, each once.
fn weighty_stems(words: &Words) -> BTreeSet<&str> {
    words.all.iter().filter(|word| !word.is_light()).map(|word| &*word.stem).collect()
}

/// Words of weight that the texts have in common, below which one word of difference is no small difference.
const SHARED_MIN: usize = 1;

/// Whether the texts have the same words of weight but for one, which is another or is missing: "reset my router" and "reset
/// my phone". People who say the same in other words change more than one of them.
fn is_one_word_apart(a: &Words, b: &Words) -> bool {
    let (a, b) = (weighty_stems(a), weighty_stems(b));
    let shared = a.intersection(&b).count();
    let only_a: Vec<&&str> = a.difference(&b).collect();
    let only_b: Vec<&&str> = b.difference(&a).collect();
    let is_swap = match (&only_a[..], &only_b[..]) {
        ([one], [other]) => !words::are_kin(one, other),
        ([_], []) | ([], [_]) => true,
        _ => false,
    };
    shared >= SHARED_MIN && is_swap
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(expected: Option<Guard>, pairs: &[(&str, &str)]) {
        for (a, b) in pairs {
            assert_eq!(difference(a, b), expected, "{a} | {b}");
            assert_eq!(difference(b, a), expected, "{b} | {a}");
        }
    }

    #[test]
    fn the_same_question_in_other_words_passes() {
        let pairs = [
            ("How do I reset my password?", "how can i reset my password"),
            ("What is the capital of France?", "Tell me France's capital please"),
            ("Convert 1,000 USD to EUR", "convert 1000 dollars into euros please"),
            ("Why is the sky blue?", "What makes the sky look blue?"),
            ("Please don't use jargon", "do not use jargon please"),
        ];
        check(None, &pairs);
    }

    #[test]
    fn numbers_and_what_they_count_must_agree() {
        check(
            Some(Guard::Numbers),
            &[
                ("Cancel order 1017", "Cancel order 1071"),
                ("What is 15% of 80?", "What is 80% of 15?"),
                ("Give me three ideas", "Give me five ideas"),
                ("It costs $1.50", "It costs $1.05"),
            ],
        );
        check(
            Some(Guard::Units),
            &[("Is 5 km far?", "Is 5 miles far?"), ("Is 20 °C warm?", "Is 20 °F warm?")],
        );
        check(Some(Guard::Dates), &[("Who won on Monday?", "Who won on Tuesday?"), ("In May?", "In June?")]);
    }

    #[test]
    fn negations_and_opposites_must_agree() {
        check(
            Some(Guard::Negation),
            &[("Is it safe?", "Is it not safe?"), ("Foods with gluten", "Foods without gluten")],
        );
        check(
            Some(Guard::Opposites),
            &[
                ("How do I enable logging?", "How do I disable logging?"),
                ("Sort ascending", "Sort descending"),
            ],
        );
    }

    #[test]
    fn names_code_and_quotations_must_agree() {
        check(Some(Guard::Names), &[("When was Anna Kurz born?", "When was Otto Kurz born?")]);
        check(Some(Guard::Code), &[("What does `a.pop()` do?", "What does `a.push()` do?")]);
        check(Some(Guard::Code), &[("Open src/main.rs", "Open src/lib.rs")]);
        check(Some(Guard::Quotes), &[("Translate \"good day\"", "Translate \"good night\"")]);
    }

    #[test]
    fn what_comes_from_where_must_agree() {
        check(
            Some(Guard::Direction),
            &[
                ("Translate from English to German", "Translate from German to English"),
                ("Is gold heavier than lead?", "Is lead heavier than gold?"),
            ],
        );
    }

    #[test]
    fn one_word_in_place_of_another_is_another_question() {
        check(Some(Guard::Swap), &[("how do i reset my router", "how do i reset my phone")]);
        check(Some(Guard::Swap), &[("cancel my subscription", "cancel my premium subscription")]);
    }

    #[test]
    fn any_text_can_be_compared_with_any_other() {
        for text in
            ["", "`", "```", "\"", "“", "'", "١٢٣", "…", "a\u{0}b", "日本語のテキスト", "🦀🦀", "-", "don't'"]
        {
            assert_eq!(difference(text, text), None, "{text:?}");
            let _ = difference(text, "How many?");
        }
    }
}
