//! Counts the tokens of documents, for `bench/tokens/compare.py`: `count_tokens MODEL FILE LIMIT`.
//!
//! The file has one JSON string in each line. Prints the count of each, and on the error stream how fast counting was and
//! how fast checking each document against a limit was, in bytes a second; each the best of several rounds.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a measuring tool prints and may panic"
)]

use std::fmt::Write as _;
use std::time::Instant;

use weir_meter::{Meter, PriceBook};

const ROUNDS: u32 = 3;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, file, limit] = arguments.as_slice() else { panic!("count_tokens MODEL FILE LIMIT") };
    let limit: u64 = limit.parse().unwrap();
    let text = std::fs::read_to_string(file).unwrap();
    let documents: Vec<String> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let bytes: usize = documents.iter().map(String::len).sum();
    let meter = Meter::new(PriceBook::bundled());
    let count = |document: &String| meter.count_text("openai", model, document).tokens;

    let mut out = String::new();
    for document in &documents {
        let _ = writeln!(out, "{}", count(document));
    }
    print!("{out}");
    let counted = best(|| documents.iter().map(count).sum());
    let checked = best(|| {
        let fits = |document: &&String| meter.fits_within("openai", model, document, limit);
        documents.iter().filter(fits).count() as u64
    });
    eprintln!("count {:.0}", bytes as f64 / counted);
    eprintln!("check {:.0}", bytes as f64 / checked);
}

/// Seconds of the best round.
fn best(work: impl Fn() -> u64) -> f64 {
    let round = || {
        let started = Instant::now();
        std::hint::black_box(work());
        started.elapsed().as_secs_f64()
    };
    (0..ROUNDS).map(|_| round()).fold(f64::INFINITY, f64::min)
}
