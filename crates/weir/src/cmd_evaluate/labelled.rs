//! `weir evaluate --dataset`: an evaluator held against labelled examples.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, bail};
use serde::Serialize;
use weir_embed::Embedder;
use weir_evaluate::checks::Check;
use weir_evaluate::dataset::{Example, examples};
use weir_evaluate::statistics::{Report, Scored, percentile, report};
use weir_evaluate::{Method, Panel, faithfulness, relevance};
use weir_guard::{Packs, PacksConfig, Passage, Place};
use weir_types::{ScoreValue, SystemClock};

use crate::cli::{EvaluateArgs, Format};
use crate::config::Config;
use crate::own_gateway::OwnGateway;
use crate::{evaluating, output};

/// The evaluator of prompts that is no evaluator of spans.
const INJECTION: &str = "injection";

/// From here on a score says positive, where nothing else is known.
const HALF: f64 = 0.5;

/// What came of it.
#[derive(Debug, Serialize)]
struct Outcome {
    evaluator: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pack: Option<String>,
    by: String,
    #[serde(flatten)]
    report: Report,
    /// Examples that the evaluator had nothing to say about.
    without_score: u64,
    /// Examples whose judgement failed.
    failed: u64,
    latency_ms_p50: Option<f64>,
    latency_ms_p95: Option<f64>,
}

/// The score of one example; `None` where it has none.
type Score<'a> = Box<dyn Fn(&Example) -> anyhow::Result<Option<f64>> + 'a>;

/// How one example is scored, by whom, and from which score on it is positive.
struct Scorer<'a> {
    by: String,
    threshold: f64,
    needed: &'static [&'static str],
    score: Score<'a>,
}

/// Judges the examples of a file and prints how good that was.
pub fn run(args: &EvaluateArgs, config: &Config, file: &Path) -> anyhow::Result<ExitCode> {
    let [name] = args.evaluators.as_slice() else { bail!("--dataset takes one --evaluator") };
    let own = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let embedder = config.embeddings.as_ref().map(|place| place.open(own.handle().clone())).transpose()?;
    let gateway = super::running_gateway(args);
    let gateway = gateway.map(|url| OwnGateway::of_running(url, &config.store.data_dir));
    let panel = evaluating::panel(&config.evaluation, gateway, embedder.clone(), Arc::new(SystemClock))?;
    let scorer = scorer(args, name, config, &panel, embedder.as_ref(), &own)?;
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let examples =
        examples(&text, scorer.needed).with_context(|| format!("{} has a mistake", file.display()))?;
    let outcome = judged(args, name, &scorer, &examples, file)?;
    output::print(&shown(&outcome, args.format)?)?;
    Ok(if outcome.failed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn judged(
    args: &EvaluateArgs,
    name: &str,
    scorer: &Scorer<'_>,
    examples: &[Example],
    file: &Path,
) -> anyhow::Result<Outcome> {
    let (mut pairs, mut times) = (Vec::new(), Vec::new());
    let (mut without_score, mut failed) = (0, 0);
    for example in examples {
        let Some(positive) = example.label.positive else {
            let (line, label) = (example.line, &example.label.text);
            bail!("{}: line {line}: `label`: {label:?} is neither true nor false", file.display());
        };
        let began = Instant::now();
        match (scorer.score)(example) {
            Ok(Some(score)) => {
                times.push(began.elapsed().as_secs_f64() * 1_000.0);
                pairs.push(Scored { score, positive });
            }
            Ok(None) => without_score += 1,
            Err(error) => {
                failed += 1;
                output::print_error(&format!("line {}: {error:#}\n", example.line))?;
            }
        }
    }
    Ok(Outcome {
        evaluator: name.to_owned(),
        pack: (name == INJECTION).then(|| args.pack.clone()),
        by: scorer.by.clone(),
        report: report(&pairs, args.threshold.unwrap_or(scorer.threshold)),
        without_score,
        failed,
        latency_ms_p50: percentile(&times, 0.5),
        latency_ms_p95: percentile(&times, 0.95),
    })
}

fn scorer<'a>(
    args: &EvaluateArgs,
    name: &str,
    config: &'a Config,
    panel: &'a Panel,
    embedder: Option<&'a Arc<Embedder>>,
    own: &'a tokio::runtime::Runtime,
) -> anyhow::Result<Scorer<'a>> {
    let judge = panel.judge();
    let model = config.evaluation.judge_model.as_deref().filter(|_| judge.is_some());
    let by = model.unwrap_or("local").to_owned();
    if name == INJECTION {
        return injection(&args.pack);
    }
    if name == faithfulness::NAME {
        let score = move |example: &Example| {
            let answer = example.answer.as_deref().unwrap_or_default();
            let (question, documents) = (example.question.as_deref(), &example.documents);
            let claims = match (judge, model) {
                (Some(judge), Some(model)) => {
                    own.block_on(faithfulness::judged::judge(judge, model, question, answer, documents))?.0
                }
                _ => own.block_on(faithfulness::local::judge(answer, documents, embedder.map(Arc::as_ref))),
            };
            let judgement = faithfulness::judgement(&claims, model.is_none());
            Ok(judgement.and_then(|judgement| number(&judgement.value)))
        };
        // An answer is faithful when all of its claims are supported; the mean over answers is what monitors look at.
        return Ok(Scorer { by, threshold: 1.0, needed: &["documents"], score: Box::new(score) });
    }
    if name == relevance::NAME {
        if model.is_none() && embedder.is_none() {
            bail!("relevance needs `evaluation.judge_model` and a running Weir, or `[embeddings]`");
        }
        let by = model.map_or_else(|| "embeddings".to_owned(), str::to_owned);
        let score = move |example: &Example| {
            let (query, documents) = (example.question.as_deref().unwrap_or_default(), &example.documents);
            let scores = match (judge, model, embedder) {
                (Some(judge), Some(model), _) => {
                    Some(own.block_on(relevance::by_judge(judge, model, query, documents))?.0)
                }
                (.., Some(embedder)) => own.block_on(relevance::by_embeddings(embedder, query, documents)),
                _ => None,
            };
            let scores = scores.filter(|scores| !scores.is_empty());
            Ok(scores.map(|scores| scores.iter().sum::<f64>() / scores.len() as f64))
        };
        return Ok(Scorer {
            by,
            threshold: relevance::WARNING_BELOW,
            needed: &["documents"],
            score: Box::new(score),
        });
    }
    if let Some(check) = Check::named(name) {
        let score = move |example: &Example| {
            let judgement = check.judge(&example.subject(check == Check::Json), None);
            Ok(judgement.and_then(|judgement| number(&judgement.value)))
        };
        return Ok(Scorer { by: "local".to_owned(), threshold: HALF, needed: &[], score: Box::new(score) });
    }
    let custom = panel.evaluators().iter().find_map(|evaluator| match &evaluator.method {
        Method::Custom(custom) if evaluator.name() == name => Some(custom),
        _ => None,
    });
    let Some(custom) = custom else {
        let known: Vec<&str> = panel.evaluators().iter().map(weir_evaluate::Evaluator::name).collect();
        bail!("there is no evaluator {name:?}; there are injection, {}", known.join(", "));
    };
    let Some(judge) = judge else {
        bail!("{name} asks a model, and no Weir runs whose gateway could be asked")
    };
    let score = move |example: &Example| {
        let (judgement, _) = own.block_on(custom.judge(judge, &example.subject(false)))?;
        Ok(match judgement.value {
            ScoreValue::Number(number) => Some(number),
            // A label agrees with the example's, or does not.
            ScoreValue::Label(label) => Some(f64::from(u8::from(*label == *example.label.text))),
        })
    };
    let threshold = match &custom.scale {
        weir_evaluate::Scale::Numbers { min, max } => f64::midpoint(*min, *max),
        weir_evaluate::Scale::Labels(_) => HALF,
    };
    Ok(Scorer { by: custom.model.to_string(), threshold, needed: &[], score: Box::new(score) })
}

