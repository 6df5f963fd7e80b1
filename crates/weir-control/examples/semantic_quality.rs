//! Hit rate against false-hit rate of the semantic cache over the labelled pairs of `bench/semantic/pairs.tsv`.
//!
//!     make model && cargo run --release -p weir-control --example semantic_quality
//!
//! Of pairs that mean the same, how many would be hits; of the others, how many would be too; with guards and without, for
//! each threshold, and for each kind of trap at one of them.

#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;
use std::path::Path;

use weir_control::cache::semantic::guards::{Guard, difference};
use weir_embed::{Embed as _, LocalModel, similarity};

/// Thresholds that are shown.
const THRESHOLDS: [f32; 10] = [0.60, 0.70, 0.75, 0.80, 0.85, 0.90, 0.92, 0.94, 0.96, 0.98];

/// The threshold at which kinds of traps are told apart: the lowest that is looked at by default.
const DETAIL: f32 = 0.80;

struct Pair {
    kind: String,
    similarity: f32,
    guard: Option<Guard>,
    text: String,
}

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = std::env::args().nth(1).map_or_else(|| root.join(".cache/embedding-model"), Into::into);
    let model = LocalModel::read(&folder).unwrap_or_else(|error| {
        panic!("{error}; `make model` fetches the model into .cache/embedding-model")
    });
    let pairs =
        std::fs::read_to_string(root.join("bench/semantic/pairs.tsv")).expect("pairs.tsv is in the tree");
    let pairs: Vec<Pair> =
        pairs.lines().filter(|line| !line.starts_with('#')).map(|line| pair(&model, line)).collect();
    let (same, traps): (Vec<&Pair>, Vec<&Pair>) = pairs.iter().partition(|pair| pair.kind == "same");
    println!("{} pairs that mean the same, {} that do not\n", same.len(), traps.len());
    println!("threshold  hits  hits with guards  false  false with guards");
    for threshold in THRESHOLDS {
        println!(
            "     {threshold:.2}  {:>4}  {:>16}  {:>5}  {:>17}",
            share(&same, threshold, false),
            share(&same, threshold, true),
            share(&traps, threshold, false),
            share(&traps, threshold, true),
        );
    }
    let mut kinds: BTreeMap<&str, Vec<&Pair>> = BTreeMap::new();
    for trap in &traps {
        kinds.entry(&trap.kind).or_default().push(trap);
    }
    println!("\nat {DETAIL:.2}  pairs  false  false with guards");
    for (kind, traps) in &kinds {
        let (without, with) = (share(traps, DETAIL, false), share(traps, DETAIL, true));
        println!("{kind:<9}  {:>4}  {without:>5}  {with:>17}", traps.len());
    }
    println!("\nguards that stop pairs which mean the same and are near enough:");
    let mut stopped: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for pair in same.iter().filter(|pair| pair.similarity >= DETAIL) {
        if let Some(guard) = pair.guard {
            stopped.entry(guard.name()).or_default().push(&pair.text);
        }
    }
    for (guard, texts) in stopped {
        println!("{guard:<9}  {:>4}   e.g. {}", texts.len(), texts[0]);
    }
    println!("\nfalse with guards:");
    for trap in traps.iter().filter(|trap| is_hit(trap, DETAIL, true)) {
        println!("{:.3}  {:<9}  {}", trap.similarity, trap.kind, trap.text);
    }
}

fn pair(model: &LocalModel, line: &str) -> Pair {
    let mut columns = line.split('\t');
    let (Some(kind), Some(a), Some(b)) = (columns.next(), columns.next(), columns.next()) else {
        panic!("expected three columns: {line}");
    };
    let vector = |text| model.embed(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    Pair {
        kind: kind.to_owned(),
        similarity: similarity(&vector(a), &vector(b)),
        guard: difference(a, b),
        text: format!("{a} | {b}"),
    }
}

fn is_hit(pair: &Pair, threshold: f32, is_guarded: bool) -> bool {
    pair.similarity >= threshold && !(is_guarded && pair.guard.is_some())
}

fn share(pairs: &[&Pair], threshold: f32, is_guarded: bool) -> String {
    let hits = pairs.iter().filter(|pair| is_hit(pair, threshold, is_guarded)).count();
    format!("{:.0}%", 100.0 * hits as f64 / pairs.len() as f64)
}
