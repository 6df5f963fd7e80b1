//! What happens to a span on its way into the journal: secrets and personal data are taken out, what is left is inspected,
//! and what was found becomes attributes, scores and events beside it.

mod judgements;

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use sha2::{Digest as _, Sha256};
use weir_types::{Content, PolicyDecision, Record, Source, Span, SpanKind};

use crate::conversation::{self, Conversation, Parts};
use crate::guard::{Guard, Keeping, rules, texts_of, worst};
use crate::sensitive::Found;
use crate::tape::Tape;
use crate::{ATTRIBUTE, BodiesKept, GuardMode, Passage, Place, Report, Violation};

pub(crate) use judgements::Judgements;

/// The name of the span's attribute that tells which sensitive data was found.
pub const SENSITIVE_ATTRIBUTE: &str = "weir.sensitive";

/// What decisions of the guard are called on spans.
pub const POLICY: &str = "guard";

/// A body of a span, after what must not be kept was taken out.
#[derive(Default)]
struct Body {
    /// What replaces it; `None` when it stays.
    redacted: Option<String>,
    found: Vec<Found>,
    /// How many of what was found are new in this call.
    new: usize,
}

/// What is learnt of a span.
#[derive(Default)]
pub(crate) struct Learnt {
    pub(crate) report: Option<Report>,
    /// The same with everything that was said before counted too.
    pub(crate) whole: Option<Report>,
    pub(crate) found: Vec<Found>,
    /// Those of `found` that were not said in an earlier turn.
    pub(crate) found_new: Vec<Found>,
    pub(crate) violations: Vec<Violation>,
}

impl Guard {
    /// The span as it is to be kept, and the records that go with it; `None` when it is kept as it is and nothing goes
    /// with it.
    pub(crate) fn record(&self, span: &Span) -> Option<(Box<Span>, Vec<Record>)> {
        let app = span.app.as_deref();
        let keeping = self.keeping(app);
        let mut learnt = Learnt::default();
        let mut kept: Option<Box<Span>> = None;
        let mode = self.mode(app);
        let is_inspected = mode != GuardMode::Off && !is_of_judges(span);
        for side in Side::ALL {
            let Some(content) = side.of(span) else { continue };
            let text = content.expose();
            let may_hold = keeping.detector.may_find(text);
            if !may_hold && !self.is_read(span, *side, is_inspected) {
                continue;
            }
            let tape = Tape::read(text);
            let body = if may_hold { redact(keeping, text, tape.as_ref(), *side) } else { Body::default() };
            learnt.found_new.extend(body.found.iter().rev().take(body.new).cloned());
            learnt.found.extend(body.found);
            if let Some(redacted) = &body.redacted {
                let kept = kept.get_or_insert_with(|| Box::new(span.clone()));
                *side.of_mut(kept) = Some(Content::new(redacted.as_str()));
                // Places must cut out what people see, so what is left is read anew. That is rare.
                self.look(span, *side, redacted, Tape::read(redacted).as_ref(), is_inspected, &mut learnt);
            } else {
                self.look(span, *side, text, tape.as_ref(), is_inspected, &mut learnt);
            }
        }
        redact_rest(keeping, span, &mut kept, &mut learnt.found);
        self.check_scope(span, &mut learnt.violations);
        if keeping.privacy.bodies == BodiesKept::Hashed || keeping.privacy.bodies == BodiesKept::Off {
            withhold(span, &mut kept, keeping.privacy.bodies);
            let reports = learnt.report.iter_mut().chain(&mut learnt.whole);
            reports.flat_map(|report| &mut report.matches).for_each(|found| found.text.clear());
        }
        self.count(&learnt);
        self.note(span, mode, keeping, &mut kept, &learnt);
        let records = Judgements::of(self, span, mode, &learnt);
        match kept {
            Some(kept) => Some((kept, records)),
            None if records.is_empty() => None,
            None => Some((Box::new(span.clone()), records)),
        }
    }

    /// Whether what a body says matters, beyond what must not be kept of it.
    fn is_read(&self, span: &Span, side: Side, is_inspected: bool) -> bool {
        is_inspected && side.is_inspected(span.kind) || self.is_answer_in_scope(span, side)
    }

