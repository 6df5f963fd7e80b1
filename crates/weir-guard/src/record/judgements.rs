//! The records that go with a span: scores for what was found, a sample of zero for what was not, events for people.

use std::sync::Arc;

use serde_json::json;
use weir_types::{
    Content, Event, EventLevel, Point, PointKind, Record, Score, ScoreValue, Source, Span, TagKey, Tags,
    UnixMicros, limits, metric,
};

use super::{Learnt, POLICY, counts};
use crate::guard::rules;
use crate::sensitive::Found;
use crate::{Class, Flag, Guard, GuardMode, Report, Violation};

/// Who judges, with the version of what is looked for.
const SENSITIVE_JUDGE: &str = "weir/guard/sensitive@1";
const SCOPE_JUDGE: &str = "weir/guard/scope@1";

const MINUTE_US: i64 = 60_000_000;

/// Makes the records of one span.
pub(crate) struct Judgements<'a> {
    guard: &'a Guard,
    span: &'a Span,
    at: UnixMicros,
    records: Vec<Record>,
}

impl<'a> Judgements<'a> {
    /// What goes with a span of which this was learnt.
    pub(crate) fn of(guard: &'a Guard, span: &'a Span, mode: GuardMode, learnt: &Learnt) -> Vec<Record> {
        let mut judgements = Self { guard, span, at: ended_at(span), records: Vec::new() };
        if let Some(report) = &learnt.report {
            let is_told = span.source == Source::Gateway;
            judgements.injection(report, mode, is_told);
        }
        judgements.refused_or_flagged();
        judgements.sensitive(Class::Secret, &learnt.found_new);
        judgements.sensitive(Class::Pii, &learnt.found_new);
        learnt.violations.iter().for_each(|violation| judgements.violation(violation));
        judgements.records
    }

    /// What goes with a span when the classifier's model has scored it.
    pub(crate) fn of_model(guard: &'a Guard, span: &'a Span, score: f64) -> Vec<Record> {
        let report = Report { classifier: Some(score), ..Report::default() };
        let mut judgements = Self { guard, span, at: ended_at(span), records: Vec::new() };
        judgements.injection(&report, guard.mode(span.app.as_deref()), false);
        judgements.records
    }

    /// Scores of what was found. `is_told`: the gateway told people of it, or there was nothing to tell.
    fn injection(&mut self, report: &Report, mode: GuardMode, is_told: bool) {
        let flags = self.guard.packs.flags(report);
        if !counts(self.span.kind) {
            return;
        }
        for flag in &flags {
            self.flagged(flag, report);
        }
        let packs = [("seed", report.seed), ("strong", report.strong), ("classifier", report.classifier)];
        for (pack, _) in packs
            .iter()
            .filter(|(pack, score)| score.is_some() && !flags.iter().any(|flag| flag.pack == *pack))
        {
            self.clean(pack);
        }
        if !flags.is_empty() && !is_told && matches!(mode, GuardMode::Flag | GuardMode::Block) {
            let found = match &rules(&report.matches)[..] {
                [] => "the classifier".to_owned(),
                rules => rules.join(", "),
            };
            let text = format!("{found} matched in {}", self.span.name);
            self.event("Prompt injection flagged", &text, EventLevel::Warning);
        }
    }

    fn flagged(&mut self, flag: &Flag, report: &Report) {
        let is_of = |pack: &str| pack == flag.pack || flag.pack == "strong" && pack == "custom";
        let matches: Vec<_> = report.matches.iter().filter(|found| is_of(&found.pack)).collect();
        let names = rules(matches.iter().copied()).join(", ");
        let colon = if names.is_empty() { "" } else { ": " };
        let summary = format!("pack {} scores {:.2}{colon}{names}", flag.pack, flag.score);
        let rationale = json!({ "summary": summary, "matches": matches });
        let mut tags = self.tags(&["app", "agent", "session", "model", "team"]);
        tags.set(TagKey::new("pack"), flag.pack);
        self.score(metric::INJECTION_RISK, flag.score, Arc::clone(&flag.judge), &rationale.to_string(), tags);
    }

