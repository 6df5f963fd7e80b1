//! How well the packs tell attacks from other prompts, on labelled files.
//!
//!     cargo run --release -p weir-guard --example evaluate -- FILE.jsonl [--place documents] [--wrong SOURCE]
//!
//! Each line of a file has `text`, `label` (1: an attack), `source` and perhaps `place` (`input` or `documents`). For each pack and
//! source the share that is flagged is printed: recall where all are attacks, false positives where none is. At the end
//! follow precision, recall, F1 and AUROC over all. `--wrong` prints what a source has that strong pack and classifier together get wrong.

#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Instant;

use serde::Deserialize;
use weir_guard::{ClassifierUse, Packs, PacksConfig, Passage, Place, Report};

#[derive(Deserialize)]
struct Labelled {
    text: String,
    label: u8,
    source: String,
    place: Option<Place>,
}

/// Scores of one text: seed, strong, classifier, and the largest of the last two.
type Scores = [f64; 4];
const PACKS: [&str; 4] = ["seed", "strong", "classifier", "both"];

fn main() -> Result<(), Box<dyn Error>> {
    let mut files = Vec::new();
    let (mut place, mut wrong) = (None, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--place" => {
                place = Some(if arguments.next().as_deref() == Some("documents") {
                    Place::Documents
                } else {
                    Place::Input
                });
            }
            "--wrong" => wrong = arguments.next(),
            _ => files.push(argument),
        }
    }
    let packs = Packs::new(&PacksConfig { classifier: ClassifierUse::Small, ..PacksConfig::default() })?;
    let mut all: Vec<(Labelled, Report)> = Vec::new();
    let (mut bytes, mut took) = (0, std::time::Duration::ZERO);
    for file in files {
        for line in std::fs::read_to_string(file)?.lines() {
            let labelled: Labelled = serde_json::from_str(line)?;
            let place = place.or(labelled.place).unwrap_or(Place::Input);
            let passage = [Passage { place, path: String::new(), text: labelled.text.as_str().into() }];
            let started = Instant::now();
            let report = packs.inspect(&passage);
            took += started.elapsed();
            bytes += labelled.text.len();
            all.push((labelled, report));
        }
    }
    let scores: Vec<(bool, Scores)> =
        all.iter().map(|(labelled, report)| (labelled.label == 1, scores_of(report))).collect();
    by_source(&all);
    for (pack, name) in PACKS.iter().enumerate() {
        overall(
            name,
            &scores.iter().map(|(label, scores)| (*label, scores[pack])).collect::<Vec<_>>(),
            threshold(pack),
        );
    }
    println!("{} texts, {:.1} ns a byte", all.len(), took.as_nanos() as f64 / bytes.max(1) as f64);
    for (labelled, report) in all.iter().filter(|(labelled, _)| Some(&labelled.source) == wrong.as_ref()) {
        if (scores_of(report)[3] >= threshold(3)) != (labelled.label == 1) {
            let rules: Vec<_> = report.matches.iter().map(|found| (&*found.rule, &*found.text)).collect();
            println!(
                "{:.2} {:?} {rules:?}",
                scores_of(report)[3],
                labelled.text.chars().take(400).collect::<String>()
            );
        }
    }
    Ok(())
}

fn threshold(pack: usize) -> f64 {
    if pack == 0 { 0.01 } else { 0.5 }
}

fn scores_of(report: &Report) -> Scores {
    let (strong, classifier) = (report.strong.unwrap_or(0.0), report.classifier.unwrap_or(0.0));
    [report.seed.unwrap_or(0.0), strong, classifier, strong.max(classifier)]
}

fn by_source(all: &[(Labelled, Report)]) {
    let mut sources: BTreeMap<(u8, &str), (usize, [usize; 4])> = BTreeMap::new();
    for (labelled, report) in all {
        let (count, flagged) = sources.entry((labelled.label, &labelled.source)).or_default();
        *count += 1;
        for (pack, score) in scores_of(report).into_iter().enumerate() {
            flagged[pack] += usize::from(score >= threshold(pack));
        }
    }
    println!("{:24} {:>6} {}", "source", "texts", PACKS.map(|name| format!("{name:>18}")).concat());
    for ((label, source), (count, flagged)) in sources {
        let shares =
            flagged.map(|flagged| format!("{flagged:>9} {:>6.1} %", 100.0 * flagged as f64 / count as f64));
        println!(
            "{:24} {count:>6} {}",
            format!("{} {source}", if label == 1 { "+" } else { "-" }),
            shares.concat()
        );
    }
}

fn overall(name: &str, scores: &[(bool, f64)], threshold: f64) {
    let count = |label: bool, flagged: bool| {
        scores
            .iter()
            .filter(|(is_attack, score)| *is_attack == label && (*score >= threshold) == flagged)
            .count() as f64
    };
    let (hit, miss, false_alarm, quiet) =
        (count(true, true), count(true, false), count(false, true), count(false, false));
    println!(
        "{name:10} precision {:.3} recall {:.3} F1 {:.3} false positives {:.4} AUROC {:.3}",
        hit / (hit + false_alarm).max(1.0),
        hit / (hit + miss).max(1.0),
        2.0 * hit / (2.0 * hit + miss + false_alarm).max(1.0),
        false_alarm / (false_alarm + quiet).max(1.0),
        area(scores),
    );
}

/// The chance that an attack scores higher than another prompt, ties counting half.
fn area(scores: &[(bool, f64)]) -> f64 {
    let mut sorted = scores.to_vec();
    sorted.sort_by(|a, b| a.1.total_cmp(&b.1));
    let (mut below, mut sum, mut attacks) = (0.0, 0.0, 0.0);
    for tied in sorted.chunk_by(|a, b| a.1.total_cmp(&b.1).is_eq()) {
        let here = tied.iter().filter(|(is_attack, _)| *is_attack).count() as f64;
        let others = tied.len() as f64 - here;
        sum += here * (below + others / 2.0);
        below += others;
        attacks += here;
    }
    sum / (attacks * below).max(1.0)
}