    /// Whether a body is the answer of an agent that may not do everything.
    fn is_answer_in_scope(&self, span: &Span, side: Side) -> bool {
        side == Side::Output
            && matches!(span.kind, SpanKind::Llm | SpanKind::Agent)
            && self.settings.scopes.of(span.agent.as_deref()).is_some()
    }

    /// Inspects a body, and looks for what an agent did in it.
    fn look(
        &self,
        span: &Span,
        side: Side,
        text: &str,
        tape: Option<&Tape<'_>>,
        is_inspected: bool,
        learnt: &mut Learnt,
    ) {
        if self.is_answer_in_scope(span, side) {
            self.look_at_answer(span, text, tape, &mut learnt.violations);
        }
        if !is_inspected {
            return;
        }
        let Some(Conversation { old, new }) = side.conversation(span.kind, text, tape) else { return };
        // A call that was looked at before it went out is not looked at again.
        let is_judged = span.source == Source::Gateway && self.stands_in_the_way(span.app.as_deref());
        let judged = if is_judged && side == Side::Input { self.judged.take(text) } else { None };
        let (report, known) =
            judged.map_or_else(|| (self.packs.inspect(&new), None), |judged| (judged.new, judged.old));
        let whole = match known {
            Some(old) => worst(old, report.clone()),
            None if old.is_empty() => report.clone(),
            None => worst(self.packs.inspect(&old), report.clone()),
        };
        learnt.report = Some(join(learnt.report.take(), report));
        learnt.whole = Some(join(learnt.whole.take(), whole));
    }

    /// What the classifier's model is to be asked about a span that was recorded: what is new in it. Empty where nobody asks, or where it
    /// was asked before the call went out.
    pub(crate) fn said_for_model(&self, span: &Span) -> Vec<String> {
        let mode = self.mode(span.app.as_deref());
        let was_asked = mode == GuardMode::Block && span.source == Source::Gateway;
        if mode == GuardMode::Off || was_asked || is_of_judges(span) || !counts(span.kind) {
            return Vec::new();
        }
        let said = Side::ALL.iter().filter_map(|side| {
            let text = side.of(span)?.expose();
            let conversation = side.conversation(span.kind, text, Tape::read(text).as_ref())?;
            Some(texts_of(&conversation.new))
        });
        said.flatten().collect()
    }

    fn look_at_answer(
        &self,
        span: &Span,
        text: &str,
        tape: Option<&Tape<'_>>,
        violations: &mut Vec<Violation>,
    ) {
        let agent = span.agent.as_deref();
        let Some(scope) = self.settings.scopes.of(agent) else { return };
        if let Some(tape) = tape.filter(|_| span.kind == SpanKind::Llm) {
            let called = Parts::of(tape, Place::Output).tools_called(tape);
            violations.extend(called.iter().filter_map(|tool| scope.tool(agent, tool)));
        }
        for passage in conversation::of_answer(text, tape) {
            violations.extend(scope.answer(agent, &passage.text));
        }
    }

    fn check_scope(&self, span: &Span, violations: &mut Vec<Violation>) {
        let agent = span.agent.as_deref();
        let Some(scope) = self.settings.scopes.of(agent) else { return };
        match span.kind {
            SpanKind::Llm => {
                violations.extend(span.model.as_deref().and_then(|model| scope.model(agent, model)));
            }
            SpanKind::Tool => violations.extend(scope.tool(agent, &span.name)),
            _ => {}
        }
        let mut told: Vec<Violation> = Vec::new();
        violations.retain(|violation| {
            let is_first = !told.contains(violation);
            told.push(violation.clone());
            is_first
        });
    }

    fn count(&self, learnt: &Learnt) {
        let add = |counter: &std::sync::atomic::AtomicU64| counter.fetch_add(1, Ordering::Relaxed);
        if let Some(report) = &learnt.report {
            add(&self.counters.inspected);
            if !self.packs.flags(report).is_empty() {
                add(&self.counters.flagged);
            }
        }
        if !learnt.found.is_empty() {
            add(&self.counters.redacted);
        }
    }