    /// Once in a minute, application and pack.
    fn clean(&mut self, pack: &str) {
        let key = format!("{pack}\n{}", self.span.app.as_deref().unwrap_or_default());
        if !self.guard.clean.is_first(&key, self.at.0.div_euclid(MINUTE_US)) {
            return;
        }
        let mut tags = self.tags(&["app"]);
        tags.set(TagKey::new("pack"), pack);
        self.records.push(Record::Point(Box::new(Point {
            time: self.at,
            name: Arc::from(metric::INJECTION_RISK),
            kind: PointKind::Gauge,
            value: 0.0,
            tags,
        })));
    }

    /// Tells people of what the gateway did.
    fn refused_or_flagged(&mut self) {
        let Some(decision) = self.span.policy.iter().find(|decision| &*decision.policy == POLICY) else {
            return;
        };
        let (title, level) = match &*decision.action {
            "blocked" => ("Prompt injection blocked", EventLevel::Error),
            "flagged" => ("Prompt injection flagged", EventLevel::Warning),
            "secret_blocked" => ("Prompt with a secret blocked", EventLevel::Error),
            _ => return,
        };
        let detail = decision.detail.clone().unwrap_or_else(|| Arc::from(""));
        self.event(title, &detail, level);
    }

    fn sensitive(&mut self, class: Class, found: &[Found]) {
        let mut kinds: Vec<(crate::Kind, usize)> = Vec::new();
        for found in found.iter().filter(|found| found.class == class) {
            match kinds.iter_mut().find(|(kind, _)| *kind == found.kind) {
                Some((_, count)) => *count += found.count,
                None => kinds.push((found.kind, found.count)),
            }
        }
        for (kind, count) in kinds {
            let places: Vec<&Found> = found.iter().filter(|found| found.kind == kind).collect();
            let summary = format!("{count} of kind {kind}, taken out");
            let rationale = json!({ "summary": summary, "found": places });
            let mut tags = self.tags(&["app", "agent", "session", "team"]);
            tags.set(TagKey::new("kind"), kind.as_str());
            let name = if class == Class::Secret { metric::SECRET_FOUND } else { metric::PII_FOUND };
            self.score(name, count as f64, Arc::from(SENSITIVE_JUDGE), &rationale.to_string(), tags);
        }
    }

    fn violation(&mut self, violation: &Violation) {
        let rationale =
            json!({ "summary": violation.summary, "what": violation.what, "name": violation.name });
        let mut tags = self.tags(&["agent", "app"]);
        tags.set(TagKey::new("what"), violation.what);
        self.score(metric::SCOPE_VIOLATION, 1.0, Arc::from(SCOPE_JUDGE), &rationale.to_string(), tags);
        self.event("Agent scope violation", &violation.summary, EventLevel::Warning);
    }

    fn score(&mut self, name: &str, value: f64, judge: Arc<str>, rationale: &str, tags: Tags) {
        self.records.push(Record::Score(Box::new(Score {
            time: self.at,
            trace_id: self.span.trace_id,
            span_id: Some(self.span.span_id),
            by_span_alone: false,
            name: Arc::from(name),
            value: ScoreValue::Number(value),
            judge,
            rationale: Some(Content::new(rationale)),
            tags,
        })));
    }

    fn event(&mut self, title: &str, text: &str, level: EventLevel) {
        self.records.push(Record::Event(Box::new(Event {
            time: self.at,
            title: Arc::from(title),
            text: Arc::from(text),
            level,
            source: Arc::from("weir"),
            tags: self.tags(&["app", "agent", "session", "model", "team"]),
        })));
    }

    fn tags(&self, names: &[&str]) -> Tags {
        let known = names.iter().filter_map(|name| Some((*name, self.span.tag(name)?)));
        known
            .map(|(name, value)| (name, &value[..value.floor_char_boundary(limits::TAG_VALUE_BYTES_MAX)]))
            .collect()
    }
}

fn ended_at(span: &Span) -> UnixMicros {
    span.start.saturating_add_us(i64::try_from(span.duration_us).unwrap_or(i64::MAX))
}
