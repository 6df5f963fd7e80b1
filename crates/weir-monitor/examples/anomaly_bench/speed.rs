//! What bands cost: time for a point, bytes for a series, and folding six weeks of ten thousand series.
//!
//! The time of a point is the median over blocks of a thousand points, so that a processor that is taken away now and then does
//! not count. For the fold both are printed: what it took on a machine that may be busy, and the median series times their number.

use std::hint::black_box;
use std::time::Instant;

use weir_monitor::detect::{Band, BandModel, BandSpec, SeasonSlot, Transform};
use weir_monitor::{Algorithm, Direction, Seasonality};
use weir_types::UnixMicros;

const INTERVAL_US: i64 = 5 * UnixMicros::MINUTE;
const BLOCK_POINTS: usize = 1000;
const BLOCKS: usize = 400;
/// Six weeks, and how many series are folded over them.
const FOLD_POINTS: usize = 12_096;
const FOLD_SERIES: usize = 10_000;

pub(crate) fn report() {
    println!("\nCost, weekly season, points five minutes apart");
    println!("{:10} {:>10} {:>12} {:>14}", "", "transform", "ns a point", "bytes a series");
    for (algorithm, transform) in [
        (Algorithm::Agile, Transform::Identity),
        (Algorithm::Agile, Transform::Sqrt),
        (Algorithm::Agile, Transform::Log),
        (Algorithm::Robust, Transform::Identity),
        (Algorithm::Basic, Transform::Identity),
    ] {
        let model = BandModel::new(&spec(algorithm, transform));
        let (ns, bytes) = point_cost(&model);
        println!(
            "{:10} {:>10} {ns:>12.0} {bytes:>14}",
            format!("{algorithm:?}").to_lowercase(),
            format!("{transform:?}").to_lowercase()
        );
    }
    fold();
}

fn spec(algorithm: Algorithm, transform: Transform) -> BandSpec {
    BandSpec {
        algorithm,
        bounds: 3.0,
        direction: Direction::Both,
        seasonality: Seasonality::Weekly,
        interval_us: INTERVAL_US,
        transform,
        is_literal: false,
        budget_per_week: None,
        alert_window_us: 3 * INTERVAL_US,
        deviation_min: 0.0,
        value_min: None,
    }
}

/// Six weeks of one series: a day's curve and noise with a long tail.
fn points(count: usize) -> Vec<(SeasonSlot, f64)> {
    let mut state = 1_u64;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1_u32 << 24)
    };
    (0..count)
        .map(|at| {
            let instant = UnixMicros(at as i64 * INTERVAL_US);
            let slot = SeasonSlot::at(instant, 3600);
            let day = f64::from(slot.day_s()) / 86_400.0 * std::f64::consts::TAU;
            (slot, 100.0 + 50.0 * day.sin() - 10.0 * (1.0 - uniform()).ln())
        })
        .collect()
}

fn point_cost(model: &BandModel) -> (f64, usize) {
    let points = points(BLOCK_POINTS * BLOCKS);
    let mut band = Band::new(model);
    let mut blocks: Vec<f64> = points
        .chunks(BLOCK_POINTS)
        .map(|block| {
            let start = Instant::now();
            for (slot, value) in block {
                black_box(band.observe(model, *slot, Some(*value)));
            }
            start.elapsed().as_nanos() as f64 / BLOCK_POINTS as f64
        })
        .collect();
    blocks.sort_by(f64::total_cmp);
    (blocks[BLOCKS / 2], band.bytes())
}

/// Every series folds the same points: what they are makes no difference to what folding costs.
fn fold() {
    let model = BandModel::new(&spec(Algorithm::Agile, Transform::Sqrt));
    let points = points(FOLD_POINTS);
    let start = Instant::now();
    let mut each_s = Vec::with_capacity(FOLD_SERIES);
    let bands: Vec<Band> = (0..FOLD_SERIES)
        .map(|_| {
            let start = Instant::now();
            let mut band = Band::new(&model);
            for (slot, value) in &points {
                black_box(band.observe(&model, *slot, Some(*value)));
            }
            each_s.push(start.elapsed().as_secs_f64());
            band
        })
        .collect();
    let took = start.elapsed();
    each_s.sort_by(f64::total_cmp);
    let bytes: usize = bands.iter().map(Band::bytes).sum();
    println!(
        "\n{FOLD_SERIES} series of {FOLD_POINTS} points folded by one thread in {:.1} s, the median series {FOLD_SERIES} times in {:.1} s; they hold {} MB",
        took.as_secs_f64(),
        each_s[FOLD_SERIES / 2] * FOLD_SERIES as f64,
        bytes / 1_000_000
    );
}
