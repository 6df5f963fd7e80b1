//! Measures Weir's anomaly bands on recorded series with labelled anomalies, beside simple detectors in the same run.
//!
//! `bench/anomaly [DATA]` builds and runs it. `DATA` holds `nab/` (the Numenta Anomaly Benchmark's layout, or a part of its
//! files) and `cmd/` (series of cloud monitoring with a label at each point). Files are halved by a hash of their names: the
//! settings of bands were chosen on one half, and the other half is what counts. No series' detector is told what the
//! series is.
//!
//! - NAB: the standard profile, normalised, with the threshold that is best for all files of the half, as its authors do:
//!   on the score of each point, and on alerts, where points above the threshold within an alert window of twelve points
//!   are reported once, as a monitor does. `fixed` is the score of alerts of the band with a budget of one a week: no
//!   threshold is chosen.
//! - Recall: the share of labelled segments that are found when the threshold is set to so many false alerts a week.
//! - VUS-PR: see `measure::vus_pr`.
//! - Budgets: what was declared, and the false alerts that came.
//!
//! A file that cannot be read ends the run.

#![allow(clippy::print_stdout, reason = "this is a command line tool")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "numbers of points and thresholds of a benchmark are small and positive"
)]

mod data;
mod measure;
mod peers;
mod speed;

use std::path::PathBuf;

use weir_monitor::Algorithm;

use data::{Series, Source};
use measure::ALERT_POINTS;
use peers::{Detector, Verdicts};

/// The default budget: one alert a week.
const BUDGET: f64 = 1.0;

/// Points around labels that VUS-PR looks at.
const BUFFER_POINTS: usize = 100;

const DETECTORS: [Detector; 6] = [
    Detector::Band(Algorithm::Agile, Some(BUDGET)),
    Detector::Band(Algorithm::Robust, Some(BUDGET)),
    Detector::Band(Algorithm::Basic, Some(BUDGET)),
    Detector::RollingZ,
    Detector::SeasonalNaive,
    Detector::Ewma,
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = std::env::args().nth(1).ok_or("give the folder that holds nab/ and cmd/")?;
    let all = data::read(&PathBuf::from(root))?;
    for source in [Source::Nab, Source::Cmd] {
        for (part, is_in) in [
            ("tuned on", (|series| !series.is_held_out()) as fn(&Series) -> bool),
            ("held out", Series::is_held_out),
            ("all files", |_| true),
        ] {
            let series: Vec<&Series> =
                all.iter().filter(|series| series.source == source && is_in(series)).collect();
            quality(&format!("{source:?}, {part}"), &series);
        }
    }
    let held_out: Vec<&Series> = all.iter().filter(|series| series.is_held_out()).collect();
    budgets(&held_out);
    speed::report();
    Ok(())
}

fn quality(title: &str, series: &[&Series]) {
    let windows: usize = series.iter().map(|series| series.windows.len()).sum();
    println!("\n{title}: {} files, {windows} labelled segments", series.len());
    println!(
        "{:16} {:>10} {:>10} {:>6} | {:>24} | {:>6}",
        "", "NAB points", "NAB alerts", "fixed", "recall at .5 / 1 / 2 a week", "VUS-PR"
    );
    for detector in DETECTORS {
        let verdicts: Vec<Verdicts> = series.iter().map(|series| detector.run(series)).collect();
        let (scores, outside): (Vec<_>, Vec<_>) =
            verdicts.into_iter().map(|verdicts| (verdicts.scores, verdicts.outside)).unzip();
        let fixed = measure::nab(series, &measure::alerts_of(&outside));
        let recall = [0.5, 1.0, 2.0].map(|rate| measure::recall_at(series, &scores, rate));
        println!(
            "{:16} {:>10.1} {:>10.1} {fixed:>6.1} | {:>12.2} {:>6.2} {:>6.2} | {:>6.3}",
            detector.name(),
            measure::nab_best(series, &scores),
            measure::nab_best_alerts(series, &scores),
            recall[0],
            recall[1],
            recall[2],
            measure::vus_pr(series, &scores, BUFFER_POINTS),
        );
    }
}

/// What was declared, and what came.
fn budgets(series: &[&Series]) {
    println!("\nAgile bands with a budget, held-out files, an alert window of {ALERT_POINTS} points");
    println!("{:>16} {:>16} {:>16} {:>8}", "declared a week", "false a week", "segments found", "recall");
    for budget in [0.25, 0.5, 1.0, 2.0, 5.0] {
        let detector = Detector::Band(Algorithm::Agile, Some(budget));
        let outside: Vec<Vec<bool>> = series.iter().map(|series| detector.run(series).outside).collect();
        let alerts = measure::alerts(series, &outside);
        println!(
            "{budget:>16} {:>16.2} {:>16} {:>8.2}",
            alerts.false_per_week(),
            format!("{}/{}", alerts.found, alerts.segments),
            alerts.recall()
        );
    }
}
