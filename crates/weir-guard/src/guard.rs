//! The guard: what is looked for in which application's calls, and looking.
//!
//! A call is looked at in up to two places. Where it is to be flagged or refused, its input is inspected before it goes out
//! ([`Guard::judge`]); whatever is recorded passes [`Guard::record`] once, which takes out what must not be kept, inspects
//! what is left, and adds the judgements. What is recorded is inspected as it is kept, so that places in reports cut
//! out the text that people see.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::conversation::{self, Conversation};
use crate::judged::{Judged, Judgement};
use crate::recent::Recent;
use crate::tape::Tape;
use crate::{
    Class, Detector, Flag, GuardError, GuardMode, GuardSettings, InjectionModel, Kind, Match, Packs, Passage,
    Privacy, Report, SecretsPolicy,
};

/// Looks at calls. Shared by all threads.
#[derive(Debug)]
pub struct Guard {
    pub(crate) packs: Packs,
    pub(crate) settings: GuardSettings,
    others: Keeping,
    apps: BTreeMap<Arc<str>, Keeping>,
    /// Looks for secrets alone, in texts beside calls.
    pub(crate) secrets: Detector,
    pub(crate) clean: Recent,
    pub(crate) judged: Judged,
    pub(crate) model: Option<Arc<dyn InjectionModel>>,
    pub(crate) counters: Counters,
}

/// What is kept of an application's calls, ready to be applied.
#[derive(Debug)]
pub(crate) struct Keeping {
    pub(crate) privacy: Privacy,
    pub(crate) detector: Detector,
}

impl Keeping {
    fn new(privacy: Privacy) -> Self {
        Self { privacy, detector: Detector::new(privacy.kinds()) }
    }
}

/// Counts since the start.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) inspected: AtomicU64,
    pub(crate) flagged: AtomicU64,
    pub(crate) redacted: AtomicU64,
    pub(crate) failures: AtomicU64,
    pub(crate) unscored: AtomicU64,
}

/// What the guard has done since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GuardStats {
    /// Spans whose texts were inspected.
    pub inspected: u64,
    /// Spans that some pack flagged.
    pub flagged: u64,
    /// Spans of which something was taken out.
    pub redacted: u64,
    /// Spans that could not be looked at, and were recorded without what they say.
    pub failures: u64,
    /// Spans that the classifier's model had no time for.
    pub unscored: u64,
}

/// What is to be done with a call, judged by its input.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Verdict {
    /// The packs that flag it: by its new turn where it is to be flagged, by everything that the provider would read where it is to be
    /// refused.
    pub flags: Vec<Flag>,
    /// The rules that matched, each once.
    pub rules: Vec<Arc<str>>,
    /// Secrets in it, each kind once; only looked for where they refuse a call.
    pub secrets: Vec<Kind>,
}

impl Guard {
    /// A guard with these settings, or what is wrong with them.
    pub fn new(settings: GuardSettings) -> Result<Self, GuardError> {
        let apps =
            settings.privacy_apps.iter().map(|(app, privacy)| (Arc::clone(app), Keeping::new(*privacy)));
        Ok(Self {
            packs: Packs::new(&settings.packs)?,
            others: Keeping::new(settings.privacy),
            apps: apps.collect(),
            secrets: Keeping::new(Privacy::default()).detector,
            clean: Recent::default(),
            judged: Judged::default(),
            model: None,
            counters: Counters::default(),
            settings,
        })
    }

    /// The same guard with a model, whose name the settings must have ([`ClassifierUse::Model`](crate::ClassifierUse)).
    #[must_use]
    pub fn with_model(mut self, model: Arc<dyn InjectionModel>) -> Self {
        self.model = Some(model);
        self
    }

    /// How far it goes for an application.
    pub fn mode(&self, app: Option<&str>) -> GuardMode {
        app.and_then(|app| self.settings.apps.get(app).copied()).unwrap_or(self.settings.mode)
    }

    /// What is kept of an application's calls.
    pub fn privacy(&self, app: Option<&str>) -> &Privacy {
        &self.keeping(app).privacy
    }

    pub(crate) fn keeping(&self, app: Option<&str>) -> &Keeping {
        app.and_then(|app| self.apps.get(app)).unwrap_or(&self.others)
    }

    /// What agents may do.
    pub const fn scopes(&self) -> &crate::Scopes {
        &self.settings.scopes
    }

