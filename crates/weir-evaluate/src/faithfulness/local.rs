//! Faithfulness without a model: an estimate by words, numbers, names and negations.
//!
//! A claim counts as supported when the passage of a document that fits best has most of its words, all of its numbers and names,
//! and denies nothing that the claim states. With embeddings, a claim in other words may be near enough in meaning instead; but
//! numbers and names must be there all the same, because vectors do not tell 14 from 30.
//!
//! What it cannot see: a claim that rearranges a document's words into something false, knowledge that follows without being said,
//! documents in another language than the answer. How well it does is measured in `docs/reference/evaluators.md`.

use std::collections::HashSet;
use std::ops::Range;

use weir_embed::{Embedder, Vector, similarity};

use super::{Claim, Evidence, Verdict};
use crate::claim::{STOP_WORDS, claims, sentences};
use crate::document::Document;
use crate::text::words;

/// The share of a claim's words that the best passage must have.
const SUPPORT_MIN: f64 = 0.6;

/// With this share a passage is about the same thing, so that another number or a negation contradicts the claim.
const SAME_MATTER_MIN: f64 = 0.6;

/// The cosine above which a sentence of a document says what a claim says in other words.
const MEANING_MIN: f32 = 0.72;

/// Sentences of a passage: what a claim says may be spread over neighbours.
const PASSAGE_SENTENCES: usize = 3;

/// Sentences of documents that are compared in meaning; the best by words go first.
const EMBEDDED_SENTENCES_MAX: usize = 8;

/// Words that turn a statement around.
const NEGATIONS: [&str; 21] = [
    "not",
    "no",
    "never",
    "none",
    "cannot",
    "can't",
    "don't",
    "doesn't",
    "didn't",
    "isn't",
    "aren't",
    "wasn't",
    "weren't",
    "won't",
    "wouldn't",
    "shouldn't",
    "hasn't",
    "haven't",
    "without",
    "neither",
    "nor",
];

/// A text by what is compared of it.
struct Facts {
    /// Words of content, cut to their stems.
    stems: HashSet<String>,
    /// Numbers, without marks between thousands.
    numbers: HashSet<String>,
    /// Words that are written like names, in lower case.
    names: HashSet<String>,
    negated: bool,
}

/// A run of neighbouring sentences of a document.
struct Passage<'a> {
    document: usize,
    text: &'a str,
    facts: Facts,
    sentences: usize,
}

/// The claims of an answer, held against documents.
pub async fn judge(answer: &str, documents: &[Document], embedder: Option<&Embedder>) -> Vec<Claim> {
    let passages = passages(documents);
    let everything = all_of(&passages);
    let mut judged = Vec::new();
    for range in claims(answer) {
        judged.push(held_against(answer, range, &passages, &everything, embedder).await);
    }
    judged
}

fn passages(documents: &[Document]) -> Vec<Passage<'_>> {
    let mut found = Vec::new();
    for (document, Document { text, .. }) in documents.iter().enumerate() {
        let parts = sentences(text);
        for length in 1..=PASSAGE_SENTENCES {
            for run in parts.windows(length) {
                let text = &text[run[0].start..run[length - 1].end];
                found.push(Passage { document, text, facts: facts(text), sentences: length });
            }
        }
    }
    found
}

