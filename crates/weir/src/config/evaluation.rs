//! `[evaluation]` and `[[evaluators]]`: who judges finished calls, and how much of them.

use std::collections::HashSet;
use std::sync::Arc;

use http::Uri;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use weir_evaluate::checks::Check;
use weir_evaluate::{CustomJudge, Evaluator, JudgeConfig, Method, Scale, faithfulness, relevance};
use weir_notify::SecretRef;
use weir_types::{EVALUATOR, OwnMark, Secret, UnixMicros};

use super::resolve::Resolver;

/// Judging finished calls: faithfulness, relevance of what was retrieved, checks of answers, judges of your own. Nothing here
/// delays a call. docs/guide/quality.md explains it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Evaluation {
    /// Whether calls are judged at all.
    pub enabled: bool,
    /// The share of traces that evaluators judge, unless they say otherwise. The mean of a retriever's own scores costs nothing and
    /// is taken of all.
    #[schemars(range(min = 0, max = 1))]
    pub sample: f64,
    /// Of each application, model and hour this many are judged beyond the share, so that rare ones are seen.
    #[schemars(range(max = 10_000))]
    pub first_of_hour: u32,
    /// The model that judges, asked through Weir's own gateway as agent `weir-evaluator`, whose budget is a `[[budgets]]` like any
    /// other. Without one faithfulness is estimated by words, numbers and names.
    pub judge_model: Option<String>,
    /// What the judge shows to the gateway: a virtual key, or the provider's key where the gateway has none.
    pub api_key: Option<SecretRef>,
    /// Another gateway to ask, such as "http://weir.example:7070"; Weir itself when absent.
    pub gateway_url: Option<String>,
    /// Judgements by models that are under way at once.
    #[schemars(range(min = 1, max = 256))]
    pub concurrency: u16,
    /// Judgements that wait for their turn; what comes when so many wait is left out and counted.
    #[schemars(range(min = 1, max = 100_000))]
    pub queue_max: u32,
    /// How long a judge may take, in milliseconds.
    #[schemars(range(min = 100, max = 600_000))]
    pub timeout_ms: u64,
    /// How often a judge is asked again.
    #[schemars(range(max = 10))]
    pub retries_max: u32,
    /// A trace is judged when no span was added to it for this long, in seconds.
    #[schemars(range(min = 1, max = 900))]
    pub settle_s: u32,
    /// How far back Weir looks for what it has not judged when it starts, in seconds. `weir evaluate --from` goes further.
    #[schemars(range(max = 604_800))]
    pub catch_up_s: u32,
}

impl Default for Evaluation {
    fn default() -> Self {
        Self {
            enabled: true,
            sample: 0.05,
            first_of_hour: 3,
            judge_model: None,
            api_key: None,
            gateway_url: None,
            concurrency: 4,
            queue_max: 256,
            timeout_ms: 30_000,
            retries_max: 2,
            settle_s: 10,
            catch_up_s: 3_600,
        }
    }
}

/// One who judges. The name of a built-in one (`faithfulness`, `relevance`, `json`, `schema`, `refusal`, `language`, `toxicity`)
/// changes that one; any other name is a judge of your own, which needs a `prompt`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EvaluatorEntry {
    /// Its name: letters, digits, `_` and `-`.
    pub name: String,
    /// Whether it judges; true unless said.
    #[serde(default)]
    pub enabled: Option<bool>,
    /// The share of traces that it judges; `evaluation.sample` when absent.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1))]
    pub sample: Option<f64>,
    /// The applications that it judges, `*` stands for any run of characters; all when absent.
    #[serde(default)]
    pub app: Option<String>,
    /// For a judge of your own: what it is asked. `{input}`, `{question}`, `{output}` and `{documents}` are filled in.
    #[serde(default)]
    pub prompt: Option<String>,
    /// What the values mean.
    #[serde(default)]
    pub rubric: Option<String>,
    /// The metric of its scores; `custom.llm.<name>` when absent.
    #[serde(default)]
    pub metric: Option<String>,
    /// The least value; 0 when absent.
    #[serde(default)]
    pub min: Option<f64>,
    /// The greatest value; 1 when absent.
    #[serde(default)]
    pub max: Option<f64>,
    /// Words to choose from, instead of numbers.
    #[serde(default)]
    pub labels: Vec<String>,
    /// The model that judges; `evaluation.judge_model` when absent.
    #[serde(default)]
    pub model: Option<String>,
    /// Raise it after a change of the prompt, so that scores of before and after can be told apart; 1 when absent.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub version: Option<u32>,
    /// For `schema`: a JSON Schema, as JSON text, that answers must fit which were not asked for with one of their own.
    #[serde(default)]
    pub schema: Option<String>,
}

