//! The packs of injection rules, and what they find in the texts of a call.
//!
//! The seed's pack searches what the user asked, as the article's check does. The strong pack and custom rules also search
//! documents and answers of tools, through which others than the user speak to the model. Instructions are left out: an
//! application that tells its model what to refuse quotes attacks there. So is what the model answered.
//!
//! A text's score is that of its categories together, where each category counts with its strongest rule: many weak words of one
//! kind do not add up. A call's score is that of its worst text, so that long conversations are not worse than short ones.

use std::sync::Arc;

use regex_automata::{Input, meta};

use crate::classifier::Classifier;
use crate::fold::fold;
use crate::seed::{self, Seed};
use crate::strong::{Hints, MATCHES_OF_RULE_MAX, Strong};
use crate::view::View;
use crate::{GuardError, Match, Passage, Place, Report, decode, machine, rules, unhide};

/// The rules of the strong pack.
pub(crate) const STRONG_RULES: &str = include_str!("../../../data/guard/strong.toml");
/// The version of the seed's pack. It does not change.
const SEED_VERSION: u32 = 1;
/// The version of the classifier. It goes up with each training.
const CLASSIFIER_VERSION: u32 = 1;
/// Matches that a report holds. An attack is told by the first of them.
const MATCHES_MAX: usize = 64;
/// Bytes of a match that are shown to people.
const EXCERPT_BYTES_MAX: usize = 120;
/// Rules of one's own. Each is a pass over every text.
const CUSTOM_RULES_MAX: usize = 100;

/// What the guard looks for.
#[derive(Debug, Clone, PartialEq)]
pub struct PacksConfig {
    /// Whether the seed's five patterns are searched for.
    pub seed: bool,
    /// Whether the strong pack is.
    pub strong: bool,
    /// From which score on, 0 to 1, the strong pack flags a call.
    pub strong_threshold: f64,
    /// Which classifier there is.
    pub classifier: ClassifierUse,
    /// From which score on, 0 to 1, the classifier flags a call.
    pub classifier_threshold: f64,
    /// Rules of one's own; they count towards the strong pack's score.
    pub custom: Vec<CustomRule>,
}

impl Default for PacksConfig {
    fn default() -> Self {
        Self {
            seed: true,
            strong: true,
            strong_threshold: 0.5,
            classifier: ClassifierUse::Off,
            classifier_threshold: 0.5,
            custom: Vec::new(),
        }
    }
}

/// Which classifier there is beside the rules.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ClassifierUse {
    /// None.
    #[default]
    Off,
    /// The one that is shipped, asked in each inspection.
    Small,
    /// A model of this name, which is asked by the guard and not here: see [`InjectionModel`](crate::InjectionModel).
    Model(Arc<str>),
}

/// A rule that a deployment adds.
#[derive(Debug, Clone, PartialEq)]
pub struct CustomRule {
    /// What it is called in reports.
    pub name: String,
    /// A regular expression that is matched in linear time (no look-around, no backreferences), whatever the case of letters.
    pub pattern: String,
    /// What kind of attempt it tells.
    pub category: String,
    /// How much it says by itself, 0 to 1.
    pub weight: f64,
}

/// A pack that flags a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Flag {
    /// `seed`, `strong` or `classifier`.
    pub pack: &'static str,
    /// Its score, 0 to 1.
    pub score: f64,
    /// What scores name as judge: `weir/guard/<pack>@<version>`.
    pub judge: Arc<str>,
}

/// The packs, ready to search. Cheap to clone; shared by all threads.
#[derive(Debug, Clone)]
pub struct Packs {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    seed: Option<Seed>,
    strong: Option<Strong>,
    classifier: Option<Classifier>,
    custom: Vec<Custom>,
    strong_threshold: f64,
    classifier_threshold: f64,
    names: Names,
}

/// Texts that reports repeat.
#[derive(Debug)]
struct Names {
    strong: Arc<str>,
    custom: Arc<str>,
    seed_judge: Arc<str>,
    strong_judge: Arc<str>,
    classifier_judge: Arc<str>,
}

#[derive(Debug)]
struct Custom {
    name: Arc<str>,
    category: Arc<str>,
    weight: f64,
    regex: meta::Regex,
}