/// What all documents have together.
fn all_of(passages: &[Passage<'_>]) -> Facts {
    let mut all =
        Facts { stems: HashSet::new(), numbers: HashSet::new(), names: HashSet::new(), negated: false };
    for passage in passages.iter().filter(|passage| passage.sentences == 1) {
        all.stems.extend(passage.facts.stems.iter().cloned());
        all.numbers.extend(passage.facts.numbers.iter().cloned());
    }
    all
}

async fn held_against(
    answer: &str,
    range: Range<usize>,
    passages: &[Passage<'_>],
    everything: &Facts,
    embedder: Option<&Embedder>,
) -> Claim {
    let text = &answer[range.clone()];
    let claim = facts(text);
    // The shortest of the best: a quote should show no more than it needs to.
    let fit =
        |passage: &Passage<'_>| share(&claim.stems, &passage.facts.stems) - 0.001 * passage.sentences as f64;
    let mut ranked: Vec<(f64, &Passage<'_>)> =
        passages.iter().map(|passage| (fit(passage), passage)).collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    let best = ranked.first();
    let verdict =
        best.map_or(Verdict::NotSupported, |(fit, passage)| by_facts(&claim, *fit, passage, everything));
    let (verdict, passage) = match (verdict, embedder) {
        (Verdict::NotSupported, Some(embedder)) => {
            let near = near_in_meaning(text, &ranked, embedder).await;
            match near.filter(|passage| says_the_same(&claim, passage, everything)) {
                Some(passage) => (Verdict::Supported, Some(passage)),
                None => (verdict, best.map(|(_, passage)| *passage)),
            }
        }
        _ => (verdict, best.map(|(_, passage)| *passage)),
    };
    let evidence = passage.filter(|_| verdict != Verdict::NotSupported);
    let evidence =
        evidence.map(|p| Evidence { document: p.document, quote: p.text.to_owned() }).into_iter().collect();
    Claim { text: text.to_owned(), verdict, start: Some(range.start), end: Some(range.end), evidence }
}

fn by_facts(claim: &Facts, fit: f64, passage: &Passage<'_>, everything: &Facts) -> Verdict {
    let same_matter = fit >= SAME_MATTER_MIN;
    let other_number = claim.numbers.iter().any(|number| !passage.facts.numbers.contains(number));
    if same_matter && claim.negated != passage.facts.negated {
        return Verdict::Contradicted;
    }
    if same_matter && other_number && !passage.facts.numbers.is_empty() {
        let elsewhere = claim.numbers.iter().all(|number| everything.numbers.contains(number));
        return if elsewhere { Verdict::NotSupported } else { Verdict::Contradicted };
    }
    if fit >= SUPPORT_MIN && !other_number && has_names(claim, everything) {
        return Verdict::Supported;
    }
    Verdict::NotSupported
}

/// Whether a passage that is near in meaning has the claim's numbers and names, and denies nothing.
fn says_the_same(claim: &Facts, passage: &Passage<'_>, everything: &Facts) -> bool {
    claim.negated == passage.facts.negated
        && claim.numbers.is_subset(&passage.facts.numbers)
        && has_names(claim, everything)
}

fn has_names(claim: &Facts, everything: &Facts) -> bool {
    claim.names.iter().all(|name| everything.stems.contains(&stem(name)))
}

/// The sentence whose meaning is nearest, where it is near enough. Without vectors (an embedder that is busy, a text that is too
/// long) the words decide alone.
async fn near_in_meaning<'a>(
    claim: &str,
    ranked: &[(f64, &'a Passage<'a>)],
    embedder: &Embedder,
) -> Option<&'a Passage<'a>> {
    let wanted = vector(claim, embedder).await?;
    let mut best: Option<(f32, &Passage<'_>)> = None;
    let single = ranked.iter().filter(|(_, passage)| passage.sentences == 1).take(EMBEDDED_SENTENCES_MAX);
    for (_, passage) in single {
        let Some(found) = vector(passage.text, embedder).await else { continue };
        let near = similarity(&wanted, &found);
        if near >= MEANING_MIN && best.is_none_or(|(other, _)| near > other) {
            best = Some((near, passage));
        }
    }
    best.map(|(_, passage)| passage)
}

/// The vector of a text, where the embedder gives one. It is computed when nobody waits for one: the cache looks for answers to
/// users' calls with the same threads.
pub(crate) async fn vector(text: &str, embedder: &Embedder) -> Option<Vector> {
    let text = text.to_owned();
    let (sender, vector) = tokio::sync::oneshot::channel();
    // Whoever stopped waiting in between does not hear of it.
    let job = move |model: &dyn weir_embed::Embed| drop(sender.send(model.embed(&text)));
    embedder.later(job).ok()?;
    vector.await.ok()?.ok()
}

fn share(wanted: &HashSet<String>, had: &HashSet<String>) -> f64 {
    if wanted.is_empty() {
        return 0.0;
    }
    wanted.iter().filter(|word| had.contains(*word)).count() as f64 / wanted.len() as f64
}

fn facts(text: &str) -> Facts {
    let words = words(text);
    let content = words
        .iter()
        .filter(|word| !STOP_WORDS.contains(&word.as_str()) && !NEGATIONS.contains(&word.as_str()));
    Facts {
        stems: content.map(|word| stem(word)).collect(),
        numbers: words.iter().filter_map(|word| number(word)).collect(),
        names: names(text),
        negated: words.iter().filter(|word| NEGATIONS.contains(&word.as_str())).count() % 2 == 1,
    }
}

/// Numbers written out, so that "three days" and "3 days" agree.
const NUMBER_WORDS: [&str; 13] = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
];

/// A word as a number in one spelling: `1,200` and `1200`, `three` and `3` are the same. "One" is too often no number.
fn number(word: &str) -> Option<String> {
    if word.starts_with(|c: char| c.is_ascii_digit()) {
        return Some(word.replace(',', ""));
    }
    let at = NUMBER_WORDS.iter().position(|name| *name == word)?;
    (at >= 2).then(|| at.to_string())
}

/// Words with a capital letter that do not begin a sentence: most are names, in languages that do not capitalise nouns.
fn names(text: &str) -> HashSet<String> {
    let mut names = HashSet::new();
    for range in sentences(text) {
        let sentence = &text[range];
        for word in sentence.split_whitespace().skip(1) {
            let word = word.trim_matches(|c: char| !c.is_alphanumeric());
            let is_name = word.starts_with(char::is_uppercase) && word.chars().count() > 1;
            let lower = words(word);
            if let (true, [lower]) = (is_name, lower.as_slice())
                && !STOP_WORDS.contains(&lower.as_str())
            {
                names.insert(lower.clone());
            }
        }
    }
    names
}

/// A word without its commonest English endings, so that "refunded" and "refunds" meet. Numbers take one spelling.
fn stem(word: &str) -> String {
    if let Some(number) = number(word) {
        return number;
    }
    for (ending, left) in [
        ("ations", 4),
        ("ation", 4),
        ("ingly", 4),
        ("ings", 4),
        ("ing", 4),
        ("edly", 4),
        ("ies", 3),
        ("ied", 3),
        ("ed", 3),
        ("es", 3),
        ("ly", 4),
        ("s", 3),
    ] {
        if let Some(stem) = word.strip_suffix(ending)
            && stem.chars().count() >= left
            && !(ending == "s" && stem.ends_with('s'))
        {
            return stem.trim_end_matches('e').to_owned();
        }
    }
    word.trim_end_matches('e').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(answer: &str, document: &str) -> Vec<Verdict> {
        let documents = [Document { text: document.to_owned(), ..Document::default() }];
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(judge(answer, &documents, None)).into_iter().map(|claim| claim.verdict).collect()
    }

    const POLICY: &str = "Orders can be returned within 30 days of delivery. Refunds are paid to the original card within five \
                          business days. Sale items cannot be returned. Our warehouse is in Rotterdam.";

    #[test]
    fn what_the_documents_say_is_supported_in_other_forms_too() {
        use Verdict::Supported;
        assert_eq!(judged("You can return an order within 30 days of its delivery.", POLICY), [Supported]);
        assert_eq!(
            judged("The refund is paid to the original card within 5 business days.", POLICY),
            [Supported]
        );
        assert_eq!(judged("The warehouse is in Rotterdam.", POLICY), [Supported]);
    }

    #[test]
    fn another_number_or_a_negation_contradicts() {
        use Verdict::Contradicted;
        assert_eq!(judged("Orders can be returned within 90 days of delivery.", POLICY), [Contradicted]);
        assert_eq!(judged("Sale items can be returned.", POLICY), [Contradicted]);
    }

    #[test]
    fn what_the_documents_do_not_say_is_not_supported() {
        use Verdict::NotSupported;
        assert_eq!(judged("Gift cards never expire in Belgium.", POLICY), [NotSupported]);
        assert_eq!(judged("Our warehouse is in Antwerp.", POLICY), [NotSupported]);
    }

    #[test]
    fn claims_say_where_they_stand_and_what_shows_it() {
        let documents = [Document::default(), Document { text: POLICY.to_owned(), ..Document::default() }];
        let answer = "Sure! Sale items cannot be returned.";
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let claims = runtime.block_on(judge(answer, &documents, None));
        let [claim] = claims.as_slice() else { panic!("{claims:?}") };
        assert_eq!(&answer[claim.start.unwrap()..claim.end.unwrap()], "Sale items cannot be returned.");
        let expected = Evidence { document: 1, quote: "Sale items cannot be returned.".to_owned() };
        assert_eq!(claim.evidence, [expected]);
    }
}
