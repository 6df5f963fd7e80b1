//! Everyone who judges, and what they have to do for a trace.
//!
//! The same code serves calls as they end and history: a plan says which evaluators judge which spans of a trace and have not done so,
//! and performing a task gives records. A task is planned once in the life of a panel, and never where the store has its score.

use std::sync::Arc;

use moka::sync::Cache;
use serde_json::Value;
use weir_embed::Embedder;
use weir_types::{Clock, Record, Score, Span, SpanId, SpanKind, UnixMicros, wildcard_matches};

use crate::checks::{self, Check};
use crate::custom::CustomJudge;
use crate::error::EvaluateError;
use crate::judge::Judge;
use crate::judgement::{JudgeName, Judgement};
use crate::sample::Sampler;
use crate::subject::Subject;
use crate::{faithfulness, relevance};

/// Tasks that are remembered, so that a trace to which spans are added is not judged twice: an hour of a busy Weir.
const REMEMBERED_MAX: u64 = 500_000;

/// A judgement of something that ended longer ago than this belongs to that time, not to now.
const RECENT_US: i64 = 10 * UnixMicros::MINUTE;

/// What an evaluator does.
#[derive(Debug, Clone)]
pub enum Method {
    /// See [`faithfulness`].
    Faithfulness,
    /// See [`relevance`].
    Relevance,
    /// See [`checks`]; the schema is for `schema` alone.
    Check(Check, Option<Value>),
    /// See [`CustomJudge`].
    Custom(CustomJudge),
}

/// One who judges.
#[derive(Debug, Clone)]
pub struct Evaluator {
    /// What it does.
    pub method: Method,
    /// The share of subjects that it judges, 0 to 1.
    pub sample: f64,
    /// Which applications; `*` stands for any run of characters.
    pub app: Option<Arc<str>>,
}

impl Evaluator {
    /// Its name.
    pub fn name(&self) -> &str {
        match &self.method {
            Method::Faithfulness => faithfulness::NAME,
            Method::Relevance => relevance::NAME,
            Method::Check(check, _) => check.name(),
            Method::Custom(judge) => &judge.name,
        }
    }

    fn looks_at(&self, kind: SpanKind) -> bool {
        match self.method {
            Method::Relevance => matches!(kind, SpanKind::Retrieval | SpanKind::Rerank),
            _ => kind == SpanKind::Llm,
        }
    }

    fn is_for(&self, app: Option<&str>) -> bool {
        self.app.as_deref().is_none_or(|pattern| app.is_some_and(|app| wildcard_matches(pattern, app)))
    }
}

/// What a panel is made of.
pub struct PanelParts {
    /// Who judges.
    pub evaluators: Vec<Evaluator>,
    /// Asks models; without it faithfulness and relevance are estimated, and custom judges do nothing.
    pub judge: Option<Judge>,
    /// The model of the built-in judges; estimates are made where there is none.
    pub judge_model: Option<Arc<str>>,
    /// Compares meanings for estimates.
    pub embedder: Option<Arc<Embedder>>,
    /// How many of each application, model and hour are always judged.
    pub first_of_hour: u32,
    /// Says what now is.
    pub clock: Arc<dyn Clock>,
}

/// See the module.
pub struct Panel {
    parts: PanelParts,
    sampler: Sampler,
    planned: Cache<(SpanId, usize), ()>,
}

/// One evaluator's work on one subject.
#[derive(Debug, Clone)]
pub struct Task {
    subject: Arc<Subject>,
    evaluator: usize,
    judge: JudgeName,
    /// Whether a model is asked.
    pub asks_model: bool,
}

impl Panel {
    /// A panel of these.
    pub fn new(parts: PanelParts) -> Self {
        let sampler = Sampler::new(parts.first_of_hour);
        Self { sampler, planned: Cache::new(REMEMBERED_MAX), parts }
    }

    /// Who judges.
    pub fn evaluators(&self) -> &[Evaluator] {
        &self.parts.evaluators
    }

    /// Asks models, where it can.
    pub fn judge(&self) -> Option<&Judge> {
        self.parts.judge.as_ref()
    }

    /// Compares meanings, where it can.
    pub fn embedder(&self) -> Option<&Embedder> {
        self.parts.embedder.as_deref()
    }

    /// Whether a trace with this span is worth reading.
    pub fn looks_at(&self, span: &Span) -> bool {
        let samples = self
            .parts
            .evaluators
            .iter()
            .filter(|evaluator| evaluator.looks_at(span.kind) && evaluator.is_for(span.app.as_deref()));
        let most = samples
            .map(|evaluator| evaluator.sample)
            .fold(None, |most: Option<f64>, sample| Some(most.unwrap_or_default().max(sample)));
        most.is_some_and(|most| self.sampler.looks(most, span))
    }

    /// What is to be done for a trace with these spans and scores.
    pub fn plan(&self, spans: &[Span], scores: &[Score]) -> Vec<Task> {
        let mut tasks = Vec::new();
        for subject in Subject::of_trace(spans) {
            let subject = Arc::new(subject);
            for (number, evaluator) in self.parts.evaluators.iter().enumerate() {
                if let Some(task) = self.task(number, evaluator, &subject, scores) {
                    tasks.push(task);
                }
            }
        }
        tasks
    }

