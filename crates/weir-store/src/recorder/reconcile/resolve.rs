//! Which spans report the same call, and which of them counts: a pure function of the spans, so that it does not matter
//! in which order they came.
//!
//! | who | is `same_as` | because |
//! |---|---|---|
//! | a client's span of a call | the gateway's span | the gateway's span is its child, directly or through one span that is no call (an HTTP client's) |
//! | a client's span of a call | the client's span within it | a framework wraps a library, and the inner span states usage (or neither does) |
//! | a client's span of a call | the client's span around it | only the outer one states usage |
//! | a client's span of a call | the gateway's span | both have the provider's id of the answer, and the trace does not tell |
//! | a client's span of a call | the gateway's span | both are in one trace, at one time, of one model and of equal usage, and nothing else tells ([`alike`]) |
//!
//! The span that counts gets from the others what it does not know itself of whose call it is.

mod alike;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use weir_types::{Source, Span, SpanId, SpanKind, SpanStatus, TraceId, UnixMicros};

/// How far apart the starts of two reports of one answer may be. Providers' ids are unique; those of test doubles are not.
pub(super) const RESPONSE_WINDOW_US: i64 = 10 * UnixMicros::MINUTE;

/// A field of whose call it is, and the span from which it is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fill {
    pub field: Field,
    pub value: Arc<str>,
    pub from: SpanId,
}

/// What was found about a span.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Verdict {
    /// The span that counts for the same call.
    pub same_as: Option<SpanId>,
    /// What it gets from others, in the order of [`Field::ALL`].
    pub fills: Vec<Fill>,
}

/// A field of whose call it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Field {
    Team,
    App,
    Agent,
    Session,
    User,
    Env,
    Service,
}

impl Field {
    pub(super) const ALL: [Self; 7] =
        [Self::Team, Self::App, Self::Agent, Self::Session, Self::User, Self::Env, Self::Service];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Team => "team",
            Self::App => "app",
            Self::Agent => "agent",
            Self::Session => "session",
            Self::User => "user",
            Self::Env => "env",
            Self::Service => "service",
        }
    }

    pub(super) fn of(self, span: &Span) -> Option<&Arc<str>> {
        match self {
            Self::Team => span.team.as_ref(),
            Self::App => span.app.as_ref(),
            Self::Agent => span.agent.as_ref(),
            Self::Session => span.session.as_ref(),
            Self::User => span.user.as_ref(),
            Self::Env => span.env.as_ref(),
            Self::Service => span.service.as_ref(),
        }
    }

    pub(super) fn set(self, span: &mut Span, value: Option<Arc<str>>) {
        *match self {
            Self::Team => &mut span.team,
            Self::App => &mut span.app,
            Self::Agent => &mut span.agent,
            Self::Session => &mut span.session,
            Self::User => &mut span.user,
            Self::Env => &mut span.env,
            Self::Service => &mut span.service,
        } = value;
    }
}

/// Whether a client tells of a call of a model that nobody has joined yet.
pub(super) fn is_told_call(span: &Span) -> bool {
    is_told(span) && span.kind.is_model_call() && span.same_as.is_none()
}

/// Whether a client's telemetry is the source.
pub(super) fn is_told(span: &Span) -> bool {
    matches!(span.source, Source::Otlp | Source::Datadog | Source::Mlflow)
}

/// Whether the gateway saw this call of a model.
pub(super) fn is_own_call(span: &Span) -> bool {
    span.source == Source::Gateway && span.kind.is_model_call()
}

/// Whether a span may stand between a client's span of a call and another report of it.
pub(super) fn is_between(kind: SpanKind) -> bool {
    matches!(kind, SpanKind::Http | SpanKind::Task | SpanKind::Other)
}

/// Finds what each span is, given all spans as they were reported, each once. The answers are in the same order.
pub(super) fn resolve(spans: &[&Span]) -> Vec<Verdict> {
    let holders = Spans::new(spans).holders();
    let roots = roots(spans, &holders);
    let fills = fills(spans, &holders, &roots);
    let same_as = |at: usize| (roots[at].0 != at).then(|| spans[roots[at].0].span_id);
    fills.into_iter().enumerate().map(|(at, fills)| Verdict { same_as: same_as(at), fills }).collect()
}

struct Spans<'a> {
    all: &'a [&'a Span],
    by_id: HashMap<(TraceId, SpanId), usize>,
}

/// By span, the ones that are candidates for counting in its place.
type Candidates = BTreeMap<usize, Vec<usize>>;