/// Who judges what, resolved.
#[derive(Clone)]
pub struct EvaluationConfig {
    /// Who judges; empty when nothing does.
    pub evaluators: Vec<Evaluator>,
    /// The model of the built-in judges.
    pub judge_model: Option<Arc<str>>,
    /// Whether any of them asks a model.
    pub asks_models: bool,
    /// How many of each application, model and hour are always judged.
    pub first_of_hour: u32,
    /// How long a trace must have been quiet.
    pub settle_us: i64,
    /// How far back is looked at the start.
    pub catch_up_us: i64,
    /// Judgements that wait.
    pub queue_max: usize,
    /// The gateway that is asked, where it is another one.
    pub gateway_url: Option<Uri>,
    api_key: Option<Secret>,
    timeout_ms: u64,
    retries_max: u32,
    concurrency: usize,
}

impl EvaluationConfig {
    /// How judges are reached at this gateway, with what proves to it that calls are its own.
    pub fn judge(&self, gateway: Uri, own_mark: Option<OwnMark>) -> JudgeConfig {
        JudgeConfig {
            gateway,
            own_mark,
            api_key: self.api_key.clone(),
            timeout_ms: self.timeout_ms,
            retries_max: self.retries_max,
            concurrency: self.concurrency,
        }
    }
}

/// The built-in evaluators, and whether each judges unless somebody says otherwise. The language and the word list are of use to
/// few, so they are asked for.
fn built_in(sample: f64) -> Vec<(Evaluator, bool)> {
    let of = |method: Method, sample: f64| Evaluator { method, sample, app: None };
    let check = |check: Check| of(Method::Check(check, None), sample);
    vec![
        (of(Method::Faithfulness, sample), true),
        (of(Method::Relevance, 1.0), true),
        (check(Check::Json), true),
        (check(Check::Schema), true),
        (check(Check::Refusal), true),
        (check(Check::Language), false),
        (check(Check::Toxicity), false),
    ]
}