    /// Attributes and the decision, on the span itself.
    fn note(
        &self,
        span: &Span,
        mode: GuardMode,
        keeping: &Keeping,
        kept: &mut Option<Box<Span>>,
        learnt: &Learnt,
    ) {
        let mut members = Vec::new();
        if let (Some(report), Some(whole)) = (&learnt.report, &learnt.whole)
            && (whole.has_matches() || self.packs.flags(report).iter().any(|flag| flag.pack == "classifier"))
        {
            // Scores are of what is new, matches are all that can be shown.
            let told = Report { matches: whole.matches.clone(), ..report.clone() };
            members.extend(serde_json::to_string(&told).map(|json| (ATTRIBUTE, json)));
        }
        if !learnt.found.is_empty() {
            let mode = mode_name(keeping.privacy.bodies);
            let told = serde_json::json!({ "mode": mode, "found": learnt.found });
            members.push((SENSITIVE_ATTRIBUTE, told.to_string()));
        }
        if !members.is_empty() {
            let kept = kept.get_or_insert_with(|| Box::new(span.clone()));
            let attributes = kept.attributes.as_ref().map_or("{}", Content::expose);
            kept.attributes = Some(Content::new(with_members(attributes, &members)));
        }
        let flags = learnt.whole.as_ref().map(|whole| self.packs.flags(whole)).unwrap_or_default();
        let is_decided = span.policy.iter().any(|decision| &*decision.policy == POLICY);
        if span.source == Source::Gateway && mode == GuardMode::Observe && !flags.is_empty() && !is_decided {
            let detail = learnt.whole.as_ref().map(|whole| Arc::from(rules(&whole.matches).join(", ")));
            kept.get_or_insert_with(|| Box::new(span.clone())).policy.push(PolicyDecision {
                policy: Arc::from(POLICY),
                action: Arc::from("would_block"),
                detail,
                saved: None,
            });
        }
    }
}

/// What stands beside the bodies: attributes, the message of an error.
fn redact_rest(keeping: &Keeping, span: &Span, kept: &mut Option<Box<Span>>, found: &mut Vec<Found>) {
    if let Some(body) = span.attributes.as_ref().and_then(|text| keeping.detector.redact_body(text.expose()))
    {
        found.extend(body.found(None));
        kept.get_or_insert_with(|| Box::new(span.clone())).attributes = Some(Content::new(body.text));
    }
    if let Some(body) = span.error_message.as_ref().and_then(|text| keeping.detector.redact_body(text)) {
        found.extend(body.found(None));
        kept.get_or_insert_with(|| Box::new(span.clone())).error_message = Some(Arc::from(body.text));
    }
}

/// A span that could not be looked at: nothing of what it says is kept.
pub(crate) fn withheld(span: &Span) -> Box<Span> {
    let mut kept = Box::new(span.clone());
    for side in Side::ALL {
        *side.of_mut(&mut kept) = None;
    }
    kept.error_message = None;
    kept.attributes = Some(Content::new(format!("{{\"{SENSITIVE_ATTRIBUTE}\":{{\"mode\":\"withheld\"}}}}")));
    kept
}

/// Which body of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Input,
    Output,
    Documents,
    Tools,
}

impl Side {
    const ALL: &[Self] = &[Self::Input, Self::Output, Self::Documents, Self::Tools];

    fn of(self, span: &Span) -> Option<&Content> {
        match self {
            Self::Input => span.input.as_ref(),
            Self::Output => span.output.as_ref(),
            Self::Documents => span.documents.as_ref(),
            Self::Tools => span.tools.as_ref(),
        }
    }

    fn of_mut(self, span: &mut Span) -> &mut Option<Content> {
        match self {
            Self::Input => &mut span.input,
            Self::Output => &mut span.output,
            Self::Documents => &mut span.documents,
            Self::Tools => &mut span.tools,
        }
    }