impl<'a> Spans<'a> {
    fn new(all: &'a [&'a Span]) -> Self {
        let by_id = all.iter().enumerate().map(|(at, span)| ((span.trace_id, span.span_id), at)).collect();
        Self { all, by_id }
    }

    /// For each span the one that holds its usage.
    fn holders(&self) -> Vec<Option<usize>> {
        let mut own = Candidates::new();
        let mut inner = Candidates::new();
        let mut outer = BTreeMap::new();
        for (at, span) in self.all.iter().enumerate() {
            let Some(caller) = self.caller(at) else { continue };
            if is_own_call(span) {
                own.entry(caller).or_default().push(at);
            } else if is_told_call(span) {
                if states_usage(span) || !states_usage(self.all[caller]) {
                    inner.entry(caller).or_default().push(at);
                } else {
                    outer.insert(at, caller);
                }
            }
        }
        let by_response = self.own_calls_by_response();
        let holder = |at: usize| {
            let told = is_told_call(self.all[at]);
            self.best(own.get(&at))
                .or_else(|| self.best(inner.get(&at)))
                .or_else(|| if told { self.by_response(at, &by_response) } else { None })
                .or_else(|| outer.get(&at).copied())
        };
        let mut holders: Vec<_> = (0..self.all.len()).map(holder).collect();
        self.join_alike(&mut holders);
        holders
    }

    /// The client's span of a call that this span is within.
    fn caller(&self, at: usize) -> Option<usize> {
        let span = self.all[at];
        let parent_of = |at: usize| {
            let span = self.all[at];
            self.by_id.get(&(span.trace_id, span.parent_id?)).copied()
        };
        let parent = parent_of(at)?;
        let is_between = is_told(self.all[parent]) && is_between(self.all[parent].kind);
        let caller = if is_between { parent_of(parent)? } else { parent };
        let is_caller = is_told_call(self.all[caller]) && self.all[caller].kind == span.kind && caller != at;
        is_caller.then_some(caller)
    }

    /// Of several tries of one call the one that succeeded, else the last.
    fn best(&self, candidates: Option<&Vec<usize>>) -> Option<usize> {
        let rank = |at: &usize| {
            let span = self.all[*at];
            (states_usage(span), span.status == SpanStatus::Ok, span.start, span.span_id)
        };
        candidates?.iter().copied().max_by_key(rank)
    }

    fn own_calls_by_response(&self) -> HashMap<&'a str, Vec<usize>> {
        let mut calls = HashMap::<&str, Vec<usize>>::new();
        for (at, span) in self.all.iter().enumerate() {
            if let (true, Some(response)) = (is_own_call(span), span.response_id.as_deref()) {
                calls.entry(response).or_default().push(at);
            }
        }
        calls
    }

    fn by_response(&self, at: usize, own: &HashMap<&str, Vec<usize>>) -> Option<usize> {
        let told = self.all[at];
        let distance = |at: usize| self.all[at].start.0.abs_diff(told.start.0);
        own.get(told.response_id.as_deref()?)?
            .iter()
            .copied()
            .filter(|at| distance(*at) <= RESPONSE_WINDOW_US.unsigned_abs())
            .filter(|at| self.all[*at].kind == told.kind && models_agree(self.all[*at], told))
            .min_by_key(|at| (distance(*at), self.all[*at].trace_id, self.all[*at].span_id))
    }
}

fn states_usage(span: &Span) -> bool {
    !span.tokens.is_unknown() || span.cost.is_some()
}

/// Whether two reports may be of the same model. Some say `gpt-4o`, others `gpt-4o-2024-08-06`.
fn models_agree(a: &Span, b: &Span) -> bool {
    let names = |span: &Span| {
        let both = [span.model.as_deref(), span.response_model.as_deref()];
        both.into_iter().flatten().map(str::to_ascii_lowercase).collect::<Vec<_>>()
    };
    let (a, b) = (names(a), names(b));
    let agree = |a: &String| b.iter().any(|b| a.starts_with(b.as_str()) || b.starts_with(a.as_str()));
    a.is_empty() || b.is_empty() || a.iter().any(agree)
}