impl Resolver<'_> {
    /// Reads `[evaluation]` and `[[evaluators]]`.
    pub(super) fn evaluation(
        &mut self,
        written: &Evaluation,
        entries: &[EvaluatorEntry],
    ) -> Option<EvaluationConfig> {
        let api_key = written.api_key.as_ref().and_then(|secret| self.secret("evaluation.api_key", secret));
        let gateway_url = match written.gateway_url.as_deref().map(str::parse::<Uri>) {
            None => None,
            Some(Ok(url)) if url.scheme_str() == Some("http") && url.host().is_some() => Some(url),
            Some(_) => {
                let message = "expected a URL such as \"http://127.0.0.1:7070\"".to_owned();
                return self.report("evaluation.gateway_url", message, None);
            }
        };
        let judge_model: Option<Arc<str>> = written.judge_model.as_deref().map(Arc::from);
        let mut evaluators = built_in(written.sample);
        let mut names = HashSet::new();
        for (at, entry) in entries.iter().enumerate() {
            let key = format!("evaluators[{at}]");
            if !names.insert(entry.name.as_str()) {
                self.report::<()>(
                    &key,
                    format!("there are two evaluators with the name {:?}", entry.name),
                    None,
                );
                continue;
            }
            let known = evaluators.iter().position(|(evaluator, _)| evaluator.name() == entry.name);
            if let Some(known) = known {
                self.change(&key, entry, &mut evaluators[known]);
            } else {
                let made = self.custom(&key, entry, written, judge_model.as_ref());
                evaluators.extend(made.map(|evaluator| (evaluator, entry.enabled.unwrap_or(true))));
            }
        }
        let is_on = |(evaluator, on): (Evaluator, bool)| (on && written.enabled).then_some(evaluator);
        let evaluators: Vec<_> = evaluators.into_iter().filter_map(is_on).collect();
        let asks = |evaluator: &Evaluator| match evaluator.method {
            Method::Custom(_) => true,
            Method::Faithfulness | Method::Relevance => judge_model.is_some(),
            Method::Check(..) => false,
        };
        Some(EvaluationConfig {
            asks_models: evaluators.iter().any(asks),
            evaluators,
            judge_model,
            first_of_hour: written.first_of_hour,
            settle_us: i64::from(written.settle_s) * UnixMicros::SECOND,
            catch_up_us: i64::from(written.catch_up_s) * UnixMicros::SECOND,
            queue_max: usize::try_from(written.queue_max).unwrap_or(usize::MAX),
            gateway_url,
            api_key,
            timeout_ms: written.timeout_ms,
            retries_max: written.retries_max,
            concurrency: usize::from(written.concurrency),
        })
    }

    /// Changes a built-in evaluator.
    fn change(&mut self, key: &str, entry: &EvaluatorEntry, (evaluator, on): &mut (Evaluator, bool)) {
        let own = [
            ("prompt", entry.prompt.is_some()),
            ("rubric", entry.rubric.is_some()),
            ("metric", entry.metric.is_some()),
            ("min", entry.min.is_some()),
            ("max", entry.max.is_some()),
            ("labels", !entry.labels.is_empty()),
            ("model", entry.model.is_some()),
            ("version", entry.version.is_some()),
        ];
        for (name, _) in own.iter().filter(|(_, written)| *written) {
            let message = format!("{} is built in, and `{name}` is for judges of your own", entry.name);
            let hint = "give yours another name; the model of built-in judges is `evaluation.judge_model`";
            self.report::<()>(&format!("{key}.{name}"), message, Some(hint));
        }
        *on = entry.enabled.unwrap_or(true);
        evaluator.sample = entry.sample.unwrap_or(evaluator.sample);
        evaluator.app = entry.app.as_deref().map(Arc::from);
        let Some(schema) = &entry.schema else { return };
        let key = format!("{key}.schema");
        match (&mut evaluator.method, serde_json::from_str(schema)) {
            (Method::Check(Check::Schema, kept), Ok(schema)) => *kept = Some(schema),
            (Method::Check(Check::Schema, _), Err(error)) => {
                self.report::<()>(&key, format!("this is no JSON: {error}"), None);
            }
            _ => {
                let message = format!("{} holds answers against no schema", entry.name);
                self.report::<()>(&key, message, Some("`schema` is for the evaluator with that name"));
            }
        }
    }

    /// A judge of an operator's own.
    fn custom(
        &mut self,
        key: &str,
        entry: &EvaluatorEntry,
        written: &Evaluation,
        judge_model: Option<&Arc<str>>,
    ) -> Option<Evaluator> {
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        if entry.name.is_empty()
            || entry.name.len() > 60
            || !entry.name.chars().all(is_name)
            || entry.name == EVALUATOR
        {
            let message = format!("{:?} is no name: letters, digits, `_` and `-`, 60 at most", entry.name);
            return self.report(&format!("{key}.name"), message, None);
        }
        let Some(prompt) = entry.prompt.clone() else {
            let built_in =
                [faithfulness::NAME, relevance::NAME].into_iter().chain(Check::ALL.iter().map(|c| c.name()));
            let message =
                format!("the key `prompt` is missing: {} is none of the built-in evaluators", entry.name);
            let hint = format!("these are built in: {}", built_in.collect::<Vec<_>>().join(", "));
            return self.report(key, message, Some(&hint));
        };
        if !prompt.contains("{output}") {
            let message =
                "the prompt does not hold `{output}`, so every answer would be judged alike".to_owned();
            return self.report(&format!("{key}.prompt"), message, None);
        }
        let model: Option<Arc<str>> = entry.model.as_deref().map(Arc::from).or_else(|| judge_model.cloned());
        let Some(model) = model else {
            let hint = "set `model` here, or `evaluation.judge_model` for all";
            return self.report(key, "no model is named that judges".to_owned(), Some(hint));
        };
        let scale = self.scale(key, entry)?;
        let app: Option<Arc<str>> = entry.app.as_deref().map(Arc::from);
        let metric =
            entry.metric.clone().unwrap_or_else(|| format!("custom.llm.{}", entry.name.replace('-', "_")));
        let judge = CustomJudge {
            name: Arc::from(&*entry.name),
            metric: Arc::from(metric),
            prompt,
            rubric: entry.rubric.clone(),
            scale,
            model,
            app: app.clone(),
            version: entry.version.unwrap_or(1),
        };
        Some(Evaluator { method: Method::Custom(judge), sample: entry.sample.unwrap_or(written.sample), app })
    }

    fn scale(&mut self, key: &str, entry: &EvaluatorEntry) -> Option<Scale> {
        if !entry.labels.is_empty() {
            if entry.min.is_some() || entry.max.is_some() {
                let message = "expected either `labels`, or `min` and `max`".to_owned();
                return self.report(&format!("{key}.labels"), message, None);
            }
            return Some(Scale::Labels(entry.labels.iter().map(|label| Arc::from(&**label)).collect()));
        }
        let (min, max) = (entry.min.unwrap_or(0.0), entry.max.unwrap_or(1.0));
        if min >= max {
            return self.report(
                &format!("{key}.max"),
                format!("{max} is not above the least value, {min}"),
                None,
            );
        }
        Some(Scale::Numbers { min, max })
    }
}