impl Packs {
    /// Compiles the packs that are on. Takes some ten milliseconds: once at start and at each change of configuration.
    pub fn new(config: &PacksConfig) -> Result<Self, GuardError> {
        share("guard.strong_threshold", config.strong_threshold)?;
        share("guard.classifier_threshold", config.classifier_threshold)?;
        let (version, rules) = rules::read(STRONG_RULES)?;
        let strong = config.strong.then(|| Strong::new(rules));
        if config.custom.len() > CUSTOM_RULES_MAX {
            let rule = config.custom[CUSTOM_RULES_MAX].name.clone();
            let reason = format!("there are more than {CUSTOM_RULES_MAX} rules; join patterns with |");
            return Err(GuardError::Rule { rule, reason });
        }
        let custom = config.custom.iter().map(custom_rule).collect::<Result<_, _>>()?;
        let inner = Inner {
            seed: config.seed.then(Seed::new),
            strong,
            classifier: (config.classifier == ClassifierUse::Small).then(Classifier::bundled).transpose()?,
            custom,
            strong_threshold: config.strong_threshold,
            classifier_threshold: config.classifier_threshold,
            names: Names {
                strong: "strong".into(),
                custom: "custom".into(),
                seed_judge: format!("weir/guard/seed@{SEED_VERSION}").into(),
                strong_judge: format!("weir/guard/strong@{version}").into(),
                classifier_judge: match &config.classifier {
                    ClassifierUse::Model(name) => format!("weir/guard/classifier@{name}").into(),
                    _ => format!("weir/guard/classifier@{CLASSIFIER_VERSION}").into(),
                },
            },
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// What the packs find in the texts of one call. Takes time linear in their length.
    pub fn inspect(&self, passages: &[Passage<'_>]) -> Report {
        let inner = &*self.inner;
        let mut report = Report {
            seed: inner.seed.as_ref().map(|_| 0.0),
            strong: (inner.strong.is_some() || !inner.custom.is_empty()).then_some(0.0),
            classifier: inner.classifier.map(|_| 0.0),
            matches: Vec::new(),
        };
        let mut seed_seen = [false; seed::PATTERNS.len()];
        for passage in passages {
            if !passage.place.is_inspected() {
                continue;
            }
            let view = fold(&passage.text);
            let (mut found, hints) = inner.search_strong(passage, &view);
            if passage.place == Place::Input && hints.seed {
                inner.search_seed(passage, &mut seed_seen, &mut report.matches);
            }
            report.strong = report.strong.map(|worst| worst.max(score_of(&found)));
            found.truncate(MATCHES_MAX.saturating_sub(report.matches.len()));
            report.matches.append(&mut found);
            if let Some(classifier) = inner.classifier {
                let score = classifier.score(view.text());
                report.classifier = report.classifier.map(|worst| worst.max(score));
            }
        }
        if report.seed.is_some() {
            let matched = seed_seen.iter().filter(|seen| **seen).count();
            report.seed = Some(matched as f64 / seed::PATTERNS.len() as f64);
        }
        report
    }

    /// Which packs flag a call of this report: the seed's above zero, the others from their thresholds on.
    pub fn flags(&self, report: &Report) -> Vec<Flag> {
        let inner = &*self.inner;
        let flag = |pack, score: Option<f64>, threshold: f64, judge: &Arc<str>| {
            let score = score.filter(|score| *score > 0.0 && *score >= threshold)?;
            Some(Flag { pack, score, judge: Arc::clone(judge) })
        };
        [
            flag("seed", report.seed, 0.0, &inner.names.seed_judge),
            flag("strong", report.strong, inner.strong_threshold, &inner.names.strong_judge),
            flag("classifier", report.classifier, inner.classifier_threshold, &inner.names.classifier_judge),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

impl Inner {
    fn search_seed(&self, passage: &Passage<'_>, seen: &mut [bool], matches: &mut Vec<Match>) {
        let Some(seed) = &self.seed else { return };
        let mut told = [0; seed::PATTERNS.len()];
        seed.search(&passage.text, |pattern, start, end| {
            seen[pattern] = true;
            told[pattern] += 1;
            if told[pattern] > MATCHES_OF_RULE_MAX || matches.len() >= MATCHES_MAX {
                return;
            }
            let (name, category) = &seed.rules[pattern];
            let weight = 1.0 / seed::PATTERNS.len() as f64;
            matches.push(told_of(passage, (&seed.name, name, category), weight, start, end));
        });
    }

    /// Searches a text for the strong pack's rules and the custom ones. Returns what they find, in order, and what else is
    /// to be looked for.
    fn search_strong(&self, passage: &Passage<'_>, view: &View) -> (Vec<Match>, Hints) {
        let mut search = Search { packs: self, passage, found: Vec::new() };
        search.custom_rules();
        let hints = search.view(view);
        if self.strong.is_some() {
            for more in further_views(&passage.text, view, hints) {
                search.view(&more);
            }
        }
        let mut all = search.found;
        all.sort_by_key(|found| (found.start, found.end));
        (all, hints)
    }
}

/// The views of a text beyond the first, of which a text has mostly none.
fn further_views(text: &str, view: &View, hints: Hints) -> impl Iterator<Item = View> {
    let signs = unhide::signs(view.text());
    [
        signs.spacing.then(|| unhide::joined(view)),
        signs.leetspeak.then(|| unhide::without_leetspeak(view, 'i')),
        signs.one.then(|| unhide::without_leetspeak(view, 'l')),
        hints.rotated.then(|| unhide::rotated(view)),
        hints.backwards.then(|| unhide::backwards(view)),
        hints.backwards.then(|| unhide::words_backwards(view)),
        decode::without_escapes(text),
        decode::pieces(text),
    ]
    .into_iter()
    .flatten()
}

/// One text being searched.
struct Search<'a> {
    packs: &'a Inner,
    passage: &'a Passage<'a>,
    found: Vec<Match>,
}

impl Search<'_> {
    fn custom_rules(&mut self) {
        for rule in &self.packs.custom {
            for at in rule.regex.find_iter(Input::new(&*self.passage.text)).take(MATCHES_OF_RULE_MAX) {
                let names = (&self.packs.names.custom, &rule.name, &rule.category);
                self.found.push(told_of(self.passage, names, rule.weight, at.start(), at.end()));
            }
        }
    }

    /// Searches a view. What one view finds at a place of the original another need not tell again.
    fn view(&mut self, view: &View) -> Hints {
        // Without the pass for anchors the seed's patterns are looked for wherever they may be.
        let Some(strong) = &self.packs.strong else { return Hints { seed: true, ..Hints::default() } };
        strong.search(view.text(), self.passage.place.is_foreign(), |index, start, end| {
            let rule = strong.rule(index);
            let (from, to, disguise) = view.original(start, end);
            let is_known =
                |found: &Match| Arc::ptr_eq(&found.rule, &rule.name) && found.start < to && from < found.end;
            if from >= to || self.found.len() >= MATCHES_MAX || self.found.iter().any(is_known) {
                return;
            }
            let names = (&self.packs.names.strong, &rule.name, &rule.category);
            let mut told = told_of(self.passage, names, rule.weight, from, to);
            if let Some(via) = disguise.name() {
                told.via = Some(via.into());
                let shown = &view.text()[start..end];
                shown[..shown.floor_char_boundary(EXCERPT_BYTES_MAX)].clone_into(&mut told.text);
            }
            self.found.push(told);
        })
    }
}

/// The score of one text: categories as if they were independent, each with its strongest rule.
fn score_of(matches: &[Match]) -> f64 {
    let mut strongest: Vec<(&str, f64)> = Vec::new();
    for found in matches {
        match strongest.iter_mut().find(|(category, _)| *category == &*found.category) {
            Some((_, weight)) => *weight = weight.max(found.weight),
            None => strongest.push((&found.category, found.weight)),
        }
    }
    1.0 - strongest.iter().map(|(_, weight)| 1.0 - weight).product::<f64>()
}

fn told_of(
    passage: &Passage<'_>,
    (pack, rule, category): (&Arc<str>, &Arc<str>, &Arc<str>),
    weight: f64,
    start: usize,
    end: usize,
) -> Match {
    let shown = &passage.text[start..end];
    Match {
        pack: Arc::clone(pack),
        rule: Arc::clone(rule),
        category: Arc::clone(category),
        weight,
        place: passage.place,
        path: passage.path.clone(),
        start,
        end,
        text: shown[..shown.floor_char_boundary(EXCERPT_BYTES_MAX)].to_owned(),
        via: None,
    }
}

fn share(key: &'static str, value: f64) -> Result<(), GuardError> {
    if (0.0..=1.0).contains(&value) {
        return Ok(());
    }
    Err(GuardError::Share { key, value: value.to_string() })
}

fn custom_rule(rule: &CustomRule) -> Result<Custom, GuardError> {
    let refuse = |reason: &str| GuardError::Rule { rule: rule.name.clone(), reason: reason.to_owned() };
    if rule.name.trim().is_empty() || rule.category.trim().is_empty() {
        return Err(refuse("it needs a name and a category"));
    }
    if !(0.0..=1.0).contains(&rule.weight) {
        return Err(refuse("its weight must be a number from 0 to 1"));
    }
    let regex = machine::compile(&format!("(?i:{})", rule.pattern))
        .map_err(|reason| GuardError::Pattern { rule: rule.name.clone(), reason })?;
    if regex.is_match("") {
        return Err(refuse("its pattern matches an empty text, and so every text"));
    }
    Ok(Custom {
        name: rule.name.as_str().into(),
        category: rule.category.as_str().into(),
        weight: rule.weight,
        regex,
    })
}

#[cfg(test)]
mod tests;