    /// Whether attacks are looked for in it.
    const fn is_inspected(self, kind: SpanKind) -> bool {
        matches!(
            (kind, self),
            (SpanKind::Llm | SpanKind::Agent | SpanKind::Workflow, Self::Input)
                | (SpanKind::Retrieval | SpanKind::Llm, Self::Documents)
                | (SpanKind::Tool, Self::Output)
        )
    }

    /// What was said there, where attacks are looked for in it.
    fn conversation<'a>(
        self,
        kind: SpanKind,
        text: &'a str,
        tape: Option<&Tape<'a>>,
    ) -> Option<Conversation<'a>> {
        if !self.is_inspected(kind) {
            return None;
        }
        Some(match self {
            Self::Input => conversation::of_input(text, tape),
            foreign => only_new(conversation::of_foreign(text, tape, foreign.foreign_place())),
        })
    }

    /// What others than the user said there is told as.
    const fn foreign_place(self) -> Place {
        match self {
            // What a tool gave out is what the model that called it reads.
            Self::Output => Place::Tools,
            other => other.place(),
        }
    }

    const fn place(self) -> Place {
        match self {
            Self::Input => Place::Input,
            Self::Output => Place::Output,
            Self::Documents => Place::Documents,
            Self::Tools => Place::Tools,
        }
    }
}

/// Whether a span is a judge's or a probe's: their prompts quote what they judge, and an attack there is the one that was told
/// before.
const fn is_of_judges(span: &Span) -> bool {
    matches!(span.source, Source::Evaluator | Source::Probe)
}

/// Whether spans of a kind get scores. The same text is in a span of an agent and in that of the model it asks: it counts where it
/// was read.
const fn counts(kind: SpanKind) -> bool {
    matches!(kind, SpanKind::Llm | SpanKind::Retrieval | SpanKind::Tool)
}

fn redact(keeping: &Keeping, text: &str, tape: Option<&Tape<'_>>, side: Side) -> Body {
    let Some(body) = keeping.detector.redact_read(text, tape) else { return Body::default() };
    let found = body.found(Some(side.place()));
    let input = tape.filter(|_| side == Side::Input);
    let from = input.map_or(0, |tape| Parts::of(tape, Place::Input).new_from());
    let old = body.strings.iter().filter(|string| string.start < from);
    let old: Vec<&str> = old.map(|string| &*string.path).collect();
    let new = found.iter().filter(|found| !old.contains(&&*found.path)).count();
    Body { new, found, redacted: Some(body.text) }
}

fn only_new(new: Vec<Passage<'_>>) -> Conversation<'_> {
    Conversation { old: Vec::new(), new }
}

fn join(before: Option<Report>, report: Report) -> Report {
    match before {
        Some(before) => worst(before, report),
        None => report,
    }
}

fn withhold(span: &Span, kept: &mut Option<Box<Span>>, bodies: BodiesKept) {
    for side in Side::ALL {
        // The hash is of what came in, so that equal prompts have equal ones whatever was redacted.
        let Some(content) = side.of(span) else { continue };
        let hash = (bodies == BodiesKept::Hashed).then(|| {
            let digest = Sha256::digest(content.expose().as_bytes());
            Content::new(format!("\"sha256:{digest:x}\""))
        });
        *side.of_mut(kept.get_or_insert_with(|| Box::new(span.clone()))) = hash;
    }
}

const fn mode_name(bodies: BodiesKept) -> &'static str {
    match bodies {
        BodiesKept::Full | BodiesKept::Redacted => "redacted",
        BodiesKept::Hashed => "hashed",
        BodiesKept::Off => "off",
    }
}

/// A JSON object with these members at its end; what was no object is put aside.
fn with_members(object: &str, members: &[(&str, String)]) -> String {
    let trimmed = object.trim_end();
    let open = trimmed.strip_suffix('}').filter(|_| trimmed.trim_start().starts_with('{')).unwrap_or("{");
    let mut text = open.to_owned();
    let mut needs_comma = !open.trim_end().ends_with('{');
    for (name, json) in members {
        if needs_comma {
            text.push(',');
        }
        needs_comma = true;
        // Writing to a String cannot fail.
        let _ = write!(text, "\"{name}\":{json}");
    }
    text.push('}');
    text
}

#[cfg(test)]
mod tests;