/// For each span where its holders end, and after how many steps: at itself, after none, when it counts. Spans that hold
/// each other, which only a broken client makes, end at the one with the least id.
fn roots(spans: &[&Span], holders: &[Option<usize>]) -> Vec<(usize, usize)> {
    let mut found: Vec<Option<(usize, usize)>> = vec![None; spans.len()];
    for at in 0..spans.len() {
        let mut path = Vec::new();
        let mut places = HashMap::new();
        let mut last = at;
        let end = loop {
            if let Some(end) = found[last] {
                break end;
            }
            if let Some(&begin) = places.get(&last) {
                let circle: Vec<usize> = path.drain(begin..).collect();
                let least = circle.iter().copied().min_by_key(|at| (spans[*at].trace_id, spans[*at].span_id));
                let least = least.unwrap_or(last);
                for at in circle {
                    found[at] = Some((least, usize::from(at != least)));
                }
                break (least, usize::from(last != least));
            }
            let Some(next) = holders[last] else {
                found[last] = Some((last, 0));
                break (last, 0);
            };
            places.insert(last, path.len());
            path.push(last);
            last = next;
        };
        for (steps, at) in (end.1 + 1..).zip(path.into_iter().rev()) {
            found[at] = Some((end.0, steps));
        }
    }
    found.into_iter().enumerate().map(|(at, end)| end.unwrap_or((at, 0))).collect()
}

