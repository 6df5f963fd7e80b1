//! How long a vector takes: milliseconds for texts of 8, 32, 128 and 256 tokens; and looking through many of them.
//!
//!     cargo run --release -p weir-embed --example speed -- .cache/embedding-model

#![allow(clippy::print_stdout)]

use std::path::PathBuf;
use std::time::Instant;

use weir_embed::{Embed as _, LocalModel, similarity};

/// Runs of each length; the median is told.
const RUNS: usize = 31;

/// Vectors that are looked through.
const VECTORS: usize = 10_000;

fn main() {
    let folder = std::env::args().nth(1).unwrap_or_else(|| ".cache/embedding-model".to_owned());
    let started = Instant::now();
    let model = LocalModel::read(&PathBuf::from(folder)).unwrap_or_else(|error| panic!("{error}"));
    println!("loaded in {:.0} ms", started.elapsed().as_secs_f64() * 1e3);
    for tokens in [8, 32, 128, 256] {
        // Each word is one token, and a mark stands at either end.
        let text = "water ".repeat(tokens - 2);
        assert_eq!(model.tokens(&text).len(), tokens);
        let mut times: Vec<f64> = (0..RUNS)
            .map(|_| {
                let started = Instant::now();
                let _ = std::hint::black_box(model.embed(&text));
                started.elapsed().as_secs_f64() * 1e3
            })
            .collect();
        times.sort_by(f64::total_cmp);
        println!("{tokens:>4} tokens: {:.1} ms (fastest {:.1})", times[RUNS / 2], times[0]);
    }
    let vector = model.embed("water").unwrap_or_else(|error| panic!("{error}"));
    // Each in memory of its own, as an index has them.
    let vectors: Vec<Box<[f32]>> = (0..VECTORS).map(|_| Box::from(&*vector)).collect();
    let started = Instant::now();
    let found = vectors.iter().filter(|other| similarity(&vector, other) > 0.99).count();
    println!("{found} vectors looked through in {:.2} ms", started.elapsed().as_secs_f64() * 1e3);
}