/// One pack of injection rules over texts as users would send them.
fn injection(pack: &str) -> anyhow::Result<Scorer<'static>> {
    let is_seed = match pack {
        "seed" => true,
        "strong" => false,
        other => bail!("there is no pack {other:?}: expected seed or strong"),
    };
    let config = PacksConfig { seed: is_seed, strong: !is_seed, ..PacksConfig::default() };
    let threshold = if is_seed { f64::MIN_POSITIVE } else { config.strong_threshold };
    let packs = Packs::new(&config)?;
    let score = move |example: &Example| {
        let text = example.text.as_deref().unwrap_or_default().into();
        let report = packs.inspect(&[Passage { place: Place::Input, path: String::new(), text }]);
        Ok(if is_seed { report.seed } else { report.strong })
    };
    Ok(Scorer { by: pack.to_owned(), threshold, needed: &["text"], score: Box::new(score) })
}

fn number(value: &ScoreValue) -> Option<f64> {
    match value {
        ScoreValue::Number(number) => Some(*number),
        ScoreValue::Label(_) => None,
    }
}

fn shown(outcome: &Outcome, format: Format) -> anyhow::Result<String> {
    if format == Format::Json {
        return Ok(serde_json::to_string(outcome)? + "\n");
    }
    let Outcome { evaluator, by, report, without_score, failed, latency_ms_p50, latency_ms_p95, .. } =
        outcome;
    let share = |value: f64| format!("{value:.4}");
    let optional = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), share);
    let confusion = report.confusion;
    let rows = [
        ("examples", report.n.to_string()),
        ("without a score", without_score.to_string()),
        ("failed", failed.to_string()),
        ("threshold", share(report.threshold)),
        ("precision", share(report.precision)),
        ("recall", share(report.recall)),
        ("false positive rate", share(report.false_positive_rate)),
        ("F1", share(report.f1)),
        ("accuracy", share(report.accuracy)),
        ("AUROC", optional(report.auroc)),
        ("Cohen's kappa", share(report.kappa)),
        ("true positives", confusion.true_positives.to_string()),
        ("false positives", confusion.false_positives.to_string()),
        ("true negatives", confusion.true_negatives.to_string()),
        ("false negatives", confusion.false_negatives.to_string()),
        ("best threshold", optional(report.best_threshold)),
        ("F1 there", optional(report.best_f1)),
        ("latency p50, ms", optional(*latency_ms_p50)),
        ("latency p95, ms", optional(*latency_ms_p95)),
    ];
    if format == Format::Csv {
        let header = ["measure".to_owned(), "value".to_owned()];
        return output::csv(&header, rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]));
    }
    let mut text = format!("{evaluator} ({by})\n");
    for (name, value) in rows {
        let _ = writeln!(text, "  {name:<20} {value:>10}");
    }
    Ok(text)
}