/// What each span gets from those that it counts for, the nearest first. A try that failed is no one's holder, and gets
/// the same from its caller.
fn fills(spans: &[&Span], holders: &[Option<usize>], roots: &[(usize, usize)]) -> Vec<Vec<Fill>> {
    let mut givers = vec![BTreeSet::new(); spans.len()];
    let mut give = |to: usize, from: usize, steps: usize| {
        givers[to].insert((steps, spans[from].start, Reverse(spans[from].span_id), from));
    };
    let lookup = Spans::new(spans);
    for (at, span) in spans.iter().enumerate() {
        let (root, steps) = roots[at];
        if root != at {
            give(root, at, steps);
        }
        let caller = lookup.caller(at).filter(|_| is_own_call(span));
        if let Some(caller) = caller.filter(|caller| holders[*caller] != Some(at)) {
            give(at, caller, 1);
        }
    }
    let fill = |to: usize, field: Field| {
        if field.of(spans[to]).is_some() {
            return None;
        }
        let mut values = givers[to].iter().filter_map(|(.., from)| Some((field.of(spans[*from])?, *from)));
        let (value, from) = values.next()?;
        Some(Fill { field, value: Arc::clone(value), from: spans[from].span_id })
    };
    (0..spans.len()).map(|to| Field::ALL.into_iter().filter_map(|field| fill(to, field)).collect()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use weir_types::{NanoUsd, TokenUsage};

    use super::*;

    fn id(number: u64) -> SpanId {
        SpanId::from_bytes(number.to_be_bytes())
    }

    fn span(source: Source, kind: SpanKind, number: u64, parent: u64) -> Span {
        let trace = TraceId::from_bytes([7; 16]);
        let mut span = Span::new(trace, id(number), kind, source, UnixMicros(number.cast_signed()));
        span.parent_id = (parent > 0).then(|| id(parent));
        span
    }

    fn told(number: u64, parent: u64) -> Span {
        let mut span = span(Source::Otlp, SpanKind::Llm, number, parent);
        span.cost = Some(NanoUsd(5));
        span
    }

    fn own(number: u64, parent: u64) -> Span {
        let mut span = span(Source::Gateway, SpanKind::Llm, number, parent);
        span.tokens = TokenUsage { input: Some(1), ..TokenUsage::default() };
        span
    }

    fn same_as(spans: &[Span]) -> Vec<Option<SpanId>> {
        resolve(&spans.iter().collect::<Vec<_>>()).into_iter().map(|verdict| verdict.same_as).collect()
    }

    #[test]
    fn the_gateways_span_counts_for_the_client_that_called_it() {
        assert_eq!(same_as(&[told(1, 0), own(2, 1)]), [Some(id(2)), None]);
    }

    #[test]
    fn one_span_of_an_http_client_may_stand_between_and_a_tool_may_not() {
        for (kind, expected) in [(SpanKind::Http, Some(id(3))), (SpanKind::Tool, None)] {
            let between = span(Source::Otlp, kind, 2, 1);
            assert_eq!(same_as(&[told(1, 0), between, own(3, 2)]), [expected, None, None], "{kind}");
        }
    }

    #[test]
    fn all_wrappers_around_a_call_point_to_the_one_that_counts() {
        assert_eq!(same_as(&[told(1, 0), told(2, 1), own(3, 2)]), [Some(id(3)), Some(id(3)), None]);
        assert_eq!(
            same_as(&[told(1, 0), told(2, 1)]),
            [Some(id(2)), None],
            "without a gateway the inner one"
        );
        let mut silent = told(2, 1);
        silent.cost = None;
        assert_eq!(same_as(&[told(1, 0), silent]), [None, Some(id(1))], "unless only the outer one knows");
    }

    #[test]
    fn of_several_tries_the_one_that_succeeded_counts_for_the_client_and_all_learn_whose_call_it_is() {
        let mut client = told(1, 0);
        client.app = Some(Arc::from("shop"));
        let mut failed = own(5, 1);
        (failed.status, failed.tokens) = (SpanStatus::Error, TokenUsage::default());
        let spans = [client, own(4, 1), failed];
        assert_eq!(same_as(&spans), [Some(id(4)), None, None]);
        let verdicts = resolve(&spans.iter().collect::<Vec<_>>());
        let fill = vec![Fill { field: Field::App, value: Arc::from("shop"), from: id(1) }];
        assert_eq!(
            verdicts.iter().map(|v| v.fills.clone()).collect::<Vec<_>>(),
            [vec![], fill.clone(), fill]
        );
    }

    #[test]
    fn an_answer_has_one_id_in_every_trace() {
        let (mut client, mut call) = (told(1, 0), own(2, 0));
        (client.response_id, call.response_id) =
            (Some(Arc::from("chatcmpl-1")), Some(Arc::from("chatcmpl-1")));
        (client.model, call.response_model) =
            (Some(Arc::from("gpt-4o")), Some(Arc::from("gpt-4o-2024-08-06")));
        call.trace_id = TraceId::from_bytes([8; 16]);
        assert_eq!(same_as(&[client.clone(), call.clone()]), [Some(id(2)), None]);
        call.start = UnixMicros(RESPONSE_WINDOW_US + 2);
        assert_eq!(same_as(&[client.clone(), call.clone()]), [None, None], "too long after");
        (call.start, call.response_model) = (client.start, Some(Arc::from("o3")));
        assert_eq!(same_as(&[client, call]), [None, None], "another model");
    }

    #[test]
    fn the_nearest_gives_what_is_missing_and_nothing_is_overridden() {
        let (mut outer, mut inner, mut call) = (told(1, 0), told(2, 1), own(3, 2));
        (outer.app, outer.session) = (Some(Arc::from("outer")), Some(Arc::from("s")));
        (inner.app, inner.team) = (Some(Arc::from("inner")), Some(Arc::from("theirs")));
        call.team = Some(Arc::from("of the key"));
        let verdicts = resolve(&[&outer, &inner, &call]);
        let got: Vec<_> = verdicts[2].fills.iter().map(|fill| (fill.field.name(), &*fill.value)).collect();
        assert_eq!(got, [("app", "inner"), ("session", "s")]);
    }

    #[test]
    fn spans_that_are_each_others_parents_end_somewhere() {
        assert_eq!(same_as(&[told(1, 2), told(2, 1)]), [None, Some(id(1))]);
        assert_eq!(same_as(&[told(1, 1)]), [None]);
    }

    fn any_span() -> impl Strategy<Value = Span> {
        let kind =
            prop::sample::select(vec![SpanKind::Llm, SpanKind::Llm, SpanKind::Http, SpanKind::Embedding]);
        let source = prop::sample::select(vec![Source::Otlp, Source::Gateway]);
        let named = (prop::option::of("[ab]"), prop::option::of("[xy]"), prop::option::of("[mn]"));
        (kind, source, 0..8u64, any::<bool>(), named).prop_map(
            |(kind, source, parent, costs, (app, response, model))| {
                let mut span = span(source, kind, 1, parent);
                span.cost = costs.then_some(NanoUsd(1));
                (span.app, span.response_id) = (app.map(Arc::from), response.map(Arc::from));
                span.model = model.map(Arc::from);
                span
            },
        )
    }

    proptest! {
        #[test]
        fn order_makes_no_difference_and_nobody_points_to_one_that_does_not_count(
            spans in prop::collection::vec(any_span(), 1..7),
            seed in any::<u64>(),
        ) {
            let spans: Vec<_> = (1..).zip(spans).map(|(n, mut span)| { span.span_id = id(n); span }).collect();
            let verdicts = |spans: &[Span]| -> BTreeMap<SpanId, Verdict> {
                let found = resolve(&spans.iter().collect::<Vec<_>>());
                spans.iter().map(|span| span.span_id).zip(found).collect()
            };
            let found = verdicts(&spans);
            let mut shuffled = spans;
            fastrand::Rng::with_seed(seed).shuffle(&mut shuffled);
            prop_assert_eq!(&verdicts(&shuffled), &found);
            for verdict in found.values() {
                if let Some(holder) = verdict.same_as {
                    prop_assert_eq!(found[&holder].same_as, None);
                }
            }
        }
    }
}