    /// Whether a call of this application must be looked at before it goes out.
    pub fn stands_in_the_way(&self, app: Option<&str>) -> bool {
        matches!(self.mode(app), GuardMode::Flag | GuardMode::Block)
            || matches!(self.privacy(app).secrets, SecretsPolicy::Block | SecretsPolicy::RedactUpstream)
    }

    /// Whether [`Guard::judge`] may ask a model, and so must not be called on a thread that serves calls.
    pub fn asks_a_model(&self, app: Option<&str>) -> bool {
        self.model.is_some() && self.mode(app) == GuardMode::Block
    }

    /// What the model says of what is new in a call; `None` where there is nothing to ask, or nothing to be had.
    fn ask_model(&self, new: &[Passage<'_>]) -> Option<f64> {
        let said = texts_of(new);
        self.model.as_ref().filter(|_| !said.is_empty())?.score(said)
    }

    /// Judges a call by its input, before it goes out. What was flagged in an earlier turn was told in that turn's call. What is to be
    /// refused is judged by the whole conversation: what the provider would read can take it over, whoever says that it was said
    /// before.
    pub fn judge(&self, app: Option<&str>, input: &str) -> Verdict {
        let tape = Tape::read(input);
        let mut verdict = Verdict::default();
        let mode = self.mode(app);
        if matches!(mode, GuardMode::Flag | GuardMode::Block) {
            let Conversation { old, new } = conversation::of_input(input, tape.as_ref());
            let old = (mode == GuardMode::Block).then(|| self.packs.inspect(&old));
            let mut judgement = Judgement { old, new: self.packs.inspect(&new) };
            let mut whole = judgement.whole();
            verdict.flags = self.packs.flags(&whole);
            if verdict.flags.is_empty()
                && self.asks_a_model(app)
                && let Some(score) = self.ask_model(&new)
            {
                (judgement.new.classifier, whole.classifier) = (Some(score), Some(score));
                verdict.flags = self.packs.flags(&whole);
            }
            verdict.rules = rules(&whole.matches);
            self.judged.put(input, judgement);
        }
        if self.privacy(app).secrets == SecretsPolicy::Block && self.secrets.may_find(input) {
            verdict.secrets = self.kinds_in(input, tape.as_ref());
        }
        verdict
    }

    fn kinds_in(&self, input: &str, tape: Option<&Tape<'_>>) -> Vec<Kind> {
        let strings = self.secrets.redact_read(input, tape).map(|body| body.strings).unwrap_or_default();
        let mut kinds: Vec<Kind> = strings.into_iter().flat_map(|string| string.kinds).collect();
        kinds.retain(|kind| kind.class() == Class::Secret);
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }

    /// A part of a request without secrets, for applications whose providers must not get them; `None` when it has none.
    pub fn without_secrets(&self, part: &str) -> Option<String> {
        self.secrets.redact_body(part).map(|body| body.text)
    }

    /// Counts since the start.
    pub fn stats(&self) -> GuardStats {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        GuardStats {
            inspected: count(&self.counters.inspected),
            flagged: count(&self.counters.flagged),
            redacted: count(&self.counters.redacted),
            failures: count(&self.counters.failures),
            unscored: count(&self.counters.unscored),
        }
    }
}

/// What a model reads of the texts of a call: what rules read too.
pub(crate) fn texts_of(passages: &[Passage<'_>]) -> Vec<String> {
    let read = passages.iter().filter(|passage| passage.place.is_inspected());
    read.map(|passage| passage.text.as_ref().to_owned()).collect()
}

/// The rules that matched, each once, in the order of the call.
pub(crate) fn rules<'a>(matches: impl IntoIterator<Item = &'a Match>) -> Vec<Arc<str>> {
    let mut rules: Vec<Arc<str>> = Vec::new();
    for found in matches {
        if !rules.contains(&found.rule) {
            rules.push(Arc::clone(&found.rule));
        }
    }
    rules
}

/// Two reports as one: all matches, and of each pack the higher score.
pub(crate) fn worst(old: Report, new: Report) -> Report {
    let higher = |a: Option<f64>, b: Option<f64>| match (a, b) {
        (Some(a), Some(b)) => Some(a.max(b)),
        (a, b) => a.or(b),
    };
    let mut report = Report {
        seed: higher(old.seed, new.seed),
        strong: higher(old.strong, new.strong),
        classifier: higher(old.classifier, new.classifier),
        matches: old.matches,
    };
    report.matches.extend(new.matches);
    report
}