    fn task(
        &self,
        number: usize,
        evaluator: &Evaluator,
        subject: &Arc<Subject>,
        scores: &[Score],
    ) -> Option<Task> {
        if !evaluator.looks_at(subject.span.kind) || !evaluator.is_for(subject.tag("app")) {
            return None;
        }
        let key = (subject.span.span_id, number);
        let (judge, asks_model) = self.means(evaluator, subject)?;
        if self.planned.contains_key(&key) || !self.sampler.takes(number, evaluator.sample, &subject.span) {
            return None;
        }
        self.planned.insert(key, ());
        let name = judge.to_string();
        let own = scores.iter().filter(|score| score.span_id == Some(subject.span.span_id));
        let is_done = |score: &Score| *score.judge == *name || (!asks_model && is_better(score, evaluator));
        if own.into_iter().any(is_done) {
            return None;
        }
        Some(Task { subject: Arc::clone(subject), evaluator: number, judge, asks_model })
    }

    /// Who would judge a subject, and whether by asking a model; `None` where there is nothing to judge.
    fn means(&self, evaluator: &Evaluator, subject: &Subject) -> Option<(JudgeName, bool)> {
        let model = self.parts.judge_model.as_ref().filter(|_| self.parts.judge.is_some());
        let named =
            |version: u32, by: &str| JudgeName { evaluator: evaluator.name().into(), version, by: by.into() };
        match &evaluator.method {
            Method::Faithfulness => faithfulness::applies(subject).then(|| match model {
                Some(model) => (named(faithfulness::VERSION, model), true),
                None => (named(faithfulness::VERSION, "local"), false),
            }),
            Method::Relevance => {
                let applies = relevance::applies(subject);
                let has_query = subject.question.is_some();
                if applies && relevance::own_scores(&subject.documents).is_some() {
                    Some((named(relevance::VERSION, "retriever"), false))
                } else if !applies
                    || !has_query
                    || subject.documents.iter().any(|document| document.text.is_empty())
                {
                    None
                } else if let Some(model) = model {
                    Some((named(relevance::VERSION, model), true))
                } else {
                    self.parts.embedder.as_ref().map(|_| (named(relevance::VERSION, "embeddings"), false))
                }
            }
            Method::Check(check, schema) => {
                // Checks are cheap: whether there is anything to check is found by checking.
                check.judge(subject, schema.as_ref()).map(|_| (named(checks::VERSION, "local"), false))
            }
            Method::Custom(custom) => {
                let can = self.parts.judge.is_some() && custom.applies(subject);
                can.then(|| (named(custom.version, &custom.model), true))
            }
        }
    }

    /// Judges. No record where there was nothing to say after all.
    pub async fn perform(&self, task: &Task) -> Result<Vec<Record>, EvaluateError> {
        let (judgement, cost_usd) = self.judged(task).await?;
        let Some(mut judgement) = judgement else { return Ok(Vec::new()) };
        if let Some(cost_usd) = cost_usd {
            judgement = judgement.because("judge_cost_usd", cost_usd);
        }
        let span = &task.subject.span;
        let ended = span.start.saturating_add_us(i64::try_from(span.duration_us).unwrap_or(i64::MAX));
        let now = self.parts.clock.now();
        let at = if now.0.saturating_sub(ended.0) <= RECENT_US { now } else { ended };
        Ok(judgement.records(&task.subject, &task.judge.to_string(), at))
    }

    async fn judged(&self, task: &Task) -> Result<(Option<Judgement>, Option<f64>), EvaluateError> {
        let Task { subject, judge: JudgeName { by, .. }, .. } = task;
        let judge = self.parts.judge.as_ref().filter(|_| task.asks_model);
        let (question, answer) = (subject.question.as_deref(), subject.answer.as_deref().unwrap_or_default());
        let documents = &subject.documents;
        match &self.parts.evaluators[task.evaluator].method {
            Method::Faithfulness => {
                if let Some(judge) = judge {
                    let (claims, cost) =
                        faithfulness::judged::judge(judge, by, question, answer, documents).await?;
                    Ok((faithfulness::judgement(&claims, false), cost))
                } else {
                    let claims = faithfulness::local::judge(answer, documents, self.embedder()).await;
                    Ok((faithfulness::judgement(&claims, true), None))
                }
            }
            Method::Relevance => {
                use relevance::Means;
                let query = question.unwrap_or_default();
                let (scores, means, cost) = match (relevance::own_scores(documents), judge, self.embedder()) {
                    (Some(scores), ..) => (Some(scores), Means::Retriever, None),
                    (None, Some(judge), _) => {
                        let (scores, cost) = relevance::by_judge(judge, by, query, documents).await?;
                        (Some(scores), Means::Judge, cost)
                    }
                    (None, None, Some(embedder)) => {
                        (relevance::by_embeddings(embedder, query, documents).await, Means::Embeddings, None)
                    }
                    (None, None, None) => (None, Means::Embeddings, None),
                };
                Ok((scores.and_then(|scores| relevance::judgement(subject, &scores, means)), cost))
            }
            Method::Check(check, schema) => Ok((check.judge(subject, schema.as_ref()), None)),
            Method::Custom(custom) => match judge {
                Some(judge) => {
                    custom.judge(judge, subject).await.map(|(judgement, cost)| (Some(judgement), cost))
                }
                None => Ok((None, None)),
            },
        }
    }
}

/// Whether somebody else has scored the same metric: an estimate does not stand beside what was measured.
fn is_better(score: &Score, evaluator: &Evaluator) -> bool {
    let metric = match &evaluator.method {
        Method::Faithfulness => faithfulness::METRIC,
        Method::Relevance => relevance::METRIC,
        Method::Check(check, _) => check.metric(),
        Method::Custom(_) => return false,
    };
    *score.name == *metric
}
