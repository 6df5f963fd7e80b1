//! Back-tests the month's forecast on series that others recorded, against what one would guess without it.
//!
//! `cargo run --release -p weir-query --example forecast_backtest -- FILE.csv …` reads files of `timestamp,value` lines
//! (the last column counts), adds values up by day, and prints, for several horizons, the mean size of the errors of the
//! sum over the horizon, relative to what was forecast: of Weir's model, of repeating the last week, and of the mean of all
//! days before. Files of less than [`DAYS_MIN`] days are named and left out. Every figure in `bench/README.md` about the
//! forecast comes from here.

#![allow(clippy::print_stdout, reason = "this is a command line tool")]

use std::collections::BTreeMap;
use std::path::Path;

use weir_query::cost::{BacktestError, Seasonal};

/// Fewer days are too few for a forecast of a week that is based on two.
const DAYS_MIN: usize = 28;

/// Days that each forecast is based on, at least: as in the product.
const BASIS_DAYS: usize = 14;

const HORIZONS: [usize; 3] = [1, 7, 14];

fn main() -> Result<(), std::io::Error> {
    println!(
        "{:44} {:>5} {:>8} {:>7} {:>7} {:>7} {:>7}",
        "series", "days", "horizon", "weir", "week", "mean", "band"
    );
    for file in std::env::args().skip(1) {
        let name =
            Path::new(&file).file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let days = daily(&std::fs::read_to_string(&file)?);
        if days.len() < DAYS_MIN {
            println!("{name:44} {:>5} too short", days.len());
            continue;
        }
        for horizon in HORIZONS {
            let weir = Seasonal::backtest(&days, BASIS_DAYS, horizon);
            let week = guess(&days, horizon, |past, day| past[past.len() - 7 + day % 7]);
            let mean = guess(&days, horizon, |past, _| past.iter().sum::<f64>() / past.len() as f64);
            println!(
                "{name:44} {:>5} {horizon:>8} {:>7} {:>7} {:>7} {:>7}",
                days.len(),
                percent(weir.mean()),
                percent(week),
                percent(mean),
                percent(held(&days, horizon, &weir)),
            );
        }
    }
    Ok(())
}

/// The sums of whole days: the first and the last are left out, since they may be parts.
fn daily(text: &str) -> Vec<f64> {
    let mut days: BTreeMap<&str, f64> = BTreeMap::new();
    for line in text.lines().skip(1) {
        let (Some((day, _)), Some((_, value))) = (line.split_once([' ', 'T']), line.rsplit_once(',')) else {
            continue;
        };
        *days.entry(day).or_default() += value.trim().parse::<f64>().unwrap_or(0.0);
    }
    let days: Vec<f64> = days.into_values().collect();
    if days.len() > 2 { days[1..days.len() - 1].to_vec() } else { Vec::new() }
}

/// The mean size of the errors of a guess of each day.
fn guess(days: &[f64], horizon: usize, expect: impl Fn(&[f64], usize) -> f64) -> Option<f64> {
    let errors: Vec<f64> = (BASIS_DAYS..(days.len() + 1).saturating_sub(horizon))
        .filter_map(|origin| {
            let expected: f64 = (0..horizon).map(|day| expect(&days[..origin], day)).sum();
            let actual: f64 = days[origin..origin + horizon].iter().sum();
            (expected > 0.0).then(|| ((actual - expected) / expected).abs())
        })
        .collect();
    (!errors.is_empty()).then(|| errors.iter().sum::<f64>() / errors.len() as f64)
}

/// How often the band held that was made of the first half of the errors, in the second half: 80 % are meant.
fn held(days: &[f64], horizon: usize, all: &BacktestError) -> Option<f64> {
    let half = BASIS_DAYS + all.count() / 2;
    let reach = Seasonal::reach(&days[..(half + horizon - 1).min(days.len())], horizon, 0.8)?;
    let origins: Vec<usize> = (half..(days.len() + 1).saturating_sub(horizon)).collect();
    let within = origins.iter().filter(|origin| {
        let expected = Seasonal::fit(&days[..**origin]).map_or(0.0, |model| model.expect_sum(horizon));
        let actual: f64 = days[**origin..**origin + horizon].iter().sum();
        (actual - expected).abs() <= reach * expected
    });
    (!origins.is_empty()).then(|| within.count() as f64 / origins.len() as f64)
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), |share| format!("{:.1} %", 100.0 * share))
}
